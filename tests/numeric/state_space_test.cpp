// Gaussian chains against statsmodels' state-space tools (tests/oracles/state_space.py), and against the same
// models written otherwise.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

Model example_model(const std::string& name) {
  Model model = compile_file(std::string(LVM_SOURCE_DIR) + "/examples/" + name + ".lvm");
  INFO(model.report().render());
  REQUIRE(model.ok());
  return model;
}

Model compiled(const std::string& text) {
  Model model = compile(text);
  INFO(model.report().render());
  REQUIRE(model.ok());
  return model;
}

/// Columns side by side, row-major.
struct Table {
  std::vector<std::string> names;
  std::vector<double> cells;
  Data data() const {
    std::vector<HostColumn> columns;
    for (size_t i = 0; i < names.size(); ++i)
      columns.push_back({names[i], cells.data() + i, static_cast<int64_t>(names.size())});
    return make_data(columns, static_cast<int64_t>(cells.size() / names.size()));
  }
};

/// The flow of the Nile, without twenty of its years where the fixture's case is one of gaps.
Table nile(const std::string& name) {
  Table table{{"year", "flow"}, {}};
  const Json all = fixture("state_space");
  const auto& flow = all["flow"].array();
  for (size_t i = 0; i < flow.size(); ++i) {
    table.cells.push_back(1871 + static_cast<double>(i));
    table.cells.push_back(name == "gaps" && i >= 20 && i < 40 ? none : flow[i].number());
  }
  return table;
}

void check_smoothed(const Fit& fit, const std::string& latent, const Json& at, double tolerance) {
  const LatentMoments moments = fit.moments(latent);
  size_t i = 0;
  for (size_t row = 0; row < at["mean"].array().size(); ++row) {
    for (size_t e = 0; e < at["mean"].array()[row].array().size(); ++e, ++i) {
      CHECK(moments.mean.at(i) ==
            Approx(at["mean"].array()[row].array()[e].number()).margin(tolerance).epsilon(0));
      CHECK(moments.sd.at(i) ==
            Approx(at["sd"].array()[row].array()[e].number()).margin(tolerance).epsilon(0));
    }
  }
  CHECK(moments.mean.size() == i);
}

double objective(const Model& model, const Data& data, std::vector<Values> init,
                 const FitOptions& options = {.iterations = 0, .tolerance = 0.0}) {
  FitOptions own = options;
  own.init = std::move(init);
  return fit_or_fail(bind_or_fail(model, data), own).objective;
}

}  // namespace

