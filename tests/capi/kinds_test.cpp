// One model of each kind through everything that a host may ask: an answer that another way confirms, or a
// refusal by its code.

#include <algorithm>
#include <numeric>

#include "tests/capi/support.h"

using Catch::Contains;
using namespace host;

namespace {

/// A file as a host would hold it: empty cells are NaN, texts are numbers from 0 with names.
struct Numbers {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;
  std::vector<std::vector<std::string>> levels;
  int64_t rows() const { return static_cast<int64_t>(columns.front().size()); }
  lvm::Table table(int64_t begin, int64_t end) const {
    std::vector<lvm::Column> list;
    for (size_t c = 0; c < names.size(); ++c) {
      list.emplace_back(names[c], columns[c].data() + begin, end - begin, 1);
      list.back().levels = levels[c];
    }
    return must(lvm::Table::over(list));
  }
  lvm::Table table() const { return table(0, rows()); }
};

double number_of(const std::string& cell, std::vector<std::string>& levels) {
  if (cell.empty()) return std::nan("");
  char* end = nullptr;
  const double number = std::strtod(cell.c_str(), &end);
  if (*end == 0) return number;
  const auto found = std::ranges::find(levels, cell);
  if (found != levels.end()) return static_cast<double>(found - levels.begin());
  levels.push_back(cell);
  return static_cast<double>(levels.size() - 1);
}

Numbers numbers_of(const std::string& path) {
  std::istringstream lines(read(path));
  Numbers to;
  std::string line, cell;
  std::getline(lines, line);
  for (std::istringstream in(line); std::getline(in, cell, ',');) to.names.push_back(cell);
  to.columns.resize(to.names.size());
  to.levels.resize(to.names.size());
  while (std::getline(lines, line)) {
    std::istringstream in(line);
    for (size_t c = 0; c < to.columns.size(); ++c) {
      cell.clear();
      std::getline(in, cell, ',');
      to.columns[c].push_back(number_of(cell, to.levels[c]));
    }
  }
  return to;
}

/// The rows in an order in which any part is like the whole.
Numbers mixed(Numbers from) {
  const size_t rows = from.columns.front().size();
  size_t step = rows * 5 / 13;
  while (std::gcd(step, rows) != 1) ++step;
  for (std::vector<double>& column : from.columns) {
    const std::vector<double> before = column;
    for (size_t row = 0; row < rows; ++row) column[row] = before[row * step % rows];
  }
  return from;
}

std::string source(const char* path) {
  return std::string(LVM_SOURCE_DIR) + "/" + path;
}

bool same(std::span<const double> a, std::span<const double> b) {
  return std::ranges::equal(a, b,
                            [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

/// Rows of a table with a column `count` stand for as many.
double total_of(const std::vector<double>& values, const Numbers& numbers) {
  const auto count = std::ranges::find(numbers.names, "count");
  double sum = 0;
  for (size_t row = 0; row < values.size(); ++row)
    sum += values[row] * (count == numbers.names.end()
                              ? 1
                              : numbers.columns[static_cast<size_t>(count - numbers.names.begin())][row]);
  return sum;
}

/// What is refused says so by E0713, and names `word`.
void check_refused(const lvm::Report& report, const char* word) {
  INFO(report.text());
  CHECK(report.status() == LVM_INVALID);
  CHECK_THAT(report.text(), Contains("E0713") && Contains(word));
}

template <class T>
const T& must_hold(const lvm::Result<T>& result) {
  INFO(result.error().text());
  REQUIRE(result);
  return *result;
}

/// Of each question a word of its refusal, or null where there is an answer.
struct Kind {
  const char *model, *data;
  std::vector<lvm::Setting> settings = {};
  const char *scorer = nullptr, *update = nullptr, *sample = nullptr, *impute = nullptr;
};

struct Bound {
  explicit Bound(const Kind& kind)
      : data(std::string("examples/data/") + kind.data + ".csv"),
        model(must(lvm::Model::compile(read(std::string("examples/") + kind.model + ".lvm"), kind.settings))),
        table(must(lvm::Table::read(source(data.c_str())))) {}
  std::string data;
  lvm::Model model;
  lvm::Table table;
};

constexpr const char *steps = "steps of the sequence", *group = "depend on each other", *moved = "moved on",
                     *shared = "latents that rows share", *plate = "plate", *gradients = "fit by gradients";

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"gmm", "faithful"},
      {"ppca", "breast_cancer", {}, nullptr, moved},
      {"hidden_markov", "discoveries", {}, steps, steps},
      {"lynx", "lynx", {}, steps, steps},
      {"local_level", "nile", {}, steps, steps},
      {"lds", "tanks", {}, steps, steps, "`u` is `given`", "continuous latent `z`"},
      {"bayesian_gmm", "faithful", {}, nullptr, nullptr, shared, shared},
      {"bayesian_pca", "iris", {}, nullptr, moved, shared, shared},
      {"litters", "litters", {}, nullptr, moved},
      {"sleep", "sleepstudy", {}, group, group, plate, plate},
      {"lda", "corpus", {}, nullptr, nullptr, shared, shared},
      {"poisson_regressions", "claims", {}, nullptr, moved, "`x` is `given`"},
      {"latent_class", "survey"},
      {"vae", "digits", {{"fit.epochs", "1"}}, gradients, gradients, nullptr, gradients},
      {"linear_vae", "iris", {{"fit.epochs", "1"}}, gradients, gradients, nullptr, gradients},
  };
  return all;
}

}  // namespace

