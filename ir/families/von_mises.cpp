// VonMises:  ln p = k cos(y - mean) - ln(2 pi I0(k)) = -2 k sin^2((y - mean) / 2) - (ln I0(k) - k) - ln 2 pi.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId von_mises(Builder& b, NodeId value, const Slots& slots) {
  const NodeId half = b.mul(b.constant(0.5), b.sub(value, slots.at(0)));
  const NodeId bend = b.unary(Op::square, b.unary(Op::sin, half));
  const NodeId log_norm = b.sub(b.constant(-2 * half_log_two_pi), b.unary(Op::log_bessel, slots.at(1)));
  return b.make(Op::fma, {b.mul(b.constant(-2), slots.at(1)), bend, log_norm});
}

/// The mean and the inverse variance of the angles as they stand: near right where a component does not cross
/// the cut. A flat start, 1/4, where it does.
std::vector<NodeId> start(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  return {mean, at_least(b, b.unary(Op::reciprocal, at_least(b, variance, 1e-8)), 0.25)};
}

}  // namespace

std::vector<Family> von_mises_families() {
  return {{.parameterisation = "VonMises.mean.concentration",
           .log_density = von_mises,
           .start = {.slots = start},
           .narrowness = [](Builder& b, const Slots& s) {
             return Narrowness{b.unary(Op::reciprocal, s.at(1))};
           }}};
}

}  // namespace lvm::ir
