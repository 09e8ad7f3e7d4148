// Row weights: a whole weight equals that many copies of the row, a weight of 0 equals a row that is not
// there, and weights that share a factor change no estimate.

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr double tolerance = 1e-10;

/// Small whole numbers that follow no pattern of the rows; every third or so is 0.
int64_t weight_of(int64_t row) {
  return (row * row * 7 + row * 3 + row / 5) % 11 % 4;
}

struct Rows {
  std::vector<double> cells;
  int64_t columns = 0;
  int64_t count() const { return static_cast<int64_t>(cells.size()) / columns; }
};

Rows faithful() {
  std::ifstream in(std::string(LVM_SOURCE_DIR) + "/examples/data/faithful.csv");
  std::string line;
  std::getline(in, line);
  REQUIRE(line == "eruptions,waiting");
  Rows rows{.cells = {}, .columns = 2};
  char comma = 0;
  for (double x = 0, y = 0; in >> x >> comma >> y;) rows.cells.insert(rows.cells.end(), {x, y});
  REQUIRE(rows.count() == 272);
  return rows;
}

/// Answers that depend on one of two groups, by an arithmetic that repeats late.
Rows answers(int64_t count, int64_t columns, int64_t levels) {
  Rows rows{.cells = {}, .columns = columns};
  uint64_t state = 12345;
  const auto next = [&] { return (state = state * 6364136223846793005U + 1442695040888963407U) >> 40U; };
  for (int64_t row = 0; row < count; ++row) {
    const uint64_t group = next() % 2;
    for (int64_t d = 0; d < columns; ++d) {
      const bool typical = next() % 4 != 0;
      const auto level = static_cast<int64_t>(typical ? group : next());
      rows.cells.push_back(static_cast<double>(level % levels));
    }
  }
  return rows;
}

Rows repeated(const Rows& rows) {
  Rows copies{.cells = {}, .columns = rows.columns};
  for (int64_t row = 0; row < rows.count(); ++row) {
    const auto first = rows.cells.begin() + row * rows.columns;
    for (int64_t copy = 0; copy < weight_of(row); ++copy)
      copies.cells.insert(copies.cells.end(), first, first + rows.columns);
  }
  return copies;
}

/// The columns y1, y2, … and the column n of weights.
Data weighted_table(const Rows& rows, const std::vector<double>& weights) {
  std::vector<HostColumn> host;
  for (int64_t d = 0; d < rows.columns; ++d)
    host.push_back({"y" + std::to_string(d + 1), rows.cells.data() + d, rows.columns});
  host.push_back({"n", weights.data(), 1});
  return make_data(host, rows.count());
}

std::vector<double> whole_weights(const Rows& rows) {
  std::vector<double> weights;
  for (int64_t row = 0; row < rows.count(); ++row) weights.push_back(static_cast<double>(weight_of(row)));
  return weights;
}

BindOptions binding(const std::string& form, int64_t columns) {
  std::vector<std::string> names;
  for (int64_t d = 0; d < columns; ++d) names.push_back("y" + std::to_string(d + 1));
  return {.columns = {{form == "latent_class" ? "c" : "y", names}}};
}

void check_equal(const Fit& a, const Fit& b) {
  CHECK(a.objective == Approx(b.objective).epsilon(tolerance).margin(0));
  CHECK(a.bic == Approx(b.bic).epsilon(tolerance).margin(0));
  CHECK(a.total_weight == b.total_weight);
  REQUIRE(a.parameters.size() == b.parameters.size());
  for (const Parameter& parameter : a.parameters) {
    const std::vector<double>& other = values(b, parameter.name);
    for (size_t i = 0; i < other.size(); ++i) {
      INFO(parameter.name << " element " << i);
      CHECK(parameter.values[i] == Approx(other[i]).epsilon(tolerance).margin(tolerance));
    }
  }
}

/// Where both fits of a form start: a fit of the copies after a few updates.
std::vector<Values> common_start(const BoundModel& bound) {
  const Fit first = fit_or_fail(bound, {.iterations = 3, .tolerance = 0.0});
  std::vector<Values> start;
  for (const Parameter& p : first.parameters) start.push_back({p.name, p.shape, p.values});
  return start;
}

