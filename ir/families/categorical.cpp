// Categorical:  ln p = ln p_value. The probabilities (or logits, normalised here) lie along the axis that the
// value ranges over.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

/// The event axis of the slot: its twin where the slot holds both (rows of a transition table), else the
/// value's range.
AxisId event_axis(Builder& b, NodeId value, NodeId slot) {
  const AxisId range = b.type(value).range;
  if (range < 0) throw InternalError("the value of a Categorical has no range");
  const auto twin = b.module().find_axis(b.module().axis(range).name + "'");
  if (twin && b.type(slot).has(*twin)) return *twin;
  return range;
}

/// Of the enumerated value k the k-th entry is the whole table.
NodeId at_value(Builder& b, NodeId value, NodeId log_p, AxisId axis) {
  const Node& node = b.function()[value];
  if (node.op == Op::iota && node.attributes.axes == std::vector<AxisId>{axis}) return log_p;
  return b.make(Op::gather, {log_p, value}, {.axes = {axis}});
}

NodeId by_p(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const AxisId axis = event_axis(b, value, slots.at(0));
  return at_value(b, value, b.unary(Op::log, slots.at(0)), axis);
}

NodeId by_logits(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const AxisId axis = event_axis(b, value, slots.at(0));
  const NodeId log_p = b.sub(slots.at(0), b.reduce(Op::logsumexp, slots.at(0), {axis}));
  return at_value(b, value, log_p, axis);
}

/// The greatest of ln p_k - ln(-ln ε_k), k a value (Gumbel 1954); ln q of it is a score function's.
Reparameterised drawn(bool logits, std::string_view equation) {
  return {.noise = Noise::uniform,
          .equation = equation,
          .sample =
              [=](Builder& b, NodeId noise, const Slots& s) {
                const NodeId scores = logits ? s.at(0) : b.unary(Op::log, s.at(0));
                const NodeId gumbel =
                    b.unary(Op::neg, b.unary(Op::log, b.unary(Op::neg, b.unary(Op::log, noise))));
                return b.make(Op::argmax, {b.add(scores, gumbel)}, {.axes = {event_axis(s)}});
              },
          .entropy = {},
          .mean = {},
          .variance = {},
          .shape = NoiseShape::range,
          .in_steps = true};
}

}  // namespace

std::vector<Family> categorical_families() {
  return {{.parameterisation = "Categorical.p",
           .log_density = by_p,
           .draw = drawn(false, "argmax_k (ln p_k - ln(-ln ε_k))")},
          {.parameterisation = "Categorical.logits",
           .log_density = by_logits,
           .draw = drawn(true, "argmax_k (logits_k - ln(-ln ε_k))")}};
}

}  // namespace lvm::ir
