// log_gamma_draw and its slope against mpmath's incomplete gamma function.

#include "tests/unit/tensor/gamma_draws.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "ir/tensor/scalar.h"

namespace lvm {

TEST_CASE("draws of Gamma are the quantiles of the incomplete gamma function, and slopes their derivatives") {
  for (const test::GammaDraw& each : test::gamma_draws) {
    CAPTURE(each.shape, each.noise);
    const double width = std::min(1.0, 1 / std::sqrt(each.shape));
    const double log_value = ir::log_gamma_draw(each.shape, each.noise);
    // ln z is rounded to 2^-53 of itself.
    CHECK(std::abs(log_value - each.log_value) < 1e-12 * width + 4e-16 * std::abs(each.log_value));
    CHECK(ir::log_gamma_draw_slope(each.shape, each.log_value) == Approx(each.slope).epsilon(2e-11));
  }
}

TEST_CASE("there are no draws of shapes that are not positive") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double shape : {0.0, -1.0, nan}) {
    CHECK(std::isnan(ir::log_gamma_draw(shape, 0.5)));
    CHECK(std::isnan(ir::log_gamma_draw_slope(shape, 0.5)));
  }
  CHECK(std::isnan(ir::log_gamma_draw(1, nan)));
}

}  // namespace lvm