TEST_CASE("each kind of model answers a host, or says by name that it cannot") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.model);
    const Bound on(kind);
    const lvm::Fit fit = must(on.model.fit(on.table, {.iterations = 10}));
    const lvm::Scores scores = must(fit.score(on.table));
    const Numbers numbers = numbers_of(on.data);
    CHECK(scores.total == Approx(total_of(scores.values, numbers)));
    const lvm::Answers latents = must(fit.posterior(on.table));
    CHECK(latents.rows() > 0);

    // The same cells where a host has them.
    const lvm::Table own = numbers.table();
    const lvm::Fit other = must(on.model.fit(own, {.iterations = 10}));
    for (const lvm::Parameter& p : fit.parameters()) CHECK(same(other.parameter(p.name)->values, p.values));
    CHECK(same(must(other.score(own)).values, scores.values));
    const lvm::Answers again = must(other.posterior(own));
    REQUIRE(again.columns() == latents.columns());
    for (size_t c = 0; c < latents.columns(); ++c) CHECK(same(again.values(c), latents.values(c)));

    const std::string path = scratch("kinds.lvmfit");
    REQUIRE(fit.save(path));
    const lvm::Fit loaded = must(lvm::Fit::load(path));
    std::filesystem::remove(path);
    CHECK(same(must(loaded.score(on.table)).values, scores.values));

    const auto drawn = loaded.sample(7, 3);
    if (kind.sample != nullptr)
      check_refused(drawn.error(), kind.sample);
    else
      CHECK(must_hold(drawn).rows() == 7);
    const auto whole = fit.impute(on.table);
    if (kind.impute != nullptr)
      check_refused(whole.error(), kind.impute);
    else
      CHECK(must_hold(whole).rows() == on.table.rows());
  }
}

