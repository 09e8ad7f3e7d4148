// Families whose draws are vectors, priors that tie parameters, and parameters in order: against the direct
// climb of tests/oracles/families.py, and recovered from 10^5 simulated rows.

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "tests/numeric/ascent.h"
#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

constexpr double tolerance = 1e-6;
constexpr double share_of_first = 0.4;

/// Fits every case whose name begins so, from the start of the direct climb, to the end of it.
void check_cases(const std::string& of, size_t count) {
  const Json all = fixture("families");
  size_t found = 0;
  for (const Json& test : all.array()) {
    if (!test["name"].text().starts_with(of)) continue;
    ++found;
    INFO(test["name"].text());
    const Model model = compile(test["text"].text());
    INFO(model.report().render());
    REQUIRE(model.ok());
    const BoundModel bound = bind_or_fail(model, table_of(test["table"]));
    const Fit fit =
        fit_or_fail(bound, {.iterations = 5000, .tolerance = 0, .init = parameters_of(test["start"])});
    CHECK(fit.objective + fit.log_prior.value_or(0) ==
          Approx(test["objective"].number()).epsilon(1e-10).margin(0));
    check_parameters(fit, test["parameters"], tolerance);
  }
  CHECK(found == count);
}

using Random = std::mt19937_64;
using Vector = std::vector<double>;

Vector shares_of(Random& random, const Vector& concentration) {
  Vector y;
  double sum = 0;
  for (const double a : concentration) sum += y.emplace_back(std::gamma_distribution<double>(a, 1)(random));
  for (double& each : y) each /= sum;
  return y;
}

Vector counts_of(Random& random, int n, const Vector& p) {
  Vector y;
  double rest = 1;
  for (const double each : p) {
    const double share = std::min(each / rest, 1.0);
    const int drawn = n > 0 ? std::binomial_distribution<int>(n, share)(random) : 0;
    y.push_back(drawn);
    n -= drawn;
    rest -= each;
  }
  return y;
}

/// A mixture of two, simulated and fitted; the component of the smaller first element is the first of both.
struct Recovery {
  std::string declarations, factor, parameter;
  std::array<Vector, 2> truth;
  std::function<Vector(Random&, const Vector&)> draw;

