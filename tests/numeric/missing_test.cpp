// Tables with absent cells: the objective against the observed-data likelihood, fits against direct
// maximisation of it (tests/oracles/missing.py), and what absent cells must not change.

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

void check_case(const Json& test) {
  const std::string form = test["form"].text();
  const auto K = static_cast<int64_t>(test["K"].number());
  INFO(test["data"].text() << ", " << form << ", K = " << K);
  const BoundModel bound =
      bind_or_fail(compile_mixture(form, K, Weights::none, true), table_with_holes(test));

  FitOptions options{.iterations = 0, .tolerance = 0.0, .init = parameters_of(test["start"])};
  CHECK(fit_or_fail(bound, options).objective ==
        Approx(test["start_log_likelihood"].number()).epsilon(1e-10).margin(0));

  options.iterations = static_cast<int64_t>(test["updates"].number());
  const Fit after = fit_or_fail(bound, options);
  CHECK(after.objective == Approx(test["after"]["log_likelihood"].number()).epsilon(1e-9).margin(0));
  check_parameters(after, test["after"]["parameters"], 1e-8);

  options.iterations = 100'000;
  options.tolerance = 1e-10;
  const Fit end = fit_or_fail(bound, options);
  CHECK(end.converged);
  CHECK(std::abs(end.objective - test["converged"]["log_likelihood"].number()) <= 1e-6);
  CHECK(std::abs(end.objective - test["direct"].number()) <= 1e-6);

  options.iterations = 0;
  options.init = parameters_of(test["converged"]["parameters"]);
  CHECK(fit_or_fail(bound, options).objective ==
        Approx(test["converged"]["log_likelihood"].number()).epsilon(1e-10).margin(0));
}

void check_fixture(const std::string& name, size_t cases) {
  const Json all = fixture(name);
  REQUIRE(all["cases"].array().size() == cases);
  for (const Json& test : all["cases"].array()) check_case(test);
}

/// Three overlapping clusters in three correlated columns, a quarter of the cells absent, one row entirely.
std::vector<double> holes() {
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> rows;
  for (int row = 0; row < 300; ++row) {
    const double shift = 2.0 * (row % 3), common = normal(engine);
    for (int d = 0; d < 3; ++d) {
      const double value = shift * (d == 1 ? -1 : 1) + 0.5 * common + normal(engine) * (1 + 0.3 * d);
      rows.push_back(row == 5 || uniform(engine) < 0.25 ? absent : value);
    }
  }
  return rows;
}

std::vector<Values> start_of(std::string_view form) {
  std::vector<Values> start = {{"weight", {2}, {0.4, 0.6}}, {"mean", {2, 3}, {0, 0, 1, 3, -3, 3}}};
  const std::vector<double> matrix = {2, 0.5, 0.3, 0.5, 3, -0.2, 0.3, -0.2, 4};
  std::vector<double> both = matrix;
  both.insert(both.end(), matrix.begin(), matrix.end());
  if (form == "full") start.push_back({"cov", {2, 3, 3}, both});
  if (form == "tied") start.push_back({"cov", {3, 3}, matrix});
  if (form == "diagonal") start.push_back({"var", {2, 3}, {2, 3, 4, 1, 2, 3}});
  if (form == "spherical") start.push_back({"var", {2}, {2, 3}});
  return start;
}

Fit fit_holes(const std::vector<double>& rows, std::string_view form, int64_t iterations = 10) {
  return fit_or_fail(bind_or_fail(compile_mixture(form, 2, Weights::none, true), table(rows, 3)),
                     {.iterations = iterations, .tolerance = 0.0, .init = start_of(form)});
}

void check_equal(const Fit& actual, const Fit& expected, double times = 1) {
  CHECK(actual.objective == Approx(times * expected.objective).epsilon(1e-12));
  for (const Parameter& parameter : expected.parameters) {
    const std::vector<double>& other = values(actual, parameter.name);
    REQUIRE(other.size() == parameter.values.size());
    for (size_t i = 0; i < other.size(); ++i)
      CHECK(std::abs(other[i] - parameter.values[i]) <= 1e-10 * std::max(1.0, std::abs(parameter.values[i])));
  }
}

constexpr std::string_view forms[] = {"full", "tied", "diagonal", "spherical"};

}  // namespace

TEST_CASE(
    "a fifth of faithful's cells removed: equal to direct maximisation of the observed-data likelihood") {
  check_fixture("missing_faithful", 6);
}

TEST_CASE("a fifth of iris's cells removed: equal to direct maximisation of the observed-data likelihood") {
  check_fixture("missing_iris", 12);
}

TEST_CASE("a fifth of wine's cells removed: equal to direct maximisation of the observed-data likelihood") {
  check_fixture("missing_wine", 6);
}

