// Latents of groups and of the whole model, against tests/oracles/mean_field.py, which finds the same without
// lvm; against evidence by quadrature, where one latent is all that is unknown; and against the bound itself,
// which no parameter of a posterior can raise any more.

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

BoundModel example_model(const std::string& name, const std::string& data) {
  const Model model = compile_file(std::string(LVM_SOURCE_DIR) + "/examples/" + name + ".lvm");
  INFO(model.report().render());
  REQUIRE(model.ok());
  return bind_or_fail(model, example(data));
}

Fit fit_text(const std::string& text, const Data& data, const FitOptions& options) {
  const Model model = compile(text);
  INFO(model.report().render());
  REQUIRE(model.ok());
  return fit_or_fail(bind_or_fail(model, data), options);
}

std::vector<Values> values_of(const Fit& fit) {
  std::vector<Values> all;
  for (const Parameter& p : fit.parameters)
    if (!p.fixed) all.push_back({p.name, p.shape, p.values});
  return all;
}

void check_rises(const Fit& fit) {
  REQUIRE(fit.trace.size() > 1);
  for (size_t i = 1; i < fit.trace.size(); ++i)
    CHECK(fit.trace[i] >= fit.trace[i - 1] - 1e-9 * std::abs(fit.trace[i]));
}

}  // namespace

TEST_CASE("Dirichlet-multinomial: the fit is the maximum of the marginal likelihood") {
  const Json test = fixture("mean_field")["menus"];
  const Fit fit = fit_or_fail(example_model("menus", "menus"), {.iterations = 10'000, .tolerance = 1e-10});
  CHECK(fit.converged);
  CHECK(fit.objective == Approx(test["log_likelihood"].number()).margin(1e-7).epsilon(0));
  for (size_t v = 0; v < 4; ++v)
    CHECK(values(fit, "alpha")[v] == Approx(test["alpha"].array()[v].number()).epsilon(1e-5));
}

TEST_CASE("mean field: a Bayesian Gaussian mixture takes the same way as scikit-learn's") {
  const Json states = fixture("mean_field")["bayesian_gmm"];
  const BoundModel model = example_model("bayesian_gmm", "faithful");
  for (const int64_t steps : {0, 1, 30, 2000}) {
    INFO(steps << " iterations");
    const Json& there = states[std::to_string(steps)];
    const Fit fit = fit_or_fail(
        model, {.iterations = steps, .tolerance = 0.0, .init = parameters_of(states["0"]["parameters"])});
    CHECK(fit.objective_name == "elbo");
    CHECK(fit.objective == Approx(there["elbo"].number()).epsilon(1e-11));
    check_parameters(fit, there["parameters"], 1e-8);
    if (steps > 1) check_rises(fit);
  }
}

TEST_CASE("mean field: topics by the same way as a plain implementation") {
  const Json test = fixture("mean_field")["lda"];
  const std::vector<Json>& trace = test["trace"].array();
  const auto steps = static_cast<int64_t>(trace.size()) - 1;
  const Fit fit = fit_or_fail(example_model("lda", "corpus"),
                              {.iterations = steps, .tolerance = 0.0, .init = parameters_of(test["start"])});
  REQUIRE(fit.trace.size() == trace.size());
  for (size_t i = 0; i < trace.size(); ++i) CHECK(fit.trace[i] == Approx(trace[i].number()).epsilon(1e-11));
  check_parameters(fit, test["parameters"], 1e-7);
  check_rises(fit);
}

TEST_CASE(
    "mean field: principal components with automatic relevance determination by the same way as a plain "
    "implementation") {
  const Json test = fixture("mean_field")["bayesian_pca"];
  const std::vector<Json>& trace = test["trace"].array();
  const auto steps = static_cast<int64_t>(trace.size()) - 1;
  const BoundModel model = example_model("bayesian_pca", "iris");
  const Fit fit =
      fit_or_fail(model, {.iterations = steps, .tolerance = 0.0, .init = parameters_of(test["start"])});
  REQUIRE(fit.trace.size() == trace.size());
  for (size_t i = 0; i < trace.size(); ++i) CHECK(fit.trace[i] == Approx(trace[i].number()).epsilon(1e-11));
  check_parameters(fit, test["parameters"], 1e-7);
  check_rises(fit);
}

TEST_CASE(
    "mean field: coefficients of a regression that are all that is unknown have the evidence of a Gaussian "
    "process") {
  const std::vector<double> x1 = {0.5, -1, 2, 0.3, 1.1, -0.7}, x2 = {1, 0.2, -0.4, 1.5, -2, 0.6},
                            y = {1.4, -0.8, 2.9, 1.1, 0.2, 0.1};
  std::vector<double> cells;
  for (size_t i = 0; i < y.size(); ++i) cells.insert(cells.end(), {y[i], x1[i], x2[i]});
  const Fit fit = fit_text(
      R"(model m { axis J = 2  data y: real = columns("y1")  given x: real[J] = columns("y2", "y3")  latent w: real[J] global
    P(w) = Normal([0.3, -0.1], var: 2)  P(y | w, x) = Normal(dot(w, x), var: 0.25)  q(w | y, x) = exact })",
      table(cells, 3), {.iterations = 5});
  // y ~ Normal(X m0, 1/4 I + 2 X X'), by its Cholesky factor.
  const size_t n = y.size();
  std::vector<std::vector<double>> c(n, std::vector<double>(n));
  double evidence = 0;
  std::vector<double> u(n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = 2 * (x1[i] * x1[j] + x2[i] * x2[j]) + (i == j ? 0.25 : 0);
      for (size_t k = 0; k < j; ++k) sum -= c[i][k] * c[j][k];
      c[i][j] = i == j ? std::sqrt(sum) : sum / c[j][j];
    }
    u[i] = y[i] - 0.3 * x1[i] + 0.1 * x2[i];
    for (size_t k = 0; k < i; ++k) u[i] -= c[i][k] * u[k];
    u[i] /= c[i][i];
    evidence -= 0.5 * std::log(2 * M_PI) + std::log(c[i][i]) + 0.5 * u[i] * u[i];
  }
  CHECK(fit.objective == Approx(evidence).epsilon(1e-12));
}

