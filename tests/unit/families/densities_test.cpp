// Every scalar density and its derivatives against values of 90 digits: tests/oracles/densities.py.

#include <catch2/catch.hpp>
#include <cmath>

#include "backends/interpreter/interpret.h"
#include "ir/families/family.h"
#include "ir/passes/differentiate.h"
#include "tests/unit/families/continuous_densities.h"
#include "tests/unit/families/discrete_densities.h"

namespace lvm::ir {
namespace {

using test::DensityValue;

/// The density as a function of row-shaped leaves, with the derivatives of each element.
struct Written {
  Module module{.name = "density"};
  Function function{.name = "f"};
  AxisId row = module.add_axis({.name = "row", .kind = AxisKind::rows});
  NodeId density = no_node;
  std::vector<NodeId> first, second;

  explicit Written(const DensityValue& example) {
    Builder b(module, function);
    const Family* family = find_family(example.parameterisation);
    REQUIRE(family);
    const Type type{Element::real, {row}, -1};
    const NodeId value = b.leaf(Op::data, "y", type);
    std::vector<NodeId> slots;
    for (size_t i = 0; i < example.slots.size(); ++i)
      slots.push_back(b.leaf(Op::data, "s" + std::to_string(i), type));
    density = family->log_density(b, value, slots);
    for (const size_t i : example.free) {
      first.push_back(differentiate_elements(b, density, {slots[i]}).front());
      second.push_back(differentiate_elements(b, first.back(), {slots[i]}).front());
    }
  }
  std::vector<interpreter::Value> evaluate(const DensityValue& example) const {
    interpreter::Environment environment;
    environment["data.y"] = {{row}, {1}, {example.value}};
    for (size_t i = 0; i < example.slots.size(); ++i)
      environment["data.s" + std::to_string(i)] = {{row}, {1}, {example.slots[i]}};
    return interpreter::evaluate(module, function, environment);
  }
};

std::string describe(const DensityValue& example) {
  std::string text = std::string(example.parameterisation) + " at " + std::to_string(example.value) + " |";
  for (const double slot : example.slots) text += " " + std::to_string(slot);
  return text;
}

std::vector<DensityValue> density_values() {
  std::vector<DensityValue> all = test::discrete_densities;
  all.insert(all.end(), test::continuous_densities.begin(), test::continuous_densities.end());
  return all;
}

bool near(double got, double want, double tolerance) {
  return got == want || std::abs(got - want) <= tolerance;
}

}  // namespace

TEST_CASE("each density equals its value of 90 digits", "[families]") {
  for (const DensityValue& example : density_values()) {
    const Written written(example);
    const double got = written.evaluate(example)[static_cast<size_t>(written.density)].data.at(0);
    INFO(describe(example) << ": " << got << ", expected " << example.log_density << ", off by "
                           << got - example.log_density);
    // What 32 roundings of a slot would change it by comes on top.
    double condition = 0;
    for (size_t i = 0; i < example.free.size(); ++i)
      condition += std::abs(example.slots[example.free[i]] * example.first[i]);
    // A tail that begins z deviations from the mean is divided by e^(-z^2 / 2), rounded as that.
    if (std::string(example.parameterisation).starts_with("Truncated.D(Normal"))
      condition += std::pow(example.value - example.slots[0], 2) / 8;
    CHECK(near(got, example.log_density,
               1e-14 * (4 + std::abs(example.log_density)) + 32 * 0x1p-53 * condition));
  }
}

TEST_CASE("each density's first and second derivatives equal their values of 90 digits", "[families]") {
  for (const DensityValue& example : density_values()) {
    const Written written(example);
    const auto values = written.evaluate(example);
    for (size_t i = 0; i < example.free.size(); ++i) {
      const double slot = example.slots[example.free[i]];
      const double first = values[static_cast<size_t>(written.first[i])].data.at(0);
      const double second = values[static_cast<size_t>(written.second[i])].data.at(0);
      INFO(describe(example) << ", slot " << example.free[i] << ": " << first << " and " << second
                             << ", expected " << example.first[i] << " and " << example.second[i]);
      // What a relative change of the slot does is known to rounding of the density's own size.
      const double size = std::abs(slot) + 1e-300;
      const double rounded = 32 * 0x1p-53 * size * std::abs(example.second[i]);
      CHECK(near(first, example.first[i], 1e-11 * std::abs(example.first[i]) + 5e-13 / size + rounded));
      // Of a cut tail the curvature in the mean is small beside its parts, 1 / sd^2.
      const bool tail = std::string(example.parameterisation).starts_with("Truncated.D(Normal.mean.sd)");
      const double parts = tail ? 1e-11 / (example.slots[1] * example.slots[1]) : 0;
      CHECK(
          near(second, example.second[i], 1e-9 * std::abs(example.second[i]) + 5e-13 / size / size + parts));
    }
  }
}

}  // namespace lvm::ir
