#pragma once
// append_tables: tables with the same columns -> one table, their rows one behind the other.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "runtime/table.h"

namespace lvm::runtime {

/// True where every table has the columns of the first, in any order; reports what differs. Columns without a
/// name do not count. Tables without a header (arrays) take the names of the first, by their places.
bool same_columns(std::vector<Table>& tables, Diagnostics& diagnostics);

/// The names of the columns that hold text in some table.
std::set<std::string> text_columns(const std::vector<Table>& tables);
/// Some column of `names` holds numbers only.
bool has_number_column(const Table& table, const std::set<std::string>& names);

/// Columns as `same_columns` and text columns alike. Memory: the cells once, and one column more.
Table append_tables(std::vector<Table> tables);

}  // namespace lvm::runtime