void check_form(const std::string& form, const Rows& rows) {
  INFO(form);
  const Rows copies = repeated(rows);
  const BoundModel of_copies = bind_or_fail(compile_mixture(form, 2), table(copies.cells, copies.columns),
                                            binding(form, rows.columns));
  const std::vector<double> weights = whole_weights(rows);
  const BoundModel weighted = bind_or_fail(compile_mixture(form, 2, Weights::column),
                                           weighted_table(rows, weights), binding(form, rows.columns));
  for (const int64_t updates : {0, 1, 25}) {
    INFO(updates << " updates");
    const FitOptions options{.iterations = updates, .tolerance = 0.0, .init = common_start(of_copies)};
    check_equal(fit_or_fail(weighted, options), fit_or_fail(of_copies, options));
  }
}

}  // namespace

TEST_CASE("whole weights equal repeated rows") {
  const Rows eruptions = faithful();
  for (const std::string_view form : gaussian_forms) check_form(std::string(form), eruptions);
  check_form("bernoulli", answers(300, 6, 2));
  check_form("latent_class", answers(300, 5, 3));
}

TEST_CASE("a start by k-means leaves rows of weight 0 out") {
  const Rows rows = faithful();
  std::vector<double> weights;
  Rows kept{.cells = {}, .columns = 2};
  for (int64_t row = 0; row < rows.count(); ++row) {
    weights.push_back(row % 3 == 0 ? 0 : 1);
    const auto first = rows.cells.begin() + row * 2;
    if (row % 3 != 0) kept.cells.insert(kept.cells.end(), first, first + 2);
  }
  const FitOptions options{.iterations = 10, .tolerance = 0.0, .restarts = 3};
  const Fit without = fit_or_fail(bind_or_fail(compile_mixture("full", 3), table(kept.cells, 2)), options);
  const Fit weighted = fit_or_fail(bind_or_fail(compile_mixture("full", 3, Weights::column),
                                                weighted_table(rows, weights), binding("full", 2)),
                                   options);
  check_equal(weighted, without);
}

TEST_CASE("a row of weight 0 may have no likelihood at all") {
  // The last row has probability 0 under both components, where its logarithm is -inf.
  const Model model = compile(R"(model certain {
    axis K = 2
    axis D = columns
    data y: bool[D]
    weight w = column("n")
    param weight: simplex[K]
    param p: unit[K, D]
    latent z: category[K]
    P(z) = Categorical(weight)
    P(y | z) = Bernoulli(p[z])
    q(z | y) = exact
  })");
  const Rows rows{.cells = {1, 0, 1, 1, 1, 0, 0, 1}, .columns = 2};
  const std::vector<double> weights = {2, 1, 1, 0};
  const BoundModel bound = bind_or_fail(model, weighted_table(rows, weights), binding("bernoulli", 2));
  const FitOptions options{.iterations = 5,
                           .tolerance = 0.0,
                           .init = {{"weight", {2}, {0.5, 0.5}}, {"p", {2, 2}, {1, 0.3, 1, 0.6}}}};
  const Fit fit = fit_or_fail(bound, options);
  CHECK(std::isfinite(fit.objective));
  CHECK(values(fit, "p")[0] == 1);
  CHECK(values(fit, "p")[2] == 1);
}

TEST_CASE("a common factor of the weights changes the objective alone") {
  const Rows rows = faithful();
  std::vector<double> weights = whole_weights(rows), small;
  for (const double w : weights) small.push_back(w / 1024);
  const Model model = compile_mixture("full", 2, Weights::column);
  const auto run = [&](const std::vector<double>& by) {
    return fit_or_fail(bind_or_fail(model, weighted_table(rows, by), binding("full", 2)),
                       {.iterations = 20, .tolerance = 0.0});
  };
  const Fit a = run(weights), b = run(small);
  CHECK(a.objective == Approx(1024 * b.objective).epsilon(tolerance).margin(0));
  for (const Parameter& parameter : a.parameters) {
    for (size_t i = 0; i < parameter.values.size(); ++i)
      CHECK(parameter.values[i] == Approx(values(b, parameter.name)[i]).epsilon(tolerance).margin(tolerance));
  }
}

}  // namespace lvm::numeric
