#pragma once
// nodes: the exact posterior of a continuous latent as finitely many equally likely values with the same
// expected statistics, so that everything that is written for enumerated latents is right for it.  Purpose:
// E[f] = mean of f over the nodes for every f that the M-step or the objective asks for, because the plan has
// shown that f is linear in these statistics.
//
//   Gaussian          z, z z'             m ± sqrt(L) (column l of C), C C' = V, over l and the sign
//                                         (the cubature of degree 3 of McNamee & Stenger 1967)
//   Gamma             z, ln z             m ± d,  m = E z,  m^2 - d^2 = exp(2 E ln z)
//   InverseGamma      1/z, ln z           the reciprocals of those of 1/z
//   Beta              ln z, ln(1 - z)     the roots of x^2 - (1 + A^2 - B^2) x + A^2,  A = exp E ln z,  B =
//   exp E ln(1 - z) Dirichlet         ln z_k                  G_k = exp E ln z_k; the first two as those of a
//   Beta, of 1 less the other G_k
//
// Means of two numbers with given arithmetic and geometric mean exist because the first is never below the
// second (Jensen), and the roots lie inside (0, 1) because A + B <= 1. A Gaussian that is a chain over the
// steps of a sequence has nodes of the joint law of a step and the `order` steps before, S elements each:
// with the root R of its covariance, m ± sqrt(n) (column l of R), where R has n = 2 S order columns
// (runtime/kalman.h says why so many). After: in Tensor@canonical the latent is a `data` leaf with the axes
// of its nodes, and of the finite latents that may choose its law; so are its earlier steps, along the same
// nodes.

#include "ir/model/model.h"
#include "ir/passes/plan.h"

namespace lvm::ir {

struct NodeLatent {
  int variable = -1;    // in Model::variables
  AxisId event = -1;    // L; none: a number
  AxisId columns = -1;  // of a vector: the columns of C
  AxisId sides = -1;    // the two signs
  std::vector<int> lags =
      {};  // of a chain: the variable that is it 1, 2, … steps before; -1 where no factor mentions it
  AxisId from = -1;  // of a chain of vectors: a second axis of its elements
  int64_t order() const { return static_cast<int64_t>(lags.size()); }
  std::vector<AxisId> axes() const;  // of the nodes, sorted
};

/// The latents that the plan gives a Gaussian or conjugate posterior; their axes are added to `module`.
std::vector<NodeLatent> node_latents(const Model& model, const Plan& plan, Module& module);
/// The leaf of one of them, or of one of its earlier steps, in Tensor@canonical.
Type node_type(const Model& model, const NodeLatent& latent);
Type node_type(const Model& model, const NodeLatent& latent, int variable);

}  // namespace lvm::ir
