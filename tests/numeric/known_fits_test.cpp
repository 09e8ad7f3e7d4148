// Fits whose results are published: mclust's documentation for faithful.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

BoundModel faithful(std::string_view form, int64_t K) {
  return bind_or_fail(compile_mixture(form, K), example("faithful"));
}

}  // namespace

TEST_CASE("faithful, three components with one full covariance") {
  const Fit fit = fit_or_fail(faithful("tied", 3), {.tolerance = 1e-8, .restarts = 5});
  CHECK(fit.converged);
  CHECK(fit.objective == Approx(-1126.316).margin(5e-4).epsilon(0));
  CHECK(fit.free_parameters == 11);
  CHECK(fit.aic == Approx(2274.632).margin(5e-4).epsilon(0));
  CHECK(fit.bic == Approx(2314.296).margin(5e-4).epsilon(0));
}

TEST_CASE("faithful, two components with full covariances") {
  const Fit fit = fit_or_fail(faithful("full", 2), {.tolerance = 1e-8});
  CHECK(fit.objective == Approx(-1130.264).margin(5e-4).epsilon(0));
  CHECK(fit.free_parameters == 11);
}

TEST_CASE("two kinds of waiting times, by their standard deviations") {
  const Model model = compile(R"(model waiting {
    axis K = 2
    data   y: real = column("waiting")
    param  weight: simplex[K]
    param  mean: real[K]
    param  sd: positive[K]
    latent z: category[K]
    P(z)     = Categorical(weight)
    P(y | z) = Normal(mean[z], sd: sd[z])
    q(z | y) = exact
  })");
  const Fit fit = fit_or_fail(bind_or_fail(model, example("faithful")), {.tolerance = 1e-9});
  CHECK(fit.objective == Approx(-1034.002).margin(5e-4).epsilon(0));
  CHECK(fit.free_parameters == 5);
  // The components have no order of their own.
  const std::vector<double>& mean = values(fit, "mean");
  const size_t high = mean[0] > mean[1] ? 0 : 1, low = 1 - high;
  const auto check = [&](const std::string& name, double at_high, double at_low) {
    CHECK(values(fit, name)[high] == Approx(at_high).margin(5e-4).epsilon(0));
    CHECK(values(fit, name)[low] == Approx(at_low).margin(5e-4).epsilon(0));
  };
  check("weight", .639, .361);
  check("mean", 80.091, 54.615);
  check("sd", 5.868, 5.871);
}

TEST_CASE("collapsed runs of iris are reported and never chosen") {
  const BoundModel bound =
      bind_or_fail(compile_mixture("full", 5), example("iris"),
                   {.columns = {{"y", {"Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"}}}});
  const Fit fit = fit_or_fail(bound, {.restarts = 60});
  REQUIRE(fit.runs.size() == 60);

  const Run& chosen = fit.runs.at(fit.best);
  CHECK(chosen.stop != "failed");
  CHECK(chosen.objective == fit.objective);
  size_t collapsed = 0;
  for (const Run& run : fit.runs) {
    INFO("run " << run.number << ": " << run.stop << ", " << run.message);
    if (run.stop == "failed") {
      ++collapsed;
      CHECK(run.message.find("component") != std::string::npos);
    } else {
      CHECK(run.objective <= fit.objective);
    }
  }
  CHECK(collapsed > 0);
  CHECK(collapsed < 60);
  const auto& messages = fit.report().messages();
  CHECK(std::any_of(messages.begin(), messages.end(),
                    [](const Message& m) { return !m.error && !m.text.empty(); }));
  // A likelihood that ran off would show as a variance that has gone; those of iris are above 1e-3.
  const std::vector<double>& cov = values(fit, "cov");
  for (size_t k = 0; k < 5; ++k) {
    for (size_t d = 0; d < 4; ++d) CHECK(cov[k * 16 + d * 5] > 1e-4);
  }
}

}  // namespace lvm::numeric
