// Starts of models in which clusters of the raw cells mislead: effects that add up, and angles on both sides
// of ±π; and runs that a prior without a bound ends.

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

using Random = std::mt19937_64;

constexpr double pi = 3.14159265358979323846;

/// By rejection from the circle: the rule of the library is another.
double von_mises(Random& random, double mean, double concentration) {
  for (;;) {
    const double x = std::uniform_real_distribution<double>(-pi, pi)(random);
    const double u = std::uniform_real_distribution<double>()(random);
    if (u < std::exp(concentration * (std::cos(x) - 1))) return std::remainder(mean + x, 2 * pi);
  }
}

}  // namespace

TEST_CASE("two effects that add up part from each other, from a first start on") {
  Random random(11);
  std::normal_distribution<double> normal;
  std::vector<double> rows;
  for (int i = 0; i < 2000; ++i) {
    const bool u = std::bernoulli_distribution(0.3)(random), v = std::bernoulli_distribution(0.6)(random);
    rows.push_back((u ? 4 : 0) + (v ? 1.5 : 0) + 0.3 * normal(random));
  }
  const Model model = compile(R"(model m {
    axis A = 2  axis B = 2
    data y: real
    param a: simplex[A]
    param b: simplex[B]
    param m: real[A]
    param n: real[B]
    param s: positive
    latent u: category[A]
    latent v: category[B]
    P(u) = Categorical(a)
    P(v) = Categorical(b)
    P(y | u, v) = Normal(m[u] + n[v], sd: s)
    q(u, v | y) = exact
  })");
  REQUIRE(model.ok());
  const Fit fit = fit_or_fail(bind_or_fail(model, table(rows, 1)), {.iterations = 2000, .restarts = 10});
  CHECK(fit.converged);
  const double first = std::abs(values(fit, "m")[0] - values(fit, "m")[1]);
  const double second = std::abs(values(fit, "n")[0] - values(fit, "n")[1]);
  CHECK(std::max(first, second) == Approx(4).margin(0.05));
  CHECK(std::min(first, second) == Approx(1.5).margin(0.05));
  CHECK(values(fit, "s")[0] == Approx(0.3).epsilon(0.05));
}

TEST_CASE("a component across the cut of the circle starts at its mean direction") {
  Random random(12);
  std::vector<double> rows;
  for (int i = 0; i < 4000; ++i)
    rows.push_back(i % 5 < 2 ? von_mises(random, 3.1, 8) : von_mises(random, 0.4, 4));
  const Model model = compile(R"(model m {
    axis K = 2
    data y: real
    param w: simplex[K]
    param m: real[K]
    param k: positive[K]
    latent z: category[K]
    P(z) = Categorical(w)
    P(y | z) = VonMises(m[z], concentration: k[z])
  })");
  REQUIRE(model.ok());
  const BoundModel bound = bind_or_fail(model, table(rows, 1));
  const Fit fit = fit_or_fail(bound, {.iterations = 1000});
  CHECK(fit.converged);
  CHECK(fit.iterations < 30);
  const size_t far = std::cos(values(fit, "m")[0]) < 0 ? 0 : 1;
  CHECK(std::abs(std::remainder(values(fit, "m")[far] - 3.1, 2 * pi)) < 0.03);
  CHECK(values(fit, "m")[1 - far] == Approx(0.4).margin(0.05));
  CHECK(values(fit, "k")[far] == Approx(8).epsilon(0.1));
  for (const double m : values(fit, "m")) CHECK(std::abs(m) <= pi);
  // The first start is near the end already.
  const Fit begin = fit_or_fail(bound, {.iterations = 0, .tolerance = 0});
  CHECK(fit.objective - begin.objective < 0.1 * static_cast<double>(rows.size()));
}

TEST_CASE("a prior without a bound ends the runs in which it wins, and no others") {
  const auto fitted = [](const std::string& prior, double ones) {
    const Model model = compile("model m { axis D = 2 data y: bool[D] param p: unit[D] ~ " + prior +
                                " P(y) = Bernoulli(p) }");
    REQUIRE(model.ok());
    std::vector<double> rows;
    for (int i = 0; i < 10; ++i) rows.insert(rows.end(), {i < 4 ? 1.0 : 0.0, i < ones ? 1.0 : 0.0});
    return fit(bind_or_fail(model, table(rows, 2)), {.iterations = 10});
  };
  const Fit inside = fitted("Beta(0.5, b: 0.5)", 3);
  REQUIRE(inside.ok());
  CHECK(values(inside, "p")[1] == Approx(2.5 / 9).epsilon(1e-12));
  CHECK(fitted("Beta(0.5, b: 0.5)", 0)
            .report()
            .render()
            .find("`p` has run to 0, where the density of its prior has no bound (element 2)") !=
        std::string::npos);
  CHECK(fitted("Beta(1.5, b: 0.5)", 10).report().render().find("`p` has run to 1") != std::string::npos);
  REQUIRE(fitted("Beta(1, b: 1)", 0).ok());
  const Model shares = compile(
      "model m { axis V = 3 data y: category[V] param p: simplex[V] ~ Dirichlet(0.3) P(y) = Categorical(p) "
      "}");
  const Fit empty = fit(bind_or_fail(shares, table({0, 1, 1, 0, 1}, 1)), {.iterations = 10});
  CHECK_FALSE(empty.ok());
  CHECK(empty.report().render().find("`p` has run to 0") != std::string::npos);
}

}  // namespace lvm::numeric
