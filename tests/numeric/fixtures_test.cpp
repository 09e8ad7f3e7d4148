// Fits against the frozen results of tests/oracles: a plain NumPy EM from the same start, and scikit-learn's
// score.

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/fixture.h"
#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr double tolerance = 1e-8;

void check_value(double actual, const Json& expected) {
  CHECK(actual == Approx(expected.number()).epsilon(tolerance).margin(0));
}

BindOptions columns_of(const Json& test) {
  std::vector<std::string> names;
  for (const Json& column : test["columns"].array()) names.push_back(column.text());
  const std::string& form = test["form"].text();
  if (form == "normal_and_categorical") return {.columns = {{"y", {names[0]}}, {"c", {names[1]}}}};
  return {.columns = {{form == "categorical" || form == "latent_class" ? "c" : "y", names}}};
}

void check_case(const Json& test) {
  const std::string form = test["form"].text();
  const auto K = static_cast<int64_t>(test["K"].number());
  INFO(test["data"].text() << ", " << form << ", K = " << K);
  const BoundModel bound =
      bind_or_fail(compile_mixture(form, K), example(test["data"].text()), columns_of(test));
  FitOptions options{.iterations = 0, .tolerance = 0.0, .init = parameters_of(test["start"])};

  check_value(fit_or_fail(bound, options).objective, test["start_log_likelihood"]);

  options.iterations = static_cast<int64_t>(test["updates"].number());
  const Fit after = fit_or_fail(bound, options);
  CHECK(after.iterations == *options.iterations);
  check_value(after.objective, test["after"]["log_likelihood"]);
  check_parameters(after, test["after"]["parameters"], tolerance);

  if (!test.object().contains("converged")) return;
  const Json& converged = test["converged"];
  options.iterations = 100'000;
  options.tolerance = 1e-9;
  const Fit end = fit_or_fail(bound, options);
  CHECK(end.converged);
  check_value(end.objective, converged["log_likelihood"]);
  check_value(end.objective, converged["scikit_learn"]);

  options.iterations = 0;
  options.init = parameters_of(converged["parameters"]);
  check_value(fit_or_fail(bound, options).objective, converged["scikit_learn"]);
}

void check_fixture(const std::string& name, size_t cases) {
  const Json all = fixture(name);
  REQUIRE(all["cases"].array().size() == cases);
  for (const Json& test : all["cases"].array()) check_case(test);
}

}  // namespace

TEST_CASE("Gaussian mixtures of faithful equal the oracle in every covariance form") {
  check_fixture("gaussian_faithful", 18);
}

TEST_CASE("Gaussian mixtures of iris equal the oracle in every covariance form") {
  check_fixture("gaussian_iris", 18);
}

TEST_CASE("Gaussian mixtures of wine equal the oracle in every covariance form") {
  check_fixture("gaussian_wine", 18);
}

TEST_CASE("the Bernoulli mixture of the binary digits equals the oracle") {
  check_fixture("bernoulli_digits", 1);
}

TEST_CASE("mixtures with categories equal the oracle") {
  check_fixture("categorical_faithful", 5);
}

TEST_CASE("latent classes of the survey equal the oracle") {
  check_fixture("latent_class_survey", 3);
}

}  // namespace lvm::numeric
