// Each optimiser's step against the equations of its paper, written out as plain arithmetic for one number.

#include "backends/gradient/optimisers.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>

#include "backends/interpreter/interpret.h"

namespace lvm::gradient {
namespace {

/// w, what is remembered, and one step up the gradient.
struct Plain {
  double w = 0.3, m = 0, s = 0;
  int t = 0;
};
using PlainStep = std::function<void(Plain&, double g)>;

struct Case {
  const char* text;
  PlainStep step;
};

void adam(Plain& p, double g, double rate, double b1, double b2, double eps, bool corrected) {
  p.m = b1 * p.m + (1 - b1) * g;
  p.s = b2 * p.s + (1 - b2) * g * g;
  const double m = corrected ? p.m / (1 - std::pow(b1, p.t)) : p.m,
               s = corrected ? p.s / (1 - std::pow(b2, p.t)) : p.s;
  p.w += rate * m / (std::sqrt(s) + eps);
}

std::vector<Case> cases() {
  return {
      {"sgd(rate: 0.1)", [](Plain& p, double g) { p.w += 0.1 * g; }},
      {"sgd(rate: 0.1, weight_decay: 0.2)", [](Plain& p, double g) { p.w += 0.1 * (g - 0.2 * p.w); }},
      {"momentum(rate: 0.1, momentum: 0.8)",
       [](Plain& p, double g) {
         p.m = 0.8 * p.m + g;
         p.w += 0.1 * p.m;
       }},
      {"adagrad(rate: 0.1, epsilon: 1e-6)",
       [](Plain& p, double g) {
         p.s += g * g;
         p.w += 0.1 * g / (std::sqrt(p.s) + 1e-6);
       }},
      {"rmsprop(rate: 0.1, decay: 0.95, epsilon: 1e-6)",
       [](Plain& p, double g) {
         p.s = 0.95 * p.s + 0.05 * g * g;
         p.w += 0.1 * g / (std::sqrt(p.s) + 1e-6);
       }},
      {"adam(rate: 0.1, beta1: 0.8, beta2: 0.99, epsilon: 1e-4)",
       [](Plain& p, double g) { adam(p, g, 0.1, 0.8, 0.99, 1e-4, true); }},
      {"adam(rate: 0.1, bias_correction: false)",
       [](Plain& p, double g) { adam(p, g, 0.1, 0.9, 0.999, 1e-8, false); }},
      {"adamw(rate: 0.1, weight_decay: 0.3)",
       [](Plain& p, double g) {
         const double before = p.w;
         adam(p, g, 0.1, 0.9, 0.999, 1e-8, true);
         p.w -= 0.1 * 0.3 * before;
       }},
  };
}

double scalar(const std::vector<interpreter::Value>& values, const ir::Function& function,
              const std::string& name) {
  for (const ir::Output& output : function.outputs) {
    if (output.name == name) return values[static_cast<size_t>(output.node)].data.at(0);
  }
  FAIL(name);
  return 0;
}

}  // namespace

TEST_CASE("an optimiser steps as its paper says") {
  for (const Case& each : cases()) {
    INFO(each.text);
    std::string fault;
    const auto optimiser = ir::parse_optimiser(each.text, fault);
    REQUIRE(optimiser);
    ir::Module module;
    module.add_axis({.name = "row", .kind = ir::AxisKind::rows});
    ir::Function function{.name = "optimise"};
    ir::Builder b(module, function);
    const ir::Type number{ir::Element::real, {}, -1};
    for (const SharedScalar& shared : shared_scalars(b, *optimiser, b.leaf(ir::Op::derived, "step", number)))
      b.output(ir::OutputKind::result, shared.name, shared.value);
    OptimiserStep at{b,
                     *optimiser,
                     b.leaf(ir::Op::parameter, "w", number),
                     b.leaf(ir::Op::statistic, "g", number),
                     {},
                     b.leaf(ir::Op::derived, "rate", number)};
    const auto names = states(*optimiser);
    for (const std::string_view name : names)
      at.states.push_back(b.leaf(ir::Op::parameter, std::string(name), number));
    b.output(ir::OutputKind::result, "w", step(at));
    for (size_t i = 0; i < names.size(); ++i)
      b.output(ir::OutputKind::result, std::string(names[i]), at.states[i]);

    Plain plain;
    std::map<std::string, double> known = {{"parameter.w", plain.w},
                                           {"derived.rate", (*optimiser)["rate"]},
                                           {"derived.optimiser.mean", 0},
                                           {"derived.optimiser.square", 0}};
    for (const std::string_view name : names) known["parameter." + std::string(name)] = 0;
    for (const double g : {0.7, -1.3, 0.2, 0.2, -0.05}) {
      ++plain.t;
      known["derived.step"] = plain.t;
      known["statistic.g"] = g;
      // First the shared scalars, then the step that reads them.
      std::vector<interpreter::Value> values;
      for (int round = 0; round < 2; ++round) {
        interpreter::Environment environment;
        for (const auto& [name, value] : known) environment[name] = {{}, {}, {value}};
        values = interpreter::evaluate(module, function, environment);
        for (const ir::Output& output : function.outputs) {
          if (output.name.starts_with("optimiser."))
            known["derived." + output.name] = values[static_cast<size_t>(output.node)].data.at(0);
        }
      }
      each.step(plain, g);
      known["parameter.w"] = scalar(values, function, "w");
      for (const std::string_view name : names)
        known["parameter." + std::string(name)] = scalar(values, function, std::string(name));
      CHECK(known["parameter.w"] == Approx(plain.w).epsilon(1e-13));
    }
  }
}

TEST_CASE("a schedule lowers the rate to 0") {
  std::string fault;
  const auto rate = [&](const char* text, double part) {
    return ir::parse_optimiser(text, fault)->rate(part);
  };
  CHECK(rate("adam(rate: 0.2)", 0.9) == 0.2);
  CHECK(rate("adam(rate: 0.2, schedule: linear)", 0.25) == Approx(0.15));
  CHECK(rate("sgd(rate: 0.2, schedule: cosine)", 0.5) == Approx(0.1));
  CHECK(std::abs(rate("sgd(rate: 0.2, schedule: cosine)", 1)) < 1e-15);
}

TEST_CASE("a wrong optimiser says what is wrong") {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"newton", "it is `adam`, `adamw`, `sgd`, `momentum`, `adagrad` or `rmsprop`"},
           {"sgd(rat: 1)",
            "`sgd` has no option `rat`: it takes `rate`, `weight_decay`, `clip`, `bias_rate`, `schedule`"},
           {"sgd(rate: fast)", "`rate` of `sgd` is a number from 0, not `fast`"},
           {"sgd(1e-3)", "its options have names, such as `rate: 0.001`, and not `1e-3`"},
           {"sgd(rate: 1", "a bracket is missing"},
           {"sgd(schedule: steep)", "`schedule` is `constant`, `cosine` or `linear`, not `steep`"}}) {
    std::string fault;
    INFO(text);
    CHECK_FALSE(ir::parse_optimiser(text, fault));
    CHECK(fault == expected);
  }
}

}  // namespace lvm::gradient
