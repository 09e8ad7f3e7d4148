// GumbelSoftmax, the concrete distribution of Maddison, Mnih & Teh 2017 (eq. 10) and Jang, Gu & Poole 2017:
// points of a simplex that near its corners as the temperature t falls, the corner k with the probability
// softmax(logits)_k.
//
//   x = softmax((logits + g) / t),  g_k = -ln(-ln u_k)
//   ln p = lgamma(K) + (K - 1) ln t + sum of (w_k - ln sum e^w - ln x_k),   w = logits - t ln x

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId gumbel_softmax(Builder& b, NodeId value, const Slots& slots) {
  const AxisId axis = event_axis(slots);
  const NodeId temperature = slots.at(1), number = axis_length(b, axis), log_value = log_of(b, value);
  const NodeId w = b.sub(slots.at(0), b.mul(temperature, log_value));
  const NodeId share = b.sub(w, b.reduce(Op::logsumexp, w, {axis}));
  const NodeId each = b.reduce(Op::sum, b.sub(share, log_value), {axis});
  const NodeId norm =
      b.make(Op::fma, {b.sub(number, b.constant(1)), log_of(b, temperature), b.unary(Op::lgamma, number)});
  return b.add(each, norm);
}

/// The shares keep off 0, where logarithms end, by what single precision tells apart; both densities are
/// taken where the draw then is.
Reparameterised drawn_gumbel_softmax() {
  return {.noise = Noise::uniform,
          .equation = "softmax((logits - ln(-ln ε)) / temperature)",
          .sample =
              [](Builder& b, NodeId noise, const Slots& s) {
                const NodeId gumbel = negative(b, log_of(b, negative(b, log_of(b, noise))));
                const NodeId scores = b.div(b.add(s.at(0), gumbel), s.at(1));
                const NodeId logs = b.sub(scores, b.reduce(Op::logsumexp, scores, {event_axis(s)}));
                return at_least(b, b.unary(Op::exp, logs), 1e-30);
              },
          .entropy = {},
          .mean = {},
          .variance = {}};
}

}  // namespace

std::vector<Family> gumbel_softmax_families() {
  return {{.parameterisation = "GumbelSoftmax.logits.temperature",
           .log_density = gumbel_softmax,
           .draw = drawn_gumbel_softmax()}};
}

}  // namespace lvm::ir
