#include "runtime/fit.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/starts.h"
#include "tests/support/golden.h"
#include "tests/unit/runtime/hand_program.h"

namespace lvm::runtime {
namespace {

using test::HandProgram;

Fitted fit_to(const HandProgram& hand, const std::vector<double>& y, const FitOptions& options = {}) {
  Diagnostics diagnostics;
  const BoundData data = test::bind_values(y);
  return fit(hand.program, hand.functions, data, options, diagnostics);
}

std::vector<double> all_values(const Fitted& fitted) {
  std::vector<double> out;
  for (const FittedParameter& p : fitted.parameters) out.insert(out.end(), p.values.begin(), p.values.end());
  return out;
}

void check_golden(const std::string& name, const Diagnostics& diagnostics) {
  golden::check(golden::folder("fit") / (name + ".expected"), render_all(diagnostics, nullptr));
}

std::vector<Code> codes(const Diagnostics& diagnostics) {
  std::vector<Code> out;
  for (const Diagnostic& d : diagnostics.sorted()) out.push_back(d.code);
  return out;
}

}  // namespace

TEST_CASE("a mixture is found, with its information criteria") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  const std::vector<double> y = test::draws({-4, 4}, 1000, 1);
  const Fitted fitted = fit_to(hand, y);
  REQUIRE(fitted.ok);
  CHECK(fitted.converged);
  CHECK(fitted.stop == Stop::converged);
  const std::vector<double>& mean = fitted.find("mean")->values;
  CHECK(std::min(mean[0], mean[1]) == Approx(-4).margin(0.15));
  CHECK(std::max(mean[0], mean[1]) == Approx(4).margin(0.15));
  CHECK(fitted.free_parameters == 5);
  CHECK(fitted.aic == Approx(10 - 2 * fitted.objective));
  CHECK(fitted.bic == Approx(5 * std::log(2000.0) - 2 * fitted.objective));
  CHECK(fitted.rows == 2000);
  CHECK(fitted.find("weight")->shape == std::vector<int64_t>{2});
  for (size_t i = 1; i < fitted.trace.size(); ++i)
    CHECK(fitted.trace[i].objective >= fitted.trace[i - 1].objective - 1e-9);
}

TEST_CASE("sums are taken about one origin where means lie near it beside the spread") {
  const double separation = GENERATE(1.0, ir::most_separation, 2 * ir::most_separation, std::nan(""));
  CAPTURE(separation);
  HandProgram hand;
  test::make_mixture(hand, 2);
  ir::Slot slot;
  slot.name = ir::separation_slot;
  hand.program.derived.push_back(slot);
  ir::assign_offsets(hand.program);
  const auto prepare = hand.functions.at("prepare"), rows = hand.functions.at("rows");
  hand.functions["prepare"] = [&](lvm_frame* frame) {
    static_cast<double*>(frame->output)[hand.program.derived.back().offset] = separation;
    return prepare(frame);
  };
  int about_means = 0, about_origin = 0, recentred = 0;
  hand.functions["rows"] = [&](lvm_frame* frame) { return ++about_means, rows(frame); };
  hand.functions[ir::origin_rows_function] = [&](lvm_frame* frame) { return ++about_origin, rows(frame); };
  hand.functions[ir::recentre_function] = [&](lvm_frame*) { return ++recentred, 0; };
  const Fitted fitted = fit_to(hand, test::draws({-4, 4}, 100, 1), {.threads = 1});
  REQUIRE(fitted.ok);
  const bool near = separation <= ir::most_separation;
  CHECK((about_origin > 0) == near);
  CHECK((about_means > 0) == !near);
  CHECK(recentred == about_origin);  // one tile a pass
}

