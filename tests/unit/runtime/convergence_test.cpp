#include "runtime/convergence.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace lvm::runtime {
namespace {

const Rounding fine = make_rounding(1, 0);

}  // namespace

TEST_CASE("Aitken's estimate is what remains of a geometric climb") {
  for (const double ratio : {0.5, 0.9, 0.99}) {
    Convergence convergence(1e-6);
    int64_t t = 0;
    double objective = 0;
    for (; !convergence.converged(); ++t) {
      objective = -std::pow(ratio, static_cast<double>(t));
      convergence.add(objective, fine);
      if (t > 1 && !convergence.converged())
        CHECK(convergence.remaining() == Approx(-objective).epsilon(1e-6));
      REQUIRE(t < 5000);
    }
    INFO("ratio " << ratio);
    CHECK(-objective < 1e-6);                          // what is left is less than the tolerance
    CHECK(-objective > 1e-6 * ratio * ratio * ratio);  // and not much less: it stopped at the second sight
  }
}

TEST_CASE("a small gain before larger ones is no convergence") {
  Convergence convergence(1e-6);
  for (const double objective : {-100.0, -10.0, -9.9999999999, -9.0, -5.0}) {
    convergence.add(objective, fine);
    CHECK_FALSE(convergence.converged());
  }
}

TEST_CASE("an objective that stands still, or falls by rounding, has converged") {
  Convergence still(1e-6);
  for (const double objective : {-3.0, -2.0, -2.0}) still.add(objective, fine);
  CHECK_FALSE(still.converged());
  still.add(-2.0, fine);
  CHECK(still.converged());

  Convergence noisy(1e-12);
  const Rounding rough = make_rounding(1e6, 1e-5);
  for (const double objective : {-3.0, -2.0, -2.0 + 3e-6}) noisy.add(objective, rough);
  CHECK_FALSE(noisy.converged());
  noisy.add(-2.0, rough);
  noisy.add(-2.0 + 2e-6, rough);
  CHECK(noisy.converged());
}

TEST_CASE("tolerance 0 asks for all iterations") {
  Convergence convergence(0);
  for (int i = 0; i < 10; ++i) convergence.add(1, fine);
  CHECK_FALSE(convergence.converged());
  CHECK(convergence.gain() == 0);
}

}  // namespace lvm::runtime
