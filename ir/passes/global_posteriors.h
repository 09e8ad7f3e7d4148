#pragma once
// global_posteriors: Model -> Model in which latents that many rows share are parameters.  Purpose: the
// posterior of such a latent is a member of the family of its prior, and its best parameters given q of the
// rows are the prior's plus the expected statistics that the M-step of a parameter in its place sums up
// (Bishop 2006, section 10.4; Beal 2003, section 2.4): plan, statistics and starts are then those of a
// parameter with a prior.  Before: latents are `global`, or `per` the plate beside latents of each row.
// After: each has the role of a parameter, P(latent) is its prior, and the parameters of q are variables that
// say `posterior_of`; a latent of groups has their axis, along which a column of the table selects.
//
//   latent w: simplex[K] global          P(w) = Dirichlet(1)        ->   param w: simplex[K] ~ Dirichlet(1)
//   param w.alpha: positive[K] latent t: simplex[K] per document    P(z | t) = Categorical(t)  ->   P(z |
//   document) = Categorical(t[document])

#include "ir/model/model.h"

namespace lvm::ir {

Model global_posteriors(Model model);

/// Latents of groups stand beside latents of each row: groups do not become rows.
bool groups_beside_rows(const Model& model);

/// m ~ Normal(m0, V / κ) with V another latent of the whole model: q(m | V) has the mean `m.mean` and V /
/// `m.kappa`.
bool has_tied_spread(const Model& model, const Variable& global);

/// The one latent w of the whole model with P(w) = Normal(m0, precision: spread), or `var: spread`, that this
/// variable stands in the prior of, as it is.
std::optional<int> shrunk_by(const Model& model, const Variable& spread);

}  // namespace lvm::ir