TEST_CASE("local level: the variances that statsmodels finds, and its smoothed level") {
  const Model model = example_model("local_level");
  const Json all = fixture("state_space");
  REQUIRE(all["nile"].array().size() == 2);
  for (const Json& test : all["nile"].array()) {
    INFO(test["name"].text());
    const BoundModel bound = bind_or_fail(model, nile(test["name"].text()).data());
    const std::vector<Values> init = {{"level_var", {}, {test["level_var"].number()}},
                                      {"noise_var", {}, {test["noise_var"].number()}}};
    const Fit at = fit_or_fail(bound, {.iterations = 0, .tolerance = 0.0, .init = init});
    CHECK(at.objective == Approx(test["at"]["log_likelihood"].number()).margin(1e-8).epsilon(0));
    check_smoothed(at, "m", test["at"], 1e-5);
    const Fit fit = fit_or_fail(bound, {.iterations = 100'000, .tolerance = 1e-9});
    CHECK(fit.converged);
    CHECK(fit.objective == Approx(test["maximum"]["log_likelihood"].number()).margin(1e-6).epsilon(0));
    CHECK(values(fit, "level_var")[0] == Approx(test["maximum"]["parameters"].array()[0].number()).margin(2));
    CHECK(values(fit, "noise_var")[0] == Approx(test["maximum"]["parameters"].array()[1].number()).margin(5));
  }
}

TEST_CASE("linear dynamical system: log likelihood, smoothed states and the maximum of statsmodels") {
  const Model model = example_model("lds");
  const Json test = fixture("state_space")["tanks"];
  const BoundModel bound = bind_or_fail(model, example("tanks"));
  const std::vector<Values> init = parameters_of(test["parameters"]);
  const Fit at = fit_or_fail(bound, {.iterations = 0, .tolerance = 0.0, .init = init});
  CHECK(at.objective == Approx(test["at"]["log_likelihood"].number()).margin(1e-8).epsilon(0));
  check_smoothed(at, "z", test["at"], 1e-8);
  const Fit fit =
      fit_or_fail(bound, {.iterations = 20'000, .tolerance = 1e-8, .accelerate = true, .init = init});
  CHECK(fit.converged);
  CHECK(fit.objective == Approx(test["maximum"]["log_likelihood"].number()).margin(1e-5).epsilon(0));
}

TEST_CASE("Gaussian chains: the interpreter and any number of threads compute the same") {
  const Model model = example_model("lds");
  const BoundModel bound = bind_or_fail(model, example("tanks"));
  const Json test = fixture("state_space")["tanks"];
  FitOptions options{
      .iterations = 4, .tolerance = 0.0, .threads = 1, .init = parameters_of(test["parameters"])};
  const Fit one = fit_or_fail(bound, options);
  for (const int threads : {2, 7}) {
    options.threads = threads;
    const Fit other = fit_or_fail(bound, options);
    CHECK(other.objective == one.objective);
    CHECK(values(other, "A") == values(one, "A"));
    CHECK(other.moments("z").mean == one.moments("z").mean);
  }
  options.backend = Backend::interpreter;
  const Fit plain = fit_or_fail(bound, options);
  CHECK(plain.objective == Approx(one.objective).epsilon(1e-12));
  for (size_t i = 0; i < 16; ++i) CHECK(values(plain, "A")[i] == Approx(values(one, "A")[i]).margin(1e-10));
}

TEST_CASE("a chain that reaches back two steps is one of pairs that reaches back one") {
  std::mt19937_64 engine(9);
  std::normal_distribution<double> normal;
  Table table{{"i", "y"}, {}};
  double before = 0, now = 0;
  for (int i = 0; i < 60; ++i) {
    const double next = 1.2 * now - 0.5 * before + normal(engine);
    before = now;
    now = next;
    table.cells.push_back(i);
    table.cells.push_back(i % 7 == 3 ? none : now + 0.5 * normal(engine));
  }
  // Two laws of first steps against one: those of the pair at its first step are (z, 0), and the first
  // transition knows of no earlier step.
  const std::string text =
      R"(model m { sequence t order "i"  data y: real missing  param a: real  param b: real  param q: positive  param s: positive
    latent z: real
    P(z[first]) = Normal(0, sd: 2)
    P(z[first+1] | z[first]) = Normal(a * z[first], var: q)
    P(z[t] | z[t-1], z[t-2]) = Normal(a * z[t-1] + b * z[t-2], var: q)
    P(y[t] | z[t]) = Normal(z[t], var: s)
    q(z | y) = exact })";
  const Model words = compiled(text);
  const std::vector<Values> at = {{"a", {}, {1.1}}, {"b", {}, {-0.4}}, {"q", {}, {0.8}}, {"s", {}, {0.3}}};
  const Fit fit =
      fit_or_fail(bind_or_fail(words, table.data()), {.iterations = 0, .tolerance = 0.0, .init = at});
  // The dense Gaussian of all steps: z = L w with the impulse responses of the recursion, by elimination.
  const size_t n = table.cells.size() / 2;
  std::vector<double> response(n * n, 0);
  for (size_t c = 0; c < n; ++c)
    for (size_t t = c; t < n; ++t)
      response[t * n + c] =
          t == c ? (c == 0 ? 2 : std::sqrt(0.8))
                 : 1.1 * response[(t - 1) * n + c] + (t >= 2 ? -0.4 * response[(t - 2) * n + c] : 0);
  std::vector<size_t> seen;
  for (size_t t = 0; t < n; ++t)
    if (!std::isnan(table.cells[2 * t + 1])) seen.push_back(t);
  const size_t m = seen.size();
  std::vector<double> V(m * m), u(m);
  for (size_t i = 0; i < m; ++i) {
    u[i] = table.cells[2 * seen[i] + 1];
    for (size_t j = 0; j < m; ++j) {
      for (size_t c = 0; c < n; ++c) V[i * m + j] += response[seen[i] * n + c] * response[seen[j] * n + c];
      if (i == j) V[i * m + j] += 0.3;
    }
  }
  double expected = 0;
  for (size_t k = 0; k < m; ++k) {
    const double pivot = V[k * m + k];
    expected -= 0.5 * (std::log(2 * M_PI * pivot) + u[k] * u[k] / pivot);
    for (size_t i = k + 1; i < m; ++i) {
      const double f = V[i * m + k] / pivot;
      u[i] -= f * u[k];
      for (size_t j = k; j < m; ++j) V[i * m + j] -= f * V[k * m + j];
    }
  }
  CHECK(fit.objective == Approx(expected).margin(1e-9).epsilon(0));
  // With a free `s` the maximum is at its edge, s = 0, where EM gains 1 / iteration and never ends: 0.1 nats
  // are left after 100 and 0.003 after 5,000 iterations. Held, it is inside.
  std::string held_text = text;
  const std::string free = "param s: positive";
  held_text.replace(held_text.find(free), free.size(), free + " = 0.3 fixed");
  const std::vector<Values> at_held(at.begin(), at.end() - 1);
  const Fit climbed = fit_or_fail(bind_or_fail(compiled(held_text), table.data()),
                                  {.iterations = 5000, .tolerance = 1e-8, .init = at_held});
  CHECK(climbed.converged);
  CHECK(climbed.objective > fit.objective);
}

TEST_CASE("series are walked apart, in their order, whatever the order of the rows") {
  std::mt19937_64 engine(10);
  std::normal_distribution<double> normal;
  const Model several = compiled(
      R"(model m { sequence t by "g" order "i"  data y: real missing  param a: real  param q: positive  param s: positive
    latent z: real
    P(z[first]) = Normal(0, sd: 3)
    P(z[t] | z[t-1]) = Normal(a * z[t-1], var: q)
    P(y[t] | z[t]) = Normal(z[t], var: s)
    q(z | y) = exact })");
  const std::vector<Values> at = {{"a", {}, {0.9}}, {"q", {}, {0.5}}, {"s", {}, {0.4}}};
  Table all{{"g", "i", "y"}, {}};
  double expected = 0;
  std::vector<std::vector<double>> rows;
  for (int g = 0; g < 9; ++g) {
    Table one{{"g", "i", "y"}, {}};
    for (int i = 0; i < 1 + 3 * g; ++i) {
      const double y = i % 5 == 2 ? none : 2 * normal(engine);
      one.cells.insert(one.cells.end(), {double(g), double(i), y});
      rows.push_back({double(g), double(i), y});
    }
    expected += objective(several, one.data(), at);
  }
  std::shuffle(rows.begin(), rows.end(), engine);
  for (const std::vector<double>& row : rows) all.cells.insert(all.cells.end(), row.begin(), row.end());
  CHECK(objective(several, all.data(), at) == Approx(expected).epsilon(1e-13));
  const Fit fit = fit_or_fail(bind_or_fail(several, all.data()), {.iterations = 500, .tolerance = 1e-6});
  CHECK(fit.objective > expected);
}

TEST_CASE("a chain whose steps do not depend on one another is factor analysis") {
  std::mt19937_64 engine(11);
  std::normal_distribution<double> normal;
  Table table{{"i", "y1", "y2", "y3", "y4"}, {}};
  for (int i = 0; i < 80; ++i) {
    const double z = normal(engine);
    table.cells.insert(table.cells.end(), {double(i), z + normal(engine), 2 * z + normal(engine),
                                           normal(engine) - z, normal(engine)});
  }
  const std::string parameters =
      R"(axis D = 4 axis L = 2  data y: real[D] = columns("y*")  param w: real[D, L]  param b: real[D]  param s: positive[D]  latent z: real[L] )";
  const Model chain = compiled("model m { sequence t order \"i\" " + parameters + R"(param a: real = 0 fixed
    P(z[first]) = Normal(0, sd: 1)
    P(z[t] | z[t-1]) = Normal(a * z[t-1], sd: 1)
    P(y[t] | z[t]) = Normal(w * z[t] + b, var: s)
    q(z | y) = exact })");
  const Model rows = compiled("model m { " + parameters + R"(P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(w * z + b, var: s)
    q(z | y) = exact })");
  const std::vector<Values> at = {{"w", {4, 2}, {1, 0.5, 2, -0.3, -1, 0.2, 0.1, 0.4}},
                                  {"b", {4}, {0, 0.1, 0.2, 0.3}},
                                  {"s", {4}, {1, 0.9, 1.1, 1.2}}};
  const FitOptions options{.iterations = 20, .tolerance = 0.0};
  CHECK(objective(chain, table.data(), at, options) ==
        Approx(objective(rows, table.data(), at, options)).epsilon(1e-11));
}

}  // namespace lvm::numeric
