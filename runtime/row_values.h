#pragma once
// Row outputs of a Program of values: its function over rows called on columns that stand in memory row by
// row.

#include <map>
#include <string>
#include <vector>

#include "ir/program/program.h"

namespace lvm::runtime {

/// By name, doubles[rows][elements in layout order].
using RowBlocks = std::map<std::string, std::vector<double>>;

/// `data` has a block for each data slot of the program, `parameters` are in its layout; `function` writes
/// all row outputs.
RowBlocks row_values(const ir::Program& program, const ir::Executable& functions, const std::string& function,
                     const RowBlocks& data, const std::vector<double>& parameters, int64_t rows);

}  // namespace lvm::runtime