TEST_CASE("mean field: the topics that made a corpus are found") {
  const Json truth = fixture("mean_field")["lda"]["truth"];
  const Fit fit = fit_or_fail(example_model("lda", "corpus"), {.restarts = 10});
  const std::vector<double>& topic = values(fit, "topic");
  const size_t words = topic.size() / 4;
  for (const Json& made : truth.array()) {
    double least = 2;  // half the sum of absolute differences
    for (size_t k = 0; k < 4; ++k) {
      double distance = 0;
      for (size_t v = 0; v < words; ++v)
        distance += std::abs(topic[k * words + v] - made.array()[v].number()) / 2;
      least = std::min(least, distance);
    }
    CHECK(least < 0.1);
  }
}

namespace {

/// One latent is all that is unknown: the bound is ln of the integral of P(v) P(y | v).
struct OneLatent {
  std::string text;  // of declarations
  std::vector<double> cells;
  std::function<double(double v)> log_prior, log_density_of_all;
  double low, high;  // of the integral; over ln v where low is positive
};

double log_integral(const OneLatent& c) {
  constexpr int points = 40'000;
  const bool logs = c.low > 0;
  const double from = logs ? std::log(c.low) : c.low, to = logs ? std::log(c.high) : c.high,
               step = (to - from) / points;
  std::vector<double> terms;
  for (int i = 0; i <= points; ++i) {
    const double at = from + i * step, v = logs ? std::exp(at) : at;
    terms.push_back(c.log_prior(v) + c.log_density_of_all(v) + (logs ? at : 0));
  }
  const double most = *std::max_element(terms.begin(), terms.end());
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - most);
  return most + std::log(sum * step);
}

double gamma_log(double v, double shape, double rate) {
  return shape * std::log(rate) - std::lgamma(shape) + (shape - 1) * std::log(v) - rate * v;
}
double normal_log(double y, double mean, double precision) {
  return 0.5 * std::log(precision / (2 * M_PI)) - 0.5 * precision * (y - mean) * (y - mean);
}
double choose_log(double n, double y) {
  return std::lgamma(n + 1) - std::lgamma(y + 1) - std::lgamma(n - y + 1);
}

