// Every element-wise family as a mixture of two: the parameters of 10^5 simulated rows are recovered, and no
// parameter can be moved to a likelihood that is higher.

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

#include "tests/numeric/ascent.h"

namespace lvm::numeric {
namespace {

using Random = std::mt19937_64;

double uniform(Random& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}
double normal(Random& random) {
  return std::normal_distribution<double>()(random);
}
double gamma(Random& random, double shape) {
  return std::gamma_distribution<double>(shape, 1)(random);
}
double poisson(Random& random, double rate) {
  return static_cast<double>(std::poisson_distribution<int>(rate)(random));
}
double binomial(Random& random, int n, double p) {
  return std::binomial_distribution<int>(n, p)(random);
}

/// Best & Fisher 1979: rejection from a wrapped Cauchy.
double von_mises(Random& random, double mean, double concentration) {
  const double tau = 1 + std::sqrt(1 + 4 * concentration * concentration);
  const double rho = (tau - std::sqrt(2 * tau)) / (2 * concentration);
  const double r = (1 + rho * rho) / (2 * rho);
  for (;;) {
    const double z = std::cos(std::numbers::pi * uniform(random));
    const double f = (1 + r * z) / (r + z);
    const double c = concentration * (r - f);
    const double u = uniform(random);
    if (c * (2 - c) <= u && std::log(c / u) + 1 - c < 0) continue;
    const double angle = mean + (uniform(random) < 0.5 ? -1 : 1) * std::acos(f);
    return std::remainder(angle, 2 * std::numbers::pi);
  }
}

double continuous_bernoulli(Random& random, double p) {
  const double u = uniform(random);  // the inverse of its distribution function
  return (std::log1p(u * (2 * p - 1) / (1 - p))) / std::log(p / (1 - p));
}

double truncated_normal(Random& random, double mean, double sd, double low) {
  for (;;) {
    const double y = mean + sd * normal(random);
    if (y > low) return y;
  }
}

struct Case {
  std::string name, type, parameters, distribution;
  std::vector<std::pair<std::string, std::vector<double>>> truth;  // of each parameter, by component
  std::function<double(Random&, const std::vector<double>&)>
      draw;  // given the component's parameters, in order
};

std::vector<Case> cases() {
  return {
      {"Poisson",
       "count",
       "param r: positive[K]",
       "Poisson(r[z])",
       {{"r", {3, 14}}},
       [](Random& g, const auto& v) { return poisson(g, v[0]); }},
      {"Poisson, logarithm",
       "count",
       "param r: real[K]",
       "Poisson(log_rate: r[z])",
       {{"r", {1, 2.5}}},
       [](Random& g, const auto& v) { return poisson(g, std::exp(v[0])); }},
      {"Geometric",
       "count",
       "param p: unit[K]",
       "Geometric(p[z])",
       {{"p", {.6, .05}}},
       [](Random& g, const auto& v) {
         return static_cast<double>(std::geometric_distribution<int>(v[0])(g));
       }},
      {"Binomial",
       "count",
       "param p: unit[K]",
       "Binomial(12, p: p[z])",
       {{"p", {.25, .8}}},
       [](Random& g, const auto& v) { return binomial(g, 12, v[0]); }},
      {"NegativeBinomial",
       "count",
       "param m: positive[K]  param s: positive[K]",
       "NegativeBinomial(m[z], shape: s[z])",
       {{"m", {4, 40}}, {"s", {3, 8}}},
       [](Random& g, const auto& v) { return poisson(g, v[0] / v[1] * gamma(g, v[1])); }},
      {"Exponential",
       "positive",
       "param r: positive[K]",
       "Exponential(r[z])",
       {{"r", {.2, 5}}},
       [](Random& g, const auto& v) { return gamma(g, 1) / v[0]; }},
      {"Exponential, scale",
       "positive",
       "param s: positive[K]",
       "Exponential(scale: s[z])",
       {{"s", {.2, 5}}},
       [](Random& g, const auto& v) { return gamma(g, 1) * v[0]; }},
      {"Gamma",
       "positive",
       "param a: positive[K]  param r: positive[K]",
       "Gamma(a[z], rate: r[z])",
       {{"a", {3, 20}}, {"r", {2, 1.5}}},
       [](Random& g, const auto& v) { return gamma(g, v[0]) / v[1]; }},
      {"Gamma, mean",
       "positive",
       "param a: positive[K]  param m: positive[K]",
       "Gamma(a[z], mean: m[z])",
       {{"a", {3, 20}}, {"m", {2, 15}}},
       [](Random& g, const auto& v) { return gamma(g, v[0]) * v[1] / v[0]; }},
      {"InverseGamma",
       "positive",
       "param a: positive[K]  param s: positive[K]",
       "InverseGamma(a[z], scale: s[z])",
       {{"a", {6, 9}}, {"s", {4, 80}}},
       [](Random& g, const auto& v) { return v[1] / gamma(g, v[0]); }},
      {"Beta",
       "unit",
       "param a: positive[K]  param c: positive[K]",
       "Beta(a[z], b: c[z])",
       {{"a", {2, 12}}, {"c", {8, 3}}},
       [](Random& g, const auto& v) {
         const double x = gamma(g, v[0]), y = gamma(g, v[1]);
         return x / (x + y);
       }},
      {"LogNormal",
       "positive",
       "param m: real[K]  param s: positive[K]",
       "LogNormal(m[z], log_sd: s[z])",
       {{"m", {0, 3}}, {"s", {.5, .8}}},
       [](Random& g, const auto& v) { return std::exp(v[0] + v[1] * normal(g)); }},
      {"StudentT",
       "real",
       "param m: real[K]  param s: positive[K]",
       "StudentT(5, location: m[z], scale: s[z])",
       {{"m", {-4, 5}}, {"s", {1, 2}}},
       [](Random& g, const auto& v) { return v[0] + v[1] * normal(g) / std::sqrt(gamma(g, 2.5) / 2.5); }},
      {"Laplace",
       "real",
       "param m: real[K]  param s: positive[K]",
       "Laplace(m[z], scale: s[z])",
       {{"m", {-3, 5}}, {"s", {1, 1.5}}},
       [](Random& g, const auto& v) { return v[0] + v[1] * (uniform(g) < 0.5 ? -1 : 1) * gamma(g, 1); }},
      {"Weibull",
       "positive",
       "param a: positive[K]  param s: positive[K]",
       "Weibull(a[z], scale: s[z])",
       {{"a", {1.5, 6}}, {"s", {1, 8}}},
       [](Random& g, const auto& v) { return v[1] * std::pow(gamma(g, 1), 1 / v[0]); }},
      {"VonMises",
       "real",
       "param m: real[K]  param c: positive[K]",
       "VonMises(m[z], concentration: c[z])",
       {{"m", {-1, 1.5}}, {"c", {4, 9}}},
       [](Random& g, const auto& v) { return von_mises(g, v[0], v[1]); }},
      {"ContinuousBernoulli",
       "unit",
       "param p: unit[K]",
       "ContinuousBernoulli(p[z])",
       {{"p", {.001, .995}}},
       [](Random& g, const auto& v) { return continuous_bernoulli(g, v[0]); }},
      {"Normal, precision",
       "real",
       "param m: real[K]  param t: positive[K]",
       "Normal(m[z], precision: t[z])",
       {{"m", {-2, 3}}, {"t", {2, .5}}},
       [](Random& g, const auto& v) { return v[0] + normal(g) / std::sqrt(v[1]); }},
      {"ZeroInflated Poisson",
       "count",
       "param p: unit  param r: positive[K]",
       "ZeroInflated(p, Poisson(r[z]))",
       {{"r", {4, 30}}, {"p", {.2, .2}}},
       [](Random& g, const auto& v) { return uniform(g) < v[1] ? 0 : poisson(g, v[0]); }},
      {"Truncated Normal",
       "real",
       "param m: real[K]  param s: positive[K]",
       "Truncated(Normal(m[z], sd: s[z]), low: 0)",
       {{"m", {1, 8}}, {"s", {1, 1.5}}},
       [](Random& g, const auto& v) { return truncated_normal(g, v[0], v[1], 0); }},
  };
}

std::string text_of(const Case& c) {
  return "model family {\n  axis K = 2\n  data y: " + c.type + "\n  param weight: simplex[K]\n  " +
         c.parameters +
         "\n  latent z: category[K]\n  P(z) = Categorical(weight)\n  P(y | z) = " + c.distribution +
         "\n  q(z | y) = exact\n}\n";
}

std::vector<double> simulate(const Case& c, size_t rows) {
  Random random(20261);
  std::vector<double> y(rows);
  for (double& value : y) {
    const size_t k = uniform(random) < 0.4 ? 0 : 1;
    std::vector<double> parameters;
    for (const auto& [name, values] : c.truth) parameters.push_back(values[k]);
    value = c.draw(random, parameters);
  }
  return y;
}

}  // namespace

TEST_CASE("a mixture of two of each family is recovered, at the top of its likelihood") {
  for (const Case& c : cases()) {
    INFO(c.name);
    const Model model = compile(text_of(c));
    const std::vector<double> y = simulate(c, 100000);
    const BoundModel bound = bind_or_fail(model, table(y, 1));
    const Fit fit = fit_or_fail(bound, {.iterations = 20000, .tolerance = 1e-8});
    CHECK(fit.converged);
    const std::string& first = c.truth.front().first;
    const bool same = (values(fit, first)[0] < values(fit, first)[1]) ==
                      (c.truth.front().second[0] < c.truth.front().second[1]);
    for (const auto& [name, truth] : c.truth) {
      for (size_t k = 0; k < 2; ++k) {
        INFO(name << "[" << k << "]");
        const size_t at = values(fit, name).size() == 1 ? 0 : same ? k : 1 - k;  // one value may be shared
        CHECK(values(fit, name)[at] == Approx(truth[k]).epsilon(0.06).margin(0.03));
        if (c.name == "Laplace" && name == "m") {
          CHECK(rise(bound, fit, name, at) < 1e-7);
        } else {
          CHECK(gain(bound, fit, name, at) < 1e-6);
        }
      }
    }
    CHECK(values(fit, "weight")[same ? 0 : 1] == Approx(0.4).margin(0.02));
  }
}

}  // namespace lvm::numeric
