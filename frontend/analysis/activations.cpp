// Activations that are no op of their own: arithmetic of ops, with the derivative that the reference
// libraries take at 0.

#include <numbers>

#include "frontend/analysis/network.h"

namespace lvm::analysis {

using ir::Op;

// x where x > 0, else exp(x) - 1 (Clevert, Unterthiner & Hochreiter 2016, eq. 16, with alpha 1). The
// exponential never sees a positive x, where its derivative would overflow; at 0 the minimum gives its second
// side the slope: 1.
NodeId elu(Context& context, NodeId x, SourceRange source) {
  ir::Builder& b = context.builder;
  const NodeId zero = b.constant(0);
  const NodeId below = b.make(Op::expm1, {b.make(Op::minimum, {zero, x}, {}, source)}, {}, source);
  const NodeId positive = b.make(Op::less, {zero, x}, {}, source);
  return b.make(Op::select, {positive, x, below}, {}, source);
}

// x where x > 0, else x / 100 (Maas, Hannun & Ng 2013, eq. 2).
NodeId leaky_relu(Context& context, NodeId x, SourceRange source) {
  ir::Builder& b = context.builder;
  const NodeId below = b.make(Op::mul, {b.constant(0.01), x}, {}, source);
  const NodeId positive = b.make(Op::less, {b.constant(0), x}, {}, source);
  return b.make(Op::select, {positive, x, below}, {}, source);
}

// x Phi(x), with the distribution function of the standard normal (Hendrycks & Gimpel 2016, sec. 2).
NodeId gelu(Context& context, NodeId x, SourceRange source) {
  ir::Builder& b = context.builder;
  const NodeId scaled = b.make(Op::mul, {b.constant(std::numbers::sqrt2 / 2), x}, {}, source);
  const NodeId erf = b.make(Op::erf, {scaled}, {}, source);
  const NodeId twice = b.make(Op::add, {b.constant(1), erf}, {}, source);
  const NodeId half = b.make(Op::mul, {b.constant(0.5), x}, {}, source);
  return b.make(Op::mul, {half, twice}, {}, source);
}

}  // namespace lvm::analysis
