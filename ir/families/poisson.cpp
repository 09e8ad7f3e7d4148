// Poisson:  ln p = y ln rate - rate - ln y!,  with the part of the data alone taken out (Loader 2000, "Fast
// and accurate computation of binomial probabilities").

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId by_rate(Builder& b, NodeId value, const Slots& slots) {
  const NodeId rate = slots.at(0);
  return b.add(count_gap(b, value, rate, log_of(b, rate)), stirling_gap(b, value));
}

NodeId by_log_rate(Builder& b, NodeId value, const Slots& slots) {
  const NodeId log_rate = slots.at(0);
  return b.add(count_gap(b, value, b.unary(Op::exp, log_rate), log_rate), stirling_gap(b, value));
}

std::vector<NodeId> start_of_rate(Builder& b, NodeId mean, NodeId, const Slots&) {
  return {at_least(b, mean, 1e-3)};
}

std::vector<NodeId> start_of_log_rate(Builder& b, NodeId mean, NodeId, const Slots&) {
  return {log_of(b, at_least(b, mean, 1e-3))};
}

/// n where F(n - 1) <= Φ(ε) < F(n). n >= k where the quantile of Gamma(k, 1) is not above the rate, so one
/// quantile halves the places that are left: 32 about the expansion of Cornish & Fisher 1938, which for |ε| <
/// 9 misses by less than half of them.
NodeId quantile(Builder& b, NodeId noise, NodeId rate, NodeId log_rate) {
  constexpr double half = 16;
  const NodeId bend = b.mul(b.constant(1.0 / 6), b.sub(b.unary(Op::square, noise), b.constant(1)));
  const NodeId middle =
      b.unary(Op::floor, b.add(b.make(Op::fma, {b.unary(Op::sqrt, rate), noise, rate}), bend));
  const NodeId against = negative(b, noise), zero = b.constant(0);
  NodeId low = b.sub(middle, b.constant(half));
  for (double width = half; width >= 1; width /= 2) {
    const NodeId at = b.add(low, b.constant(width));
    const NodeId reached =
        b.binary(Op::less_equal, b.binary(Op::log_gamma_draw, at_least(b, at, 1), against), log_rate);
    low = b.select(b.binary(Op::logical_or, b.binary(Op::less_equal, at, zero), reached), at, low);
  }
  return at_least(b, low, 0);
}

Reparameterised drawn(Term rate, Term log_rate, std::string_view equation) {
  return {.noise = Noise::normal,
          .equation = equation,
          .sample =
              [=](Builder& b, NodeId noise, const Slots& s) {
                return quantile(b, noise, rate(b, no_node, s), log_rate(b, no_node, s));
              },
          .entropy = {},
          .mean = rate,
          .variance = rate,
          .in_steps = true};
}

NodeId slot(Builder&, NodeId, const Slots& slots) {
  return slots.at(0);
}
NodeId exp_of_slot(Builder& b, NodeId, const Slots& slots) {
  return b.unary(Op::exp, slots.at(0));
}
NodeId log_of_slot(Builder& b, NodeId, const Slots& slots) {
  return log_of(b, slots.at(0));
}

}  // namespace

std::vector<Family> poisson_families() {
  return {{.parameterisation = "Poisson.rate",
           .log_density = by_rate,
           .rates = {{.slot = 0, .sign = 1, .a = the_value, .b = the_one}},
           .start = {.slots = start_of_rate},
           .draw = drawn(slot, log_of_slot, "the quantile of Poisson(rate) at Φ(ε)")},
          {.parameterisation = "Poisson.log_rate",
           .log_density = by_log_rate,
           .start = {.slots = start_of_log_rate},
           .link = [](Builder& b, NodeId value,
                      const Slots&) { return log_of(b, b.add(value, b.constant(0.5))); },
           .links = {{.slot = 0, .a = the_value, .b = the_one, .link = log_of}},
           .draw = drawn(exp_of_slot, slot, "the quantile of Poisson(e^log_rate) at Φ(ε)")}};
}

}  // namespace lvm::ir
