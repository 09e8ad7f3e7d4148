#pragma once
// reparameterise: (Model, Plan) -> Tensor@canonical.  Purpose: write the bound with each latent a function of
// noise or all of its values at once, so that its gradient is that of plain arithmetic (Kingma & Welling
// 2014, eq. 5 to 7). Before: a plan by gradients, some q given as a distribution.  After: no `expect`,
// `entropy` or latent is left; noise is a data leaf "noise.<latent>". Outputs: a result a factor,
// `reconstruction` and `divergence` (a row each; of an `elbo` alone), "q(c)" of each finite latent that is
// summed over, and `objective`. Where a score function is needed: `score`, the sum of ln q of the draws, and
// `score.signal` or the two parts of it, each of a row and a draw.
//
//   q(z | y) = Normal(m, sd: s)      ->   z = fma s, noise.z, m
//   q(c | y) = Categorical(logits: l)   ->   contract[K] q, ln P(y, c = k)
//   q(c | y, z) = exact              ->   logsumexp[K] ln P(y, z, c = k)

#include "ir/passes/estimators.h"
#include "ir/passes/plan.h"

namespace lvm::ir {

Module reparameterise(const Model& model, const Plan& plan);

/// E_q[ln P(z | ...)] has a closed form: q and P are such a pair, and no slot of P depends on the draw of z.
bool has_closed_expectation(const Model& model, const Factor& factor);

/// Results of the canonical function that only a score function has.
inline constexpr const char* score_result = "score";
inline constexpr const char* score_weight_result = "score.weight";  // ln of an importance weight
inline constexpr const char* score_reconstruction_result = "score.reconstruction";  // of a row and a draw
inline constexpr const char* score_divergence_result = "score.divergence";

}  // namespace lvm::ir
