// Models and tables with one thing wrong, by the thousand: each compiles, binds and starts, or says with a
// code and a place why not. Nothing of it may be a fault of lvm.

#include <unistd.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <set>

#include "api/lvm.h"
#include "tests/support/golden.h"

namespace lvm {
namespace {

using Random = std::mt19937_64;

size_t below(Random& random, size_t count) {
  return static_cast<size_t>(random() % count);
}

/// Words, numbers and signs; blanks and comments are left out.
std::vector<std::string> tokens_of(const std::string& text) {
  std::vector<std::string> tokens;
  const auto word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    size_t end = i + 1;
    if (c == '#') {
      end = std::min(text.find('\n', i), text.size());
    } else if (c == '"') {
      end = std::min(text.find('"', end), text.size() - 1) + 1;
    } else if (word(c)) {
      while (end < text.size() && word(text[end])) ++end;
    }
    const bool blank = c == '#' || std::isspace(static_cast<unsigned char>(c)) != 0;
    if (c == '\n') tokens.emplace_back("\n");
    if (!blank) tokens.push_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token + " ";
  return text;
}

/// One change: a token left out, twice, in the place of another, or replaced by one of the vocabulary.
std::string changed(std::vector<std::string> tokens, const std::vector<std::string>& vocabulary,
                    Random& random) {
  const size_t at = below(random, tokens.size()), other = below(random, tokens.size());
  const auto place = tokens.begin() + static_cast<std::ptrdiff_t>(at);
  switch (below(random, 5)) {
    case 0: tokens.erase(place); break;
    case 1: tokens.insert(place, tokens[at]); break;
    case 2: std::swap(tokens[at], tokens[other]); break;
    case 3: tokens[at] = tokens[other]; break;
    default: tokens[at] = vocabulary[below(random, vocabulary.size())];
  }
  return joined(tokens);
}

const std::vector<std::string> words = {
    "K",
    "D",
    "y",
    "z",
    "x",
    "0",
    "1",
    "-1",
    "1e308",
    "1e400",
    "real",
    "positive",
    "unit",
    "bool",
    "count",
    "category",
    "simplex",
    "covariance",
    "ordered",
    "axis",
    "data",
    "given",
    "param",
    "latent",
    "weight",
    "let",
    "fixed",
    "init",
    "missing",
    "mask",
    "columns",
    "levels",
    "Normal",
    "Poisson",
    "Categorical",
    "Bernoulli",
    "Dirichlet",
    "Beta",
    "Gamma",
    "Truncated",
    "ZeroInflated",
    "mean",
    "sd:",
    "cov:",
    "var:",
    "p:",
    "logits:",
    "exact",
    "point",
    "auto",
    "exp",
    "log",
    "dot",
    "diag",
    "sum",
    "sqrt",
    "~",
    "=",
    "|",
    "'",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    "*",
    "/",
    "^",
    "\"",
    "²",
    "global",
    "per",
    "sequence",
    "plate",
    "net",
    "fit",
    "const",
    "q",
};

struct Found {
  int good = 0, refused = 0;
  std::set<std::string> codes;
  void add(const Report& report) {
    ++refused;
    const Message& message = report.messages().front();
    INFO(report.render());
    CHECK(message.code.size() == 5);
    CHECK_FALSE(message.text.empty());
    CHECK((message.line > 0 || message.row > 0 || !message.table.empty() || message.code.starts_with("E06")));
    for (const Message& m : report.messages()) codes.insert(m.code);
  }
};

/// As far as a user would get: compiled, bound and fitted for a moment.
void try_model(const std::string& text, const Data& data, Found& found) {
  INFO(text);
  const Model model = compile(text);
  if (!model.ok()) return found.add(model.report());
  const BoundModel bound = bind(model, data);
  if (!bound.ok()) return found.add(bound.report());
  CHECK_FALSE(bound.explain().empty());
  const Fit fitted = fit(bound, {.iterations = 2, .threads = 1, .backend = Backend::interpreter});
  if (!fitted.ok()) return found.add(fitted.report());
  CHECK(std::isfinite(fitted.objective));
  ++found.good;
  for (const Certificate& c : certify(bound, {.backend = Backend::interpreter}).certificates) {
    INFO(c.name << ", " << c.solver << ": " << c.claim << ": " << c.found << ", " << c.place);
    CHECK(c.verdict != "failed");
  }
}

/// Forty rows of the table that the first lines of an example name.
std::string table_text(const std::string& model) {
  const size_t begin = model.find("examples/data/");
  const size_t end = model.find(".csv", begin);
  const std::string path =
      begin == std::string::npos ? "examples/data/faithful.csv" : model.substr(begin, end + 4 - begin);
  const std::string text = golden::read(std::filesystem::path(LVM_SOURCE_DIR) / path);
  size_t line = 0;
  for (int row = 0; row < 41 && line != std::string::npos; ++row) line = text.find('\n', line + 1);
  return text.substr(0, line) + "\n";
}

/// A file in the folder for such, removed at the end.
class TextFile {
 public:
  explicit TextFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("lvm-malformed-" + std::to_string(getpid()) + ".csv")) {
    write(text);
  }
  ~TextFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

int changes() {
  return std::getenv("LVM_LONG") != nullptr ? 600 : 60;
}

}  // namespace

TEST_CASE("a model with one token changed compiles, or says what is wrong and where") {
  Random random(7);
  Found found;
  for (const auto& path : golden::files(std::filesystem::path(LVM_SOURCE_DIR) / "examples", ".lvm")) {
    const std::string text = golden::read(path);
    const TextFile file(table_text(text));
    const Data data = read_data(file.path());
    REQUIRE(data.ok());
    const std::vector<std::string> tokens = tokens_of(text);
    for (int i = 0; i < changes(); ++i) try_model(changed(tokens, words, random), data, found);
  }
  INFO(found.good << " are good, " << found.refused << " are refused with " << found.codes.size()
                  << " codes");
  CHECK(found.refused >= 10 * changes());
  CHECK(found.good > 0);
  CHECK(found.codes.size() >= 30);
}

TEST_CASE("a table with some bytes changed is read, or says what is wrong and where") {
  Random random(11);
  Found found;
  constexpr char bytes[] = "\"\"\",;\t\r\n\0\xff\xfe\xc3 -+.eEnNaA019 x";
  const std::string odd(bytes, sizeof bytes - 1);  // the zero within is one of them
  const Model model =
      compile_file(std::string(LVM_SOURCE_DIR) + "/examples/gmm.lvm", {.settings = {{"K", "2"}}});
  const std::string good = table_text("");
  const TextFile file(good);
  for (int i = 0; i < 10 * changes(); ++i) {
    std::string text = good;
    for (size_t n = below(random, 4) + 1; n > 0 && !text.empty(); --n) {
      const size_t at = below(random, text.size());
      switch (below(random, 4)) {
        case 0: text[at] = odd[below(random, odd.size())]; break;
        case 1: text.insert(at, 1, odd[below(random, odd.size())]); break;
        case 2: text.erase(at, below(random, 12) + 1); break;
        default: text.resize(at + 1);
      }
    }
    file.write(text);
    INFO(text);
    const Data data = read_data(file.path());
    if (!data.ok()) {
      found.add(data.report());
      continue;
    }
    const BoundModel bound = bind(model, data);
    if (!bound.ok()) {
      found.add(bound.report());
      continue;
    }
    const Fit fitted = fit(bound, {.iterations = 1, .threads = 1, .backend = Backend::interpreter});
    if (fitted.ok()) {
      ++found.good;
    } else {
      found.add(fitted.report());
    }
  }
  INFO(found.good << " are good, " << found.refused << " are refused with " << found.codes.size()
                  << " codes");
  CHECK(found.refused >= 2 * changes());
  CHECK(found.good >= changes() / 2);
  CHECK(found.codes.size() >= 5);
}

TEST_CASE("a count above an `n` that is computed has no density, and ends the fit") {
  const Model model = compile(
      "model m {\n  data y: count\n  given x: count\n  param p: unit\n  P(y | x) = Binomial(x + 2, p: "
      "p)\n}\n");
  REQUIRE(model.ok());
  const std::vector<double> x = {1, 2, 3, 4, 5}, good = {1, 4, 2, 6, 0}, bad = {1, 4, 2, 7, 0};
  for (const std::vector<double>& y : {good, bad}) {
    const BoundModel bound = bind(model, make_data({{"y", y.data(), 1}, {"x", x.data(), 1}}, 5));
    REQUIRE(bound.ok());
    const Fit fitted = fit(bound);
    INFO(fitted.report().render());
    CHECK(fitted.ok() == (y == good));
    if (y == good) CHECK(fitted.find("p")->values[0] == Approx(13. / 25));
  }
}

TEST_CASE("more than two hundred malformed models and tables have their messages written down") {
  int models = 0, tables = 0;
  for (const char* folder : {"syntax", "analysis", "plan", "tables"}) {
    for (const auto& path : golden::files(golden::folder(folder), ".expected")) {
      if (golden::read(path).find("error[E") == std::string::npos) continue;
      ++(std::string(folder) == "tables" ? tables : models);
    }
  }
  INFO(models << " models, " << tables << " tables");
  CHECK(models >= 150);
  CHECK(tables >= 50);
  CHECK(models + tables >= 200);
}

}  // namespace lvm
