#pragma once
// reparameterise: (Model, Plan) -> Tensor@canonical.  Purpose: write the bound with each latent a smooth function of noise, so that
// its gradient is that of plain arithmetic (Kingma & Welling 2014, eq. 5 to 7).
// Before: a plan by gradients, of latents whose q is a family with draws.  After: no `expect`, `entropy` or latent is left; noise is
// a data leaf "noise.<latent>". Outputs: a result a factor, `reconstruction` and `divergence` (a row each; of an `elbo` alone), and
// `objective`.
//
//   q(z | y) = Normal(m, sd: s)   ->   z = fma s, noise.z, m

#include "ir/passes/plan.h"

namespace lvm::ir {

Module reparameterise(const Model& model, const Plan& plan);

/// E_q[ln P(z | ...)] has a closed form: q and P are such a pair, and no slot of P depends on the draw of z.
bool has_closed_expectation(const Model& model, const Factor& factor);

/// The posterior that is given as a distribution of this latent, or null.
const Posterior* drawn_posterior(const Model& model, int variable);

}  // namespace lvm::ir
