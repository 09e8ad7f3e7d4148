// Leaps of SQUAREM: the same maximum as plain EM in fewer iterations, an objective that never drops, and the
// same bits on any number of threads. Restarts side by side find what they find one after the other.

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

struct Case {
  const char *form, *data;
  int64_t k;
};
constexpr Case cases[] = {{"full", "faithful", 3},
                          {"tied", "faithful", 3},
                          {"diagonal", "iris", 3},
                          {"spherical", "wine", 3},
                          {"bernoulli", "digits_binary", 4}};

FitOptions options_of(bool accelerate, int threads = 1) {
  FitOptions options;
  options.tolerance = 1e-8;
  options.iterations = 50000;
  options.accelerate = accelerate;
  options.threads = threads;
  return options;
}

void check_rises(const Fit& fit) {
  for (size_t i = 1; i < fit.trace.size(); ++i) {
    CHECK(fit.trace[i] >= fit.trace[i - 1] - 1e-12 * std::abs(fit.trace[i]));
  }
}

}  // namespace

TEST_CASE("leaps reach the maximum of plain EM in fewer passes over the data") {
  const auto [form, data, k] = cases[static_cast<size_t>(GENERATE(range(0, 5)))];
  CAPTURE(form, data, k);
  const BoundModel bound = bind_or_fail(compile_mixture(form, k), example(data));
  const Fit plain = fit_or_fail(bound, options_of(false)), leapt = fit_or_fail(bound, options_of(true));
  check_rises(leapt);
  REQUIRE(plain.converged);
  REQUIRE(leapt.converged);
  // A run may come to another maximum than plain EM does, never to a point that is none: plain EM stays
  // there.
  FitOptions onwards = options_of(false);
  for (const Parameter& p : leapt.parameters) onwards.init.push_back(p);
  const Fit after = fit_or_fail(bound, onwards);
  CHECK(after.objective == Approx(leapt.objective).margin(1e-6).epsilon(0));
  const Run& run = leapt.runs[leapt.best];
  CHECK(run.leaps_taken > 0);
  CHECK(leapt.objective >= plain.objective - 1e-6);
  CHECK(run.iterations + run.leaps_tried < plain.iterations);
}

TEST_CASE("leaps have the same bits on any number of threads") {
  const BoundModel bound = bind_or_fail(compile_mixture("full", 3), example("faithful"));
  const Fit one = fit_or_fail(bound, options_of(true, 1)), three = fit_or_fail(bound, options_of(true, 3));
  CHECK(one.trace == three.trace);
  CHECK(one.runs[0].leaps_taken == three.runs[0].leaps_taken);
}

TEST_CASE("restarts side by side find what they find one after the other") {
  const BoundModel bound = bind_or_fail(compile_mixture("full", 5), example("iris"));
  FitOptions options = options_of(false);
  options.tolerance = 1e-6;
  options.restarts = 24;
  const Fit serial = fit_or_fail(bound, options);
  for (const int threads : {2, 7}) {
    options.threads = threads;
    int64_t inside = 0, most_inside = 0;
    options.progress = [&](const Progress&) {
      most_inside = std::max(most_inside, ++inside);
      --inside;
      return true;
    };
    const Fit beside = fit_or_fail(bound, options);
    CHECK(most_inside == 1);
    CHECK(beside.best == serial.best);
    CHECK(beside.trace == serial.trace);
    REQUIRE(beside.runs.size() == serial.runs.size());
    for (size_t i = 0; i < serial.runs.size(); ++i) {
      CHECK(beside.runs[i].stop == serial.runs[i].stop);
      CHECK(beside.runs[i].iterations == serial.runs[i].iterations);
      CHECK(beside.runs[i].message == serial.runs[i].message);
    }
    for (size_t i = 0; i < serial.parameters.size(); ++i)
      CHECK(beside.parameters[i].values == serial.parameters[i].values);
  }
}

TEST_CASE("stopping one of the runs beside each other ends the fit with the best so far") {
  const BoundModel bound = bind_or_fail(compile_mixture("diagonal", 3), example("iris"));
  FitOptions options = options_of(false, 3);
  options.restarts = 40;
  int64_t calls = 0;
  options.progress = [&](const Progress&) { return ++calls < 30; };
  const Fit fit = fit_or_fail(bound, options);
  CHECK(fit.stopped);
  CHECK(calls == 30);
  CHECK(fit.runs.size() < 40);
}

}  // namespace lvm::numeric
