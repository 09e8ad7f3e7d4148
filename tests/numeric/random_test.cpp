// Random mixtures on random data: compiled code against the reference interpreter, the climb of the
// objective, the same bits on any number of threads. LVM_LONG=1 runs ten times as many.

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>

#include "tests/numeric/models.h"
#include "tests/numeric/random_mixture.h"

namespace lvm::numeric {
namespace {

bool long_run() {
  return std::getenv("LVM_LONG") != nullptr;
}

struct Bound {
  RandomMixture mixture;
  BoundModel model;
};

Bound random_bound(uint64_t seed, bool missing = false, int64_t most_rows = 2000) {
  RandomMixture mixture = random_mixture(seed, most_rows);
  if (missing) remove_cells(mixture, seed);
  BoundModel model = bind_or_fail(mixture.model(), mixture.table(), mixture.binding());
  return {std::move(mixture), std::move(model)};
}

FitOptions from_start(const RandomMixture& mixture, int64_t iterations) {
  return {.iterations = iterations, .tolerance = 0.0, .threads = 1, .init = mixture.start};
}

/// The scale of each element: a mean by its size and its component's spread, a covariance by two standard
/// deviations.
double magnitude(const Fit& fit, const Parameter& parameter, size_t i) {
  const double own = std::abs(parameter.values[i]);
  if (parameter.name == "cov") {
    const auto D = static_cast<size_t>(parameter.shape.back());
    const size_t matrix = i / (D * D) * D * D, row = i / D % D, column = i % D;
    return std::sqrt(parameter.values[matrix + row * (D + 1)] * parameter.values[matrix + column * (D + 1)]);
  }
  if (parameter.name != "mean") return parameter.name == "var" ? own : std::max(own, 1e-6);
  const Parameter* spread = fit.find("var") ? fit.find("var") : fit.find("cov");
  const auto D = static_cast<size_t>(parameter.shape.back());
  const size_t k = i / D, d = i % D;
  const std::vector<double>& v = spread->values;
  double variance = 0;
  if (spread->name == "cov") {
    variance = v[(spread->shape.size() == 3 ? k * D * D : 0) + d * (D + 1)];
  } else if (spread->shape.empty()) {
    variance = v[0];
  } else if (spread->axes.front() == "K") {
    variance = spread->shape.size() == 2 ? v[i] : v[k];
  } else {
    variance = v[d];
  }
  return own + std::sqrt(variance);
}

double largest_difference(const Fit& a, const Fit& b) {
  double worst = 0;
  REQUIRE(a.parameters.size() == b.parameters.size());
  for (const Parameter& parameter : a.parameters) {
    const std::vector<double>& other = values(b, parameter.name);
    REQUIRE(other.size() == parameter.values.size());
    for (size_t i = 0; i < other.size(); ++i) {
      const double error = std::abs(parameter.values[i] - other[i]) / magnitude(a, parameter, i);
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

void check_backends(const Bound& bound, int64_t updates, double tolerance) {
  FitOptions options = from_start(bound.mixture, updates);
  const Fit compiled = fit(bound.model, options);
  options.backend = Backend::interpreter;
  const Fit interpreted = fit(bound.model, options);
  INFO(updates << " updates; compiled: " << compiled.report().render()
               << "interpreter: " << interpreted.report().render());
  REQUIRE(compiled.ok() == interpreted.ok());  // a collapse is one for both
  if (!compiled.ok()) return;
  CHECK(compiled.iterations == interpreted.iterations);
  // Per row, and against the size of the terms: logs of densities of order one for scaled data can sum to
  // about nothing.
  const double rows = bound.mixture.total_weight();
  CHECK(std::abs(compiled.objective - interpreted.objective) <=
        tolerance * std::max(std::abs(interpreted.objective), rows));
  CHECK(largest_difference(compiled, interpreted) <= tolerance);
}

/// What the trace may lose by rounding: the terms of each row, and means that are doubles (the objective is
/// quadratic about them).
void check_climb(const Bound& bound, const Fit& fit) {
  const double rows = bound.mixture.total_weight(), columns = static_cast<double>(bound.mixture.columns);
  const double wobble = 8 * bound.mixture.mean_rounding;
  REQUIRE(fit.trace.size() == static_cast<size_t>(fit.iterations) + 1);
  for (size_t i = 1; i < fit.trace.size(); ++i) {
    INFO("iteration " << i << ": " << fit.trace[i - 1] << " to " << fit.trace[i]);
    const double allowed = 1e-12 * std::max(std::abs(fit.trace[i]), rows) + rows * columns * wobble * wobble;
    CHECK(fit.trace[i] >= fit.trace[i - 1] - allowed);
  }
}

/// Of these tables some are too small or too odd for a start: they have no certificates, and no false ones.
uint64_t check_certificates(const Bound& bound, uint64_t seed) {
  const Certification found = certify(bound.model, {.seed = seed + 1});
  INFO(found.report.render());
  for (const Certificate& c : found.certificates) {
    INFO(c.name << ": " << c.claim << ", " << c.place);
    CHECK(c.verdict == "certified");
    CHECK(c.found <= c.allowed);
  }
  if (found.certificates.empty()) CHECK(found.report.messages().front().code == "E0802");
  return found.certificates.empty() ? 0 : 1;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  const auto bits = [](double x, double y) {
    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), bits);
}

bool same_bits(const Fit& a, const Fit& b) {
  const auto same = [](const Parameter& x, const Parameter& y) { return same_bits(x.values, y.values); };
  return same_bits({a.objective}, {b.objective}) && same_bits(a.trace, b.trace) &&
         std::equal(a.parameters.begin(), a.parameters.end(), b.parameters.begin(), b.parameters.end(), same);
}

/// Whether the fit got through; one that collapses does so on any number of threads.
bool check_threads(const Bound& bound, int64_t updates) {
  FitOptions options = from_start(bound.mixture, updates);
  const Fit one = fit(bound.model, options);
  if (one.ok()) check_climb(bound, one);
  for (const int threads : {2, 7}) {
    options.threads = threads;
    const Fit several = fit(bound.model, options);
    INFO(threads << " threads");
    REQUIRE(several.ok() == one.ok());
    CHECK(same_bits(one, several));
  }
  return one.ok();
}

}  // namespace

TEST_CASE("random mixtures: compiled code equals the interpreter, climbs, and does not depend on threads") {
  const uint64_t cases = long_run() ? 3000 : 300;
  uint64_t fitted = 0, certified = 0;
  for (uint64_t seed = 0; seed < cases; ++seed) {
    const Bound bound = random_bound(seed);
    INFO("case " << seed << ", " << bound.mixture.describe());
    for (const int64_t updates : {0, 1}) check_backends(bound, updates, 1e-10);
    if (seed % 10 < 4) certified += check_certificates(bound, seed);
    // A component on its way to a single row magnifies rounding without bound, until the run is ended.
    if (!check_threads(bound, 12)) continue;
    check_backends(bound, 5, 1e-10);
    ++fitted;
  }
  CHECK(fitted >= cases * 9 / 10);
  CHECK(certified >= cases * 3 / 10);
}

TEST_CASE("random mixtures with absent cells: the same") {
  const uint64_t cases = long_run() ? 1000 : 150;
  uint64_t fitted = 0;
  for (uint64_t seed = 0; seed < cases; ++seed) {
    const Bound bound = random_bound(seed, true);
    INFO("case " << seed << ", " << bound.mixture.describe());
    for (const int64_t updates : {0, 1}) check_backends(bound, updates, 1e-10);
    if (!check_threads(bound, 12)) continue;
    check_backends(bound, 5, 1e-10);
    ++fitted;
  }
  CHECK(fitted >= cases * 8 / 10);
}

TEST_CASE("large tables give the same bits on 1, 2 and 7 threads") {
  for (uint64_t seed = 1000; seed < 1008; ++seed) {
    RandomMixture mixture;
    for (uint64_t s = seed; mixture.rows < 10'000; s += 8) mixture = random_mixture(s, 40'000);
    BoundModel model = bind_or_fail(mixture.model(), mixture.table(), mixture.binding());
    INFO("case " << seed << ", " << mixture.describe());
    const Bound bound{std::move(mixture), std::move(model)};
    CHECK(check_threads(bound, 5));
  }
}

}  // namespace lvm::numeric
