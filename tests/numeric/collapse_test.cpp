// Likelihoods without a maximum: the runs end, say why, and give no fit.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr int64_t D = 2;

/// Fifty scattered rows, then `equal` rows at (9, 9).
std::vector<double> with_equal_rows(size_t equal) {
  std::mt19937_64 engine(11);
  std::normal_distribution<double> normal;
  std::vector<double> rows;
  for (int i = 0; i < 50 * D; ++i) rows.push_back(normal(engine));
  rows.insert(rows.end(), equal * D, 9.0);
  return rows;
}

/// Every run ends, each with the name of a component (or of the fit) in its message, and nothing is returned
/// as a fit.
void check_collapses(std::string_view form, int64_t K, const std::vector<double>& rows,
                     const FitOptions& options) {
  INFO(form << ", K = " << K);
  const Fit result = fit(bind_or_fail(compile_mixture(form, K), table(rows, D)), options);
  INFO(result.report().render());
  CHECK_FALSE(result.ok());
  CHECK(result.report().has_errors());
  REQUIRE_FALSE(result.runs.empty());
  for (const Run& run : result.runs) {
    CHECK(run.stop == "failed");
    CHECK(run.message.find("collapsed") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a component that settles on equal rows collapses, however many they are") {
  // One component starts at the heap of equal rows; its variance shrinks to nothing within the run.
  const Values weight{"weight", {2}, {0.7, 0.3}}, mean{"mean", {2, D}, {0, 0, 8, 8}};
  const std::vector<double> rows = with_equal_rows(40);
  const auto from = [&](const Values& spread) {
    return FitOptions{.iterations = 2000, .init = {weight, mean, spread}};
  };
  check_collapses("full", 2, rows, from({"cov", {2, D, D}, {1, 0, 0, 1, 2, 0, 0, 2}}));
  check_collapses("diagonal", 2, rows, from({"var", {2, D}, {1, 1, 2, 2}}));
  check_collapses("spherical", 2, rows, from({"var", {2}, {1, 2}}));
}

TEST_CASE("one spread for all components does not collapse on equal rows") {
  for (const char* form : {"tied", "tied_diagonal", "tied_spherical"}) {
    INFO(form);
    const Fit result = fit_or_fail(bind_or_fail(compile_mixture(form, 2), table(with_equal_rows(40), D)), {});
    CHECK(result.converged);
    CHECK(std::isfinite(result.objective));
  }
}

TEST_CASE("components of every family that closes in on one value are named") {
  const auto check = [](const std::string& declarations, const std::string& density, double value,
                        bool angle) {
    INFO(density);
    std::vector<double> rows;
    for (int i = 0; i < 40; ++i) rows.push_back(value);
    for (int i = 0; i < 100; ++i) {
      const double spread = 0.15 + 0.005 * ((i * 37) % 100);  // from 0.15 to 0.65
      rows.push_back(angle ? spread - 2 : spread);
    }
    const Model model = compile(
        "model narrow {\n  axis K = 2\n" + declarations +
        "\n  param w: simplex[K]\n  latent z: category[K]\n  P(z) = Categorical(w)\n  P(y | z) = " + density +
        "\n}\n");
    INFO(model.report().render());
    REQUIRE(model.ok());
    for (const Backend backend : {Backend::compiled, Backend::interpreter}) {
      FitOptions options{.iterations = 2000, .tolerance = 0.0};
      options.backend = backend;
      const Fit failed = fit(bind_or_fail(model, table(rows, 1), {.columns = {{"y", {"y1"}}}}), options);
      REQUIRE_FALSE(failed.ok());
      const std::string text = failed.report().render();
      INFO(text);
      CHECK(text.find("has collapsed: the ") != std::string::npos);
      CHECK(text.find("component ") != std::string::npos);
    }
  };
  const std::string positive = "  data y: positive\n  param a: positive[K]\n  param b: positive[K]";
  check(positive, "Gamma(a[z], rate: b[z])", 0.9, false);
  check(positive, "Gamma(a[z], scale: b[z])", 0.9, false);
  check(positive, "Gamma(a[z], mean: b[z])", 0.9, false);
  check(positive, "InverseGamma(a[z], scale: b[z])", 0.9, false);
  check(positive, "Weibull(a[z], scale: b[z])", 0.9, false);
  check("  data y: positive\n  param m: real[K]\n  param s: positive[K]", "LogNormal(m[z], log_sd: s[z])",
        0.9, false);
  check("  data y: unit\n  param a: positive[K]\n  param b: positive[K]", "Beta(a[z], b: b[z])", 0.9, false);
  const std::string real = "  data y: real\n  param m: real[K]\n  param s: positive[K]";
  check(real, "StudentT(4, location: m[z], scale: s[z])", 0.9, false);
  check(real, "VonMises(m[z], concentration: s[z])", 2, true);
  check(real, "Truncated(Normal(m[z], sd: s[z]), low: -5, high: 5)", 0.9, false);
  check("  data y: real\n  param m: real[K] = [0.9, 0.4] fixed\n  param s: positive[K]",
        "Laplace(m[z], scale: s[z])", 0.9, false);
}

TEST_CASE("narrow components on scales of their own are no collapse") {
  // 10^-6 beside 1: the variance of the first is 10^-13 of the column's.
  std::vector<double> rows;
  for (int i = 1; i <= 60; ++i) rows.insert(rows.end(), {1e-6 * (1 + 0.05 * (i % 9)), 1 + 0.05 * (i % 9)});
  const Model model = compile(R"(model scales {
    axis K = 2
    data y: positive = column("y1")
    param w: simplex[K]
    param a: positive[K]
    param b: positive[K]
    latent z: category[K]
    P(z) = Categorical(w)
    P(y | z) = Gamma(a[z], mean: b[z])
  })");
  const Fit fit = fit_or_fail(bind_or_fail(model, table(rows, 1)), {.iterations = 200});
  CHECK(values(fit, "w")[0] == Approx(0.5).epsilon(1e-6));
}

TEST_CASE("a constant column leaves no likelihood to maximise") {
  std::vector<double> rows = with_equal_rows(0);
  for (size_t i = 1; i < rows.size(); i += D) rows[i] = 1e6;
  for (const char* form : {"full", "tied", "diagonal", "tied_diagonal"}) {
    check_collapses(form, 1, rows, {});
    check_collapses(form, 2, rows, {.restarts = 3});
  }
  // One variance for all columns still has the other column to live on.
  for (const char* form : {"spherical", "tied_spherical"}) {
    INFO(form);
    CHECK(std::isfinite(fit_or_fail(bind_or_fail(compile_mixture(form, 2), table(rows, D)), {}).objective));
  }
}

TEST_CASE("a column that is a multiple of another is singular for matrices alone") {
  std::vector<double> rows = with_equal_rows(0);
  for (size_t i = 1; i < rows.size(); i += D) rows[i] = 3 * rows[i - 1];
  for (const char* form : {"full", "tied"}) check_collapses(form, 1, rows, {});
  const Fit result = fit_or_fail(bind_or_fail(compile_mixture("diagonal", 1), table(rows, D)), {});
  const std::vector<double>& var = values(result, "var");
  CHECK(var[1] == Approx(9 * var[0]).epsilon(1e-12));
}

TEST_CASE("a mixture of more components than distinct rows collapses") {
  const std::vector<double> rows{0, 0, 1, 1, 2, 3, 0, 0, 1, 1, 2, 3, 0, 0, 1, 1, 2, 3};
  for (const char* form : {"full", "diagonal", "spherical"}) check_collapses(form, 4, rows, {.restarts = 5});
}

}  // namespace lvm::numeric
