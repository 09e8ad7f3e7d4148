#pragma once
// A table as it was read: named columns of numbers or text. What a column means is decided when a model is bound to it.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lvm::runtime {

/// A cell that is not a finite number.
struct OddCell {
  enum class Kind : uint8_t { none, text, not_finite };
  Kind kind = Kind::none;  // none: there is no such cell
  int64_t row = 0;         // data row, from 0
  std::string text;
};

struct Column {
  std::string name;
  /// One entry a row; NaN where the cell is missing. Of a text column: the index into `levels`.
  std::vector<double> values;
  /// Some cell is not a finite number: `values` are indices into `levels`.
  bool text = false;
  std::vector<std::string> levels;  // of a text column: the distinct cells in order of appearance
  int64_t numbers = 0;              // cells that are finite numbers
  int64_t missing = 0;              // cells that are missing
  OddCell first_odd;                // the first cell that is neither missing nor a finite number
};

struct Table {
  std::string file;  // as the user named it; empty for arrays of a host program
  int64_t rows = 0;
  std::vector<Column> columns;
  bool header = false;

  const Column* find(const std::string& name) const;
  /// The number that people see for data row `row` (from 0): the header of a file is row 1.
  int64_t shown_row(int64_t row) const { return row + (header ? 2 : 1); }
};

/// A column of a host program: `rows` doubles, `stride` doubles apart; NaN is a missing cell.
struct HostColumn {
  std::string name;
  const double* data = nullptr;
  int64_t stride = 1;
};
Table make_table(const std::vector<HostColumn>& columns, int64_t rows);

}  // namespace lvm::runtime
