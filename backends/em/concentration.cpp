// With g_v = n (digamma(A) - digamma(a_v)) + t_v and the first and second derivative p, p' of the prior,
//
//   G_v = (g_v + p_v) a_v,     -H = diag(d) - n trigamma(A) a a',
//   d_v = n trigamma(a_v) a_v^2 - p'_v a_v^2 - (g_v + p_v) a_v.
//
// In d only what is positive of the last two terms is kept. ln P(y) is concave in a, the natural parameters
// of the family: n diag(trigamma(a_v)) - n trigamma(A) 1 1' is positive definite, and so is the matrix that
// is solved; the direction climbs. Where g + p = 0 and p' <= 0 it is that of Newton. Sherman & Morrison 1950:
//
//   (-H)^-1 G = G / d + (a / d) (a' (G / d)) / (1 / (n trigamma(A)) - a' (a / d)).

#include "backends/em/concentration.h"

#include "backends/em/priors.h"
#include "ir/program/program.h"

namespace lvm::em {

using ir::Op;

namespace {

constexpr double longest_step = 2;  // in the logarithm

}  // namespace

void solve_concentration(UpdateContext& c, const ir::Block& block) {
  const size_t at = emission_of(c, block);
  const Emission& e = c.emissions[at];
  Builder& b = c.update;
  const AxisId event = c.setting.function()[e.log_density].attributes.axes.at(0);
  const std::vector<AxisId> axes = variable_of(c.setting, block.name).type.axes;
  TermWriter writer(b.module(), c.setting, e);
  writer.output(writer.builder().unary(Op::log, writer.value()));
  const NodeId t = c.statistics.expected(b, at, axes, "log_" + block.name, writer.take().front());
  const NodeId n = c.statistics.weight(b, at, without(axes, {event}));
  const NodeId a = read_parameter(c, block.name), zero = b.constant(0);
  const NodeId total = b.reduce(Op::sum, a, {event});
  const NodeId square = b.unary(Op::square, a);

  const NodeId slope = b.sub(b.unary(Op::digamma, total), b.unary(Op::digamma, a));
  NodeId gradient = b.mul(b.add(b.mul(n, slope), t), a);
  NodeId spare = zero;
  if (const auto prior = prior_derivatives(c, block.name)) {
    gradient = b.add(gradient, b.mul(prior->first, a));
    spare = b.mul(prior->second, square);
  }
  spare = b.binary(Op::maximum, b.unary(Op::neg, b.add(spare, gradient)), zero);
  const NodeId diagonal = b.add(b.mul(n, b.mul(b.unary(Op::trigamma, a), square)), spare);
  const NodeId straight = b.div(gradient, diagonal), across = b.div(a, diagonal);
  const NodeId one_product = b.unary(Op::reciprocal, b.mul(n, b.unary(Op::trigamma, total)));
  const NodeId along = b.reduce(Op::sum, b.mul(a, straight), {event});
  const NodeId left = b.sub(one_product, b.reduce(Op::sum, b.mul(a, across), {event}));
  const NodeId direction = b.add(straight, b.mul(across, b.div(along, left)));

  // All elements are shortened alike: the direction stays one that climbs.
  const NodeId most = b.reduce(Op::reduce_max, b.unary(Op::abs, direction), {event});
  const NodeId share = b.div(b.constant(longest_step), b.binary(Op::maximum, most, b.constant(longest_step)));
  const NodeId part = b.mul(share, b.leaf(Op::derived, ir::newton_step_slot, {ir::Element::real, {}, -1}));
  const NodeId next = b.mul(a, b.unary(Op::exp, b.mul(part, direction)));
  // Where a component has lost its rows there is no direction: the checks name it.
  b.output(ir::OutputKind::parameter, block.name, b.select(b.unary(Op::is_finite, next), next, a));
}

}  // namespace lvm::em
