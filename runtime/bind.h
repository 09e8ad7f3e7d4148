#pragma once
// bind: (Model, Table) -> BoundData.  Which columns are which variable, the sizes that follow, and the cells
// packed for compiled code. Before: analysis.  After: every data, given and weight variable has its columns,
// every cell was checked against its type; or `diagnostics` has errors and the result must not be used.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "ir/model/model.h"
#include "runtime/host_cells.h"
#include "runtime/table.h"

namespace lvm::runtime {

struct BindOptions {
  /// `--bind y=a,b,c`: by the variable's name.
  std::map<std::string, std::vector<std::string>> columns;
  /// Of a table that an earlier fit is asked about: by the variable's name what its categories stood for
  /// there. Values beside them are refused, and what would only hinder a fit, such as columns without a cell,
  /// is not.
  bool fitted = false;
  std::map<std::string, std::vector<std::string>> levels = {};
};

/// Doubles in columns for compiled code: each 64-byte aligned and readable to the next multiple of LVM_LANES
/// rows, where the last row stands repeated. Columns are apart by an odd number of cache lines modulo a page,
/// so that they do not share cache sets. Columns of a host's cells take no room here: whoever runs compiled
/// code reads them tile by tile.
class PackedColumns {
 public:
  PackedColumns() = default;
  PackedColumns(int64_t rows, int64_t columns);
  /// A column is packed where `hosts` has none for it.
  PackedColumns(int64_t rows, std::vector<std::optional<HostCells>> hosts);
  /// Of a packed column.
  double* column(int64_t index) { return memory_.get() + place(index) * stride_; }
  CellColumn column(int64_t index) const {
    if (const HostCells* cells = host(index)) return {cells};
    return {static_cast<const double*>(memory_.get() + place(index) * stride_)};
  }
  /// Null of a packed column.
  const HostCells* host(int64_t index) const {
    const auto at = static_cast<size_t>(index);
    return hosts_.empty() || !hosts_[at] ? nullptr : &*hosts_[at];
  }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  /// Repeats the last row in the padding: call it when a column has been written.
  void pad(int64_t index);

 private:
  struct Free {
    void operator()(double* memory) const;
  };
  void allocate(int64_t columns);
  int64_t place(int64_t index) const { return hosts_.empty() ? index : places_[static_cast<size_t>(index)]; }

  std::unique_ptr<double, Free> memory_;
  int64_t rows_ = 0, columns_ = 0, stride_ = 0;
  std::vector<std::optional<HostCells>> hosts_;  // empty: all columns are packed
  std::vector<int64_t> places_;                  // of the packed ones among them, in `memory_`
};

struct BoundVariable {
  std::string name;
  ir::Role role = ir::Role::data;
  ir::Element element = ir::Element::real;
  std::vector<std::string> columns;  // names, in the order of the variable's declared axes (row-major)
  std::vector<std::string> levels;   // of a category: what 0, 1, … stand for
  int64_t first = 0;                 // packed columns [first, first + size), in layout order (sorted axes)
  int64_t size = 0;
  std::vector<double> variance;  // population variance of each packed column, of its observed cells
  int64_t absent = 0;            // cells that are NaN
};

struct BoundData {
  int64_t rows = 0;
  const double* weights = nullptr;  // of the rows, in `packed`; null where every row counts once
  double total_weight = 0;          // the rows' number, or the sum of their weights
  // Where a row is a group of rows of the table, those of a plate:
  double observations = 0;  // rows of the table
  std::string plate;
  std::vector<std::string> group_names;  // in the order of `rows`
  // Where the rows are steps of series, one series behind the other:
  std::vector<int64_t> table_rows;        // the row of the table
  std::vector<int64_t> series;            // the first row of each series, and the number of all rows
  std::vector<std::string> series_names;  // "3", "north, 3"; one empty name where all rows are one series
  std::vector<BoundVariable> variables;   // data, given and weight variables in the model's order
  std::map<ir::AxisId, int64_t> sizes;    // of `columns` and `levels` axes, twins included
  PackedColumns packed;

  const BoundVariable* find(const std::string& name) const;
  /// Where row `row` stands in the table.
  int64_t table_row(int64_t row) const {
    return table_rows.empty() ? row : table_rows[static_cast<size_t>(row)];
  }
  /// A number for each row and element, row-major, as the table has its rows.
  std::vector<double> in_table_order(std::vector<double> values) const;
  /// False for a row of weight 0.
  bool counts(int64_t row) const { return !weights || weights[row] > 0; }
};

BoundData bind(const ir::Model& model, const Table& table, const BindOptions& options,
               Diagnostics& diagnostics);

/// The same, and uses the table up: a column's cells are freed once they are packed, so that the data are
/// held once.
BoundData bind(const ir::Model& model, Table&& table, const BindOptions& options, Diagnostics& diagnostics);

/// Writes into the model what came from the data: the sizes of axes, and which `missing` variables have
/// absent cells at all.
void set_sizes(ir::Model& model, const BoundData& data);

/// "y ← eruptions, waiting": a line a variable; long lists are shortened in the middle.
std::vector<std::string> describe(const BoundData& data);

}  // namespace lvm::runtime
