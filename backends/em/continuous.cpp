// Gaussian latents: ln P(row, z) is quadratic in z, with gradient h - Λ z. Then V = Λ^-1 and m = V h (Bishop 2006, eq. 2.113-2.117), and
// ln P(row) = ln P(row, z) - ln q(z | row) at any z, here at m: the identity of Besag (1989) and Chib (1995), which needs no moments.

#include "backends/em/continuous.h"

#include <cmath>

#include "backends/em/row_cholesky.h"
#include "ir/families/terms.h"
#include "ir/passes/affine_parts.h"
#include "ir/passes/differentiate.h"

namespace lvm::em {

using ir::Op;

namespace {

/// ln P(row, z) in a function of its own, where z is an `argument` leaf.
struct Joint {
  ir::Module module;
  Builder b;
  NodeId leaf, density;

  Joint(const ir::Module& axes, const Setting& setting, const std::vector<Emission>& members, const ir::NodeLatent& latent)
      : module(empty(axes)), b(module, module.functions.front()) {
    const ir::Variable& v = setting.model.variables[static_cast<size_t>(latent.variable)];
    ir::Type type = ir::node_type(setting.model, latent);
    type.axes = without(type.axes, latent.axes());
    leaf = b.leaf(Op::argument, v.name, type);
    Expansion expand(b, setting);
    expand.replace(node_leaf(setting, latent), leaf);
    for (const Emission& e : members)
      if (e.absent == Absent::elements) expand.fill_absent(e);
    density = expand.log_joint(members);
  }
  static ir::Module empty(const ir::Module& axes) {
    ir::Module made{.name = "joint", .level = ir::Level::step, .axes = axes.axes};
    made.functions.push_back({.name = "joint"});
    return made;
  }
  NodeId gradient() {
    const NodeId total = b.reduce(Op::sum, density, b.type(density).axes);
    return ir::differentiate(b, total, {leaf}).front();
  }
  /// The density at `value` of `to`.
  NodeId at(Builder& to, NodeId value) const {
    std::vector<NodeId> replace(module.functions.front().nodes.size(), ir::no_node);
    replace[static_cast<size_t>(leaf)] = value;
    return to.copy(module.functions.front(), density, replace);
  }
};

}  // namespace

ContinuousPosterior conditioned(Builder& b, const Setting& setting, const std::vector<Emission>& members,
                                const ir::NodeLatent& latent) {
  Joint joint(b.module(), setting, members, latent);
  const NodeId gradient = joint.gradient();
  b.module().axes = joint.module.axes;
  const AxisId event = latent.event;
  const bool vector = event >= 0;
  const AxisId twin = vector ? b.module().twin(event) : -1;
  const NodeId unit = vector ? b.make(Op::identity, {}, {.axes = {event, latent.columns}}) : b.constant(1);
  const ir::AffineParts parts = ir::affine_parts(b, joint.module.functions.front(), gradient, joint.leaf, unit);
  NodeId precision = b.unary(Op::neg, parts.linear);
  const NodeId h = parts.constant == ir::no_node ? b.constant(0) : parts.constant;

  ContinuousPosterior made{};
  NodeId deviations = ir::no_node, log_scale = ir::no_node;  // ln det of C
  double size = 1;
  if (vector) {
    size = static_cast<double>(b.module().axis(event).size);
    precision = b.rename(precision, latent.columns, twin);
    // Λ = G G',  W = G^-1,  C = W'
    const CholeskyInverse factor = cholesky_inverse(b, precision, event, twin);
    const NodeId wide = b.type(h).has(event) ? h : b.make(Op::broadcast, {h}, {.axes = {event}});
    const NodeId u = b.contract({factor.inverse, b.rename(wide, event, twin)}, {twin});
    const NodeId transposed = b.make(Op::rename, {factor.inverse}, {.axes = {event, twin, twin, event}});
    made.mean = b.contract({transposed, b.rename(u, event, twin)}, {twin});
    made.variance = b.reduce(Op::sum, b.unary(Op::square, transposed), {twin});
    deviations = b.rename(transposed, twin, latent.columns);
    log_scale = b.unary(Op::neg, factor.log_diagonal);
  } else {
    made.variance = b.unary(Op::reciprocal, precision);
    made.mean = b.mul(made.variance, h);
    deviations = b.unary(Op::sqrt, made.variance);
    log_scale = b.mul(b.constant(-0.5), b.unary(Op::log, precision));
  }
  const NodeId side = b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {latent.sides}})), b.constant(1));
  made.nodes = b.make(Op::fma, {b.mul(b.constant(std::sqrt(size)), side), deviations, made.mean});
  const NodeId log_q = b.sub(b.constant(-size * ir::half_log_two_pi), log_scale);  // at its mean
  made.log_evidence = b.sub(joint.at(b, made.mean), log_q);
  return made;
}

/// A number that is near the scores of the run time, and as spread as the prior says where that is a standard one: E[z z'] is the unit
/// matrix for standardised scores, and no residual variance of a regression on them is 0.
NodeId start_nodes(Builder& b, const Setting& setting, const ir::NodeLatent& latent, const std::string& slot, bool good) {
  constexpr double spread = 0.3;
  const double nearness = good ? 1 - 1e-7 : 0.9;
  const ir::Variable& v = setting.model.variables[static_cast<size_t>(latent.variable)];
  const NodeId value = b.leaf(Op::data, slot, v.type);
  const NodeId side = b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {latent.sides}})), b.constant(1));
  const ir::Block& block = *setting.plan.find(v.name);
  if (v.domain == ir::Domain::simplex) {
    // Shares that add up to 1: as much more of the last ones as less of the first.
    const AxisId k = v.declared_axes.back();
    const double size = static_cast<double>(b.module().axis(k).size);
    const NodeId slope = b.mul(b.constant(spread / size), b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {k}})), b.constant(size - 1)));
    return b.mul(value, b.make(Op::fma, {slope, side, b.constant(1)}));
  }
  if (block.solver == ir::Solver::conjugate) return b.mul(value, b.make(Op::fma, {b.constant(spread), side, b.constant(1)}));
  double size = 1;
  NodeId deviations = b.constant(1);
  if (latent.event >= 0) {
    size = static_cast<double>(b.module().axis(latent.event).size);
    const AxisId twin = b.module().twin(latent.event);
    deviations = b.rename(b.make(Op::identity, {}, {.axes = {latent.event, twin}}), twin, latent.columns);
  }
  const NodeId width = b.mul(b.constant(std::sqrt((1 - nearness * nearness) * size)), side);
  return b.make(Op::fma, {width, deviations, b.mul(b.constant(nearness), value)});
}

}  // namespace lvm::em