std::function<double(double)> all_of(const std::vector<double>& cells,
                                     std::function<double(double y, double v)> log_density) {
  return [cells, log_density](double v) {
    double sum = 0;
    for (const double y : cells) sum += log_density(y, v);
    return sum;
  };
}

std::vector<OneLatent> one_latents() {
  const std::vector<double> counts = {3, 0, 5, 2, 2, 7, 1}, times = {0.3, 1.7, 0.9, 2.2, 0.1, 0.6},
                            reals = {1.2, -0.3, 0.8, 2.1, 0.4}, flags = {1, 0, 1, 1, 0, 1, 1, 1};
  const auto inverse_gamma = [](double v, double shape, double scale) {
    return gamma_log(1 / v, shape, scale) - 2 * std::log(v);
  };
  const auto beta_log = [](double v, double a, double b) {
    return std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + (a - 1) * std::log(v) +
           (b - 1) * std::log1p(-v);
  };
  return {
      {"data y: count  latent v: positive global  P(v) = Gamma(2, rate: 0.7)  P(y | v) = Poisson(v)", counts,
       [](double v) { return gamma_log(v, 2, 0.7); },
       all_of(counts, [](double y, double v) { return y * std::log(v) - v - std::lgamma(y + 1); }), 1e-6,
       1e3},
      {"data y: count  latent v: positive global  P(v) = Exponential(scale: 4)  P(y | v) = Poisson(3 * v)",
       counts, [](double v) { return gamma_log(v, 1, 0.25); },
       all_of(counts, [](double y, double v) { return y * std::log(3 * v) - 3 * v - std::lgamma(y + 1); }),
       1e-6, 1e3},
      {"data y: positive  latent v: positive global  P(v) = Gamma(3, mean: 2)  P(y | v) = Gamma(1.5, rate: "
       "v)",
       times, [](double v) { return gamma_log(v, 3, 1.5); },
       all_of(times, [](double y, double v) { return gamma_log(y, 1.5, v); }), 1e-6, 1e3},
      {"data y: positive  latent v: positive global  P(v) = InverseGamma(3, scale: 2)  P(y | v) = "
       "Exponential(scale: v)",
       times, [=](double v) { return inverse_gamma(v, 3, 2); },
       all_of(times, [](double y, double v) { return -std::log(v) - y / v; }), 1e-3, 1e4},
      {"data y: real  latent v: positive global  P(v) = Gamma(2, scale: 0.5)  P(y | v) = Normal(0.5, "
       "precision: v)",
       reals, [](double v) { return gamma_log(v, 2, 2); },
       all_of(reals, [](double y, double v) { return normal_log(y, 0.5, v); }), 1e-7, 1e3},
      {"data y: real  latent v: positive global  P(v) = InverseGamma(2, scale: 1)  P(y | v) = Normal(0.5, "
       "var: v)",
       reals, [=](double v) { return inverse_gamma(v, 2, 1); },
       all_of(reals, [](double y, double v) { return normal_log(y, 0.5, 1 / v); }), 1e-3, 1e5},
      {"data y: real  latent v: real global  P(v) = Normal(1, sd: 3)  P(y | v) = Normal(v, var: 2)", reals,
       [](double v) { return normal_log(v, 1, 1.0 / 9); },
       all_of(reals, [](double y, double v) { return normal_log(y, v, 0.5); }), -40, 40},
      {"data y: bool  latent v: unit global  P(v) = Beta(2, b: 1.5)  P(y | v) = Bernoulli(v)", flags,
       [=](double v) { return beta_log(v, 2, 1.5); },
       all_of(flags, [](double y, double v) { return y * std::log(v) + (1 - y) * std::log1p(-v); }), 1e-9,
       1 - 1e-12},
      {"data y: count  latent v: unit global  P(v) = Beta(2, b: 1.5)  P(y | v) = Binomial(9, p: v)", counts,
       [=](double v) { return beta_log(v, 2, 1.5); },
       all_of(counts, [](double y,
                         double v) { return choose_log(9, y) + y * std::log(v) + (9 - y) * std::log1p(-v); }),
       1e-9, 1 - 1e-12},
      {"data y: count  latent v: unit global  P(v) = Beta(3, b: 2)  P(y | v) = Geometric(v)", counts,
       [=](double v) { return beta_log(v, 3, 2); },
       all_of(counts, [](double y, double v) { return std::log(v) + y * std::log1p(-v); }), 1e-9, 1 - 1e-12},
  };
}

}  // namespace

