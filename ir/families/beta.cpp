// Beta and Dirichlet, Beta being Dirichlet of two shares. With n = sum of a_k and t_k = ln(y_k n / a_k):
//
//   ln p = lgamma(n) - sum of lgamma(a_k) + sum of (a_k - 1) ln y_k
//        = sum of [ (a_k - 1) t_k - a_k (e^t_k - 1) - ln(a_k / n) + 1/2 ln a_k - binet(a_k) ]
//          - 1/2 ln n + binet(n) - (number - 1) / 2 ln 2 pi,
//
// since the a_k (e^t_k - 1) = n y_k - a_k add up to 0. Terms of the size of a ln a would cancel.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId share(Builder& b, NodeId shape, NodeId total, NodeId log_value, NodeId is_zero) {
  const NodeId zero = b.constant(0), less = b.sub(shape, b.constant(1));
  const NodeId log_mean = b.sub(log_of(b, shape), log_of(b, total));
  const NodeId t = b.sub(log_value, log_mean);
  // At a bound of the support with the shape 1: 0 times -inf.
  const NodeId flat = b.binary(Op::logical_and, is_zero, b.binary(Op::equal, less, zero));
  const NodeId power = b.select(flat, zero, b.mul(less, t));
  const NodeId norm = b.sub(b.mul(b.constant(0.5), log_of(b, shape)), b.unary(Op::binet, shape));
  return b.add(b.sub(power, b.mul(shape, b.unary(Op::expm1, t))), b.sub(norm, log_mean));
}

NodeId of_total(Builder& b, NodeId total) {
  return b.sub(b.unary(Op::binet, total), b.mul(b.constant(0.5), log_of(b, total)));
}

NodeId beta(Builder& b, NodeId value, const Slots& slots) {
  const NodeId total = b.add(slots.at(0), slots.at(1));
  const NodeId none = b.binary(Op::equal, value, b.constant(0)),
               all = b.binary(Op::equal, value, b.constant(1));
  const NodeId yes = share(b, slots.at(0), total, log_of(b, value), none);
  const NodeId no = share(b, slots.at(1), total, b.unary(Op::log1p, negative(b, value)), all);
  return b.add(b.add(yes, no), b.sub(of_total(b, total), b.constant(half_log_two_pi)));
}

NodeId dirichlet(Builder& b, NodeId value, const Slots& slots) {
  const AxisId axis = event_axis(slots);
  const NodeId alpha = slots.at(0), total = b.reduce(Op::sum, alpha, {axis});
  const NodeId none = b.binary(Op::equal, value, b.constant(0));
  const NodeId each = b.sub(share(b, alpha, total, log_of(b, value), none), b.constant(half_log_two_pi));
  return b.add(b.reduce(Op::sum, each, {axis}), b.add(of_total(b, total), b.constant(half_log_two_pi)));
}

/// The concentration m (1 - m) / v - 1, from 1/100 to 10^8.
NodeId concentration(Builder& b, NodeId spread, NodeId variance) {
  const NodeId v = at_least(b, b.binary(Op::maximum, variance, b.mul(b.constant(1e-8), spread)), 1e-300);
  return at_least(b, b.sub(b.div(spread, v), b.constant(1)), 1e-2);
}

NodeId inside(Builder& b, NodeId mean) {
  return b.binary(Op::minimum, at_least(b, mean, 1e-6), b.constant(1 - 1e-6));
}

std::vector<NodeId> start_of_beta(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const NodeId m = inside(b, mean), other = one_less(b, m);
  const NodeId n = concentration(b, b.mul(m, other), variance);
  return {b.mul(m, n), b.mul(other, n)};
}

/// Relative to the distance from the nearer bound.
Narrowness narrow_beta(Builder& b, const Slots& s) {
  const NodeId inverse = b.unary(Op::reciprocal, b.add(s.at(0), s.at(1)));
  const NodeId mean = b.mul(s.at(0), inverse), other = b.mul(s.at(1), inverse);
  const NodeId nearer = b.binary(Op::minimum, mean, other);
  const NodeId variance = b.mul(b.mul(mean, other), inverse);
  return {variance, b.div(variance, b.unary(Op::square, nearer))};
}

/// Each share is a Beta of its concentration and those of the others.
Narrowness narrow_dirichlet(Builder& b, const Slots& s) {
  const NodeId total = b.reduce(Op::sum, s.at(0), {event_axis(s)});
  return narrow_beta(b, {s.at(0), b.sub(total, s.at(0))});
}

/// One concentration from the sums over all shares.
std::vector<NodeId> start_of_dirichlet(Builder& b, NodeId mean, NodeId variance, const Slots& slots) {
  const AxisId axis = event_axis(slots);
  const NodeId m = inside(b, mean);
  const NodeId spread = b.reduce(Op::sum, b.mul(m, one_less(b, m)), {axis});
  return {b.mul(m, concentration(b, spread, b.reduce(Op::sum, variance, {axis})))};
}

}  // namespace

std::vector<Family> beta_families() {
  return {{.parameterisation = "Beta.a.b",
           .log_density = beta,
           .start = {.slots = start_of_beta},
           .narrowness = narrow_beta},
          {.parameterisation = "Dirichlet.alpha",
           .log_density = dirichlet,
           .start = {.slots = start_of_dirichlet},
           .narrowness = narrow_dirichlet}};
}

}  // namespace lvm::ir
