#pragma once
// Priors of parameters in the M-step: what a conjugate one adds to the expected statistics, and the
// derivatives of any other.

#include <optional>

#include "backends/em/solvers.h"
#include "ir/families/members.h"

namespace lvm::em {

/// A prior taken apart, its slots in the update function.
struct Prior {
  std::string family;  // "Gamma"
  std::vector<std::string> slot_names;
  std::vector<NodeId> slots;
};
std::optional<Prior> prior_of(UpdateContext& context, const std::string& parameter);

/// What a conjugate prior adds, as if it were data. ln P(v) is
///   a ln v - b v  (Gamma, Exponential),   -a ln v - b / v  (InverseGamma),   a ln v + b ln(1 - v)  (Beta),
///   sum a ln v  (Dirichlet)
/// up to a constant. Gelman et al. 2013, appendix A.
struct PseudoCounts {
  NodeId a, b;
};
std::optional<PseudoCounts> pseudo_counts(UpdateContext& context, const std::string& parameter);

/// Says by name where a prior whose density is infinite on the edge of a set outweighs the expected counts:
/// `counts` and what the prior adds to them, `more`, which may be less than none.
void check_edge(UpdateContext& context, const std::string& parameter, const std::string& edge, NodeId counts,
                NodeId more);

/// What the prior of a spread adds: a to the scatter, b to the weight of the rows.
///   var ~ InverseGamma(α, β): 2 β, 2 (α + 1)          precision ~ Gamma(α, β): 2 β, 2 (α - 1)
///   cov ~ InverseWishart(ν, Ψ): Ψ, ν + D + 1           precision_matrix ~ Wishart(ν, V): V⁻¹, ν - D - 1
std::optional<PseudoCounts> spread_prior(UpdateContext& context, const std::string& parameter,
                                         const std::optional<ir::MatrixAxes>& matrix);

/// The prior Normal(m0, c v^k) of a mean m, where v is also the spread of the Normal whose mean is m. Given
/// V, the variance that v stands for, ln P(m | V) = -1/2 [ ln V + weight (m - m0)^2 / V ] up to a constant.
struct TiedPrior {
  NodeId mean;    // m0
  NodeId weight;  // c^-e: rows that the prior is worth, where the slot of the factor has no coefficient
};
std::optional<TiedPrior> tied_prior(UpdateContext& context, const std::string& mean,
                                    const std::string& spread);

/// d ln P(v) / d v and d2 ln P(v) / d v2, element by element.
struct PriorDerivatives {
  NodeId first, second;
};
std::optional<PriorDerivatives> prior_derivatives(UpdateContext& context, const std::string& parameter);

}  // namespace lvm::em
