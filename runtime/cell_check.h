#pragma once
// What the cells of a column may be under a declared type.

#include <cstdint>
#include <optional>
#include <string_view>

#include "ir/tensor/tensor.h"
#include "runtime/table.h"

namespace lvm::runtime {

/// True where `x`, a finite number, is a value of `element`.
bool allowed(double x, ir::Element element);
/// "0 or 1", "above 0": what values of `element` are.
std::string_view describe_values(ir::Element element);
/// 0 or 1 for "0", "1", "true", "false" in any case.
std::optional<double> read_bool(std::string_view text);

/// The first data row of a text column whose cell is no bool.
int64_t first_not_bool(const Column& column);

/// True if every cell that is not missing can be a value of `element`. Of category: text or whole numbers.
bool fits(const Column& column, ir::Element element);
bool all_whole(const Column& column);
/// The number of distinct values; counting stops above `limit`.
int64_t distinct_values(const Column& column, int64_t limit);

}  // namespace lvm::runtime
