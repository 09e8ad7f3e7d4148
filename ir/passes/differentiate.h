#pragma once
// differentiate: reverse mode on Tensor.  Purpose: the gradient of a scalar as Tensor again, so that it
// prints, simplifies and fuses. Before: a function whose first output is a scalar of level step.  After: a
// function with that value and one result a leaf.
//   f = sum[D] (square %x)   ->   f = …, gradient x = mul 2, %x

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// A node whose every element counts `adjoint` times, which itself is held.
struct Seed {
  NodeId node, adjoint;
};
/// The gradient of the sum over the seeds of adjoint * node.
std::vector<NodeId> differentiate(Builder& builder, const std::vector<Seed>& seeds,
                                  const std::vector<NodeId>& with_respect_to);

/// Appends the adjoints of `with_respect_to` to the builder's function; each has the axes of its node.
/// Throws InternalError naming an op on the way that has no derivative rule.
std::vector<NodeId> differentiate(Builder& builder, NodeId scalar,
                                  const std::vector<NodeId>& with_respect_to);

/// The derivative of each element of `value` in the same element of each leaf. Every op between them works
/// element by element, and the leaves (any nodes of the function) have the axes of `value`. Throws
/// InternalError naming an op for which this does not hold.
std::vector<NodeId> differentiate_elements(Builder& builder, NodeId value, const std::vector<NodeId>& leaves);

/// `module` with the plain function "<name>.gradient": the value of the first output, then the gradient in
/// each real `parameter` and `argument` leaf. Calls are inlined; `derived` and `statistic` leaves are
/// constants.
Module differentiate(const Module& module, const std::string& function_name);

}  // namespace lvm::ir
