// Normals whose covariance is a correlation matrix: against the direct climb of
// tests/oracles/correlations.py.

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {

TEST_CASE("Normals of unit variances end where the likelihood's direct climb ends") {
  const Json all = fixture("correlations");
  REQUIRE(all.array().size() == 2);
  for (const Json& test : all.array()) {
    INFO(test["name"].text());
    const Model model = compile(test["text"].text());
    INFO(model.report().render());
    REQUIRE(model.ok());
    const BoundModel bound = bind_or_fail(model, table_of(test["table"]));
    for (const bool accelerate : {false, true}) {
      const Fit fit = fit_or_fail(bound, {.iterations = 20'000,
                                          .tolerance = 0,
                                          .accelerate = accelerate,
                                          .init = parameters_of(test["start"])});
      CHECK(fit.objective == Approx(test["objective"].number()).epsilon(1e-10).margin(0));
      check_parameters(fit, test["parameters"], 1e-6);
      const auto& r = values(fit, "R");
      for (size_t i = 0; i < r.size(); i += 9)
        CHECK((r[i] == 1 && r[i + 4] == 1 && r[i + 8] == 1 && r[i + 1] == r[i + 3]));
    }
  }
}

TEST_CASE("the correlation of two columns of unit variance is the root of its cubic") {
  // (1 + r^2) s_12 - r (s_11 + s_22) + r (1 - r^2) = 0  (Kendall & Stuart 1979, example 18.3)
  const Model model = compile(
      "model m { axis D = columns data y: real[D] const o: real = 0.0 param R: correlation[D] P(y) = "
      "Normal(o, cov: R) }");
  INFO(model.report().render());
  REQUIRE(model.ok());
  const std::vector<double> rows = {1, .8, -.5, .1, .3, -.4, -1.2, -1.5, .4, 1, 2, 1.1};
  const Fit fit = fit_or_fail(bind_or_fail(model, table(rows, 2)), {.iterations = 1000, .tolerance = 0});
  double a = 0, b = 0, c = 0;
  for (size_t i = 0; i < rows.size(); i += 2) {
    a += rows[i] * rows[i] / 6;
    b += rows[i + 1] * rows[i + 1] / 6;
    c += rows[i] * rows[i + 1] / 6;
  }
  const double r = values(fit, "R")[1];
  CHECK((1 + r * r) * c - r * (a + b) + r * (1 - r * r) == Approx(0).margin(1e-9));
}

}  // namespace lvm::numeric
