#pragma once
// estimators: Model -> how the bound is averaged over each latent where some q is given as a distribution,
// conditions first. Before: analysis.  After: one row a latent; what the routes cannot do is refused by the
// plan, not here.
//
//   q(z, c | y) = q(z | y) * q(c | z, y),  q(z | y) = Normal(…),  q(c | z, y) = exact   ->   z pathwise, c
//   summed

#include <vector>

#include "ir/model/gradient_settings.h"
#include "ir/model/model.h"

namespace lvm::ir {

enum class Estimator : uint8_t {
  pathwise,    // draws that move smoothly with q (Kingma & Welling 2014)
  enumerated,  // q is given over finitely many values: the sum over all of them, weighted by q
  summed,      // q is exact: the sum over all values is ln P of the rest
  score,       // draws that move in steps: the score function (Williams 1992), less a baseline
};

struct Estimated {
  int variable;
  const Posterior* q;
  Estimator how;
  AxisId states = -1;     // of enumerated and summed ones
  bool observed = false;  // in some rows: a label
};

/// The second noise of a latent: `noise.<latent>.factor`.
inline constexpr const char* factor_noise = ".factor";

/// Values that q is summed over one by one; a `Categorical` of more is drawn.
inline constexpr int64_t most_enumerated = 128;

/// In an order in which the sums over values can be taken from the last to the first: conditions of q come
/// first, and what an exact q is not conditioned on comes behind it. A circle ends the list early.
std::vector<Estimated> estimators(const Model& model);
const Estimated* find_estimated(const std::vector<Estimated>& list, int variable);
bool has_given_posterior(const Model& model);

/// `gradient_settings`, with two draws a row where a score function needs another draw for its baseline and
/// nothing is said.
GradientSettings draw_settings(const Model& model);

/// The posterior that is given as a distribution of this latent, or null.
const Posterior* drawn_posterior(const Model& model, int variable);
/// Latent, or a label that some rows have.
bool is_hidden(const Model& model, int variable);
/// q of `latent` is conditioned on `on`, or would be where it is exact and says nothing.
bool posterior_depends(const Model& model, int latent, int on);

}  // namespace lvm::ir
