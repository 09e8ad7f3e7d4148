// Newton steps from where the density is nearly flat: the curvature says nothing of how far to go.

#include <catch2/catch.hpp>

#include "tests/numeric/ascent.h"

namespace lvm::numeric {

TEST_CASE("a step from a flat place climbs, and a run never ends below a top as if it had converged") {
  const Model model = compile(R"(model flat {
    data y: real = column("waiting")
    param m: real
    P(y) = Normal(m, sd: exp(m))
  })");
  // From the moments m = 71 the spread is e^71: the curvature is 10^-59, and the slope 272.
  const BoundModel bound = bind_or_fail(model, example("faithful"));
  const Fit fit = fit_or_fail(bound, {.iterations = 10'000, .tolerance = 1e-9});
  CHECK(fit.converged);
  CHECK(values(fit, "m")[0] < 6);
  CHECK(gain(bound, fit, "m", 0) < 1e-6);
}

TEST_CASE("two effects that both step the whole way do not swing about the top for ever") {
  const Model model = compile(R"(model swing {
    axis A = 2
    axis B = 2
    data y: real = column("waiting")
    param a: simplex[A]
    param b: simplex[B]
    param m: real[A]
    param n: real[B]
    param s: positive
    latent u: category[A]
    latent v: category[B]
    P(u) = Categorical(a)
    P(v) = Categorical(b)
    P(y | u, v) = Normal(m[u] + n[v], sd: s)
    q(u, v | y) = exact
  })");
  // The start gives all of the mean to each of them.
  const BoundModel bound = bind_or_fail(model, example("faithful"));
  const Fit fit = fit_or_fail(bound, {.iterations = 10'000, .tolerance = 1e-9});
  CHECK(fit.converged);
  for (const char* name : {"m", "n"}) {
    for (size_t i = 0; i < 2; ++i) CHECK(gain(bound, fit, name, i) < 1e-6);
  }
}

}  // namespace lvm::numeric
