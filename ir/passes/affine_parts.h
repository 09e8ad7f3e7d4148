#pragma once
// affine_parts: an expression that is affine in one leaf, f = c + A leaf, taken apart.  Before: `classify`
// has said affine. After: c and A as expressions of their own, without the leaf and without row axes that
// only a broadcast gave.

#include "ir/tensor/tensor.h"

namespace lvm::ir {

struct AffineParts {
  NodeId constant = no_node, linear = no_node;  // no_node: 0
};

/// Writes the parts of `node` of `from` (another function over the same axes) into `to`. `unit` is a node of
/// `to`, the derivative of the leaf in itself: 1, or the identity over its axis and a second one, which A
/// then has too. Throws InternalError naming an op through which the leaf goes otherwise than affinely.
AffineParts affine_parts(Builder& to, const Function& from, NodeId node, NodeId leaf, NodeId unit);

}  // namespace lvm::ir
