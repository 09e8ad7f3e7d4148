#include "ir/passes/nodes.h"

#include <algorithm>

#include "ir/passes/enumerate.h"

namespace lvm::ir {
namespace {

AxisId axis_named(Module& module, std::string name, int64_t size) {
  if (const auto found = module.find_axis(name)) return *found;
  return module.add_axis({.name = std::move(name), .size = size});
}

}  // namespace

std::vector<AxisId> NodeLatent::axes() const {
  std::vector<AxisId> all = {sides};
  if (columns >= 0) all.push_back(columns);
  std::ranges::sort(all);
  return all;
}

std::vector<NodeLatent> node_latents(const Model& model, const Plan& plan, Module& module) {
  std::vector<NodeLatent> found;
  for (const Block& block : plan.blocks) {
    if (block.solver != Solver::conditioning && block.solver != Solver::conjugate) continue;
    NodeLatent latent{.variable = *model.find(block.name)};
    const std::vector<AxisId>& axes = model.variables[static_cast<size_t>(latent.variable)].type.axes;
    if (block.solver == Solver::conditioning && axes.size() > 1) {
      latent.event = axes.back();
      latent.columns = axis_named(module, block.name + ".column", module.axis(latent.event).size);
    }
    latent.sides = axis_named(module, block.name + ".side", 2);
    found.push_back(latent);
  }
  return found;
}

Type node_type(const Model& model, const NodeLatent& latent) {
  Type type = model.variables[static_cast<size_t>(latent.variable)].type;
  for (const AxisId axis : latent.axes()) type.axes.push_back(axis);
  for (const FiniteLatent& finite : finite_latents(model)) type.axes.push_back(finite.states);
  std::ranges::sort(type.axes);
  return type;
}

}  // namespace lvm::ir