TEST_CASE("a single row is told as it is in its table, or not at all") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.model);
    const Bound on(kind);
    const lvm::Fit fit = must(on.model.fit(on.table, {.iterations = 3}));
    const auto scorer = fit.scorer();
    if (kind.scorer != nullptr) {
      check_refused(scorer.error(), kind.scorer);
      continue;
    }
    REQUIRE(scorer);
    const std::vector<double> scores = must(fit.score(on.table)).values;
    const Numbers numbers = numbers_of(on.data);
    std::vector<std::vector<double>> columns;
    for (size_t c = 0; c < scorer->columns(); ++c) {
      const auto at =
          static_cast<size_t>(std::ranges::find(numbers.names, scorer->column(c)) - numbers.names.begin());
      columns.push_back(numbers.columns.at(at));
      // A category is its place among those of the fit, not of this table.
      const std::vector<std::string> names = scorer->levels(c);
      CHECK(names.empty() == numbers.levels[at].empty());
      for (double& cell : columns.back()) {
        if (names.empty()) break;
        cell = static_cast<double>(std::ranges::find(names, numbers.levels[at][static_cast<size_t>(cell)]) -
                                   names.begin());
      }
    }
    for (size_t row = 0; row < scores.size(); row += 7) {
      std::vector<double> cells;
      for (const std::vector<double>& column : columns) cells.push_back(column[row]);
      CHECK(must_hold((*scorer)(cells)) == scores[row]);
    }
  }
}

// At one and the same parameters the sums over old and new rows are those over all: the update is the EM step
// of a fit to all rows.
TEST_CASE("rows that are added are a step of EM on all rows, or refused") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.model);
    const Bound on(kind);
    if (kind.update != nullptr) {
      check_refused(on.model.fit(on.table, {.iterations = 3, .updatable = true}).error(), kind.update);
      continue;
    }
    const Numbers numbers = mixed(numbers_of(on.data));
    const int64_t some = numbers.rows() * 2 / 3;
    lvm::Fit fit = must(
        on.model.fit(numbers.table(0, some), {.iterations = 10, .accelerate = false, .updatable = true}));
    const lvm::Fit step = must(
        on.model.fit(numbers.table(), {.iterations = 1, .restarts = 1, .accelerate = false, .start = &fit}));
    REQUIRE(fit.update(numbers.table(some, numbers.rows())));
    for (const lvm::Parameter& p : step.parameters()) {
      const std::vector<double> got = fit.parameter(p.name)->values;
      REQUIRE(got.size() == p.values.size());
      for (size_t i = 0; i < got.size(); ++i) {
        CAPTURE(p.name, i);
        CHECK(got[i] == Approx(p.values[i]).epsilon(1e-9).margin(1e-12));
      }
    }
  }
}

namespace {

constexpr const char* two_series = R"(model two_series {
  axis K = 2
  sequence t by "who" order "when"
  data   y: count missing
  param  start: simplex[K]
  param  move:  simplex[K, K]
  param  rate:  positive[K]
  latent z: category[K]
  P(z[first])      = Categorical(start)
  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])
  P(y[t] | z[t])   = Poisson(rate[z[t]])
  q(z | y)         = exact
}
)";

/// Of each step ln P(y[t] | y before t), and P(z[t] | y), by the recursions of Rabiner 1989.
struct Chain {
  std::vector<double> evidence, smoothed;
  Chain(const lvm::Fit& fit, std::span<const double> y) {
    const auto start = fit.parameter("start")->values, move = fit.parameter("move")->values,
               rate = fit.parameter("rate")->values;
    const auto emission = [&](size_t t, size_t k) {
      return std::isnan(y[t]) ? 1 : std::exp(y[t] * std::log(rate[k]) - rate[k] - std::lgamma(y[t] + 1));
    };
    std::vector<double> forward(2 * y.size()), backward(2 * y.size(), 1);
    for (size_t t = 0; t < y.size(); ++t) {
      double sum = 0;
      for (size_t k = 0; k < 2; ++k) {
        const double before =
            t == 0 ? start[k] : forward[2 * t - 2] * move[k] + forward[2 * t - 1] * move[2 + k];
        sum += forward[2 * t + k] = before * emission(t, k);
      }
      for (size_t k = 0; k < 2; ++k) forward[2 * t + k] /= sum;
      evidence.push_back(std::log(sum));
    }
    for (size_t t = y.size() - 1; t-- > 0;) {
      double sum = 0;
      for (size_t k = 0; k < 2; ++k) {
        backward[2 * t + k] = move[2 * k] * emission(t + 1, 0) * backward[2 * t + 2] +
                              move[2 * k + 1] * emission(t + 1, 1) * backward[2 * t + 3];
        sum += backward[2 * t + k];
      }
      for (size_t k = 0; k < 2; ++k) backward[2 * t + k] /= sum;
    }
    for (size_t t = 0; t < y.size(); ++t) {
      const double a = forward[2 * t] * backward[2 * t], b = forward[2 * t + 1] * backward[2 * t + 1];
      smoothed.push_back(a / (a + b));
      smoothed.push_back(b / (a + b));
    }
  }
};

}  // namespace

