#include "ir/passes/nodes.h"

#include <algorithm>

#include "ir/passes/chain_rows.h"
#include "ir/passes/enumerate.h"

namespace lvm::ir {
namespace {

AxisId axis_named(Module& module, std::string name, int64_t size) {
  if (const auto found = module.find_axis(name)) return *found;
  return module.add_axis({.name = std::move(name), .size = size});
}

void add_steps(const Model& model, NodeLatent& latent) {
  int longest = 0;
  for (const Lag& lag : model.lags)
    if (lag.of == latent.variable) longest = std::max(longest, lag.steps);
  for (int steps = 1; steps <= longest; ++steps) latent.lags.push_back(lagged(model, latent.variable, steps));
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
    const bool chain = block.solver == Solver::smoothing;
    if (block.solver != Solver::conditioning && block.solver != Solver::conjugate && !chain) continue;
    NodeLatent latent{.variable = *model.find(block.name)};
    const std::vector<AxisId>& axes = model.variables[static_cast<size_t>(latent.variable)].type.axes;
    if (block.solver == Solver::conditioning && axes.size() > 1) {
      latent.event = axes.back();
      latent.columns = axis_named(module, block.name + ".column", module.axis(latent.event).size);
    }
    if (chain) {
      add_steps(model, latent);
      if (axes.size() > 1) latent.event = axes.back();
      const int64_t size = latent.event >= 0 ? module.axis(latent.event).size : 1;
      latent.columns =
          axis_named(module, block.name + ".column", size == unknown_size ? size : 2 * size * latent.order());
      if (latent.event >= 0) latent.from = axis_named(module, block.name + ".from", size);
    }
    latent.sides = axis_named(module, block.name + ".side", 2);
    found.push_back(latent);
  }
  return found;
}

Type node_type(const Model& model, const NodeLatent& latent) {
  return node_type(model, latent, latent.variable);
}

Type node_type(const Model& model, const NodeLatent& latent, int variable) {
  Type type = model.variables[static_cast<size_t>(variable)].type;
  for (const AxisId axis : latent.axes()) type.axes.push_back(axis);
  for (const FiniteLatent& finite : finite_latents(model)) type.axes.push_back(finite.states);
  std::ranges::sort(type.axes);
  return type;
}

}  // namespace lvm::ir
