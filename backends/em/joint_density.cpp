#include "backends/em/joint_density.h"

#include "ir/passes/differentiate.h"

namespace lvm::em {

using ir::Op;

namespace {

ir::Module empty(const ir::Module& axes) {
  ir::Module made{.name = "joint", .level = ir::Level::step, .axes = axes.axes};
  made.functions.push_back({.name = "joint"});
  return made;
}

}  // namespace

JointDensity::JointDensity(const ir::Module& axes, const Setting& setting,
                           const std::vector<Emission>& members, const ir::NodeLatent& latent)
    : module_(empty(axes)), b_(module_, module_.functions.front()) {
  const ir::Variable& v = setting.model.variables[static_cast<size_t>(latent.variable)];
  ir::Type type = ir::node_type(setting.model, latent);
  type.axes = without(type.axes, latent.axes());
  leaf_ = b_.leaf(Op::argument, v.name, type);
  Expansion expand(b_, setting);
  expand.replace(node_leaf(setting, latent.variable), leaf_);
  for (const Emission& e : members)
    if (e.absent == Absent::elements) expand.fill_absent(e);
  density_ = expand.log_joint(members);
}

NodeId JointDensity::gradient() {
  const NodeId total = b_.reduce(Op::sum, density_, b_.type(density_).axes);
  return ir::differentiate(b_, total, {leaf_}).front();
}

NodeId JointDensity::at(Builder& to, NodeId value) const {
  std::vector<NodeId> replace(function().nodes.size(), ir::no_node);
  replace[static_cast<size_t>(leaf_)] = value;
  return to.copy(function(), density_, replace);
}

}  // namespace lvm::em