TEST_CASE("absent cells: the order of the rows does not matter, and rows that stand twice count twice") {
  const std::vector<double> rows = holes();
  std::vector<double> backwards, twice = rows;
  for (size_t row = rows.size() / 3; row-- > 0;)
    backwards.insert(backwards.end(), &rows[row * 3], &rows[row * 3] + 3);
  twice.insert(twice.end(), rows.begin(), rows.end());
  for (const std::string_view form : forms) {
    INFO(form);
    const Fit once = fit_holes(rows, form);
    check_equal(fit_holes(backwards, form), once);
    check_equal(fit_holes(twice, form), once, 2);
  }
}

TEST_CASE("a row without any cell says nothing: ln P = 0, and its posterior is the prior") {
  std::vector<double> rows = holes();
  for (const std::string_view form : forms) {
    INFO(form);
    const Fit with = fit_holes(rows, form, 0);
    const std::vector<double> r = with.responsibilities();
    CHECK(r[5 * 2] == Approx(0.4).epsilon(1e-14));
    CHECK(r[5 * 2 + 1] == Approx(0.6).epsilon(1e-14));
    std::vector<double> without = rows;
    without.erase(without.begin() + 15, without.begin() + 18);
    CHECK(with.objective == Approx(fit_holes(without, form, 0).objective).epsilon(1e-13));
    // Rows come back in the order of the table.
    const std::vector<double> others = fit_holes(without, form, 0).responsibilities();
    for (size_t i = 0; i < others.size(); ++i)
      CHECK(others[i] == Approx(r[i < 10 ? i : i + 2]).epsilon(1e-12));
  }
}

TEST_CASE("a complete table fits to the same bits whether or not its variable is declared missing") {
  std::vector<double> rows = holes();
  for (double& cell : rows) cell = std::isnan(cell) ? 0.5 : cell;
  for (const std::string_view form : gaussian_forms) {
    INFO(form);
    const Fit plain = fit_or_fail(bind_or_fail(compile_mixture(form, 2), table(rows, 3)), {.iterations = 20});
    const Fit declared = fit_or_fail(
        bind_or_fail(compile_mixture(form, 2, Weights::none, true), table(rows, 3)), {.iterations = 20});
    CHECK(std::bit_cast<uint64_t>(plain.objective) == std::bit_cast<uint64_t>(declared.objective));
    for (const Parameter& parameter : plain.parameters)
      CHECK(values(declared, parameter.name) == parameter.values);
  }
}

TEST_CASE("absent items of Bernoulli and latent-class mixtures: one update by hand") {
  // Two items; component 0 first.
  const std::vector<double> rows = {1, 0, absent, 1, 0, absent, absent, absent, 1, 1, 0, 0};
  const double weight[] = {0.3, 0.7}, p[] = {0.2, 0.6, 0.7, 0.5};  // [K, D]
  double objective = 0, ones[4] = {}, cells[4] = {}, n[2] = {};
  for (size_t row = 0; row < 6; ++row) {
    double joint[2] = {weight[0], weight[1]};
    for (size_t i = 0; i < 4; ++i) {
      const double y = rows[row * 2 + i % 2];
      if (!std::isnan(y)) joint[i / 2] *= y == 1 ? p[i] : 1 - p[i];
    }
    objective += std::log(joint[0] + joint[1]);
    for (size_t i = 0; i < 4; ++i) {
      const double y = rows[row * 2 + i % 2], r = joint[i / 2] / (joint[0] + joint[1]);
      n[i / 2] += r / 2;
      if (std::isnan(y)) continue;
      cells[i] += r;
      ones[i] += r * y;
    }
  }
  const auto check = [&](std::string_view form, const std::string& data, std::vector<double> start,
                         size_t step) {
    INFO(form);
    const BoundModel bound = bind_or_fail(compile_mixture(form, 2, Weights::none, true), table(rows, 2),
                                          {.columns = {{data, {"y1", "y2"}}}});
    std::vector<int64_t> shape = {2, 2};
    if (step == 2) shape.push_back(2);
    const std::vector<Values> init = {{"weight", {2}, {0.3, 0.7}}, {"p", shape, std::move(start)}};
    for (const Backend backend : {Backend::compiled, Backend::interpreter}) {
      FitOptions options{.iterations = 0, .tolerance = 0.0, .init = init};
      options.backend = backend;
      CHECK(fit_or_fail(bound, options).objective == Approx(objective).epsilon(1e-13));
      options.iterations = 1;
      const Fit after = fit_or_fail(bound, options);
      for (size_t k = 0; k < 2; ++k) CHECK(values(after, "weight")[k] == Approx(n[k] / 6).epsilon(1e-13));
      for (size_t i = 0; i < 4; ++i)
        CHECK(values(after, "p")[i * step + step - 1] == Approx(ones[i] / cells[i]).epsilon(1e-13));
    }
  };
  check("bernoulli", "y", {0.2, 0.6, 0.7, 0.5}, 1);
  check("latent_class", "c", {0.8, 0.2, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5}, 2);
}

