#pragma once
// Blocks of a Normal factor: its mean and its spread are solved together, about one set of moments.

#include "backends/em/solvers.h"

namespace lvm::em {

/// The free mean and spread of one factor, if it is Normal and has any.
struct NormalBlocks {
  const ir::Block* mean = nullptr;
  const ir::Block* regression = nullptr;  // the first coefficient of a mean that is a regression
  const ir::Block* spread = nullptr;
};
NormalBlocks normal_blocks(const ir::Plan& plan, const Emission& emission);

void solve_normal(UpdateContext& context, size_t emission, Moves moves);

/// Adds to the function over rows what `prepare` will hold: checks for collapse, and the derived scalar
/// "rounding". Returns the data variables whose variance ("y.variance") it reads.
std::vector<std::string> write_guards(Builder& combined, const Setting& setting,
                                      const std::vector<Emission>& emissions, std::vector<ir::Check>& checks);

}  // namespace lvm::em
