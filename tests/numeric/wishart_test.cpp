// Mixtures of random matrices: against the direct climb of tests/oracles/wishart.py, recovered from 10^5
// simulated rows, and how runs end whose degrees of freedom have no top.

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/numeric/ascent.h"
#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

using Random = std::mt19937_64;
using Vector = std::vector<double>;

constexpr double share_of_first = 0.4;

/// Row-major 2 x 2: the sum of squares of `df` vectors L e.
Vector scatter(Random& random, int df, const Vector& lower) {
  std::normal_distribution<double> normal;
  Vector x(4, 0);
  for (int i = 0; i < df; ++i) {
    const double a = normal(random), b = normal(random), u = lower[0] * a, v = lower[2] * a + lower[3] * b;
    x[0] += u * u;
    x[1] += u * v;
    x[3] += v * v;
  }
  x[2] = x[1];
  return x;
}

Vector inverse(const Vector& x) {
  const double det = x[0] * x[3] - x[1] * x[2];
  return {x[3] / det, -x[1] / det, -x[2] / det, x[0] / det};
}

/// L L'.
Vector square(const Vector& l) {
  return {l[0] * l[0], l[0] * l[2], l[0] * l[2], l[2] * l[2] + l[3] * l[3]};
}

Data matrices(const Vector& cells) {
  static const std::array names = {"S1_1", "S1_2", "S2_1", "S2_2"};
  std::vector<HostColumn> host;
  for (size_t i = 0; i < names.size(); ++i) host.push_back({names[i], cells.data() + i, 4});
  return make_data(host, static_cast<int64_t>(cells.size() / 4));
}

Model mixture_of(const std::string& family) {
  return compile(
      "model m {\n  axis K = 2\n  axis D = columns\n  data S: covariance[D]\n  param weight: simplex[K]\n"
      "  param df: positive[K]\n  param V: covariance[K, D]\n  latent z: category[K]\n  P(z) = "
      "Categorical(weight)\n"
      "  P(S | z) = " +
      family + "(df[z], scale: V[z])\n  q(z | S) = exact\n}\n");
}

const std::array<Vector, 2> lower = {Vector{1, 0, .3, .6}, Vector{.6, 0, -.2, 1.1}};
const std::array<int, 2> df = {5, 12};

void check_recovery(const std::string& family) {
  const bool inverted = family == "InverseWishart";
  Random random(20263);
  Vector rows;
  for (int i = 0; i < 100'000; ++i) {
    const size_t k = std::uniform_real_distribution<double>()(random) < share_of_first ? 0 : 1;
    const Vector x = scatter(random, df[k], lower[k]);
    const Vector y = inverted ? inverse(x) : x;
    rows.insert(rows.end(), y.begin(), y.end());
  }
  const BoundModel bound = bind_or_fail(mixture_of(family), matrices(rows));
  const Fit fit = fit_or_fail(bound, {.iterations = 5000, .tolerance = 1e-8});
  CHECK(fit.converged);
  const bool same = values(fit, "df")[0] < values(fit, "df")[1];
  CHECK(values(fit, "weight")[same ? 0 : 1] == Approx(share_of_first).margin(0.01));
  for (size_t k = 0; k < 2; ++k) {
    const size_t at = same ? k : 1 - k;
    CHECK(values(fit, "df")[at] == Approx(df[k]).epsilon(0.02));
    const Vector truth = inverted ? inverse(square(lower[k])) : square(lower[k]);
    for (size_t i = 0; i < 4; ++i)
      CHECK(values(fit, "V")[at * 4 + i] == Approx(truth[i]).epsilon(0.03).margin(0.01));
    CHECK(gain(bound, fit, "df", k) < 1e-6);
  }
}

}  // namespace

TEST_CASE("mixtures of Wisharts and their inverses end where the likelihood's direct climb ends") {
  const Json all = fixture("wishart");
  REQUIRE(all.array().size() == 7);
  for (const Json& test : all.array()) {
    INFO(test["name"].text());
    const Model model = compile(test["text"].text());
    INFO(model.report().render());
    REQUIRE(model.ok());
    const BoundModel bound = bind_or_fail(model, table_of(test["table"]));
    const Fit fit =
        fit_or_fail(bound, {.iterations = 20'000, .tolerance = 0, .init = parameters_of(test["start"])});
    CHECK(fit.objective + fit.log_prior.value_or(0) ==
          Approx(test["objective"].number()).epsilon(1e-10).margin(0));
    check_parameters(fit, test["parameters"], 1e-6);
  }
}

TEST_CASE("two Wisharts are recovered from 10^5 matrices") {
  check_recovery("Wishart");
}

TEST_CASE("two InverseWisharts are recovered from 10^5 matrices") {
  check_recovery("InverseWishart");
}

TEST_CASE(
    "a Wishart that closes in on one matrix, and degrees of freedom that no density has, end a run by name") {
  const Model one = compile(
      "model m { axis D = columns data S: covariance[D] param df: positive param V: covariance[D] "
      "P(S) = Wishart(df, scale: V) }");
  const Vector same = {2, .5, .5, 1, 2, .5, .5, 1, 2, .5, .5, 1};
  const Fit collapsed = fit(bind_or_fail(one, matrices(same)), {.iterations = 100});
  CHECK_FALSE(collapsed.ok());
  CHECK(collapsed.report().render().find("closed in on one value") != std::string::npos);
  const Model held = compile(
      "model m { axis D = columns data S: covariance[D] param V: covariance[D] P(S) = Wishart(0.5, scale: V) "
      "}");
  const Fit none = fit(bind_or_fail(held, matrices({2, .5, .5, 1, 1, 0, 0, 3})), {.iterations = 100});
  CHECK_FALSE(none.ok());
  CHECK(none.report().render().find("the degrees of freedom of `S` are not above 1") != std::string::npos);
}

TEST_CASE("scales of the rows from 1e-100 to 1e100 change nothing but the scale") {
  Random random(7);
  Vector rows;
  for (int i = 0; i < 300; ++i) {
    const Vector x = scatter(random, 6, lower[0]);
    rows.insert(rows.end(), x.begin(), x.end());
  }
  const Model model = compile(
      "model m { axis D = columns data S: covariance[D] param df: positive param V: covariance[D] "
      "P(S) = InverseWishart(df, scale: V) }");
  const FitOptions options{.iterations = 200, .tolerance = 1e-10};
  const Fit plain = fit_or_fail(bind_or_fail(model, matrices(rows)), options);
  for (const double scale : {1e-100, 1e-6, 1e6, 1e100}) {
    INFO(scale);
    Vector scaled = rows;
    for (double& x : scaled) x *= scale;
    const Fit fit = fit_or_fail(bind_or_fail(model, matrices(scaled)), options);
    CHECK(values(fit, "df")[0] == Approx(values(plain, "df")[0]).epsilon(1e-8));
    for (size_t i = 0; i < 4; ++i)
      CHECK(values(fit, "V")[i] / scale == Approx(values(plain, "V")[i]).epsilon(1e-8));
  }
}

}  // namespace lvm::numeric