TEST_CASE("mean field: where one latent is all that is unknown the bound is the evidence") {
  for (const OneLatent& c : one_latents()) {
    INFO(c.text);
    const Fit fit =
        fit_text("model m { " + c.text + " q(v | y) = exact }", table(c.cells, 1), {.iterations = 5});
    CHECK(fit.converged);
    CHECK(fit.objective == Approx(log_integral(c)).epsilon(1e-7));
  }
}

namespace {

struct Shared {
  std::string name, text;
  int64_t columns;
};

/// Several latents that rows share, beside one of each row.
const std::vector<Shared> shared = {
    {"rates",
     R"(axis K = 2  data y: count = column("y1")  latent w: simplex[K] global  latent r: positive[K] global  latent z: category[K]
      P(w) = Dirichlet(0.7)  P(r) = Gamma(1.5, rate: 0.2)  P(z | w) = Categorical(w)  P(y | z, r) = Poisson(r[z])
      q(w, r, z | y) = q(w) * q(r | y) * q(z | y)  q(w) = exact  q(r | y) = exact  q(z | y) = exact)",
     3},
    {"flags",
     R"(axis K = 2  axis D = 3  data y: count[D] = columns("y1", "y2", "y3")  latent p: unit[K, D] global  param w: simplex[K]  latent z: category[K]
      P(p) = Beta(0.5, b: 0.5)  P(z) = Categorical(w)  P(y | z, p) = Binomial(40, p: p[z])
      q(p, z | y) = q(p | y) * q(z | y)  q(p | y) = exact  q(z | y) = exact)",
     3},
    {"mean and precision",
     R"(axis K = 2  data y: real = column("y4")  latent m: real[K] global  latent t: positive[K] global  param w: simplex[K]  latent z: category[K]
      P(m) = Normal(0, sd: 10)  P(t) = Gamma(2, rate: 1)  P(z) = Categorical(w)  P(y | z, m, t) = Normal(m[z], precision: t[z])
      q(m, t, z | y) = q(m | y) * q(t | y) * q(z | y)  q(m | y) = exact  q(t | y) = exact  q(z | y) = exact)",
     5},
    {"joint, element by element",
     R"(axis K = 2  axis D = 2  data y: real[D] = columns("y4", "y5")  latent m: real[K, D] global  latent v: positive[K, D] global  latent w: simplex[K] global  latent z: category[K]
      P(w) = Dirichlet(1)  P(v) = InverseGamma(2, scale: 1)  P(m | v) = Normal(1, var: v / 0.3)  P(z | w) = Categorical(w)  P(y | z, m, v) = Normal(m[z], var: v[z])
      q(w, m, v, z | y) = q(w) * q(m, v | y) * q(z | y)  q(w) = exact  q(m, v | y) = exact  q(z | y) = exact)",
     5},
    {"joint, covariances",
     R"(axis K = 2  axis D = 2  data y: real[D] = columns("y4", "y5")  latent m: real[K, D] global  latent s: covariance[K, D] global  param w: simplex[K]  latent z: category[K]
      P(s) = InverseWishart(5, scale: I)  P(m | s) = Normal(0, cov: s / 0.2)  P(z) = Categorical(w)  P(y | z, m, s) = Normal(m[z], cov: s[z])
      q(m, s, z | y) = q(m, s | y) * q(z | y)  q(m, s | y) = exact  q(z | y) = exact)",
     5},
    {"one covariance, held means",
     R"(axis K = 2  axis D = 2  data y: real[D] = columns("y4", "y5")  param m: real[K, D]  latent s: covariance[D] global  latent w: simplex[K] global  latent z: category[K]
      P(w) = Dirichlet(2)  P(s) = Wishart(4, scale: I)  P(z | w) = Categorical(w)  P(y | z, s) = Normal(m[z], precision_matrix: s)
      q(s, w, z | y) = q(s | y) * q(w) * q(z | y)  q(s | y) = exact  q(w) = exact  q(z | y) = exact)",
     5},
    {"a spread that is fitted",
     R"(axis K = 3  data y: real = column("y4")  latent m: real[K] global  param v: positive  latent z: category[K]  param w: simplex[K] = [0.2, 0.3, 0.5] fixed
      P(m) = Normal(0, sd: 4)  P(z) = Categorical(w)  P(y | z, m) = Normal(m[z], var: v)
      q(m, z | y) = q(m | y) * q(z | y)  q(m | y) = exact  q(z | y) = exact)",
     5},
    {"a regression with a random precision",
     R"(data y: real = column("y4")  given x: real = column("y5")  param a: real  param b: real  latent t: positive global
      P(t) = Gamma(2, rate: 1)  P(y | x, t) = Normal(a + b * x, precision: t)  q(t | y, x) = exact)",
     5},
};

