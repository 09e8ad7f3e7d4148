#pragma once
// The cells of a host's column as a model sees them, without a copy.

#include <optional>
#include <string>
#include <vector>

#include "ir/model/model.h"
#include "runtime/table.h"

namespace lvm::runtime {

/// What the binding of a variable does to a number.
CellChange change_of(const ir::Variable& variable);

/// `levels` are what the categories of the variable stand for. None where the cells have to be packed:
/// weights, and labels, which the start reads by pointers; and categories whose numbers are far apart.
std::optional<HostCells> cells_in_place(const ir::Variable& variable, const Column& column,
                                        const std::vector<std::string>& levels);

}  // namespace lvm::runtime
