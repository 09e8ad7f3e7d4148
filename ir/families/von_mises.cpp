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

/// The angle of (c, s): from the nearest of 0, ±π/2 and π by a <- a + sin(angle - a), where an error e
/// becomes e - sin e, near e^3/6.
NodeId angle_of(Builder& b, NodeId c, NodeId s) {
  constexpr double half_turn = 3.14159265358979323846;
  constexpr int steps = 4;
  const NodeId zero = b.constant(0), size_c = b.unary(Op::abs, c), size_s = b.unary(Op::abs, s);
  const NodeId length =
      at_least(b, b.unary(Op::sqrt, b.add(b.unary(Op::square, c), b.unary(Op::square, s))), 1e-300);
  const NodeId side =
      b.select(b.binary(Op::less, s, zero), b.constant(-half_turn / 2), b.constant(half_turn / 2));
  const NodeId back = b.add(side, side);
  const NodeId along = b.select(b.binary(Op::less, c, zero), back, zero);
  NodeId angle = b.select(b.binary(Op::less, size_c, size_s), side, along);
  for (int i = 0; i < steps; ++i) {
    const NodeId off = b.sub(b.mul(s, b.unary(Op::cos, angle)), b.mul(c, b.unary(Op::sin, angle)));
    angle = b.add(angle, b.div(off, length));
  }
  return angle;
}

/// The mean direction, and from the length r of the mean of (cos y, sin y) r (2 - r^2) / (1 - r^2) for the
/// root of I1(k) / I0(k) = r (Banerjee et al. 2005).
std::vector<NodeId> start(Builder& b, NodeId cosine, NodeId sine, const Slots&) {
  const NodeId square = b.add(b.unary(Op::square, cosine), b.unary(Op::square, sine));
  const NodeId rest = at_least(b, one_less(b, square), 1e-8);
  const NodeId concentration = b.div(b.mul(b.unary(Op::sqrt, square), b.sub(b.constant(2), square)), rest);
  return {angle_of(b, cosine, sine), at_least(b, concentration, 1e-3)};
}

}  // namespace

std::vector<Family> von_mises_families() {
  return {{.parameterisation = "VonMises.mean.concentration",
           .log_density = von_mises,
           .start = {.feature = [](Builder& b, NodeId value) { return b.unary(Op::cos, value); },
                     .slots = start,
                     .other = [](Builder& b, NodeId value) { return b.unary(Op::sin, value); }},
           .narrowness = [](Builder& b, const Slots& s) {
             return Narrowness{b.unary(Op::reciprocal, s.at(1))};
           }}};
}

}  // namespace lvm::ir
