// Single rows: a call of compiled code on a vector of lanes that all hold the row.

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/row_code.h"
#include "runtime/cell_check.h"
#include "runtime/columns_in_place.h"
#include "runtime/walker.h"

namespace lvm {

/// What one call writes to.
struct RowScorer::Workspace {
  explicit Workspace(const RowCode& code)
      : owner(&code),
        scratch(code.program.scratch_bytes / static_cast<int64_t>(sizeof(double)) + 1),
        output(output_doubles(code.program)),
        cells(code.program.data_columns() * LVM_LANES),
        derived(code.program.derived_doubles()),
        statistics(code.program.statistic_doubles() * LVM_LANES) {
    std::ranges::copy(code.derived, derived.data());
    for (int64_t c = 0; c < code.program.data_columns(); ++c) columns.push_back(cells.data() + c * LVM_LANES);
  }
  static int64_t output_doubles(const ir::Program& program) {
    int64_t end = 0;
    for (const ir::Slot& slot : program.row_outputs) end = std::max(end, slot.offset + slot.size);
    return end * LVM_TILE_ROWS;
  }
  const RowCode* owner;
  runtime::Buffer scratch, output, cells, derived, statistics;
  std::vector<const void*> columns;
};

/// Workspaces that no call uses: a thread takes one, or makes one where all are taken.
struct RowScorer::Shelf {
  std::array<std::atomic<Workspace*>, 16> places = {};

