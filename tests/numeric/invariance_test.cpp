// What must not change a fit: the order of rows and columns, rows that stand twice, the unit of a column.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>

#include "tests/numeric/models.h"
#include "tests/numeric/random_mixture.h"

namespace lvm::numeric {
namespace {

constexpr int64_t N = 400, D = 3, K = 3, updates = 10;

/// Three overlapping clusters in three correlated columns.
std::vector<double> clusters() {
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal;
  std::vector<double> rows;
  for (int64_t row = 0; row < N; ++row) {
    const double shift = 2.0 * static_cast<double>(row % K), common = normal(engine);
    for (int64_t d = 0; d < D; ++d)
      rows.push_back(shift * (d == 1 ? -1 : 1) + 0.5 * common +
                     normal(engine) * (1 + 0.3 * static_cast<double>(d)));
  }
  return rows;
}

/// Means at the first K rows, unit covariances.
std::vector<Values> start(const std::vector<double>& rows) {
  Values cov{"cov", {K, D, D}, std::vector<double>(static_cast<size_t>(K * D * D))};
  for (int64_t k = 0; k < K; ++k) {
    for (int64_t d = 0; d < D; ++d)
      cov.values[static_cast<size_t>(k * D * D + d * (D + 1))] = 1 + static_cast<double>(d);
  }
  return {{"weight", {K}, {0.5, 0.3, 0.2}}, {"mean", {K, D}, {rows.begin(), rows.begin() + K * D}}, cov};
}

Fit fit_full(const std::vector<double>& rows, const std::vector<Values>& init) {
  return fit_or_fail(bind_or_fail(compile_mixture("full", K), table(rows, D)),
                     {.iterations = updates, .tolerance = 0.0, .init = init});
}

void check_equal(const std::vector<double>& actual, const std::vector<double>& expected,
                 double tolerance = 1e-10) {
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    INFO("element " << i);
    CHECK(std::abs(actual[i] - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])));
  }
}

void check_equal(const Fit& actual, const Fit& expected) {
  CHECK(actual.objective == Approx(expected.objective).epsilon(1e-12));
  for (const char* name : {"weight", "mean", "cov"})
    check_equal(values(actual, name), values(expected, name));
}

}  // namespace

TEST_CASE("the order of the rows does not matter") {
  const std::vector<double> rows = clusters();
  std::vector<size_t> order(static_cast<size_t>(N));
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
  std::vector<double> shuffled;
  for (const size_t row : order) shuffled.insert(shuffled.end(), &rows[row * D], &rows[row * D] + D);
  check_equal(fit_full(shuffled, start(rows)), fit_full(rows, start(rows)));
}

TEST_CASE("the order of the columns does not matter") {
  const std::vector<double> rows = clusters();
  const size_t from[] = {2, 0, 1};  // column d of the new table is column from[d] of the old
  const auto turned = [&](const std::vector<double>& values, bool matrices) {
    std::vector<double> result(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t d = i % D, e = i / D % D;
      result[i] =
          matrices ? values[i / (D * D) * D * D + from[e] * D + from[d]] : values[i / D * D + from[d]];
    }
    return result;
  };
  std::vector<Values> init = start(rows);
  init[1].values = turned(init[1].values, false);
  init[2].values = turned(init[2].values, true);
  const Fit expected = fit_full(rows, start(rows)), actual = fit_full(turned(rows, false), init);
  CHECK(actual.objective == Approx(expected.objective).epsilon(1e-12));
  check_equal(values(actual, "weight"), values(expected, "weight"));
  check_equal(values(actual, "mean"), turned(values(expected, "mean"), false));
  check_equal(values(actual, "cov"), turned(values(expected, "cov"), true));
}

TEST_CASE("rows that stand twice count twice") {
  const std::vector<double> rows = clusters();
  std::vector<double> twice = rows;
  twice.insert(twice.end(), rows.begin(), rows.end());
  const Fit once = fit_full(rows, start(rows)), doubled = fit_full(twice, start(rows));
  CHECK(doubled.objective == Approx(2 * once.objective).epsilon(1e-12));
  for (const char* name : {"weight", "mean", "cov"}) check_equal(values(doubled, name), values(once, name));
}

