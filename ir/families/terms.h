#pragma once
// Terms that several densities share, written so that neither large counts nor large shapes cancel.

#include "ir/families/family.h"

namespace lvm::ir {

inline constexpr double half_log_two_pi = 0.91893853320467274178032973640562;

inline NodeId log_of(Builder& b, NodeId x) {
  return b.unary(Op::log, x);
}
inline NodeId negative(Builder& b, NodeId x) {
  return b.unary(Op::neg, x);
}
inline NodeId one_less(Builder& b, NodeId x) {
  return b.sub(b.constant(1), x);
}
inline NodeId at_least(Builder& b, NodeId x, double least) {
  return b.binary(Op::maximum, x, b.constant(least));
}

/// ln(mean / (1 - mean)), rising from -inf to inf.
inline NodeId log_odds(Builder& b, NodeId mean) {
  return b.sub(log_of(b, mean), b.unary(Op::log1p, negative(b, mean)));
}

/// Weights of a rate, of odds or of a link: the value itself, and 1.
inline NodeId the_value(Builder&, NodeId value, const Slots&) {
  return value;
}
inline NodeId the_one(Builder& b, NodeId, const Slots&) {
  return b.constant(1);
}

/// weight * term, and 0 where the weight of the data is 0: there the term may be infinite.
NodeId weighted(Builder& b, NodeId weight, NodeId term);

/// t - (e^t - 1) <= 0. Where a mean enters a density as a ln(mean / y) - mean + y, the same rounded t stands
/// in both parts: an error of the logarithm then counts only times e^t - 1, not times a.
NodeId gap(Builder& b, NodeId t);

/// ln(y! / (y / e)^y) with its sign turned: y ln y - y - lgamma(y + 1), 0 at y = 0, for counts.
NodeId stirling_gap(Builder& b, NodeId count);

/// y ln(mean) - mean - (y ln y - y) for a count: of Poisson, and of each outcome of Binomial.
NodeId count_gap(Builder& b, NodeId count, NodeId mean, NodeId log_mean);

/// The one axis, or the two, that the logpdf node names as its event.
AxisId event_axis(const Slots& slots, size_t i = 0);

/// The number of elements along an axis whose size need not be known yet.
NodeId axis_length(Builder& b, AxisId axis);

}  // namespace lvm::ir
