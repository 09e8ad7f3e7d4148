#include <cmath>

#include <fmt/format.h>

#include "capi/handles.h"
#include "capi/tables.h"

using lvm::border::given;
using lvm::border::guard;
using lvm::border::Misuse;

namespace lvm::border {

void check_whole(const runtime::ColumnInPlace& column, int64_t rows) {
  const bool wide =
      column.cells.type == runtime::HostType::i64 || column.cells.type == runtime::HostType::u64;
  for (int64_t row = 0; wide && row < rows; ++row) {
    if (std::abs(column.cells.raw(row)) < 0x1p53 || std::isnan(column.cells.raw(row))) continue;
    throw Misuse{fmt::format("column `{}` has a whole number beyond 2^53 in row {}: no double holds it",
                             column.name, row + 1)};
  }
  for (int64_t row = 0; !column.levels.empty() && row < rows; ++row) {
    const double code = column.cells.raw(row);
    if (std::isnan(code) ||
        (code >= 0 && code < static_cast<double>(column.levels.size()) && code == std::floor(code)))
      continue;
    throw Misuse{fmt::format("column `{}` has the code {} in row {}, and {} levels", column.name, code,
                             row + 1, column.levels.size())};
  }
}

lvm_table* make_table(std::vector<runtime::ColumnInPlace> columns, int64_t rows) {
  for (const runtime::ColumnInPlace& column : columns) check_whole(column, rows);
  return new lvm_table{data_in_place(std::move(columns), rows)};
}

}  // namespace lvm::border

namespace {

constexpr int64_t most_rows = int64_t{1} << 48;

lvm::runtime::ColumnInPlace column_of(const lvm_column& column) {
  if (column.type < LVM_F64 || column.type > LVM_U8)
    throw Misuse{fmt::format("a column has the unknown type {}", column.type)};
  lvm::runtime::ColumnInPlace to{&given(column.name, "the name of a column"), {}, {}};
  to.cells.type = static_cast<lvm::runtime::HostType>(column.type);
  to.cells.data = static_cast<const unsigned char*>(column.values);
  const int64_t size = lvm::runtime::size_of(to.cells.type);
  to.cells.stride = column.stride == 0 ? size : column.stride;
  // Cells are read as numbers of their type: they stand where such numbers may.
  if (to.cells.stride % size != 0 ||
      reinterpret_cast<uintptr_t>(column.values) % static_cast<uintptr_t>(size) != 0)
    throw Misuse{fmt::format("the cells of column `{}` do not stand at multiples of their size", to.name)};
  to.cells.validity = column.validity;
  to.cells.first_valid = column.validity_offset;
  if (column.level_count < 0 || (column.level_count > 0 && column.levels == nullptr))
    throw Misuse{fmt::format("column `{}` has {} levels, and none are given", to.name, column.level_count)};
  for (int64_t i = 0; column.levels != nullptr && i < column.level_count; ++i)
    to.levels.emplace_back(&given(column.levels[i], "a level of a column"));
  return to;
}

}  // namespace

int lvm_table_make(const lvm_column* columns, size_t count, int64_t rows, lvm_table** table,
                   lvm_report** report) {
  return guard(report, [&] {
    given(table, "table") = nullptr;
    if (rows < 0 || rows > most_rows) throw Misuse{fmt::format("a table cannot have {} rows", rows)};
    if (count > 0) static_cast<void>(given(columns, "columns"));
    std::vector<lvm::runtime::ColumnInPlace> list;
    for (size_t i = 0; i < count; ++i) {
      list.push_back(column_of(columns[i]));
      if (rows > 0 && columns[i].values == nullptr) throw Misuse{"`the values of a column` is NULL"};
    }
    *table = lvm::border::make_table(std::move(list), rows);
    return LVM_OK;
  });
}

int lvm_table_read(const char* path, lvm_table** table, lvm_report** report) {
  return guard(report, [&] {
    given(table, "table") = nullptr;
    lvm::Data data = lvm::read_data(std::string(&given(path, "path")));
    const int status = lvm::border::finish(data.report(), report);
    if (status == LVM_OK) *table = new lvm_table{std::move(data)};
    return status;
  });
}

int64_t lvm_table_rows(const lvm_table* table) {
  return table != nullptr ? table->data.rows() : 0;
}
void lvm_table_free(lvm_table* table) {
  delete table;
}
