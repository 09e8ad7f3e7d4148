#pragma once
// What holds of every fit by EM, whatever the model: the interpreter computes what compiled code does,
// threads change no bit, and the objective does not drop.

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "tests/numeric/models.h"

namespace lvm::numeric {

inline void check_same(const Fit& a, const Fit& b, double tolerance) {
  REQUIRE(a.parameters.size() == b.parameters.size());
  CHECK(a.objective == Approx(b.objective).epsilon(tolerance).margin(tolerance));
  for (const Parameter& p : a.parameters) {
    const std::vector<double>& other = values(b, p.name);
    REQUIRE(other.size() == p.values.size());
    for (size_t i = 0; i < other.size(); ++i) {
      INFO(p.name << " element " << i);
      CHECK(p.values[i] == Approx(other[i]).epsilon(tolerance).margin(tolerance));
    }
  }
}

inline void check_same_bits(const Fit& a, const Fit& b) {
  CHECK(std::bit_cast<uint64_t>(a.objective) == std::bit_cast<uint64_t>(b.objective));
  for (const Parameter& p : a.parameters) CHECK(p.values == values(b, p.name));
}

/// A few iterations from the fit's own start; `slack` is relative to the objective. False where the run ended
/// by name.
inline bool check_climb(const BoundModel& bound, double slack) {
  FitOptions options{.iterations = 6, .tolerance = 0.0, .threads = 1};
  const Fit compiled = fit(bound, options);
  INFO(compiled.report().render());
  for (const int threads : {2, 7}) {
    options.threads = threads;
    const Fit several = fit(bound, options);
    REQUIRE(several.ok() == compiled.ok());
    if (compiled.ok()) check_same_bits(compiled, several);
  }
  options.threads = 1;
  options.backend = Backend::interpreter;
  const Fit interpreted = fit(bound, options);
  REQUIRE(interpreted.ok() == compiled.ok());
  if (!compiled.ok()) return false;
  check_same(compiled, interpreted, 1e-8);
  for (size_t i = 1; i < compiled.trace.size(); ++i)
    CHECK(compiled.trace[i] >= compiled.trace[i - 1] - slack * (1 + std::abs(compiled.trace[i])));
  return true;
}

}  // namespace lvm::numeric