TEST_CASE("the same bits on 1, 2 and 7 threads") {
  HandProgram hand;
  test::make_mixture(hand, 3);
  const std::vector<double> y = test::draws({-2, 0, 3}, 30000, 2);
  const Fitted one = fit_to(hand, y, {.iterations = 15, .threads = 1});
  REQUIRE(one.ok);
  for (const int threads : {2, 7}) {
    const Fitted other = fit_to(hand, y, {.iterations = 15, .threads = threads});
    CHECK(all_values(other) == all_values(one));
    CHECK(other.objective == one.objective);
    CHECK(other.iterations == one.iterations);
  }
}

TEST_CASE("the parameters that are returned are those of the objective") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  const std::vector<double> y = test::draws({-1, 1.5}, 700, 5);
  const BoundData data = test::bind_values(y);
  for (const int64_t iterations : {0, 1, 7, 1000}) {
    Diagnostics diagnostics;
    const Fitted fitted = fit(hand.program, hand.functions, data, {.iterations = iterations}, diagnostics);
    REQUIRE(fitted.ok);
    const Evaluation evaluation = evaluate(hand.program, hand.functions, data, fitted.parameters, 2);
    CHECK(evaluation.failure.empty());
    CHECK(evaluation.objective == fitted.objective);
    CHECK(fitted.trace.back().objective == fitted.objective);
    CHECK(fitted.iterations <= iterations);
    CHECK(static_cast<int64_t>(fitted.trace.size()) == fitted.iterations + 1);
    if (iterations < 1000) {
      CHECK(codes(diagnostics) == std::vector<Code>{Code::not_converged});
      if (iterations == 1) check_golden("not_converged", diagnostics);
      CHECK(fitted.stop == Stop::iterations);
    }
  }
}

TEST_CASE("a fit that goes on from given parameters is the fit that was not interrupted") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  const std::vector<double> y = test::draws({-1, 1.5}, 700, 6);
  const Fitted whole = fit_to(hand, y, {.iterations = 20, .tolerance = 0});
  const Fitted half = fit_to(hand, y, {.iterations = 8, .tolerance = 0});
  FitOptions options{.iterations = 12, .tolerance = 0, .restarts = 5};
  for (const FittedParameter& p : half.parameters) options.initial[p.name] = p.values;
  const Fitted rest = fit_to(hand, y, options);
  CHECK(all_values(rest) == all_values(whole));
  CHECK(rest.objective == whole.objective);
  CHECK(rest.runs.size() == 1);  // five runs from one place would be one
}

TEST_CASE("restarts draw other starts, and the best is kept") {
  HandProgram hand;
  test::make_mixture(hand, 4);
  const Fitted fitted = fit_to(hand, test::draws({-6, -2, 2, 6}, 60, 7), {.iterations = 200, .restarts = 8});
  REQUIRE(fitted.ok);
  REQUIRE(fitted.runs.size() == 8);
  std::vector<double> objectives;
  for (const RunOutcome& run : fitted.runs) {
    if (run.stop != Stop::failed) objectives.push_back(run.objective);
  }
  CHECK(fitted.objective == *std::max_element(objectives.begin(), objectives.end()));
  CHECK(fitted.runs[static_cast<size_t>(fitted.best)].objective == fitted.objective);
}

TEST_CASE("a drop is an internal error with a dump") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  int calls = 0;
  hand.meddle = [&](double* p) {
    if (++calls == 5) p[2] += 3;  // a mean
    return 0;
  };
  const std::vector<double> y = test::draws({-4, 4}, 200, 8);
  CHECK_THROWS_WITH(fit_to(hand, y), Catch::Contains("dropped by") && Catch::Contains("parameters before") &&
                                         Catch::Contains("mean = ") && Catch::Contains("seed 1"));
  calls = 0;
  CHECK_THROWS_AS(fit_to(hand, y), ir::InternalError);
}

TEST_CASE("a drop within rounding is none") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  int calls = 0;
  hand.meddle = [&](double* p) {
    if (++calls > 5) p[2] *= 1 + 4e-16;
    return 0;
  };
  CHECK(fit_to(hand, test::draws({-4, 4}, 200, 8)).converged);
}

