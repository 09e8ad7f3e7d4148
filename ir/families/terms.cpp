#include "ir/families/terms.h"

namespace lvm::ir {

NodeId weighted(Builder& b, NodeId weight, NodeId term) {
  const NodeId zero = b.constant(0);
  return b.select(b.binary(Op::equal, weight, zero), zero, b.mul(weight, term));
}

NodeId gap(Builder& b, NodeId t) {
  return b.sub(t, b.unary(Op::expm1, t));
}

NodeId stirling_gap(Builder& b, NodeId count) {
  const NodeId some = at_least(b, count, 1), zero = b.constant(0);
  const NodeId root = b.add(b.constant(half_log_two_pi), b.mul(b.constant(0.5), log_of(b, some)));
  const NodeId value = negative(b, b.add(root, b.unary(Op::binet, some)));
  return b.select(b.binary(Op::equal, count, zero), zero, value);
}

NodeId count_gap(Builder& b, NodeId count, NodeId mean, NodeId log_mean) {
  const NodeId some = at_least(b, count, 1);
  const NodeId t = b.sub(log_mean, log_of(b, some));
  const NodeId none = b.binary(Op::equal, count, b.constant(0));
  return b.select(none, negative(b, mean), b.mul(some, gap(b, t)));
}

AxisId event_axis(const Slots& slots, size_t i) {
  if (i >= slots.event.size()) throw InternalError("a density over an event axis needs the axis of its node");
  return slots.event[i];
}

NodeId axis_length(Builder& b, AxisId axis) {
  return b.reduce(Op::sum, b.make(Op::broadcast, {b.constant(1)}, {.axes = {axis}}), {axis});
}

}  // namespace lvm::ir
