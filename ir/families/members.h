#pragma once
// The parameterisations of each family's file, which the registry joins.

#include <optional>
#include <vector>

#include "ir/families/family.h"

namespace lvm::ir {

std::vector<Family> normal_families();
std::vector<Family> bernoulli_families();
std::vector<Family> categorical_families();

/// The row and column axis of a matrix slot: D and D' of [.., D, D'] for a value that has D.
struct MatrixAxes {
  AxisId row, column;
};
std::optional<MatrixAxes> matrix_axes(const Module& module, const Type& matrix, const Type& value);

}  // namespace lvm::ir
