// Models whose M-step is a regression, a Newton step or a mode under a prior: nothing more can be gained in
// any parameter.

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/numeric/ascent.h"

namespace lvm::numeric {
namespace {

struct Case {
  std::string declarations, factors;
  std::vector<std::string> parameters;  // to be moved
};

const std::string waiting = "  data y: real = column(\"waiting\")\n";
const std::string on_eruptions = waiting + "  given x: real = column(\"eruptions\")\n";
const std::string both = "  axis D = columns\n  data y: real[D]\n";

std::string text_of(const Case& c, const std::string& given) {
  return "model maximum {\n  axis K = 2\n" + c.declarations +
         "\n  param weight: simplex[K]\n  latent z: category[K]\n  P(z) = Categorical(weight)\n" + c.factors +
         "\n  q(z | y" + given + ") = exact\n}\n";
}

void check(const Case& c, const std::string& given = "") {
  INFO(c.declarations << c.factors);
  const Model model = compile(text_of(c, given));
  const BoundModel bound = bind_or_fail(model, example("faithful"));
  const Fit fit = fit_or_fail(bound, {.iterations = 100'000, .tolerance = 1e-9});
  CHECK(fit.converged);
  for (const std::string& name : c.parameters) {
    const std::vector<double>& v = values(fit, name);
    const bool matrix = fit.find(name)->domain == "covariance";
    const auto D = static_cast<size_t>(fit.find(name)->shape.empty() ? 1 : fit.find(name)->shape.back());
    for (size_t i = 0; i < v.size(); ++i) {
      if (!matrix || i % (D * D) % (D + 1) == 0) CHECK(gain(bound, fit, name, i) < 1e-6);
    }
  }
}

}  // namespace

TEST_CASE("regressions end at the top of their likelihood") {
  check({on_eruptions + "  param a: real[K]  param b: real[K]  param s: positive[K]",
         "  P(y | z, x) = Normal(a[z] + b[z] * x, sd: s[z])",
         {"a", "b", "s"}},
        ", x");
  check({on_eruptions + "  param a: real[K]  param b: real[K]  param s: positive",
         "  P(y | z, x) = Normal(a[z] + b[z] * x, sd: s)",
         {"a", "b", "s"}},
        ", x");
  check({on_eruptions + "  param a: real  param b: real  param s: positive[K]",
         "  P(y | z, x) = Normal(a + b * x, sd: s[z])",
         {"a", "b", "s"}},
        ", x");
  check({on_eruptions + "  param a: real[K] ~ Normal(30, sd: 2)  param b: real[K] ~ Normal(10, sd: 0.5)  "
                        "param s: positive[K]",
         "  P(y | z, x) = Normal(a[z] + b[z] * x, sd: s[z])",
         {"a", "b", "s"}},
        ", x");
}

TEST_CASE("a gate on covariates ends at the top of its likelihood") {
  const std::string text = R"(model gate {
    axis K = 3
    axis J = 1
    data  y: real = column("waiting")
    given x: real[J] = columns("eruptions")
    param a: real[K]
    param b: real[K, J] ~ Normal(0, sd: 3)
    param m: real[K]
    param s: positive
    latent z: category[K]
    P(z | x) = Categorical(logits: a + b * x)
    P(y | z) = Normal(m[z], sd: s)
    q(z | y, x) = exact
  })";
  const BoundModel bound = bind_or_fail(compile(text), example("faithful"));
  const Fit fit = fit_or_fail(bound, {.iterations = 100'000, .tolerance = 1e-9});
  CHECK(fit.converged);
  CHECK(fit.free_parameters == 2 + 2 + 3 + 1);
  for (const std::string name : {"a", "b", "m"}) {
    for (size_t k = 0; k < 3; ++k) CHECK(gain(bound, fit, name, k) < 1e-6);
  }
  CHECK(gain(bound, fit, "s", 0) < 1e-6);
}

TEST_CASE("parameters that enter a density in no closed form end at the top of its likelihood") {
  check({waiting + "  param m: real[K]  param s: real[K]",
         "  P(y | z) = Normal(m[z], sd: exp(s[z]))",
         {"m", "s"}});
  check({waiting + "  param m: positive[K]  param s: positive",
         "  P(y | z) = Normal(m[z], sd: s * sqrt(m[z]))",
         {"m", "s"}});
  check({waiting + "  param m: real[K]  param s: positive[K] ~ LogNormal(1, log_sd: 0.1)",
         "  P(y | z) = Normal(m[z], sd: s[z])",
         {"m", "s"}});
}

TEST_CASE("a slot that differs from row to row is climbed from the defaults") {
  const std::string counts =
      "  data y: count = column(\"waiting\")\n  given x: real = column(\"eruptions\")\n";
  check({counts + "  param a: real  param b: real[K]  param s: positive = 50 fixed",
         "  P(y | z, x) = NegativeBinomial(exp(a + b[z] * x), shape: s)",
         {"a", "b"}},
        ", x");
}

TEST_CASE("priors move the mode, and the mode is found") {
  check(
      {waiting + "  param m: real[K] ~ Normal(70, sd: 3)  param v: positive[K] ~ InverseGamma(3, scale: 200)",
       "  P(y | z) = Normal(m[z], var: v[z])",
       {"m", "v"}});
  check({waiting + "  param m: real[K]  param t: positive[K] ~ Gamma(5, rate: 300)",
         "  P(y | z) = Normal(m[z], precision: t[z])",
         {"m", "t"}});
  check(
      {both + "  param m: real[K, D]  param cov: covariance[K, D] ~ InverseWishart(9, scale: diag([1, 60]))",
       "  P(y | z) = Normal(m[z], cov: cov[z])",
       {"m", "cov"}});
  check(
      {both + "  param m: real[K, D]  param cov: covariance[D] ~ InverseWishart(40, scale: diag([10, 600]))",
       "  P(y | z) = Normal(m[z], cov: cov)",
       {"m", "cov"}});
}

TEST_CASE("a Beta and a Dirichlet prior are pseudo-counts") {
  const Model model = compile(R"(model coins {
    axis K = 2
    axis D = columns
    data  y: bool[D]
    param weight: simplex[K] ~ Dirichlet(3)
    param p: unit[K, D] ~ Beta(2, b: 1.5)
    latent z: category[K]
    P(z)     = Categorical(weight)
    P(y | z) = Bernoulli(p[z])
    q(z | y) = exact
  })");
  const BoundModel bound = bind_or_fail(model, example("digits_binary"));
  const Fit fit = fit_or_fail(bound, {.iterations = 10'000, .tolerance = 1e-9});
  CHECK(fit.converged);
  REQUIRE(fit.log_prior);
  for (size_t i = 0; i < values(fit, "p").size(); i += 7) CHECK(gain(bound, fit, "p", i) < 1e-6);
  // weight_k = (n_k + 2) / (N + 4), with n_k from the posterior at the fit.
  const std::vector<double> r = fit.responsibilities();
  const auto rows = static_cast<size_t>(fit.rows);
  double n = 0;
  for (size_t i = 0; i < rows; ++i) n += r[2 * i];
  CHECK(values(fit, "weight")[0] == Approx((n + 2) / (static_cast<double>(rows) + 4)).epsilon(1e-6));
}

}  // namespace lvm::numeric