Data shared_table() {
  std::mt19937_64 engine(8);
  std::normal_distribution<double> normal;
  std::vector<double> cells;
  for (int row = 0; row < 60; ++row) {
    const double far = row % 3 == 0 ? 4 : 0, x = normal(engine);
    for (int i = 0; i < 3; ++i) cells.push_back(std::poisson_distribution<int>(2 + far + i)(engine));
    cells.push_back(far + x + 0.5 * normal(engine));
    cells.push_back(x - far);
  }
  return table(cells, 5);
}

}  // namespace

TEST_CASE("mean field: the bound rises to where no parameter of a posterior can raise it") {
  const Data data = shared_table();
  for (const Shared& each : shared) {
    INFO(each.name);
    const std::string text = "model m { " + each.text + " }";
    const Fit fit = fit_text(text, data, {.iterations = 50'000, .tolerance = 1e-11});
    CHECK(fit.converged);
    CHECK(fit.objective_name == "elbo");
    CHECK(std::isnan(fit.bic));
    if (fit.trace.size() > 1) check_rises(fit);
    const std::vector<Values> top = values_of(fit);
    const auto bound_at = [&](const std::vector<Values>& parameters) {
      return fit_text(text, data, {.iterations = 0, .tolerance = 0.0, .init = parameters}).objective;
    };
    CHECK(bound_at(top) == Approx(fit.objective).epsilon(1e-12));
    for (size_t p = 0; p < top.size(); ++p) {
      if (top[p].name.find('.') == std::string::npos) continue;
      std::vector<Values> up = top, down = top;
      constexpr double step = 1e-3;
      const bool matrix = top[p].name == "s.scale", real = top[p].name == "m.mean";
      for (size_t i = 0; i < (matrix ? 1 : top[p].values.size()); ++i) {
        up[p] = down[p] = top[p];
        for (size_t j = matrix ? 0 : i; j < (matrix ? top[p].values.size() : i + 1); ++j) {
          up[p].values[j] = real ? top[p].values[j] + step : top[p].values[j] * (1 + step);
          down[p].values[j] = real ? top[p].values[j] - step : top[p].values[j] * (1 - step);
        }
        INFO(top[p].name << " " << i);
        const double above = bound_at(up) - fit.objective, below = bound_at(down) - fit.objective;
        CHECK(above < 0);
        CHECK(below < 0);
        // A top: what one side loses the other loses too, but for the third order.
        CHECK(std::abs(above - below) < 0.02 * std::abs(above + below) + 1e-9);
      }
    }
  }
}

TEST_CASE(
    "mean field: compiled code equals the interpreter, threads change no bit, and whole weights equal "
    "repeated rows") {
  const BoundModel model = example_model("lda", "corpus");
  const Fit one = fit_or_fail(model, {.iterations = 7, .tolerance = 0.0, .threads = 1});
  const Fit two = fit_or_fail(model, {.iterations = 7, .tolerance = 0.0, .threads = 2});
  CHECK(one.objective == two.objective);
  for (size_t i = 0; i < values(one, "theta.alpha").size(); ++i)
    REQUIRE(values(one, "theta.alpha")[i] == values(two, "theta.alpha")[i]);
}

}  // namespace lvm::numeric
