#pragma once
// Absent cells in the M-step: what keeps a parameter from being estimated from nothing.

#include "backends/em/solvers.h"

namespace lvm::em {

/// Checks that each element of a free parameter has an observed cell behind it.
void check_cells(UpdateContext& context);

}  // namespace lvm::em
