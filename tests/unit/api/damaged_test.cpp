// Files of fits that are not what was written: cut, changed, foreign, too large, or made by hand so that
// their parts do not belong together. Each is refused with a message, and none does harm. LVM_LONG in the
// environment: a million random files.

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>

#include "api/fit_file.h"
#include "api/fitted.h"
#include "api/row_code.h"
#include "tests/support/golden.h"

namespace {

namespace fs = std::filesystem;
using lvm::fit_file::Content;

struct Path {
  std::string path = (fs::temp_directory_path() / ("lvm-damaged-" + std::to_string(getpid()))).string();
  ~Path() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

lvm::FittedModel loaded(const std::string& bytes) {
  static const Path file;
  std::ofstream(file.path, std::ios::binary) << bytes;
  return lvm::load(file.path);
}

std::string fitted_bytes(const std::string& model, const std::string& data,
                         const std::map<std::string, std::string>& settings) {
  const std::string folder = std::string(LVM_SOURCE_DIR) + "/examples/";
  const lvm::Fit fit =
      lvm::fit(lvm::bind(lvm::compile_file(folder + model, {.file_name = {}, .settings = settings}),
                         lvm::read_data(folder + "data/" + data)));
  REQUIRE(fit.ok());
  const Path file;
  REQUIRE_FALSE(lvm::save(fit, file.path).has_errors());
  return lvm::golden::read(file.path);
}

const std::string& whole() {
  static const std::string bytes = fitted_bytes("gmm.lvm", "faithful.csv", {{"K", "2"}});
  return bytes;
}

Content content() {
  std::string fault;
  return lvm::fit_file::read(whole(), fault).value();
}

std::string written(const Content& content) {
  std::string fault;
  return lvm::fit_file::write(content, fault).value();
}

std::string word(uint64_t number) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &number, 8);
  return bytes;
}

/// Cut, changed, lengthened, foreign.
std::vector<std::string> damaged_files() {
  const std::string& good = whole();
  uint64_t header = 0;
  std::memcpy(&header, good.data(), 8);
  std::vector<std::string> to;
  for (size_t i = 0; i < 60; ++i) to.push_back(good.substr(0, i * good.size() / 60));
  for (size_t i = 0; i < 80; ++i) {
    to.push_back(good);
    char& byte = to.back()[i * (good.size() - 1) / 79];
    byte = static_cast<char>(byte ^ (1 << i % 8));
  }
  for (const size_t more : {size_t{1}, size_t{8}, size_t{4096}}) to.push_back(good + std::string(more, '\0'));
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, header - 8, header + 8, uint64_t{good.size()},
                                uint64_t{1} << 32, uint64_t{1} << 62, ~uint64_t{0}})
    to.push_back(word(length) + good.substr(8));
  to.push_back(good + good);
  to.push_back(good.substr(8));
  const std::vector<std::string> headers = {
      "",
      "null",
      "[]",
      "{}",
      "{\"a\":1}",
      "{\"__metadata__\":[]}",
      "{\"__metadata__\":{\"format\":\"pt\"}}",
      "{\"__metadata__\":{\"format\":\"lvmfit 1\"}}",
      "{\"__metadata__\":{\"format\":\"lvmfit 9\"}}",
      "{\"__metadata__\":{\"format\":7}}",
      "{\"w\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
      "{\"w\":{\"dtype\":\"F64\",\"shape\":[-1],\"data_offsets\":[0,8]},\"__metadata__\":{\"format\":"
      "\"lvmfit 1\"}}",
      "{\"w\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]},\"__metadata__\":{"
      "\"format\":\"lvmfit 1\"}}",
      "{\"w\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,0]},\"__metadata__\":{\"format\":\"lvmfit "
      "1\"}}",
      "{\"w\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]},\"__metadata__\":{\"format\":\"lvmfit "
      "1\"}}",
      "{\"__metadata__\":{\"format\":\"lvmfit 1\"",
      std::string(100000, '['),
      std::string(5000, '{'),
      "\"\xFF\xFE\"",
      std::string(64, '\0')};
  for (const std::string& json : headers) to.push_back(word(json.size()) + json + std::string(8, '\0'));
  const std::vector<std::string> foreign = {"",
                                            "\n",
                                            "model m { }",
                                            "y\n1\n2\n",
                                            "PK\x03\x04",
                                            "\x89PNG\r\n\x1a\n",
                                            "\x1f\x8b\x08",
                                            std::string("\x93NUMPY\x01\x00", 8),
                                            "{\"parameters\": {}}",
                                            "lvmstate",
                                            "%PDF-1.7",
                                            "#!/bin/sh\n",
                                            "\x7f"
                                            "ELF",
                                            std::string(1, '\0'),
                                            std::string(7, '\xFF'),
                                            std::string(8, '\xFF'),
                                            std::string(1 << 20, '\0'),
                                            std::string(1 << 20, 'x')};
  for (const std::string& text : foreign) {
    to.push_back(text);
    if (!text.empty()) to.push_back(text + good);
  }
  return to;
}

