#pragma once
// Rows sorted by which of their cells are observed, for programs that are walked pattern by pattern
// (ir/program/program.h).

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"

namespace lvm::runtime {

/// Rows of one call of a function over rows: at most LVM_TILE_ROWS, from `at` in columns that are packed for
/// it.
struct Tile {
  int64_t at = 0;
  int32_t rows = 0;
  int32_t pattern = -1;  // of PatternedRows; -1: no cell is absent
};

/// Tiles of a table in its own order.
std::vector<Tile> plain_tiles(int64_t rows);

/// A copy of the columns of Program::data in which the rows of a pattern stand together and begin at a
/// multiple of LVM_LANES, so that no tile holds rows of two. Where a cell of a patterned variable is absent
/// stands 0. A pattern is named by its cells alone, so the order is a function of the table.
class PatternedRows {
 public:
  PatternedRows(const ir::Program& program, const BoundData& data);

  const std::vector<Tile>& tiles() const { return tiles_; }
  const double* column(int64_t index) const { return cells_.column(index).packed(); }
  /// The table's row at a place of the sorted columns.
  int64_t row_at(int64_t place) const { return row_at_[static_cast<size_t>(place)]; }
  /// Writes "<data>.observed" of a pattern into a buffer of derived values.
  void write_observed(int32_t pattern, double* derived) const;

  /// Puts `values` of the table's rows into a column.
  void set_column(int64_t index, const std::vector<double>& values);
  /// Gives absent cells a value for the start, where rows have a state each: in turn one standard deviation
  /// above and below the mean of the state's observed cells, so that both stay what they are; of the whole
  /// column where the state sees less than two.
  void fill_absent(const std::vector<double>& states);
  /// Back to 0.
  void clear_absent();

 private:
  struct Group {
    int64_t first_bit, data_column, size, derived;  // of one patterned variable
  };
  void find_groups(const ir::Program& program);
  void sort_rows(const std::vector<std::optional<CellColumn>>& columns, int64_t rows);
  template <typename F>
  void each_absent(int64_t bit, const F& f) const;

  std::vector<Group> groups_;
  std::vector<std::vector<char>> observed_;  // of each pattern, a flag a bit
  std::vector<Tile> tiles_;
  std::vector<int64_t> row_at_;
  PackedColumns cells_;
};

/// How many different sets of the variables' cells, taken together, are observed in the rows.
int64_t count_patterns(const std::vector<const BoundVariable*>& variables, const PackedColumns& packed);

}  // namespace lvm::runtime
