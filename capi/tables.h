#pragma once
// Tables over memory that lvm does not own.

#include "capi/handles.h"
#include "runtime/table.h"

namespace lvm::border {

/// Throws Misuse where a cell cannot be held as what it is.
lvm_table* make_table(std::vector<runtime::ColumnInPlace> columns, int64_t rows);

}  // namespace lvm::border