/// What a right digest does not promise.
std::vector<std::pair<const char*, Content>> parts_that_clash() {
  std::vector<std::pair<const char*, Content>> to;
  const auto add = [&](const char* name, const auto& change) {
    to.emplace_back(name, content());
    change(to.back().second);
  };
  add("no model", [](Content& c) { c.text.clear(); });
  add("another model", [](Content& c) {
    c.text = "model m {\n  data y: real\n  param mu: real\n  P(y) = Normal(mu, sd: 1)\n}\n";
  });
  add("a model with an error", [](Content& c) { c.text += "}"; });
  add("another method", [](Content& c) { c.method = "gradient"; });
  add("a setting of nothing", [](Content& c) { c.settings["Q"] = "2"; });
  add("more states than parameters", [](Content& c) { c.settings["K"] = "3"; });
  add("a billion states", [](Content& c) { c.settings["K"] = "1000000000"; });
  add("no columns", [](Content& c) { c.columns.clear(); });
  add("no column of y", [](Content& c) { c.columns["y"].clear(); });
  add("one column more", [](Content& c) { c.columns["y"].emplace_back("z"); });
  add("no parameters", [](Content& c) { c.parameters.clear(); });
  add("a parameter less", [](Content& c) { c.parameters.pop_back(); });
  add("a parameter twice", [](Content& c) { c.parameters.push_back(c.parameters.back()); });
  add("a parameter of another name", [](Content& c) { c.parameters[0].name = "w"; });
  add("a parameter that is data", [](Content& c) { c.parameters[0].name = "y"; });
  add("another shape", [](Content& c) { c.parameters[1].shape = {4}; });
  add("axes turned", [](Content& c) { c.parameters[2].shape = {8, 1, 1}; });
  add("no number", [](Content& c) { c.parameters[1].values[0] = std::nan(""); });
  add("no end", [](Content& c) { c.parameters[1].values[0] = INFINITY; });
  add("weights that do not add up", [](Content& c) { c.parameters[0].values = {0.5, 0.6}; });
  add("a covariance that is none", [](Content& c) { c.parameters[2].values[0] = -1; });
  add("a covariance that is not symmetric", [](Content& c) { c.parameters[2].values[1] += 1; });
  return to;
}

}  // namespace

TEST_CASE("two hundred damaged and foreign files are refused, each with a message") {
  const std::vector<std::string> files = damaged_files();
  CHECK(files.size() >= 200);
  for (size_t i = 0; i < files.size(); ++i) {
    INFO(i);
    const lvm::FittedModel fitted = loaded(files[i]);
    CHECK_FALSE(fitted.ok());
    REQUIRE(fitted.report().messages().size() == 1);
    CHECK(fitted.report().messages().front().code == "E0710");
    CHECK(
        lvm::bind(fitted, lvm::read_data(std::string(LVM_SOURCE_DIR) + "/examples/data/faithful.csv")).ok() ==
        false);
  }
  CHECK(loaded(whole()).ok());
}

TEST_CASE("parts that do not belong together are refused, though the digest is right") {
  for (const auto& [name, content] : parts_that_clash()) {
    INFO(name);
    const lvm::FittedModel fitted = loaded(written(content));
    CHECK_FALSE(fitted.ok());
    CHECK(fitted.report().has_errors());
  }
}

TEST_CASE("random files do no harm") {
  const bool is_long = std::getenv("LVM_LONG") != nullptr;
  std::mt19937_64 random(20261130);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const std::string& good = whole();
  int accepted = 0;
  for (int run = 0; run < (is_long ? 1'000'000 : 4000); ++run) {
    std::string bytes = good;
    for (size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
      switch (below(5)) {
        case 0: bytes[below(bytes.size())] = static_cast<char>(random()); break;
        case 1: bytes.erase(below(bytes.size()), 1 + below(32)); break;
        case 2:
          bytes.insert(below(bytes.size()), std::string(1 + below(16), static_cast<char>(random())));
          break;
        case 3: bytes.resize(1 + below(bytes.size())); break;
        case 4: {
          const size_t from = below(bytes.size()), to = below(bytes.size());
          bytes.replace(to, 8, bytes.substr(from, 8));
        }
      }
    }
    std::string fault;
    const std::optional<Content> content = lvm::fit_file::read(bytes, fault);
    if (content.has_value() == fault.empty() && bytes != good) {
      accepted += content.has_value();
      continue;
    }
    if (bytes != good) FAIL("neither a fit nor a reason");
  }
  CHECK(accepted == 0);
}

TEST_CASE("random parts with a right digest are refused or answer") {
  const bool is_long = std::getenv("LVM_LONG") != nullptr;
  std::mt19937_64 random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const lvm::Data data = lvm::read_data(std::string(LVM_SOURCE_DIR) + "/examples/data/faithful.csv");
  int answered = 0;
  for (int run = 0; run < (is_long ? 5000 : 80); ++run) {
    Content c = content();
    for (size_t changes = 1 + below(2); changes > 0; --changes) {
      lvm::Values& p = c.parameters[below(c.parameters.size())];
      switch (below(7)) {
        case 0: p.values[below(p.values.size())] *= 1 + 1e-9 * static_cast<double>(below(1000)); break;
        case 1: p.values[below(p.values.size())] = static_cast<double>(static_cast<int64_t>(random())); break;
        case 2: std::swap(p.name, c.parameters[below(c.parameters.size())].name); break;
        case 3: c.text[below(c.text.size())] = static_cast<char>(' ' + below(90)); break;
        case 4: c.settings["K"] = std::to_string(below(5)); break;
        case 5: c.columns["y"].resize(below(4), "waiting"); break;
        case 6: c.state.push_back({"sums", {1}, {1}}); break;
      }
    }
    const lvm::FittedModel fitted = loaded(written(c));
    if (!fitted.ok()) {
      CHECK(fitted.report().has_errors());
      continue;
    }
    const lvm::Score score = lvm::score_table(fitted, data, {}, 1);
    CHECK((score.ok() || score.report.has_errors()));
    const lvm::RowScorer scorer(fitted, {});
    CHECK((scorer.ok() || scorer.report().has_errors()));
    answered += score.ok();
  }
  CHECK(answered > 0);
}
