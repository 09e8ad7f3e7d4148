#pragma once
// Parameters that enter one slot through a linear predictor  eta = offset + sum over p of c_p v_p
// (ir/passes/predictor.h): their design, and the equations of a step in all of them together.
//
//   H delta = G,     G_p = sum w g c_p,     H_pq = sum w h c_p c_q
//
//   kind           g                 h
//   residual       d = y - eta       1                     least squares, exact in one step
//   likelihood     d ln p / d eta    -d2 ln p / d eta2     Newton (iteratively reweighted least squares)
//   link           g(y) - eta        1                     where Newton starts: the linked values regressed
// The softmax of P(z | x) = Categorical(logits: eta) has terms of its own (design.cpp, gate_sums).
// McCullagh & Nelder 1989, section 2.5.

#include "backends/em/solvers.h"

namespace lvm::em {

/// The blocks of one slot that are solved together.
struct DesignGroup {
  size_t emission = 0;
  size_t slot = 0;
  std::vector<const ir::Block*> blocks;
};
DesignGroup design_group(const UpdateContext& context, const ir::Block& first);

enum class DesignKind : uint8_t { residual, likelihood, link };

/// The sums of one group in the update function, for each element of `axes` (with the axis of its own of each
/// parameter).
class Design {
 public:
  Design(UpdateContext& context, DesignGroup group);

  /// What all parameters of the group have in common: a step for each element of these axes.
  const std::vector<AxisId>& batch() const { return batch_; }

  struct Sums {
    std::vector<NodeId> g;               // of each parameter: axes, its own axis
    std::vector<std::vector<NodeId>> h;  // of q <= p: axes, own of p, twin of own of q
  };
  /// Statistics over `axes`, which hold the batch; h over those of `h_axes`.
  Sums sums(DesignKind kind, const std::vector<AxisId>& axes, const std::vector<AxisId>& h_axes);
  /// Summed to the batch, each element weighted.
  Sums pooled(const Sums& sums, NodeId weight);
  void add_priors(Sums& sums);
  /// delta of each parameter: batch, its own axis; NaN where H is singular.
  std::vector<NodeId> solve(const Sums& sums);
  /// The step along each axis by itself, G / |H_ii|: for where H gives none.
  std::vector<NodeId> solve_apart(const Sums& sums);

  const DesignGroup& group() const { return group_; }
  AxisId extra(size_t parameter) const { return extra_[parameter]; }  // -1: none
  AxisId twin_of_extra(size_t parameter);
  size_t columns() const;

 private:
  int64_t width(size_t parameter) const;
  NodeId entry(const Sums& sums, size_t p, int64_t i, size_t q, int64_t j);
  NodeId over_batch(NodeId node);
  Sums gate_sums();

  UpdateContext& c_;
  Builder& b_;
  DesignGroup group_;
  std::vector<AxisId> batch_, extra_;
};

}  // namespace lvm::em
