// Gaussian latents: ln P(row, z) is quadratic in z, with gradient h - Λ z. Then V = Λ^-1 and m = V h (Bishop
// 2006, eq. 2.113-2.117), and ln P(row) = ln P(row, z) - ln q(z | row) at any z, here at m: the identity of
// Besag (1989) and Chib (1995), which needs no moments.

#include "backends/em/continuous.h"

#include <cmath>

#include "backends/em/joint_density.h"
#include "ir/families/row_cholesky.h"
#include "ir/families/terms.h"
#include "ir/passes/affine_parts.h"

namespace lvm::em {

using ir::Op;

ContinuousPosterior conditioned(Builder& b, const Setting& setting, const std::vector<Emission>& members,
                                const ir::NodeLatent& latent) {
  JointDensity joint(b.module(), setting, members, latent);
  const NodeId gradient = joint.gradient();
  b.module().axes = joint.module().axes;
  const AxisId event = latent.event;
  const bool vector = event >= 0;
  const AxisId twin = vector ? b.module().twin(event) : -1;
  const NodeId unit = vector ? b.make(Op::identity, {}, {.axes = {event, latent.columns}}) : b.constant(1);
  const ir::AffineParts parts = ir::affine_parts(b, joint.function(), gradient, joint.leaf(), unit);
  NodeId precision = b.unary(Op::neg, parts.linear);
  const NodeId h = parts.constant == ir::no_node ? b.constant(0) : parts.constant;

  ContinuousPosterior made{};
  NodeId deviations = ir::no_node, log_scale = ir::no_node;  // ln det of C
  double size = 1;
  if (vector) {
    size = static_cast<double>(b.module().axis(event).size);
    precision = b.rename(precision, latent.columns, twin);
    // Λ = G G',  W = G^-1,  C = W'
    const ir::CholeskyInverse factor = ir::cholesky_inverse(b, precision, event, twin);
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
  const NodeId side =
      b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {latent.sides}})), b.constant(1));
  made.nodes = b.make(Op::fma, {b.mul(b.constant(std::sqrt(size)), side), deviations, made.mean});
  const NodeId log_q = b.sub(b.constant(-size * ir::half_log_two_pi), log_scale);  // at its mean
  made.log_evidence = b.sub(joint.at(b, made.mean), log_q);
  return made;
}

/// A number that is near the scores of the run time, and as spread as the prior says where that is a standard
/// one: E[z z'] is the unit matrix for standardised scores, and no residual variance of a regression on them
/// is 0.
NodeId start_nodes(Builder& b, const Setting& setting, const ir::NodeLatent& latent,
                   const StartNodes& start) {
  constexpr double spread = 0.3;
  const double nearness = start.good ? 1 - 1e-7 : 0.9;
  const ir::Variable& v = setting.model.variables[static_cast<size_t>(latent.variable)];
  const NodeId value = b.leaf(Op::data, start.slot, v.type);
  const NodeId side =
      b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {latent.sides}})), b.constant(1));
  const ir::Block& block = *setting.plan.find(v.name);
  if (v.domain == ir::Domain::simplex) {
    // Shares that add up to 1: as much more of the last ones as less of the first.
    const AxisId k = v.declared_axes.back();
    const double size = static_cast<double>(b.module().axis(k).size);
    const NodeId slope =
        b.mul(b.constant(spread / size),
              b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {k}})), b.constant(size - 1)));
    return b.mul(value, b.make(Op::fma, {slope, side, b.constant(1)}));
  }
  if (block.solver == ir::Solver::conjugate)
    return b.mul(value, b.make(Op::fma, {b.constant(spread), side, b.constant(1)}));
  double size = 1;
  NodeId deviations = b.constant(1);
  if (latent.order() > 0) {
    // Each element of each step along a column of its own.
    const int64_t width = latent.event >= 0 ? b.module().axis(latent.event).size : 1;
    NodeId own = b.constant(static_cast<double>(start.steps * width));
    if (latent.event >= 0) own = b.add(own, b.make(Op::iota, {}, {.axes = {latent.event}}));
    deviations = b.select(b.binary(Op::equal, b.make(Op::iota, {}, {.axes = {latent.columns}}), own),
                          b.constant(1), b.constant(0));
    size = static_cast<double>(b.module().axis(latent.columns).size);
  } else if (latent.event >= 0) {
    size = static_cast<double>(b.module().axis(latent.event).size);
    const AxisId twin = b.module().twin(latent.event);
    deviations = b.rename(b.make(Op::identity, {}, {.axes = {latent.event, twin}}), twin, latent.columns);
  }
  const NodeId width = b.mul(b.constant(std::sqrt((1 - nearness * nearness) * size)), side);
  return b.make(Op::fma, {width, deviations, b.mul(b.constant(nearness), value)});
}

}  // namespace lvm::em
