#pragma once
// A table as it was read: named columns of numbers or text. What a column means is decided when a model is
// bound to it.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "runtime/host_cells.h"

namespace lvm::runtime {

/// A cell that is not a finite number.
struct OddCell {
  enum class Kind : uint8_t { none, text, not_finite };
  Kind kind = Kind::none;  // none: there is no such cell
  int64_t row = 0;         // data row, from 0
  std::string text;
};

struct Column {
  std::string name = {};
  /// One entry a row; NaN where the cell is missing. Of a text column: the index into `levels`.
  std::vector<double> values = {};
  /// Some cell is not a finite number: `values` are indices into `levels`.
  bool text = false;
  std::vector<std::string> levels = {};  // of a text column: the distinct cells in order of appearance
  int64_t numbers = 0;                   // cells that are finite numbers
  int64_t missing = 0;                   // cells that are missing
  OddCell first_odd = {};                // the first cell that is neither missing nor a finite number
  /// The cells lie where a host program keeps them, and `values` is empty.
  std::optional<HostCells> host = {};

  double cell(int64_t row) const { return host ? host->raw(row) : values[static_cast<size_t>(row)]; }
  int64_t rows() const { return host ? host->rows : static_cast<int64_t>(values.size()); }
};

/// The first row whose cell is such, or the number of rows.
template <class Such>
int64_t find_cell(const Column& column, const Such& such) {
  constexpr int64_t block = 512;
  double room[block];
  for (int64_t first = 0; first < column.rows(); first += block) {
    const int64_t count = std::min(block, column.rows() - first);
    if (column.host) column.host->read(first, count, room);
    const double* cells = column.host ? room : column.values.data() + first;
    for (int64_t i = 0; i < count; ++i) {
      if (such(cells[i])) return first + i;
    }
  }
  return column.rows();
}
template <class Holds>
bool all_cells(const Column& column, const Holds& holds) {
  return find_cell(column, [&](double x) { return !holds(x); }) == column.rows();
}

/// The rows of a table that came from one file.
struct TablePart {
  std::string file;
  int64_t first_row = 0;
  bool header = false;
};

struct Table {
  std::string file;  // as the user named it; empty for arrays of a host program
  int64_t rows = 0;
  std::vector<Column> columns;
  bool header = false;
  bool named = false;                 // the names are the host's own
  std::vector<TablePart> parts = {};  // of several files, in order; empty for a single one

  const Column* find(const std::string& name) const;
  /// Where people find data row `row` (from 0): its file, and its number there. The header of a file is
  /// row 1.
  const std::string& file_of(int64_t row) const;
  int64_t shown_row(int64_t row) const;
};

/// A column of a host program: `rows` doubles, `stride` doubles apart; NaN is a missing cell.
struct HostColumn {
  std::string name;
  const double* data = nullptr;
  int64_t stride = 1;
};
/// A column that stays where a host program keeps it. With `levels` a cell is an index into them.
struct ColumnInPlace {
  std::string name;
  HostCells cells;
  std::vector<std::string> levels = {};
};
/// Counts the cells of a column of numbers, and notes its first infinity.
void count_cells(Column& column);

/// Copies the cells.
Table make_table(const std::vector<HostColumn>& columns, int64_t rows);
/// Over the cells of a host, which must stay where they are as long as anything reads the table.
Table table_in_place(std::vector<ColumnInPlace> columns, int64_t rows);

}  // namespace lvm::runtime