TEST_CASE("the order of the declarations does not matter") {
  const std::string head =
      "model m { axis K = 2\n axis D = columns\n data y: real[D] missing\n param mean: real[K, D]\n"
      " param var: positive[K]\n param weight: simplex[K]\n latent z: category[K]\n";
  const std::string prior = " P(z) = Categorical(weight)\n",
                    emission = " P(y | z) = Normal(mean[z], var: var[z])\n";
  const auto fit_text = [&](const std::string& factors) {
    const Model model = compile(head + factors + " q(z | y) = exact }");
    INFO(model.report().render());
    REQUIRE(model.ok());
    return fit_or_fail(bind_or_fail(model, table(holes(), 3)),
                       {.iterations = 10, .tolerance = 0.0, .init = start_of("spherical")});
  };
  check_equal(fit_text(emission + prior), fit_text(prior + emission));
}

TEST_CASE("a column of which a component sees no cell ends the run by name") {
  // Two distant groups; the second column is only seen in the first one.
  std::vector<double> rows;
  for (int i = 0; i < 20; ++i) rows.insert(rows.end(), {0.1 * i, 0.3 * (i % 7)});
  for (int i = 0; i < 20; ++i) rows.insert(rows.end(), {1e6 + 0.1 * i, absent});
  const BoundModel bound = bind_or_fail(compile_mixture("diagonal", 2, Weights::none, true), table(rows, 2));
  const Fit failed = fit(bound, {.iterations = 50});
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.report().render().find("no observed cell of `y` is left for") != std::string::npos);
}

TEST_CASE("absent cells of a covariance that is held, or given by its inverse") {
  const auto fit_text = [&](const std::string& declaration, const std::string& slot,
                            std::vector<Values> init) {
    const Model model = compile(
        "model m { axis K = 2\n axis D = columns\n data y: real[D] missing\n param mean: real[K, D]\n param "
        "weight: simplex[K]\n " +
        declaration + "\n latent z: category[K]\n P(z) = Categorical(weight)\n P(y | z) = Normal(mean[z], " +
        slot + ")\n q(z | y) = exact }");
    INFO(model.report().render());
    REQUIRE(model.ok());
    return fit_or_fail(bind_or_fail(model, table(holes(), 3)),
                       {.iterations = 8, .tolerance = 0.0, .init = std::move(init)});
  };
  std::vector<Values> start = start_of("tied");
  const Fit tied = fit_text("param cov: covariance[D]", "cov: cov", start);
  // The inverse of start_of's matrix.
  const double m[9] = {2, 0.5, 0.3, 0.5, 3, -0.2, 0.3, -0.2, 4};
  const double det = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                     m[2] * (m[3] * m[7] - m[4] * m[6]);
  std::vector<double> inverse(9);
  for (size_t i = 0; i < 9; ++i) {
    const size_t r = i / 3, c = i % 3, r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
    inverse[c * 3 + r] = (m[r1 * 3 + c1] * m[r2 * 3 + c2] - m[r1 * 3 + c2] * m[r2 * 3 + c1]) / det;
  }
  start.back() = {"precision", {3, 3}, inverse};
  const Fit by_precision = fit_text("param precision: covariance[D]", "precision_matrix: precision", start);
  CHECK(by_precision.objective == Approx(tied.objective).epsilon(1e-11));
  for (size_t i = 0; i < 6; ++i)
    CHECK(values(by_precision, "mean")[i] == Approx(values(tied, "mean")[i]).epsilon(1e-9));
  // Held: only the means and weights climb.
  start.pop_back();
  const Fit held =
      fit_text("param cov: covariance[D] = [[2.0, 0.5, 0.3], [0.5, 3.0, -0.2], [0.3, -0.2, 4.0]] fixed",
               "cov: cov", start);
  for (size_t i = 1; i < held.trace.size(); ++i) CHECK(held.trace[i] >= held.trace[i - 1] - 1e-10);
  CHECK(held.trace.front() == Approx(tied.trace.front()).epsilon(1e-13));
}

