#pragma once
// The scale and the degrees of freedom of a Wishart or InverseWishart factor, which are solved together.

#include "backends/em/solvers.h"

namespace lvm::em {

struct WishartBlocks {
  const ir::Block *scale = nullptr, *freedom = nullptr;
};
/// The free ones of a factor; both null where it has none.
WishartBlocks wishart_blocks(const ir::Plan& plan, const Emission& emission);

void solve_wishart(UpdateContext& context, size_t emission, Moves moves);

}  // namespace lvm::em
