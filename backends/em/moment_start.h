#pragma once
// Where parameters without a closed form begin: the moments of each component of the start, turned into slots
// by the family.

#include "backends/em/solvers.h"

namespace lvm::em {

/// Places the parameter of a Newton block so that its slot has the value that the family reads off the
/// moments; it stays where it is when the family has no rule, or the slot is tied over elements.
void place_by_moments(UpdateContext& context, const ir::Block& block);

}  // namespace lvm::em
