// Binomial and Multinomial.
//
//   ln p = ln n! - ln y! - ln(n - y)! + y ln p + (n - y) ln(1 - p)
//
// as two outcomes with the means n p and n (1 - p), whose parts y - n p and n p - y cancel exactly.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

/// Of an `n` that is a number or a column the tables are checked before a fit.
bool is_checked(Builder& b, NodeId n) {
  const Op op = b.function()[n].op;
  return op == Op::constant || op == Op::data;
}

NodeId binomial(Builder& b, NodeId value, NodeId n, NodeId p, NodeId log_p, NodeId q, NodeId log_q) {
  const NodeId rest = b.sub(n, value), log_n = log_of(b, at_least(b, n, 1));
  const NodeId yes = count_gap(b, value, b.mul(n, p), b.add(log_n, log_p));
  const NodeId no = count_gap(b, rest, b.mul(n, q), b.add(log_n, log_q));
  const NodeId ways = b.sub(b.add(stirling_gap(b, value), stirling_gap(b, rest)), stirling_gap(b, n));
  const NodeId log_p_of_y = b.add(b.add(yes, no), ways);
  if (is_checked(b, n)) return log_p_of_y;
  return b.select(b.binary(Op::less, n, value), b.constant(-__builtin_inf()), log_p_of_y);
}

NodeId by_p(Builder& b, NodeId value, const Slots& slots) {
  const NodeId p = slots.at(1);
  const NodeId log_q = b.unary(Op::log1p, negative(b, p));
  return binomial(b, value, slots.at(0), p, log_of(b, p), one_less(b, p), log_q);
}

NodeId by_logits(Builder& b, NodeId value, const Slots& slots) {
  const NodeId x = slots.at(1), minus = negative(b, x);
  const NodeId p = b.unary(Op::sigmoid, x), q = b.unary(Op::sigmoid, minus);
  const NodeId log_p = negative(b, b.unary(Op::softplus, minus));
  const NodeId log_q = negative(b, b.unary(Op::softplus, x));
  return binomial(b, value, slots.at(0), p, log_p, q, log_q);
}

NodeId failures(Builder& b, NodeId value, const Slots& slots) {
  return b.sub(slots.at(0), value);
}

/// ln((y + 1/2) / (n - y + 1/2))
NodeId empirical_logits(Builder& b, NodeId value, const Slots& slots) {
  const NodeId half = b.constant(0.5);
  return b.sub(log_of(b, b.add(value, half)), log_of(b, b.add(failures(b, value, slots), half)));
}

NodeId multinomial(Builder& b, NodeId value, const Slots& slots) {
  const AxisId axis = event_axis(slots);
  const NodeId one = b.constant(1);
  const NodeId chances = b.reduce(Op::sum, weighted(b, value, log_of(b, slots.at(1))), {axis});
  const NodeId repeats = b.reduce(Op::sum, b.unary(Op::lgamma, b.add(value, one)), {axis});
  const NodeId ways = b.sub(b.unary(Op::lgamma, b.add(slots.at(0), one)), repeats);
  return b.add(chances, ways);
}

}  // namespace

std::vector<Family> binomial_families() {
  return {{.parameterisation = "Binomial.n.p",
           .log_density = by_p,
           .odds = {{.slot = 1, .a = the_value, .b = failures}}},
          {.parameterisation = "Binomial.n.logits",
           .log_density = by_logits,
           .link = empirical_logits,
           .link_slot = 1,
           .links = {{.slot = 1,
                      .a = the_value,
                      .b = [](Builder&, NodeId, const Slots& slots) { return slots.at(0); },
                      .link = log_odds}}},
          {.parameterisation = "Multinomial.n.p", .log_density = multinomial}};
}

}  // namespace lvm::ir
