#pragma once
// enumerate: replace a finite latent by all of its values at once.  Purpose: f(z) becomes f(k) with the axis
// K of z's range. Before: an expression in which K stands nowhere but as the axis that z indexes
// (`enumeration_conflict` finds none). After: the latent's leaf is gone; `gather table, z` is the table
// itself.
//
//   gather[K] %mean, %z : real[row, D]   ->   %mean : real[K, D]

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// The node of `function` that keeps `latent` from being enumerated along its range, because it uses that
/// axis itself, or no_node.
NodeId enumeration_conflict(const Function& function, NodeId expression, NodeId latent);

/// Copies nodes of `from` into a builder of a module with the same axes, enumerating the latent leaf
/// (no_node: none).
class Enumeration {
 public:
  Enumeration(Builder& to, const Function& from, NodeId latent);
  NodeId operator()(NodeId node);
  /// What stands for `node` from now on.
  void replace(NodeId node, NodeId by) { made_[static_cast<size_t>(node)] = by; }

 private:
  NodeId make(NodeId node);

  Builder& to_;
  const Function& from_;
  NodeId latent_;
  std::vector<NodeId> made_;
};

}  // namespace lvm::ir