TEST_CASE("a run that collapses is reported and never chosen") {
  HandProgram hand;
  test::make_mixture(hand, 3);
  // Three equal rows far from the rest: the component that takes them has variance 0.
  std::vector<double> y = test::draws({0}, 60, 9);
  y.insert(y.end(), 3, 50.0);
  const BoundData data = test::bind_values(y);
  Diagnostics diagnostics;
  const Fitted fitted = fit(hand.program, hand.functions, data, {.restarts = 3}, diagnostics);
  CHECK_FALSE(fitted.ok);
  CHECK(codes(diagnostics) == std::vector<Code>{Code::every_run_failed});
  check_golden("every_run_failed", diagnostics);
  REQUIRE(fitted.runs.size() == 3);
  for (const RunOutcome& run : fitted.runs) {
    CHECK(run.stop == Stop::failed);
    CHECK(run.message.starts_with("component "));
    CHECK(run.message.ends_with(" has collapsed"));
  }
}

TEST_CASE("a failed run beside good ones is a warning") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  int calls = 0;
  hand.meddle = [&](double*) {
    return ++calls == 4 ? 4 : 0;
  };  // the second check's element 2, in the first run
  const BoundData data = test::bind_values(test::draws({-4, 4}, 200, 10));
  Diagnostics diagnostics;
  const Fitted fitted = fit(hand.program, hand.functions, data, {.restarts = 3, .threads = 1}, diagnostics);
  REQUIRE(fitted.ok);
  CHECK(fitted.best != 0);
  CHECK(fitted.runs[0].stop == Stop::failed);
  CHECK(fitted.runs[0].message == "component 2 is empty");
  CHECK(fitted.runs[0].iterations == 1);
  REQUIRE(codes(diagnostics) == std::vector<Code>{Code::runs_failed});
  check_golden("runs_failed", diagnostics);
}

TEST_CASE("an objective that is not finite ends the run") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  hand.meddle = [](double* p) {
    p[2] = std::nan("");
    return 0;
  };
  Diagnostics diagnostics;
  const BoundData data = test::bind_values(test::draws({-4, 4}, 50, 11));
  const Fitted fitted = fit(hand.program, hand.functions, data, {}, diagnostics);
  CHECK_FALSE(fitted.ok);
  CHECK(codes(diagnostics) == std::vector<Code>{Code::every_run_failed});
}

TEST_CASE("the caller can stop a fit and keeps the best so far") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  const std::vector<double> y = test::draws({-1, 1}, 500, 12);
  std::vector<Progress> seen;
  FitOptions options{.restarts = 4, .threads = 1};  // one run after the other
  options.progress = [&](const Progress& p) {
    seen.push_back(p);
    return seen.size() < 6;
  };
  const Fitted fitted = fit_to(hand, y, options);
  REQUIRE(fitted.ok);
  CHECK(fitted.stop == Stop::stopped);
  CHECK_FALSE(fitted.converged);
  CHECK(fitted.runs.size() == 1);
  CHECK(fitted.iterations == 5);
  REQUIRE(seen.size() == 6);
  CHECK(seen[3].iteration == 3);
  CHECK(seen[3].gain == seen[3].objective - seen[2].objective);
  CHECK(fitted.objective == seen.back().objective);
}

TEST_CASE("the time limit ends a fit after its first objective at the earliest") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  const Fitted fitted =
      fit_to(hand, test::draws({-1, 1}, 500, 12), {.restarts = 3, .threads = 1, .time_limit = 0});
  REQUIRE(fitted.ok);
  CHECK(fitted.stop == Stop::time_limit);
  CHECK(fitted.runs.size() == 1);
  CHECK(fitted.iterations == 0);
}

TEST_CASE("fewer rows than states is the user's mistake") {
  HandProgram hand;
  test::make_mixture(hand, 5);
  Diagnostics diagnostics;
  const BoundData data = test::bind_values({1, 2, 3});
  CHECK_FALSE(fit(hand.program, hand.functions, data, {}, diagnostics).ok);
  CHECK(codes(diagnostics) == std::vector<Code>{Code::too_few_rows});
  check_golden("too_few_rows", diagnostics);
}

