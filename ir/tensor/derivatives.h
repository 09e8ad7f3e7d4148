#pragma once
// The derivative rule of each op, reverse mode: what a node's adjoint adds to the adjoints of its inputs.

#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// What one rule sees. `adjoint` has the axes of the node `y`.
struct Adjoint {
  Builder& b;
  NodeId y;
  NodeId adjoint;
  /// By input position: the contribution, with any axes; no_node: none. The caller sums away what the input
  /// lacks.
  std::vector<NodeId> inputs;

  const Node& node() const { return b.function()[y]; }
  NodeId in(size_t i) const { return node().inputs[i]; }
};

using DerivativeRule = void (*)(Adjoint&);

/// Null where the op has no rule: the derivative of such an op is refused by name.
DerivativeRule derivative_rule(Op op);

}  // namespace lvm::ir