TEST_CASE("series of a host's columns come in any order, of any type") {
  const std::vector<double> counts = numbers_of("examples/data/discoveries.csv").columns[1];
  const size_t half = counts.size() / 2;
  std::vector<double> y = counts;
  for (size_t row = 4; row < y.size(); row += 9) y[row] = std::nan("");
  // Row r of the table is step at[r] of `y`: 37 and the number of steps have no common divisor.
  std::vector<size_t> at;
  for (size_t i = 0; i < y.size(); ++i) at.push_back(i * 37 % y.size());
  std::vector<float> cells;
  std::vector<int8_t> who;
  std::vector<uint16_t> when;
  for (const size_t step : at) {
    cells.push_back(static_cast<float>(y[step]));
    who.push_back(step < half ? 0 : 1);
    when.push_back(static_cast<uint16_t>(1860 + step % half));
  }
  lvm::Column names("who", who);
  names.levels = {"north", "south"};
  const lvm::Table table = must(lvm::Table::over({{"y", cells}, names, {"when", when}}));
  const lvm::Model model = must(lvm::Model::compile(two_series));
  const lvm::Fit fit = must(model.fit(table));
  CHECK(fit.metric("converged") == "true");
  const std::vector<double> scores = must(fit.score(table)).values;
  const lvm::Answers latents = must(fit.posterior(table)), whole = must(fit.impute(table));
  const Chain north(fit, std::span(y).first(half)), south(fit, std::span(y).subspan(half));
  const std::vector<double> rate = fit.parameter("rate")->values;
  REQUIRE(whole.name(1) == "y_sd");
  for (size_t row = 0; row < y.size(); ++row) {
    const size_t step = at[row] % half;
    const Chain& of = at[row] < half ? north : south;
    CHECK(scores[row] == Approx(of.evidence[step]).epsilon(1e-10).margin(1e-12));
    CHECK(latents.values(*latents.find("z=1"))[row] ==
          Approx(of.smoothed[2 * step]).epsilon(1e-9).margin(1e-12));
    if (!std::isnan(y[at[row]])) {
      CHECK(whole.values(0)[row] == y[at[row]]);
      continue;
    }
    const double p = of.smoothed[2 * step], q = of.smoothed[2 * step + 1], mean = p * rate[0] + q * rate[1];
    CHECK(whole.values(0)[row] == Approx(mean).epsilon(1e-9));
    const double second = p * (rate[0] + rate[0] * rate[0]) + q * (rate[1] + rate[1] * rate[1]);
    CHECK(whole.values(1)[row] == Approx(std::sqrt(second - mean * mean)).epsilon(1e-8));
  }
}

TEST_CASE("places of a host's series that are none") {
  const lvm::Model model = must(lvm::Model::compile(two_series));
  const std::vector<double> y = {1, 2, 3}, who = {1, 1, 1}, when = {1, 2, 2}, gap = {1, std::nan(""), 3};
  const auto twice = model.fit(must(lvm::Table::over({{"y", y}, {"who", who}, {"when", when}})));
  REQUIRE_FALSE(twice);
  CHECK_THAT(twice.error().text(), Contains("2 in two rows of series `1`"));
  const auto missing = model.fit(must(lvm::Table::over({{"y", y}, {"who", who}, {"when", gap}})));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().messages().front().row == 2);
  const auto none = model.fit(must(lvm::Table::over({{"y", y}, {"who", who}})));
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().text(), Contains("no column `when`"));
}
