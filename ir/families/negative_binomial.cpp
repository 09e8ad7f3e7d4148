// NegativeBinomial with mean m and shape r (variance m + m^2 / r):
//
//   ln p = lgamma(y + r) - lgamma(r) - ln y! + r ln(r / (r + m)) + y ln(m / (r + m))
//        = r A + y B + stirling_gap(y) - 1/2 log1p(y / r) + binet(r + y) - binet(r),
//   A = ln((r + y) / (r + m)) = log1p((y - m) / (r + m)),
//   B = ln(m (r + y) / (y (r + m))) = log1p(r (m - y) / (y (r + m))).
//
// As r grows A tends to (y - m) / r and B to ln(m / y), Poisson's terms: nothing of the size of r ln r is
// subtracted. Where log1p would come near -1 the logarithms are subtracted instead.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

/// ln(1 + x) by log1p where x is small, else the other form of it.
NodeId near_log(Builder& b, NodeId x, NodeId other) {
  const NodeId is_small = b.binary(Op::less, b.unary(Op::abs, x), b.constant(0.5));
  return b.select(is_small, b.unary(Op::log1p, b.select(is_small, x, b.constant(0))), other);
}

NodeId by_mean(Builder& b, NodeId value, const Slots& slots) {
  const NodeId mean = slots.at(0), shape = slots.at(1), zero = b.constant(0);
  const NodeId none = b.binary(Op::equal, value, zero), some = at_least(b, value, 1);
  const NodeId both = b.add(shape, value), spread = b.add(shape, mean), w = b.sub(mean, value);
  const NodeId a = near_log(b, b.div(b.sub(value, mean), spread), b.sub(log_of(b, both), log_of(b, spread)));
  const NodeId v = b.mul(b.div(shape, spread), b.div(w, some));
  const NodeId c = near_log(b, v, b.add(b.sub(log_of(b, mean), log_of(b, some)), a));
  const NodeId main = b.make(Op::fma, {shape, a, b.select(none, zero, b.mul(some, c))});
  const NodeId root = b.mul(b.constant(-0.5), b.unary(Op::log1p, b.div(value, shape)));
  const NodeId rest = b.sub(b.unary(Op::binet, both), b.unary(Op::binet, shape));
  return b.add(b.add(main, b.add(root, rest)), stirling_gap(b, value));
}

/// m^2 / (v - m), from 1/100 to 1000 times the mean.
std::vector<NodeId> start(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const NodeId m = at_least(b, mean, 1e-3);
  const NodeId excess = b.binary(Op::maximum, b.sub(variance, m), b.mul(b.constant(1e-3), m));
  return {m, at_least(b, b.div(b.unary(Op::square, m), excess), 1e-2)};
}

}  // namespace

std::vector<Family> negative_binomial_families() {
  return {
      {.parameterisation = "NegativeBinomial.mean.shape", .log_density = by_mean, .start = {.slots = start}}};
}

}  // namespace lvm::ir
