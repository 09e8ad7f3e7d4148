// Standard errors: what textbooks give in closed form, and a mixture's by another road
// (tests/oracles/standard_errors.py).

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/fixture.h"
#include "tests/numeric/models.h"
#include "tests/support/golden.h"

namespace lvm::numeric {
namespace {

constexpr double tolerance = 1e-3;  // of differences of second order, a step of 1/22 of a standard error wide

Fit fitted(const std::string& text, const Data& data, std::vector<Values> init = {}) {
  const Model model = compile("model m {\n" + text + "\n}", {});
  INFO(model.report().render());
  REQUIRE(model.ok());
  FitOptions options;
  options.tolerance = 1e-10;
  options.iterations = 20000;
  options.standard_errors = true;
  options.init = std::move(init);
  return fit_or_fail(bind_or_fail(model, data), options);
}

const std::vector<double>& errors(const Fit& fit, const std::string& name) {
  const Parameter* parameter = fit.find(name);
  REQUIRE(parameter != nullptr);
  REQUIRE(parameter->standard_errors.size() == parameter->values.size());
  return parameter->standard_errors;
}

constexpr const char* mixture = R"(
  axis K = 2
  param  weight: simplex[K]
  latent z: category[K]
  P(z) = Categorical(weight)
  q(z | y) = exact
)";

}  // namespace

TEST_CASE("standard errors of one Normal are those of the textbooks") {
  // Maximum likelihood: se(mean_i) = sqrt(S_ii / n) and se(S_ij) = sqrt((S_ii S_jj + S_ij^2) / n)
  // (Anderson 2003, An Introduction to Multivariate Statistical Analysis, theorem 3.4.4).
  const Fit fit = fitted(R"(
    axis D = columns
    data y: real[D]
    param mean: real[D]
    param cov: covariance[D]
    P(y) = Normal(mean, cov: cov))",
                         example("faithful"));
  const std::vector<double>& s = values(fit, "cov");
  const auto n = static_cast<double>(fit.rows);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(errors(fit, "mean")[i] == Approx(std::sqrt(s[i * 3] / n)).epsilon(tolerance));
    for (size_t j = 0; j < 2; ++j) {
      const double expected = std::sqrt((s[i * 3] * s[j * 3] + s[i * 2 + j] * s[i * 2 + j]) / n);
      CHECK(errors(fit, "cov")[i * 2 + j] == Approx(expected).epsilon(tolerance));
    }
  }
}

TEST_CASE("standard errors of mixtures equal the inverse of the observed information by hand") {
  const Json expected = fixture("standard_errors");
  const Fit waiting = fitted(std::string(mixture) + R"(
    data   y: real = column("waiting")
    param  mean: real[K]
    param  sd: positive[K]
    P(y | z) = Normal(mean[z], sd: sd[z]))",
                             example("faithful"), parameters_of(expected["waiting"]["start"]));
  const Fit discoveries = fitted(std::string(mixture) + R"(
    data   y: count = column("inventions")
    param  rate: positive[K]
    P(y | z) = Poisson(rate[z]))",
                                 example("discoveries"), parameters_of(expected["discoveries"]["start"]));
  for (const auto& [fit, name] : {std::pair(&waiting, "waiting"), std::pair(&discoveries, "discoveries")}) {
    for (const auto& [parameter, list] : expected[name]["errors"].object()) {
      for (size_t i = 0; i < list.array().size(); ++i) {
        CAPTURE(name, parameter, i);
        CHECK(errors(*fit, parameter)[i] == Approx(list.array()[i].number()).epsilon(tolerance));
      }
    }
  }
}

TEST_CASE("what is fixed has no standard error, and others are given it") {
  const Fit fit = fitted(R"(
    axis D = columns
    data   y: real[D]
    param  mean: real[D]
    param  variance: positive = 100.0 fixed
    P(y) = Normal(mean, var: variance))",
                         example("faithful"));
  CHECK(fit.find("variance")->standard_errors.empty());
  CHECK(errors(fit, "mean")[1] == Approx(std::sqrt(100 / static_cast<double>(fit.rows))).epsilon(tolerance));
}

TEST_CASE("a direction without curvature is said, and nothing else is lost") {
  // Two equal components, which EM does not part: the weight may be anything, and the means gain by parting.
  const Fit fit = fitted(std::string(mixture) + R"(
    data   y: real = column("waiting")
    param  mean: real[K]
    param  sd: positive[K]
    P(y | z) = Normal(mean[z], sd: sd[z]))",
                         example("faithful"),
                         {{"weight", {2}, {0.5, 0.5}}, {"mean", {2}, {70, 70}}, {"sd", {2}, {10, 10}}});
  CHECK(values(fit, "mean")[0] == values(fit, "mean")[1]);
  CHECK(fit.find("mean")->standard_errors.empty());
  golden::check(golden::folder("fit") / "no_standard_errors.expected", fit.report().render());
}

}  // namespace lvm::numeric