TEST_CASE("row outputs come back in the order of rows") {
  HandProgram hand;
  test::make_mixture(hand, 2);
  const std::vector<double> y = test::draws({-5, 5}, 3000, 13);
  const BoundData data = test::bind_values(y);
  Diagnostics diagnostics;
  const Fitted fitted = fit(hand.program, hand.functions, data, {}, diagnostics);
  const RowOutputs outputs = posterior(hand.program, hand.functions, data, fitted.parameters, 3);
  const std::vector<double>& z = outputs.values.at("z");
  REQUIRE(z.size() == 2 * y.size());
  const size_t low = fitted.find("mean")->values[0] < 0 ? 0 : 1;
  for (size_t i = 0; i < y.size(); ++i) {
    REQUIRE(z[2 * i] + z[2 * i + 1] == Approx(1));
    if (std::abs(y[i]) > 2) REQUIRE((z[2 * i + low] > 0.5) == (y[i] < 0));
  }
}

TEST_CASE("starts lie in their domains, and given values are made exact") {
  ir::Program program;
  program.module.add_axis({"row", ir::AxisKind::rows, ir::unknown_size, -1});
  const ir::AxisId v = program.module.add_axis({"V", ir::AxisKind::fixed, 3, -1});
  const ir::AxisId k = program.module.add_axis({"K", ir::AxisKind::fixed, 2, -1});
  const ir::AxisId twin = program.module.add_axis({"K'", ir::AxisKind::fixed, 2, -1});
  const auto slot = [](const char* name, std::vector<ir::AxisId> axes, ir::Domain domain,
                       std::vector<ir::AxisId> event) {
    ir::ParameterSlot s;
    s.name = name;
    s.axes = std::move(axes);
    s.domain = domain;
    s.event = std::move(event);
    return s;
  };
  program.parameters = {slot("p", {v, k}, ir::Domain::simplex, {v}),
                        slot("cov", {v, k, twin}, ir::Domain::covariance, {}),
                        slot("o", {v}, ir::Domain::ordered, {}), slot("u", {}, ir::Domain::unit, {})};
  ir::assign_offsets(program);
  std::vector<double> values = default_parameters(program);
  const double third = 1.0 / 3;
  CHECK(std::vector<double>(values.begin(), values.begin() + 6) == std::vector<double>(6, third));
  CHECK(std::vector<double>(values.begin() + 6, values.begin() + 10) == std::vector<double>{1, 0, 0, 1});
  CHECK(std::vector<double>(values.begin() + 18, values.end()) == std::vector<double>{0, 1, 2, 0.5});

  set_parameters(program,
                 {{"p", {0.2, 0.5, 0.3, 0.25, 0.500001, 0.25}},
                  {"cov", {2, 1, 1.000000001, 2, 1, 0, 0, 1, 1, 0, 0, 1}},
                  {"o", {1, 2, 3}},
                  {"u", {0.1}}},
                 values);
  CHECK(values[0] + values[2] + values[4] == Approx(1).epsilon(1e-15));
  CHECK(values[1] == 0.5);  // sums to one already: unchanged
  CHECK(values[7] == values[8]);
  CHECK_THROWS_AS(set_parameters(program, {{"o", {1, 2, 3}}}, values), ir::InternalError);
}

TEST_CASE("permute turns layouts round") {
  ir::Module module;
  const ir::AxisId a = module.add_axis({"A", ir::AxisKind::fixed, 2, -1});
  const ir::AxisId b = module.add_axis({"B", ir::AxisKind::fixed, 3, -1});
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  CHECK(permute(values, {a, b}, {b, a}, module) == std::vector<double>{1, 4, 2, 5, 3, 6});
  CHECK(permute(permute(values, {a, b}, {b, a}, module), {b, a}, {a, b}, module) == values);
}

}  // namespace lvm::runtime
