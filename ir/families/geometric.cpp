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

}  // namespace

std::vector<Family> geometric_families() {
  return {{.parameterisation = "Geometric.p",
           .log_density = by_p,
           .odds = {{.slot = 0, .a = the_one, .b = the_value}},
           .start = {.slots = start}}};
}

}  // namespace lvm::ir
