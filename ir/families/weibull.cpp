// Weibull:  ln p = ln k - ln y + z - e^z,  z = k ln(y / scale).

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr double euler = 0.57721566490153286061, pi_over_root_six = 1.28254983016186409554;

NodeId weibull(Builder& b, NodeId value, const Slots& slots) {
  const NodeId shape = slots.at(0), log_value = log_of(b, value);
  const NodeId z = b.mul(shape, b.sub(log_value, log_of(b, slots.at(1))));
  return b.sub(b.add(log_of(b, shape), b.sub(z, b.unary(Op::exp, z))), log_value);
}

/// ln y has the variance pi^2 / (6 k^2) and the mean ln(scale) - euler / k.
std::vector<NodeId> start(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const NodeId sd = b.unary(Op::sqrt, at_least(b, variance, 1e-12));
  const NodeId shape = b.div(b.constant(pi_over_root_six), sd);
  return {shape, b.unary(Op::exp, b.add(mean, b.div(b.constant(euler), shape)))};
}

Narrowness narrowness(Builder& b, const Slots& s) {
  const NodeId relative = b.unary(Op::square, b.div(b.constant(pi_over_root_six), s.at(0)));
  return {b.mul(relative, b.unary(Op::square, s.at(1))), relative};
}

}  // namespace

std::vector<Family> weibull_families() {
  return {{.parameterisation = "Weibull.shape.scale",
           .log_density = weibull,
           .start = {.feature = log_of, .slots = start},
           .narrowness = narrowness}};
}

}  // namespace lvm::ir
