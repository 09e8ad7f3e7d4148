#pragma once
// push_expectations: (Tensor@elbo, Plan) -> Tensor@canonical.
// Purpose: carry each `expect` inward until it stands on the moments that the plan chose: an enumerated
// latent z over K becomes responsibilities r[row, K], and E_q[f(z)] becomes sum over K of r * f(k).

#include "ir/passes/plan.h"

namespace lvm::ir {

Module push_expectations(const Model& model, const Module& elbo, const Plan& plan);

}  // namespace lvm::ir
