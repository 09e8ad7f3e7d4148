// Tables with absent cells: the parameters at the maximum against direct maximisation by SciPy
// (tests/oracles/missing_direct.py), and those that made a large table against what is found of it.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

/// Two overlapping clusters in three correlated columns; each cell is absent with probability 1/5, whatever
/// its value.
std::vector<double> simulated(int64_t rows) {
  std::mt19937_64 engine(41);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> cells;
  for (int64_t row = 0; row < rows; ++row) {
    const bool second = uniform(engine) < 0.35;
    const double common = normal(engine);
    for (int d = 0; d < 3; ++d) {
      const double noise = 0.8 * common * (second && d == 1 ? -1 : 1) + (1 + 0.2 * d) * normal(engine);
      const double cell = (second ? 1.5 - d : 0) + 1e2 * d + noise;
      cells.push_back(uniform(engine) < 0.2 ? absent : cell);
    }
  }
  return cells;
}

}  // namespace

TEST_CASE(
    "absent cells: the parameters are those where SciPy finds the likelihood greatest, from the same start") {
  const Json all = fixture("missing_direct");
  REQUIRE(all["cases"].array().size() == 24);
  for (const Json& test : all["cases"].array()) {
    const std::string form = test["form"].text();
    const auto K = static_cast<int64_t>(test["K"].number());
    INFO(test["data"].text() << ", " << form << ", K = " << K);
    const BoundModel bound =
        bind_or_fail(compile_mixture(form, K, Weights::none, true), table_with_holes(test));
    // So many iterations that no stopping rule is asked: near the top the objective is level to rounding.
    const Fit fit =
        fit_or_fail(bound, {.iterations = 1500, .tolerance = 0.0, .init = parameters_of(test["start"])});
    CHECK(fit.objective == Approx(test["log_likelihood"].number()).epsilon(1e-12).margin(0));
    check_parameters(fit, test["parameters"], 1e-7);
  }
}

TEST_CASE(
    "a fifth of the cells absent at random: the means that made the table are within four standard errors") {
  constexpr int64_t rows = 100'000;
  const BoundModel bound =
      bind_or_fail(compile_mixture("full", 2, Weights::none, true), table(simulated(rows), 3));
  const std::vector<double> truth = {0, 100, 200, 1.5, 100.5, 199.5};
  std::vector<double> cov;
  for (int k = 0; k < 2; ++k) cov.insert(cov.end(), {1.5, 0.2, 0.2, 0.2, 2, 0.2, 0.2, 0.2, 2.5});
  const Fit fit = fit_or_fail(
      bound, {.iterations = 5000,
              .init = {{"weight", {2}, {0.5, 0.5}}, {"mean", {2, 3}, truth}, {"cov", {2, 3, 3}, cov}},
              .standard_errors = true});
  CHECK(fit.converged);
  const Parameter& mean = *fit.find("mean");
  REQUIRE(mean.standard_errors.size() == truth.size());
  for (size_t i = 0; i < truth.size(); ++i) {
    INFO("mean " << i << ": " << mean.values[i] << " of " << truth[i] << ", standard error "
                 << mean.standard_errors[i]);
    CHECK(std::abs(mean.values[i] - truth[i]) <= 4 * mean.standard_errors[i]);
    // With every cell and every label it would be sd / sqrt(n); neither is known, and a few times as much is
    // lost.
    const double share = i < 3 ? 0.65 : 0.35, d = static_cast<double>(i % 3);
    const double complete =
        std::sqrt((0.64 + (1 + 0.2 * d) * (1 + 0.2 * d)) / (share * static_cast<double>(rows)));
    CHECK(mean.standard_errors[i] > complete);
    CHECK(mean.standard_errors[i] < 10 * complete);
  }
}

}  // namespace lvm::numeric
