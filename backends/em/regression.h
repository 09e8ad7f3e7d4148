#pragma once
// Slots with a linear predictor: the mean of a Normal by weighted least squares, any other slot by a guarded
// Newton step in all of its coefficients together.

#include "backends/em/design.h"
#include "ir/families/members.h"

namespace lvm::em {

/// The mean of one Normal factor as a regression: its step, and what the step takes from the scatter about
/// the old mean.
class Regression {
 public:
  /// `spread_axes`: of the spread slot, without those of its matrices.
  Regression(UpdateContext& context, const ir::Block& first, std::vector<AxisId> spread_axes,
             std::optional<ir::MatrixAxes> matrix);

  /// Writes the new coefficients; `precision` weights what is pooled (no_node: nothing is, or all weights are
  /// equal).
  void solve(NodeId precision);
  bool weighted() const;
  /// Sum of w (d - step)^2 - w d^2, over the joint axes; for matrices w (d - step)(d - step)' - w d d'.
  NodeId correction();
  NodeId matrix_correction();
  /// What coefficients that are latents add to the expected squares, over the joint axes; no_node where none
  /// is.
  NodeId spare() const { return spare_; }
  double columns() const { return static_cast<double>(design_.columns()); }
  const std::vector<AxisId>& joint_axes() const { return joint_; }

 private:
  void write_coefficients(size_t p, const ir::Variable& global, NodeId mean, NodeId precision);
  AxisId own_axis(size_t p);
  NodeId by_own_axis(size_t p, NodeId node);
  NodeId moved(size_t p, size_t q, NodeId h);

  UpdateContext& c_;
  Builder& b_;
  Design design_;
  std::vector<AxisId> joint_;
  std::optional<ir::MatrixAxes> matrix_;
  Design::Sums sums_;
  std::vector<NodeId> deltas_;
  NodeId spare_ = ir::no_node;
};

/// A Newton step in the coefficients of a slot, or their start from the linked values.
void solve_reweighted(UpdateContext& context, const ir::Block& first, Moves moves);

}  // namespace lvm::em
