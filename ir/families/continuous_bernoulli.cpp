// ContinuousBernoulli on [0, 1], in the logits x = ln(p / (1 - p)) (Loaiza-Ganem and Cunningham 2019):
//
//   p(y) = x e^(x y) / (e^x - 1),   ln p = x (y - 1/2) - h(x),   h(x) = ln(sinh(x / 2) / (x / 2)).
//
// For |x| >= 1 with a = |x| and the distance w of y from the favoured bound: ln p = -a w + ln a - ln(1 -
// e^-a); below, h by its series: sum of B_2k x^2k / (2k (2k)!), whose next term is below 1e-17.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr double series[] = {1.0 / 24,
                             -1.0 / 2880,
                             1.0 / 181440,
                             -1.0 / 9676800,
                             1.0 / 479001600,
                             -691.0 / 15692092416000.0,
                             1.0 / 1046139494400.0,
                             -3617.0 / 170729965486080000.0,
                             43867.0 / 91963695909076992000.0,
                             -174611.0 / 16057153253965824000000.0};

NodeId near_half(Builder& b, NodeId value, NodeId x) {
  const NodeId square = b.unary(Op::square, x);
  NodeId sum = b.constant(0);
  for (size_t i = std::size(series); i-- > 0;) sum = b.mul(square, b.add(sum, b.constant(series[i])));
  return b.sub(b.mul(x, b.sub(value, b.constant(0.5))), sum);
}

NodeId far_off(Builder& b, NodeId value, NodeId x) {
  const NodeId a = b.binary(Op::minimum, b.unary(Op::abs, x), b.constant(1e300));  // p of 0 and 1
  const NodeId w = b.select(b.binary(Op::less, x, b.constant(0)), value, one_less(b, value));
  const NodeId log_norm =
      b.sub(log_of(b, a), b.unary(Op::log1p, negative(b, b.unary(Op::exp, negative(b, a)))));
  return b.sub(log_norm, b.mul(a, w));
}

NodeId by_x(Builder& b, NodeId value, NodeId x) {
  // Each side sees only what it is for: what the other does not take must still be finite.
  const NodeId small = b.binary(Op::less, b.unary(Op::abs, x), b.constant(1));
  const NodeId near = near_half(b, value, b.select(small, x, b.constant(0)));
  const NodeId far = far_off(b, value, b.select(small, b.constant(1), x));
  return b.select(small, near, far);
}

NodeId by_logits(Builder& b, NodeId value, const Slots& slots) {
  return by_x(b, value, slots.at(0));
}

NodeId by_p(Builder& b, NodeId value, const Slots& slots) {
  const NodeId p = slots.at(0);
  return by_x(b, value, b.sub(log_of(b, p), b.unary(Op::log1p, negative(b, p))));
}

/// The mean 1/2 + x / 12 + ..., which tends to 1 - 1 / x: x is near 3 (m - 1/2) / (m (1 - m)).
NodeId logits_of(Builder& b, NodeId mean) {
  const NodeId m =
      b.binary(Op::minimum, at_least(b, mean, 0.05), b.constant(0.95));  // sigmoid(x) stays below 1
  return b.div(b.mul(b.constant(3), b.sub(m, b.constant(0.5))), b.mul(m, one_less(b, m)));
}

}  // namespace

std::vector<Family> continuous_bernoulli_families() {
  return {{.parameterisation = "ContinuousBernoulli.p",
           .log_density = by_p,
           .start = {.slots =
                         [](Builder& b, NodeId mean, NodeId, const Slots&) {
                           return std::vector<NodeId>{b.unary(Op::sigmoid, logits_of(b, mean))};
                         }}},
          {.parameterisation = "ContinuousBernoulli.logits",
           .log_density = by_logits,
           .start = {.slots = [](Builder& b, NodeId mean, NodeId,
                                 const Slots&) { return std::vector<NodeId>{logits_of(b, mean)}; }},
           .link = [](Builder& b, NodeId value, const Slots&) { return logits_of(b, value); }}};
}

}  // namespace lvm::ir
