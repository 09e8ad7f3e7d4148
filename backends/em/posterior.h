#pragma once
// q of all latents of a row, at level step. Blocks of latents that no factor joins are independent: each is
// enumerated by itself, so that the work is the sum of the blocks' states and not their product.

#include <functional>

#include "backends/em/emission.h"

namespace lvm::em {

/// q over some axes of one block: [row, axes…].
using Marginal = std::function<NodeId(const std::vector<AxisId>& axes)>;

/// Of each element of a continuous latent.
struct Moments {
  std::string latent;
  NodeId mean, variance;
};

struct RowPosterior {
  NodeId evidence;    // ln P(y) of each row; of `point` the greatest ln P(y, z)
  Marginal marginal;  // empty where the model has no latent
  std::vector<Moments> moments;
};
RowPosterior row_posterior(Builder& builder, Expansion& expand, const Setting& setting,
                           const std::vector<Emission>& emissions);

/// All mass on the values in data columns; `slot` names the column of a latent.
Marginal assigned(Builder& builder, const Setting& setting,
                  const std::function<std::string(const ir::FiniteLatent&)>& slot);

}  // namespace lvm::em
