#include <array>
#include <cmath>

#include "ir/model/model.h"

namespace lvm::ir {
namespace {

constexpr std::array initialiser_names = {
    "zero", "one", "glorot_uniform", "he_normal", "lecun_normal", "fan_in_uniform", "uniform", "normal"};

double fan(const Module& module, const std::vector<AxisId>& axes) {
  double product = 1;
  for (const AxisId id : axes) {
    if (module.axis(id).size == unknown_size)
      throw InternalError("the axis `" + module.axis(id).name + "` of a weight has no size yet");
    product *= static_cast<double>(module.axis(id).size);
  }
  return product;
}

}  // namespace

std::string_view name(Initialiser initialiser) {
  return initialiser_names[static_cast<size_t>(initialiser)];
}

StartDraw start_draw(const Module& module, const WeightStart& start) {
  using Kind = StartDraw::Kind;
  const auto in = [&] { return fan(module, start.fan_in); };
  switch (start.initialiser) {
    case Initialiser::zero: return {Kind::constant, 0, 0};
    case Initialiser::one: return {Kind::constant, 1, 0};
    case Initialiser::glorot_uniform:
      return {Kind::uniform, 0, std::sqrt(6 / (in() + fan(module, start.fan_out)))};
    case Initialiser::he_normal: return {Kind::normal, 0, std::sqrt(2 / in())};
    case Initialiser::lecun_normal: return {Kind::normal, 0, std::sqrt(1 / in())};
    case Initialiser::fan_in_uniform: return {Kind::uniform, 0, 1 / std::sqrt(in())};
    case Initialiser::uniform: return {Kind::uniform, 0, start.scale};
    case Initialiser::normal: return {Kind::normal, 0, start.scale};
  }
  throw InternalError("an initialiser without a rule");
}

}  // namespace lvm::ir
