#pragma once
// check_support: does every row have a density? Types say what a cell may be (`cell_check.h`); this looks at
// what a distribution adds: Beta excludes 0 and 1, Binomial y > n, Dirichlet's shares add up to 1, constant
// bounds hold. Before: cells are packed and fit their types.  After: the first row of each factor that cannot
// occur is reported.

#include "runtime/bind.h"

namespace lvm::runtime {

void check_support(const ir::Model& model, const Table& table, const BoundData& data,
                   Diagnostics& diagnostics);

}  // namespace lvm::runtime
