// One model of each kind through everything that a host may ask: an answer that another way confirms, or a refusal by its code.

#include <algorithm>
#include <numeric>

#include "tests/capi/support.h"

using Catch::Contains;
using namespace host;

namespace {

/// A file of numbers, as a host would hold it: empty cells are NaN.
struct Numbers {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;
  int64_t rows() const { return static_cast<int64_t>(columns.front().size()); }
  lvm::Table table(int64_t begin, int64_t end) const {
    std::vector<lvm::Column> list;
    for (size_t c = 0; c < names.size(); ++c)
      list.emplace_back(names[c], columns[c].data() + begin, end - begin, 1);
    return must(lvm::Table::over(list));
  }
  lvm::Table table() const { return table(0, rows()); }
};

Numbers numbers_of(const std::string& path) {
  std::istringstream lines(read(path));
  Numbers to;
  std::string line, cell;
  std::getline(lines, line);
  for (std::istringstream in(line); std::getline(in, cell, ',');) to.names.push_back(cell);
  to.columns.resize(to.names.size());
  while (std::getline(lines, line)) {
    std::istringstream in(line);
    for (std::vector<double>& column : to.columns) {
      cell.clear();
      std::getline(in, cell, ',');
      column.push_back(cell.empty() ? std::nan("") : std::strtod(cell.c_str(), nullptr));
    }
  }
  return to;
}

std::string source(const char* path) {
  return std::string(LVM_SOURCE_DIR) + "/" + path;
}

bool same(std::span<const double> a, std::span<const double> b) {
  return std::ranges::equal(a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

/// What is refused says so by E0713, and names `word`.
void check_refused(const lvm::Report& report, const char* word) {
  INFO(report.text());
  CHECK(report.status() == LVM_INVALID);
  CHECK_THAT(report.text(), Contains("E0713") && Contains(word));
}

/// Of each question a word of its refusal, or null where there is an answer.
struct Kind {
  const char *model, *data;
  std::vector<lvm::Setting> settings = {};
  const char *scorer = nullptr, *update = nullptr, *sample = nullptr, *impute = nullptr;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"gmm", "faithful"},
      {"ppca", "iris"},
      {"hidden_markov", "discoveries"},
      {"lynx", "lynx"},
      {"local_level", "nile"},
      {"lds", "tanks"},
      {"bayesian_gmm", "faithful"},
      {"bayesian_pca", "iris"},
      {"litters", "litters"},
      {"sleep", "sleepstudy"},
      {"lda", "corpus"},
      {"poisson_regressions", "claims"},
      {"latent_class", "survey"},
      {"vae", "digits_binary", {{"fit.epochs", "1"}}},
      {"linear_vae", "digits", {{"fit.epochs", "1"}}},
  };
  return all;
}

}  // namespace

TEST_CASE("explore") {
  for (const Kind& kind : kinds()) {
    const auto tell = [&](const char* what, const auto& r) {
      std::printf("%s %s: %d %s\n", kind.model, what, bool(r), bool(r) ? "" : r.error().text().c_str());
    };
    const auto model = must(lvm::Model::compile(read(std::string("examples/") + kind.model + ".lvm"), kind.settings));
    const auto table = must(lvm::Table::read(source((std::string("examples/data/") + kind.data + ".csv").c_str())));
    const auto fitted = model.fit(table, {.iterations = 10});
    tell("fit", fitted);
    if (!fitted) continue;
    const lvm::Fit& fit = *fitted;
    const auto score = fit.score(table);
    tell("score", score);
    if (score) std::printf("   %.12g objective %s\n", score->total, fit.metric("objective").value().c_str());
    tell("posterior", fit.posterior(table));
    tell("sample", fit.sample(5));
    tell("impute", fit.impute(table));
    tell("scorer", fit.scorer());
    tell("updatable", model.fit(table, {.iterations = 10, .updatable = true}));
  }
}