  Fit run(BoundModel& bound) const {
    Random random(20261);
    Vector rows;
    for (int i = 0; i < 100'000; ++i) {
      const size_t k = std::uniform_real_distribution<double>()(random) < share_of_first ? 0 : 1;
      const Vector y = draw(random, truth[k]);
      rows.insert(rows.end(), y.begin(), y.end());
    }
    const Model model = compile("model family {\n  axis K = 2\n  " + declarations +
                                "\n  param weight: simplex[K]\n  latent z: category[K]\n"
                                "  P(z) = Categorical(weight)\n  " +
                                factor + "\n  q(z | y) = exact\n}\n");
    INFO(model.report().render());
    REQUIRE(model.ok());
    bound = bind_or_fail(model, table(rows, static_cast<int64_t>(rows.size() / 100'000)));
    const Fit fit = fit_or_fail(bound, {.iterations = 20'000, .tolerance = 1e-8});
    CHECK(fit.converged);
    const Vector& found = values(fit, parameter);
    const size_t size = truth[0].size();
    const bool same = (found[0] < found[size]) == (truth[0][0] < truth[1][0]);
    for (size_t i = 0; i < 2 * size; ++i) {
      INFO(parameter << " element " << i);
      CHECK(found[i] == Approx(truth[(i / size + (same ? 0 : 1)) % 2][i % size]).epsilon(0.03).margin(0.01));
    }
    CHECK(values(fit, "weight")[same ? 0 : 1] == Approx(share_of_first).margin(0.02));
    return fit;
  }
};

}  // namespace

TEST_CASE("a mixture of Multinomials ends where the likelihood's direct climb ends") {
  check_cases("Multinomial", 2);
  BoundModel bound;
  Recovery{.declarations = "axis V = 3  data y: count[V]  param p: simplex[K, V]",
           .factor = "P(y | z) = Multinomial(20, p: p[z])",
           .parameter = "p",
           .truth = {Vector{.2, .3, .5}, Vector{.6, .3, .1}},
           .draw = [](Random& g, const Vector& p) { return counts_of(g, 20, p); }}
      .run(bound);
}

TEST_CASE("rows that count nothing, and outcomes that never occur, leave Multinomials well defined") {
  const Model model = compile(R"(model counts {
    axis V = 3
    data y: count[V]
    given n: count
    param p: simplex[V]
    P(y | n) = Multinomial(n, p: p)
  })");
  const std::vector<double> n = {0, 0, 0}, some = {0, 3, 1}, y3 = {0, 1, 0};
  const auto fitted = [&](const std::vector<double>& first, const std::vector<double>& third,
                          const std::vector<double>& all) {
    const std::vector<HostColumn> host = {
        {"y1", first.data(), 1}, {"y2", n.data(), 1}, {"y3", third.data(), 1}, {"n", all.data(), 1}};
    return fit_or_fail(bind_or_fail(model, make_data(host, 3)), {.iterations = 10});
  };
  const std::vector<double> all = {0, 4, 1};
  CHECK(values(fitted(some, y3, all), "p") == std::vector<double>{0.8, 0, 0.2});
  CHECK(fitted(n, n, n).objective == 0);
}

TEST_CASE("a mixture of Dirichlets ends where the likelihood's direct climb ends") {
  check_cases("Dirichlet", 2);
  BoundModel bound;
  const Fit fit = Recovery{.declarations = "axis V = 3  data y: simplex[V]  param a: positive[K, V]",
                           .factor = "P(y | z) = Dirichlet(a[z])",
                           .parameter = "a",
                           .truth = {Vector{2, 3, 6}, Vector{12, 5, 2}},
                           .draw = shares_of}
                      .run(bound);
  for (size_t i = 0; i < 6; ++i) CHECK(gain(bound, fit, "a", i) < 1e-6);
}

TEST_CASE("priors of means that scale with the spread have one joint mode, that of the direct climb") {
  check_cases("NormalInverseWishart", 2);
  check_cases("NormalInverseGamma", 2);
}

TEST_CASE("with a Normal-InverseWishart prior few rows are enough") {
  const Model model = compile(R"(model few {
    axis D = columns
    data y: real[D]
    param cov: covariance[D] ~ InverseWishart(5, scale: diag([1, 2]))
    param m: real[D] ~ Normal(1, cov: cov / 3)
    P(y) = Normal(m, cov: cov)
  })");
  INFO(model.report().render());
  const BoundModel bound = bind_or_fail(model, table({3, -1, 2, -1.5}, 2));
  const Fit fit = fit_or_fail(bound, {.iterations = 10});
  // By hand, with e = ybar - m0 and N = 2: m = (3 m0 + N ybar) / (3 + N),
  // cov = (diag(1, 2) + scatter + 3 N / (3 + N) e e') / (5 + D + 2 + N).
  const std::vector<double> m = {(3 + 5) / 5.0, (3 - 2.5) / 5};
  const std::vector<double> e = {1.5, -2.25};
  const double cross = (0.25 + 1.2 * e[0] * e[1]) / 11;
  const std::vector<double> cov = {(1 + 0.5 + 1.2 * e[0] * e[0]) / 11, cross, cross,
                                   (2 + 0.125 + 1.2 * e[1] * e[1]) / 11};
  for (size_t i = 0; i < 2; ++i) CHECK(values(fit, "m")[i] == Approx(m[i]).epsilon(1e-12));
  for (size_t i = 0; i < 4; ++i) CHECK(values(fit, "cov")[i] == Approx(cov[i]).epsilon(1e-12));
}

TEST_CASE("values in order that want to descend end equal, where the direct climb holds them so") {
  check_cases("in order", 2);
}

TEST_CASE("values in order are recovered in their order, whatever the clusters of the start are") {
  Random random(3);
  Vector rows;
  for (int i = 0; i < 100'000; ++i) {
    const int k = static_cast<int>(random() % 3);
    rows.push_back(std::vector<double>{4, -3, 0}[static_cast<size_t>(k)] +
                   std::normal_distribution<double>()(random));
  }
  const Model model = compile(R"(model m {
    axis K = 3
    data y: real
    param weight: simplex[K]
    param m: ordered[K]
    param s: positive[K]
    latent z: category[K]
    P(z) = Categorical(weight)
    P(y | z) = Normal(m[z], sd: s[z])
    q(z | y) = exact
  })");
  const BoundModel bound = bind_or_fail(model, table(rows, 1));
  for (uint64_t seed = 1; seed < 5; ++seed) {
    const Fit fit = fit_or_fail(bound, {.iterations = 20'000,
                                        .tolerance = 1e-8,
                                        .accelerate = true,
                                        .seed = seed,
                                        .standard_errors = seed == 1});
    CHECK(fit.converged);
    for (size_t k = 0; k < 3; ++k) {
      CHECK(values(fit, "m")[k] == Approx(Vector{-3, 0, 4}[k]).margin(0.05));
      CHECK(gain(bound, fit, "m", k) < 1e-6);
    }
  }
}

TEST_CASE("a mixture of Laplaces ends at the best of all pairs of rows") {
  check_cases("Laplace", 1);
}

TEST_CASE("one Laplace is the median and the mean distance to it, by weight and over absent cells") {
  const Model model = compile(R"(model m {
    axis D = columns
    data y: real[D] missing
    weight w = column("w")
    param m: real[D]
    param s: positive[D]
    P(y) = Laplace(m, scale: s)
  })");
  const double none = std::nan("");
  const std::vector<double> a = {5, 1, 2, 100, 7}, b = {none, 4, -3, 8, 1}, w = {1, 1, 3, 0, 1.5};
  const std::vector<HostColumn> host = {{"y1", a.data(), 1}, {"y2", b.data(), 1}, {"w", w.data(), 1}};
  const Fit fit = fit_or_fail(bind_or_fail(model, make_data(host, 5)), {.iterations = 100});
  CHECK(values(fit, "m") == std::vector<double>{2, -3});
  CHECK(values(fit, "s")[0] == Approx((3 + 1 + 0 + 7.5) / 6.5).epsilon(1e-14));
  CHECK(values(fit, "s")[1] == Approx((7 + 0 + 6) / 5.5).epsilon(1e-14));
}

TEST_CASE("Dirichlets without a latent, tied, and far from their start are climbed") {
  Random random(5);
  Vector rows;
  for (int i = 0; i < 500; ++i) {
    const Vector y = shares_of(random, {400, 0.3, 20});
    rows.insert(rows.end(), y.begin(), y.end());
  }
  const Model model =
      compile("model m { axis V = 3 data y: simplex[V] param a: positive[V] P(y) = Dirichlet(a) }");
  for (Vector& y : std::vector<Vector>{rows}) {
    for (double& each : y) each = std::max(each, 1e-300);
    const BoundModel bound = bind_or_fail(model, table(y, 3));
    for (const Vector& start : {Vector{1, 1, 1}, Vector{1e-3, 1e3, 1e-3}, Vector{1e4, 1e4, 1e4}}) {
      const Fit fit =
          fit_or_fail(bound, {.iterations = 10'000, .tolerance = 1e-10, .init = {{"a", {3}, start}}});
      CHECK(fit.converged);
      for (size_t i = 0; i < 3; ++i) CHECK(gain(bound, fit, "a", i) < 1e-6);
    }
  }
}

}  // namespace lvm::numeric
