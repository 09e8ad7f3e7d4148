// Bernoulli:  ln p = y ln p + (1 - y) ln(1 - p).
//
// A product of 0 and ln 0 would be NaN where the answer is 0, so the outcome selects. For data of type `unit`
// the same formula is a cross entropy; each of its terms is taken only where its weight is not zero.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId mixed(Builder& b, NodeId value, NodeId log_p, NodeId log_q) {
  if (b.type(value).element == Element::boolean) return b.select(value, log_p, log_q);
  const NodeId zero = b.constant(0), one = b.constant(1);
  const NodeId yes = b.select(b.binary(Op::equal, value, zero), zero, b.mul(value, log_p));
  const NodeId no = b.select(b.binary(Op::equal, value, one), zero, b.mul(b.sub(one, value), log_q));
  return b.add(yes, no);
}

NodeId by_p(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const NodeId p = slots.at(0);
  return mixed(b, value, b.unary(Op::log, p), b.unary(Op::log1p, b.unary(Op::neg, p)));
}

NodeId by_logits(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  // ln sigmoid(x) = -softplus(-x),  ln(1 - sigmoid(x)) = -softplus(x),  softplus(x) - softplus(-x) = x
  const NodeId x = slots.at(0);
  if (b.type(value).element == Element::boolean)
    return b.unary(Op::neg, b.unary(Op::softplus, b.select(value, b.unary(Op::neg, x), x)));
  return b.make(Op::fma, {value, x, b.unary(Op::neg, b.unary(Op::softplus, x))});
}

NodeId no_of(Builder& b, NodeId value, const Slots&) {
  return b.sub(b.constant(1), value);
}

/// ln((y + 1/2) / (3/2 - y))
NodeId empirical_logits(Builder& b, NodeId value, const Slots&) {
  const NodeId yes = b.unary(Op::log, b.add(value, b.constant(0.5)));
  return b.sub(yes, b.unary(Op::log, b.sub(b.constant(1.5), value)));
}

/// E ln p of a flag of this mean: ln p is linear in it.
ExpectedDensity expected(LogDensity density) {
  return [=](Builder& b, NodeId mean, NodeId, const Slots& slots) { return density(b, mean, slots); };
}

/// y = 1 where ε < p; H = -p ln p - (1 - p) ln(1 - p).
Reparameterised drawn(Term probability, LogDensity density, std::string_view equation) {
  return {
      .noise = Noise::uniform,
      .equation = equation,
      .sample = [=](Builder& b, NodeId noise,
                    const Slots& s) { return b.binary(Op::less, noise, probability(b, no_node, s)); },
      .entropy = [=](Builder& b, NodeId,
                     const Slots& s) { return b.unary(Op::neg, density(b, probability(b, no_node, s), s)); },
      .mean = probability,
      .variance =
          [=](Builder& b, NodeId, const Slots& s) {
            const NodeId p = probability(b, no_node, s);
            return b.mul(p, b.sub(b.constant(1), p));
          },
      .in_steps = true};
}

NodeId probability_itself(Builder&, NodeId, const Slots& slots) {
  return slots.at(0);
}
NodeId sigmoid_of(Builder& b, NodeId, const Slots& slots) {
  return b.unary(Op::sigmoid, slots.at(0));
}

}  // namespace

std::vector<Family> bernoulli_families() {
  return {{.parameterisation = "Bernoulli.p",
           .log_density = by_p,
           .odds = {{0, the_value, no_of}},
           .draw = drawn(probability_itself, by_p, "1 where ε < p, else 0"),
           .expected = expected(by_p)},
          {.parameterisation = "Bernoulli.logits",
           .log_density = by_logits,
           .link = empirical_logits,
           .links = {{.slot = 0, .a = the_value, .b = the_one, .link = log_odds}},
           .draw = drawn(sigmoid_of, by_logits, "1 where ε < 1 / (1 + e^-logits), else 0"),
           .expected = expected(by_logits)}};
}

}  // namespace lvm::ir