  std::unique_ptr<Workspace> take(const RowCode& code) {
    for (auto& place : places) {
      if (place.load(std::memory_order_relaxed) == nullptr) continue;
      std::unique_ptr<Workspace> found(place.exchange(nullptr, std::memory_order_acq_rel));
      if (found && found->owner == &code) return found;
    }
    return std::make_unique<Workspace>(code);
  }
  void put(std::unique_ptr<Workspace> workspace) {
    for (auto& place : places) {
      Workspace* none = nullptr;
      if (!place.compare_exchange_strong(none, workspace.get(), std::memory_order_acq_rel)) continue;
      static_cast<void>(workspace.release());
      return;
    }
  }
  ~Shelf() {
    for (auto& place : places) delete place.load();
  }
};

namespace {

/// The rows that a variable stands in without being read by the program, such as weights.
std::vector<std::string> fitted_columns(const FittedModel& fitted, const RowCode& code) {
  std::vector<std::string> to;
  for (const ir::Variable& v : code.model->variables) {
    const auto names = fitted.state->content.columns.find(v.name);
    if (v.role == ir::Role::weight || names == fitted.state->content.columns.end()) continue;
    to.insert(to.end(), names->second.begin(), names->second.end());
  }
  return to;
}

}  // namespace

RowScorer::RowScorer(const FittedModel& fitted, std::vector<std::string> columns)
    : fitted_(fitted), columns_(std::move(columns)) {
  report_ = fitted.report();
  if (!fitted.ok()) return;
  guarded([&] {
    std::string fault, hint;
    std::shared_ptr<const RowCode> code = row_code(fitted, RowUse::complete, fault);
    if (!code) hint = "a whole table can be scored";
    if (code && columns_.empty()) columns_ = fitted_columns(fitted, *code);
    for (size_t i = 0; code && i < code->cells.size(); ++i) {
      const RowCell& cell = code->cells[i];
      const auto found = std::ranges::find(columns_, cell.column);
      place_.push_back(static_cast<size_t>(found - columns_.begin()));
      if (!cell.variable || cell.variable->role == ir::Role::weight || found != columns_.end()) continue;
      fault = fmt::format("`{}` was fitted to the column `{}`, which is not among those of the rows",
                          cell.variable->name, cell.column);
      hint = fmt::format("the columns are `{}`", fmt::join(fitted_columns(fitted, *code), "`, `"));
      code = nullptr;
    }
    if (!fault.empty()) {
      Diagnostics diagnostics;
      diagnostics.report({.code = Code::fit_cannot_answer, .message = fault, .hint = hint});
      report_ = Report({std::move(diagnostics), fitted.state->model->compiled.source});
    }
    complete_ = std::move(code);
    shelf_ = std::make_shared<Shelf>();
  });
}

const std::vector<std::string>& RowScorer::levels(size_t column) const {
  static const std::vector<std::string> none;
  for (size_t i = 0; i < place_.size(); ++i) {
    const ir::Variable* v = complete_->cells[i].variable;
    if (place_[i] != column || v == nullptr) continue;
    const auto found = fitted_.state->content.levels.find(v->name);
    return found == fitted_.state->content.levels.end() ? none : found->second;
  }
  return none;
}

bool RowScorer::check(const RowCode& code, std::span<const double> cells, bool& absent,
                      std::string& fault) const {
  for (size_t i = 0; i < code.cells.size(); ++i) {
    const RowCell& cell = code.cells[i];
    if (!cell.variable || cell.variable->role == ir::Role::weight) continue;
    const double x = cells[place_[i]];
    if (std::isnan(x)) {
      absent = true;
      // `missing` of the model as it was written: the code for complete rows has dropped it.
      const ir::Model& written = *fitted_.state->model->compiled.model;
      if (written.variables[static_cast<size_t>(*written.find(cell.variable->name))].missing) continue;
      fault = fmt::format("the cell of `{}` is missing, and `{}` is not declared `missing`", cell.column,
                          cell.variable->name);
      return false;
    }
    const double value = runtime::change_of(*cell.variable)(x);
    const bool category = cell.variable->type.element == ir::Element::category;
    const bool good = category ? x >= 0 && x < static_cast<double>(cell.levels) && x == std::floor(x)
                               : std::isfinite(x) && runtime::allowed(value, cell.variable->type.element);
    if (good) continue;
    fault = category
                ? fmt::format("the cell of `{}` is {}, which is none of its {} categories", cell.column, x,
                              cell.levels)
                : fmt::format("the cell of `{}` is {}, and `{}` is {}", cell.column, x, cell.variable->name,
                              runtime::describe_values(cell.variable->type.element));
    return false;
  }
  return true;
}

double RowScorer::run(const RowCode& code, std::span<const double> cells, Workspace& at) const {
  const bool patterned = code.functions.contains(ir::pattern_function);
  for (size_t i = 0; i < code.cells.size(); ++i) {
    const ir::Variable* v = code.cells[i].variable;
    double x = 0;
    if (v != nullptr && v->role == ir::Role::weight)
      x = 1;
    else if (v != nullptr)
      x = runtime::change_of(*v)(cells[place_[i]]);
    std::fill_n(at.cells.data() + static_cast<int64_t>(i) * LVM_LANES, LVM_LANES, x);
  }
  lvm_frame frame{};
  frame.columns = at.columns.data();
  frame.parameters = code.parameters.data();
  frame.derived = at.derived.data();
  frame.scratch = at.scratch.data();
  frame.statistics = at.statistics.data();
  frame.rows = 1;
  if (patterned) {
    for (const ir::DataSlot& slot : code.program.data) {
      const auto observed =
          std::ranges::find(code.program.derived, slot.name + ir::observed_suffix, &ir::Slot::name);
      for (int64_t e = 0; observed != code.program.derived.end() && e < slot.size; ++e) {
        double* lanes = at.cells.data() + (slot.offset + e) * LVM_LANES;
        const bool there = !std::isnan(lanes[0]);
        at.derived.data()[observed->offset + e] = there ? 1 : 0;
        if (!there) std::fill_n(lanes, LVM_LANES, 0.0);  // as a program that is walked by patterns expects
      }
    }
    frame.output = at.derived.data();
    if (code.functions.at(ir::pattern_function)(&frame) != 0) return std::nan("");
  }
  frame.output = at.output.data();
  if (code.functions.at("posterior")(&frame) != 0) return std::nan("");
  const auto slot = std::ranges::find(code.program.row_outputs, "log_likelihood", &ir::Slot::name);
  return at.output.data()[slot->offset * LVM_TILE_ROWS];
}

bool RowScorer::score(std::span<const double> cells, double& value, std::string& fault) const {
  bool absent = false;
  if (!check(*complete_, cells, absent, fault)) return false;
  std::shared_ptr<const RowCode> other;
  if (absent && !(other = row_code(fitted_, RowUse::absent, fault))) return false;
  const RowCode& code = other ? *other : *complete_;
  std::unique_ptr<Workspace> workspace = shelf_->take(code);
  value = run(code, cells, *workspace);
  shelf_->put(std::move(workspace));
  if (std::isnan(value)) fault = "the log likelihood of the row is no number";
  return !std::isnan(value);
}

}  // namespace lvm
