// Geometric, the number of failures before the first success:  ln p = ln p + y ln(1 - p).

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId by_p(Builder& b, NodeId value, const Slots& slots) {
  const NodeId p = slots.at(0);
  return b.add(weighted(b, value, b.unary(Op::log1p, negative(b, p))), log_of(b, p));
}

std::vector<NodeId> start(Builder& b, NodeId mean, NodeId, const Slots&) {
  return {b.unary(Op::reciprocal, b.add(at_least(b, mean, 1e-3), b.constant(1)))};
}

/// E ln p of a count of this mean: ln p is linear in it.
NodeId expected(Builder& b, NodeId mean, NodeId, const Slots& slots) {
  return by_p(b, mean, slots);
}

NodeId mean_of(Builder& b, NodeId, const Slots& slots) {
  return b.div(one_less(b, slots.at(0)), slots.at(0));
}

/// The whole part of an exponential draw (Devroye 1986, section X.2).
Reparameterised drawn() {
  return {
      .noise = Noise::uniform,
      .equation = "the whole part of ln ε / ln(1 - p)",
      .sample =
          [](Builder& b, NodeId noise, const Slots& s) {
            return b.unary(Op::floor, b.div(log_of(b, noise), b.unary(Op::log1p, negative(b, s.at(0)))));
          },
      .entropy = [](Builder& b, NodeId,
                    const Slots& s) { return negative(b, by_p(b, mean_of(b, no_node, s), s)); },
      .mean = mean_of,
      .variance = [](Builder& b, NodeId, const Slots& s) { return b.div(mean_of(b, no_node, s), s.at(0)); },
      .in_steps = true};
}

}  // namespace

std::vector<Family> geometric_families() {
  return {{.parameterisation = "Geometric.p",
           .log_density = by_p,
           .odds = {{.slot = 0, .a = the_one, .b = the_value}},
           .start = {.slots = start},
           .draw = drawn(),
           .expected = expected}};
}

}  // namespace lvm::ir
