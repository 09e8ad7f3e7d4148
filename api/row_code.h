#pragma once
// The part of a fitted model's program that says how probable rows are, translated once and called for any
// table, any row and from any thread: for fits by EM, whose log likelihood is exact.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/state.h"

namespace lvm {

/// A cell of a row, in the order in which the program reads them.
struct RowCell {
  std::string column;  // as the fit knew it
  const ir::Variable* variable;
  int64_t levels = 0;  // of a category: cells are 0 … levels - 1
};

enum class RowUse : uint8_t { complete, absent, updates };

struct RowCode {
  std::shared_ptr<const ir::Model> model;  // all sizes known
  std::vector<RowCell> cells;
  ir::Program program;
  ir::Executable functions;
  std::vector<double> parameters, derived;  // `derived` as `prepare` has left it
};

/// Null, and the reason in `fault`, where rows have no exact log likelihood of their own. `absent`: cells may
/// be NaN; `updates`: with the functions of an iteration.
std::shared_ptr<const RowCode> row_code(const FittedModel& fitted, RowUse use, std::string& fault);

/// The code of `fitted` at the parameters of another fit of the same model and columns.
void share_code(const FittedModel& fitted, const FittedModel& with);

/// The same bits as a table of the rows gives, without a table: ln P(y) of single rows.
class RowScorer {
 public:
  /// `columns` says in which order cells come; empty: as the fit has them. Of a fault `report()` tells.
  RowScorer(const FittedModel& fitted, std::vector<std::string> columns);

  bool ok() const { return complete_ != nullptr; }
  const Report& report() const { return report_; }
  const std::vector<std::string>& columns() const { return columns_; }
  /// What the categories of a column are called, number 0 first; none where its cells are numbers or are not
  /// read.
  const std::vector<std::string>& levels(size_t column) const;
  /// `cells` are as many as columns; NaN is a missing one. False, and why in `fault`, where a cell is none of
  /// its column.
  bool score(std::span<const double> cells, double& value, std::string& fault) const;

 private:
  struct Workspace;
  struct Shelf;
  bool check(const RowCode& code, std::span<const double> cells, bool& absent, std::string& fault) const;
  double run(const RowCode& code, std::span<const double> cells, Workspace& at) const;

  FittedModel fitted_;
  Report report_;
  std::vector<std::string> columns_;
  std::vector<size_t> place_;  // of each cell of the program among `columns_`
  std::shared_ptr<const RowCode> complete_;
  std::shared_ptr<Shelf> shelf_;
};

/// A row can be told without the others: it is neither one of a plate nor a step of a sequence.
bool has_lone_rows(const FittedModel& fitted);

/// `score` of a table of a fit by EM, without compiling anything for it.
Score score_table(const FittedModel& fitted, const Data& data, const BindOptions& options, int threads);

}  // namespace lvm
