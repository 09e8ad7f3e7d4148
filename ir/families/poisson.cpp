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

}  // namespace

std::vector<Family> poisson_families() {
  return {{.parameterisation = "Poisson.rate",
           .log_density = by_rate,
           .rates = {{.slot = 0, .sign = 1, .a = the_value, .b = the_one}},
           .start = {.slots = start_of_rate}},
          {.parameterisation = "Poisson.log_rate",
           .log_density = by_log_rate,
           .start = {.slots = start_of_log_rate},
           .link = [](Builder& b, NodeId value,
                      const Slots&) { return log_of(b, b.add(value, b.constant(0.5))); },
           .links = {{.slot = 0, .a = the_value, .b = the_one, .link = log_of}}}};
}

}  // namespace lvm::ir
