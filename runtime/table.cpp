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
  const auto behind = std::find_if(table.parts.begin(), table.parts.end(),
                                   [&](const TablePart& p) { return p.first_row > row; });
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

void count_cells(Column& column) {
  column.numbers = column.missing = 0;
  int64_t row = 0;
  (void)find_cell(column, [&](double x) {
    if (std::isnan(x)) {
      ++column.missing;
    } else if (std::isfinite(x)) {
      ++column.numbers;
    } else if (column.first_odd.kind == OddCell::Kind::none) {
      column.first_odd = {OddCell::Kind::not_finite, row, fmt::format("{}", x)};
    }
    ++row;
    return false;
  });
}

Table make_table(const std::vector<HostColumn>& columns, int64_t rows) {
  Table table;
  table.rows = rows;
  for (const HostColumn& host : columns) {
    Column column{.name = host.name};
    column.values.resize(static_cast<size_t>(rows));
    for (int64_t i = 0; i < rows; ++i) column.values[static_cast<size_t>(i)] = host.data[i * host.stride];
    count_cells(column);
    table.columns.push_back(std::move(column));
  }
  return table;
}

Table table_in_place(std::vector<ColumnInPlace> columns, int64_t rows) {
  Table table;
  table.rows = rows;
  table.named = true;
  for (ColumnInPlace& host : columns) {
    Column column{.name = std::move(host.name)};
    column.host = std::move(host.cells);
    column.host->rows = rows;
    count_cells(column);
    if (!host.levels.empty()) {
      column.text = true;
      column.levels = std::move(host.levels);
      column.numbers = 0;
      const int64_t first = find_cell(column, [](double x) { return !std::isnan(x); });
      if (first < rows)
        column.first_odd = {OddCell::Kind::text, first,
                            column.levels[static_cast<size_t>(column.cell(first))]};
    }
    table.columns.push_back(std::move(column));
  }
  return table;
}

}  // namespace lvm::runtime