TEST_CASE("the unit and the origin of the columns change the likelihood by their Jacobian") {
  const std::vector<double> rows = clusters();
  const double unit[] = {1e-4, 64, 1e5}, origin[] = {3, -1e3, 0};
  const auto moved = [&](std::vector<double> values) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = origin[i % D] + unit[i % D] * values[i];
    return values;
  };
  std::vector<Values> init = start(rows);
  init[1].values = moved(init[1].values);
  for (size_t i = 0; i < init[2].values.size(); ++i) init[2].values[i] *= unit[i % D] * unit[i / D % D];
  const Fit plain = fit_full(rows, start(rows)), other = fit_full(moved(rows), init);
  const double jacobian = static_cast<double>(N) * std::log(unit[0] * unit[1] * unit[2]);
  CHECK(other.objective == Approx(plain.objective - jacobian).epsilon(1e-10));
  check_equal(values(other, "weight"), values(plain, "weight"));
  // An origin of 3 with a unit of 1e-4 leaves the mean eleven digits.
  const std::vector<double> mean = moved(values(plain, "mean"));
  for (size_t i = 0; i < mean.size(); ++i)
    CHECK(std::abs(values(other, "mean")[i] - mean[i]) <= 1e-10 * unit[i % D] + 1e-15 * std::abs(mean[i]));
}

TEST_CASE("one component is the maximum-likelihood Gaussian, after one update from anywhere") {
  const std::vector<double> rows = clusters();
  double mean[D] = {}, cov[D * D] = {};
  for (size_t i = 0; i < rows.size(); ++i) mean[i % D] += rows[i] / N;
  for (size_t row = 0; row < N; ++row) {
    for (size_t i = 0; i < D * D; ++i)
      cov[i] += (rows[row * D + i / D] - mean[i / D]) * (rows[row * D + i % D] - mean[i % D]) / N;
  }
  const auto fit_one = [&](const std::string& form) {
    return fit_or_fail(bind_or_fail(compile_mixture(form, 1), table(rows, D)), {.tolerance = 1e-9});
  };
  const Fit full = fit_one("full");
  check_equal(values(full, "weight"), {1});
  check_equal(values(full, "mean"), {mean, mean + D});
  check_equal(values(full, "cov"), {cov, cov + D * D});
  check_equal(values(fit_one("tied"), "cov"), {cov, cov + D * D});
  check_equal(values(fit_one("diagonal"), "var"), {cov[0], cov[4], cov[8]});
  check_equal(values(fit_one("spherical"), "var"), {(cov[0] + cov[4] + cov[8]) / 3});
  check_equal(values(fit_one("tied_spherical"), "var"), {(cov[0] + cov[4] + cov[8]) / 3});

  const Model without_latent = compile(R"(model gaussian {
    axis D = columns
    data y: real[D]
    param mean: real[D]
    param cov: covariance[D]
    P(y) = Normal(mean, cov: cov)
  })");
  const Fit plain = fit_or_fail(bind_or_fail(without_latent, table(rows, D)), {});
  CHECK(plain.objective == Approx(full.objective).epsilon(1e-12));
  check_equal(values(plain, "mean"), {mean, mean + D});
  check_equal(values(plain, "cov"), {cov, cov + D * D});
}

TEST_CASE("columns of nothing but zeros or ones give probabilities on the border, and a finite likelihood") {
  std::vector<double> rows;
  for (int64_t row = 0; row < 100; ++row) {
    rows.insert(rows.end(), {0.0, 1.0, row % 3 == 0 ? 1.0 : 0.0, row % 2 == 0 ? 1.0 : 0.0});
  }
  const Fit fit =
      fit_or_fail(bind_or_fail(compile_mixture("bernoulli", 2), table(rows, 4)), {.iterations = 50});
  CHECK(std::isfinite(fit.objective));
  const std::vector<double>& p = values(fit, "p");
  for (size_t k = 0; k < 2; ++k) {
    CHECK(p[4 * k] == 0);
    CHECK(p[4 * k + 1] == 1);
    CHECK((p[4 * k + 2] >= 0 && p[4 * k + 2] <= 1));
  }
}

}  // namespace lvm::numeric
