#pragma once
// What the plan asks of a Gaussian latent that depends on its earlier steps, beyond what it asks of one
// without.

#include "ir/passes/plan_context.h"

namespace lvm::ir {

/// A latent, and the variables that are it at earlier steps.
std::vector<int> steps_of(const Model& model, const Variable& variable);

/// Finite latents beside a chain of continuous ones: said, and true.
bool refuse_switching(PlanContext& context);

/// What stands between the posterior of the chain of `z` and its code; empty: nothing.
std::string smoothing_not_compiled(const PlanContext& context, const Variable& z);

}  // namespace lvm::ir
