#pragma once
// enumerate: replace finite latents by all of their values at once.  Purpose: f(z) becomes f(k) with the axis
// K of z's range, f(a, b) becomes f(i, j) with both axes. Before: an expression in which K stands nowhere but
// as the axis that z indexes
// (`enumeration_conflict` finds none). After: the latent's leaf is gone; `gather table, z` is the table
// itself.
//
//   gather[K] %mean, %z : real[row, D]   ->   %mean : real[K, D]

#include "ir/model/model.h"

namespace lvm::ir {

/// A latent with finitely many values, one a row. A category that is data and missing in some rows is one
/// too, where a factor depends on it: the rows that have it are point masses. (Where none does, leaving its
/// factor out of a row is its expectation.)
struct FiniteLatent {
  int variable;  // in Model::variables
  AxisId states;
  bool observed = false;  // in some rows
};
std::vector<FiniteLatent> finite_latents(const Model& model);
/// Indices of latents that factors join: q is the product over these blocks.
std::vector<std::vector<size_t>> joint_blocks(const Model& model, const std::vector<FiniteLatent>& latents);

/// The node of `function` that keeps `latent` from being enumerated along the axis `states`, because it uses
/// that axis itself, or no_node.
NodeId enumeration_conflict(const Function& function, NodeId expression, NodeId latent, AxisId states);

/// ln P(y, latents) of a row, -inf where a value contradicts one that the row has.
NodeId where_possible(Builder& builder, const Model& model, const std::vector<FiniteLatent>& latents,
                      NodeId log_joint);

struct EnumeratedPosterior {
  NodeId evidence;  // ln P(y): [row]; of a point the greatest ln P(y, z)
  NodeId q;         // [row, states…]
};
EnumeratedPosterior exact_posterior(Builder& builder, NodeId log_joint, const std::vector<AxisId>& states);
/// All mass on the most probable values, the first of equals.
EnumeratedPosterior point_posterior(Builder& builder, NodeId log_joint, const std::vector<AxisId>& states);

/// Copies nodes of `from` into a builder of a module with the same axes, enumerating the leaves of the
/// latents.
class Enumeration {
 public:
  Enumeration(Builder& to, const Function& from, const Model& model,
              const std::vector<FiniteLatent>& latents);
  /// Copies alone.
  Enumeration(Builder& to, const Function& from);
  NodeId operator()(NodeId node);
  /// What stands for `node` from now on.
  void replace(NodeId node, NodeId by) { made_[static_cast<size_t>(node)] = by; }

 private:
  NodeId make(NodeId node);
  NodeId all_values(const Node& leaf, AxisId states);
  /// The axis of an enumerated leaf, or -1.
  AxisId states_of(NodeId leaf) const { return states_[static_cast<size_t>(leaf)]; }

  Builder& to_;
  const Function& from_;
  std::vector<AxisId> states_;  // of each node of `from`
  std::vector<NodeId> made_;
};

}  // namespace lvm::ir
