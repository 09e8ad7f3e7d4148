#include "runtime/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace lvm::runtime {

const Column* Table::find(const std::string& name) const {
  for (const Column& column : columns) {
    if (column.name == name && !name.empty()) return &column;
  }
  return nullptr;
}

namespace {

const TablePart* part_of(const Table& table, int64_t row) {
  const auto behind = std::find_if(table.parts.begin(), table.parts.end(), [&](const TablePart& p) { return p.first_row > row; });
  return table.parts.empty() ? nullptr : &*std::prev(behind);
}

}  // namespace

const std::string& Table::file_of(int64_t row) const {
  const TablePart* part = part_of(*this, row);
  return part != nullptr ? part->file : file;
}

int64_t Table::shown_row(int64_t row) const {
  const TablePart* part = part_of(*this, row);
  const bool below_header = part != nullptr ? part->header : header;
  return row - (part != nullptr ? part->first_row : 0) + (below_header ? 2 : 1);
}

namespace {

Column copy_column(const HostColumn& host, int64_t rows) {
  Column column;
  column.name = host.name;
  column.values.resize(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    column.values[static_cast<size_t>(i)] = host.data[i * host.stride];
  }
  count_cells(column);
  return column;
}

}  // namespace

void count_cells(Column& column) {
  column.numbers = column.missing = 0;
  for (const double& x : column.values) {
    if (std::isnan(x)) {
      ++column.missing;
    } else if (std::isfinite(x)) {
      ++column.numbers;
    } else if (column.first_odd.kind == OddCell::Kind::none) {
      column.first_odd = {OddCell::Kind::not_finite, &x - column.values.data(), fmt::format("{}", x)};
    }
  }
}

Table make_table(const std::vector<HostColumn>& columns, int64_t rows) {
  Table table;
  table.rows = rows;
  for (const HostColumn& host : columns) table.columns.push_back(copy_column(host, rows));
  return table;
}

}  // namespace lvm::runtime