TEST_CASE("two vectors with absent cells and a flag with some, in one model") {
  std::mt19937_64 engine(3);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<std::vector<double>> columns(5, std::vector<double>(400));
  for (size_t row = 0; row < 400; ++row) {
    const double k = static_cast<double>(row % 2), common = normal(engine);
    for (size_t d = 0; d < 4; ++d) columns[d][row] = 2 * k * (d % 2 == 0 ? 1 : -1) + common + normal(engine);
    columns[4][row] = uniform(engine) < 0.2 + 0.6 * k ? 1 : 0;
    for (auto& column : columns) column[row] = uniform(engine) < 0.2 ? absent : column[row];
  }
  std::vector<HostColumn> host;
  for (size_t d = 0; d < 5; ++d) host.push_back({"c" + std::to_string(d), columns[d].data(), 1});
  const Model model = compile(R"(model m {
    axis K = 2
    axis D = columns
    axis E = columns
    data a: real[D] = columns("c0", "c1") missing
    data b: real[E] = columns("c2", "c3") missing
    data f: bool = column("c4") missing
    param weight: simplex[K]
    param ma: real[K, D]
    param mb: real[K, E]
    param ca: covariance[K, D]
    param cb: covariance[E]
    param p: unit[K]
    latent z: category[K]
    P(z) = Categorical(weight)
    P(a | z) = Normal(ma[z], cov: ca[z])
    P(b | z) = Normal(mb[z], cov: cb)
    P(f | z) = Bernoulli(p[z])
    q(z | a, b, f) = exact
  })");
  INFO(model.report().render());
  REQUIRE(model.ok());
  const BoundModel bound = bind_or_fail(model, make_data(host, 400));
  const std::vector<Values> start = {
      {"weight", {2}, {0.5, 0.5}},      {"ma", {2, 2}, {0, 0, 2, -2}},
      {"mb", {2, 2}, {0, 0, 2, -2}},    {"ca", {2, 2, 2}, {1, 0.2, 0.2, 1, 2, 0, 0, 2}},
      {"cb", {2, 2}, {1, 0.1, 0.1, 2}}, {"p", {2}, {0.3, 0.6}}};
  // The rows are walked by what is observed of both together; the flag is no vector.
  std::set<std::vector<bool>> patterns;
  for (size_t row = 0; row < 400; ++row) {
    std::vector<bool> pattern;
    for (size_t d = 0; d < 4; ++d) pattern.push_back(std::isnan(columns[d][row]));
    patterns.insert(pattern);
  }
  INFO(bound.explain());
  CHECK(bound.explain().find("for each of the " + std::to_string(patterns.size()) +
                             " patterns of observed cells of `a`, `b` together\n"
                             "    `a`: about K D D D = 16, and 8 K D D = 64 for each cell that is absent\n"
                             "    `b`: about E E E = 8, and 8 K E E = 64 for each cell that is absent\n") !=
        std::string::npos);
  // ln P of the observed cells of a row, by the densities of one and of two dimensions.
  const auto pair = [](double x, double y, const double* m, const double* c) {
    const double log_two_pi = std::log(2 * std::acos(-1.0));
    if (std::isnan(x) && std::isnan(y)) return 0.0;
    if (std::isnan(y)) return -0.5 * (log_two_pi + std::log(c[0]) + (x - m[0]) * (x - m[0]) / c[0]);
    if (std::isnan(x)) return -0.5 * (log_two_pi + std::log(c[3]) + (y - m[1]) * (y - m[1]) / c[3]);
    const double det = c[0] * c[3] - c[1] * c[1], u = x - m[0], v = y - m[1];
    return -log_two_pi - 0.5 * std::log(det) - 0.5 * (c[3] * u * u - 2 * c[1] * u * v + c[0] * v * v) / det;
  };
  double expected = 0;
  for (size_t row = 0; row < 400; ++row) {
    double sum = 0;
    for (size_t k = 0; k < 2; ++k) {
      const double f = columns[4][row], p = start[5].values[k];
      double log_p =
          pair(columns[0][row], columns[1][row], &start[1].values[2 * k], &start[3].values[4 * k]) +
          pair(columns[2][row], columns[3][row], &start[2].values[2 * k], start[4].values.data());
      if (!std::isnan(f)) log_p += std::log(f == 1 ? p : 1 - p);
      sum += 0.5 * std::exp(log_p);
    }
    expected += std::log(sum);
  }
  FitOptions options{.iterations = 0, .tolerance = 0.0, .init = start};
  CHECK(fit_or_fail(bound, options).objective == Approx(expected).epsilon(1e-12));
  options.iterations = 30;
  const Fit compiled = fit_or_fail(bound, options);
  for (size_t i = 1; i < compiled.trace.size(); ++i)
    CHECK(compiled.trace[i] >= compiled.trace[i - 1] - 1e-10);
  options.backend = Backend::interpreter;
  CHECK(fit_or_fail(bound, options).objective == Approx(compiled.objective).epsilon(1e-12));
  CHECK(fit_or_fail(bound, {.restarts = 3}).objective >= compiled.objective - 1);
}

}  // namespace lvm::numeric
