#pragma once
// The state of one plan and the functions of its parts: plan_posterior.cpp (E-step), plan_parameters.cpp
// (M-step).

#include <functional>
#include <set>
#include <string>

#include "ir/passes/enumerate.h"
#include "ir/passes/slot_rules.h"

namespace lvm::ir {

struct PlanContext {
  const Model& model;
  Diagnostics& diagnostics;
  Plan plan;
  std::vector<FactorParts> factors;
  std::vector<FiniteLatent> latents;
  std::set<int> refused_factors;  // what is wrong with them has been said

  PlanContext(const Model& m, Diagnostics& d);
  const Function& function() const { return model.function(); }
  const Variable& variable(int index) const { return model.variables[static_cast<size_t>(index)]; }
  const Factor& factor(const FactorParts& parts) const {
    return model.factors[static_cast<size_t>(parts.index)];
  }
  const std::string& name_of(const FactorParts& parts) const {
    return variable(factor(parts).variable.variable).name;
  }
  /// The leaf of a latent that is enumerated.
  bool is_enumerated(NodeId leaf) const;
  /// The expression differs from row to row by observed cells, other than labels, or by a continuous latent.
  bool depends_on_cells(NodeId expression) const;
  /// Of the expression once its latents are enumerated: with the axes of their values.
  std::vector<AxisId> enumerated_axes(NodeId expression) const;
  std::string_view find_noun(const FactorParts& parts, size_t slot) const {
    const SlotRule* rule = parts.rule(slot);
    return rule ? rule->noun : "slot";
  }
  SourceRange range_of(NodeId node) const { return function()[node].range; }
  /// The expression in a slot; a bare name's node has the range of its declaration, so the distribution
  /// stands for it.
  SourceRange slot_range(const FactorParts& parts, size_t slot) const {
    const Node& node = function()[parts.slots[slot]];
    return node.inputs.empty() || node.range.empty() ? factor(parts).distribution_range : node.range;
  }
};

void plan_posteriors(PlanContext& context);
/// Whether the posteriors of latents of the whole model are such that their updates can be planned; what is
/// wrong is reported.
bool plan_globals(PlanContext& context);
/// " given `z`": whose posteriors the exact posterior of the latent is given; empty: of none.
std::string given_of(const PlanContext& context, const Variable& v);
/// A block of the plan for the continuous latent `z`, or the reason why there is none.
void plan_continuous(PlanContext& context, const Posterior& q, const Variable& z);
/// Of finite latents that depend on earlier steps; false where they were refused.
bool plan_chain(PlanContext& context);
/// "q(z | y)"
std::string spelled(const PlanContext& context, const Posterior& posterior);
void plan_parameters(PlanContext& context);
/// The gradient route is asked for, or a posterior is given as a distribution.
bool climbs_by_gradients(const Model& model);
void plan_gradients(PlanContext& context);
/// Latents of a model of which some q is given. False: a diagnostic says what cannot be done.
bool plan_drawn(PlanContext& context);

/// A slot that depends on a parameter.
struct ParameterUse {
  const FactorParts* parts;
  size_t slot;
  Dependence dependence;
};

/// What is known of the closed form of a latent of the whole model.
struct GlobalFacts {
  bool closed = false;      // that of a parameter in its place
  bool regression = false;  // least squares
  bool tied = false;        // its prior has the spread of the rows,
  bool alike = false;       // which is a latent too
};
/// The closed forms of which the natural parameters of a posterior are known.
bool has_posterior(Solver solver);
/// Whether its posterior is exact given those of the others; if not it is reported. `solved`: a parameter has
/// a closed form.
bool global_is_exact(PlanContext& context, const Variable& v, const std::vector<ParameterUse>& uses,
                     const GlobalFacts& facts, const std::function<bool(const Variable&)>& solved);
/// Its block as that of an exact posterior.
void make_exact(const PlanContext& context, const Variable& v, Block& block, bool tied);
/// A block for what stands in the prior of a latent of the whole model alone, as its precision or variance;
/// false where it does not.
bool plan_shrinkage(PlanContext& context, const Variable& v, const std::vector<ParameterUse>& uses);
/// True where the parameter can be climbed by a Newton step: it enters densities of one element each, element
/// by element.
bool newton_applies(const PlanContext& context, const Variable& parameter,
                    const std::vector<ParameterUse>& uses);
/// A step needs a log density that is smooth in the slot: that of a Laplace has a kink at each row in its
/// location, and the bounds of a support have their optimum at a row, where the density ends.
bool is_smooth(const FactorParts& parts, size_t slot);
/// The solver of coefficients of a linear predictor, or none where the parameter is no such coefficient.
std::optional<Solver> linear_solver(const PlanContext& context, const Variable& parameter,
                                    const std::vector<ParameterUse>& uses);
/// True where nothing or a prior that the closed form of the solver includes stands on the parameter.
bool prior_is_conjugate(const PlanContext& context, const Variable& parameter, Solver solver,
                        const ParameterUse& use);
/// Parameters that share a factor with a Newton block step with it; those of equal axes together.
void group_newton_blocks(PlanContext& context, const std::vector<std::vector<ParameterUse>>& uses);

/// Why a closed form, or a step of its own, is right for a slot called `noun` of a family; empty where more
/// is needed to say it.
std::string reason_of(Solver solver, std::string_view noun, std::string_view family);
/// "`z` reaches the mean through `tanh`, which is not affine in `z`": why a slot does not allow a dependence.
std::string reason(const PlanContext& context, const std::string& variable, const SlotRule* rule,
                   const Dependence& dependence);
/// Where to point for it: the op that broke the class, else `otherwise`.
SourceRange place(const PlanContext& context, const Dependence& dependence, SourceRange otherwise);
/// An op as the user wrote it: "`tanh`", "a sum".
std::string spelling(Op op);

}  // namespace lvm::ir
