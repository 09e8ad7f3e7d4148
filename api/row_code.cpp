#include "api/row_code.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/starts.h"
#include "runtime/walker.h"

namespace lvm {
namespace {

constexpr double beside_nothing =
    1e-100;  // what a fitted spread is held against: the fit has found it wide enough

bool is_bound(const ir::Variable& v) {
  return v.role == ir::Role::data || v.role == ir::Role::given || v.role == ir::Role::weight;
}

/// One row of nothing but the names, from which sizes and slots follow; its cells are absent or not.
runtime::BoundData frame_of(const FittedModel& fitted, const ir::Model& model, bool absent) {
  const fit_file::Content& content = fitted.state->content;
  runtime::BoundData to;
  to.rows = 1;
  to.total_weight = 1;
  int64_t columns = 0;
  for (const ir::Variable& v : model.variables) {
    if (!is_bound(v)) continue;
    const auto names = content.columns.find(v.name), levels = content.levels.find(v.name);
    if (names == content.columns.end())
      throw ir::InternalError("the fit does not say which columns `" + v.name + "` took");
    runtime::BoundVariable bound{
        v.name, v.role, v.type.element, names->second, {}, columns, std::ssize(names->second), {}, 0};
    if (levels != content.levels.end()) bound.levels = levels->second;
    if (absent && v.missing) bound.absent = bound.size;
    bound.variance.assign(static_cast<size_t>(bound.size), beside_nothing);
    columns += bound.size;
    to.variables.push_back(std::move(bound));
  }
  to.packed = runtime::PackedColumns(1, columns);
  for (int64_t c = 0; c < columns; ++c) {
    *to.packed.column(c) = std::numeric_limits<double>::quiet_NaN();
    to.packed.pad(c);
  }
  return to;
}

/// Where the elements of a variable, in the order of its columns, stand in the layout of the program.
std::vector<size_t> layout_of(const ir::Model& model, const ir::Variable& v, int64_t size) {
  std::vector<double> order(static_cast<size_t>(size));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<double>(i);
  std::vector<ir::AxisId> layout = v.declared_axes;
  std::ranges::sort(layout);
  if (!layout.empty()) order = runtime::permute(order, v.declared_axes, layout, model.module);
  return {order.begin(), order.end()};
}

std::vector<RowCell> cells_of(const ir::Model& model, const ir::Program& program,
                              const runtime::BoundData& frame) {
  std::vector<RowCell> to(static_cast<size_t>(program.data_columns()));
  for (const ir::DataSlot& slot : program.data) {
    const runtime::BoundVariable* bound = frame.find(slot.name);
    if (!bound) continue;
    const ir::Variable& v = model.variables[static_cast<size_t>(*model.find(slot.name))];
    const std::vector<size_t> order = layout_of(model, v, bound->size);
    for (size_t e = 0; e < order.size(); ++e)
      to[static_cast<size_t>(slot.offset) + e] = {bound->columns[order[e]], &v, std::ssize(bound->levels)};
  }
  return to;
}

/// `prepare`, what patterns of absent cells add to it, and the rows; or what an iteration is made of.
void keep_functions(ir::Program& program, RowUse use) {
  const std::vector<std::string> of_rows = {"prepare", ir::pattern_function, "posterior"};
  const std::vector<std::string> of_updates = {"prepare", "rows", ir::origin_rows_function,
                                               ir::recentre_function, "update"};
  std::erase_if(program.module.functions, [&](const ir::Function& f) {
    return std::ranges::count(use == RowUse::updates ? of_updates : of_rows, f.name) == 0;
  });
}

/// Those of the fit, and what follows from them; or what is wrong with them.
std::string set_parameters(RowCode& to, const FittedModel& fitted) {
  Diagnostics diagnostics;
  BoundModel::State bound;
  bound.lowered.model = *to.model;
  bound.lowered.program = to.program;
  to.parameters = runtime::default_parameters(to.program);
  const auto start = checked_start(bound, fitted.state->content.parameters, diagnostics);
  if (diagnostics.has_errors()) return diagnostics.sorted().front().message;
  runtime::set_parameters(to.program, start, to.parameters);
  const runtime::BoundData frame = frame_of(fitted, *to.model, false);
  runtime::Walker walker(to.program, to.functions, frame, 1);
  if (std::string fault = walker.prepare(to.parameters); !fault.empty()) return fault;
  const double* derived = walker.derived();
  to.derived.assign(derived, derived + to.program.derived_doubles());
  return "";
}

std::shared_ptr<const RowCode> make(const FittedModel& fitted, RowUse use, std::string& fault) {
  driver::Lowered lowered;
  lowered.model = *fitted.state->model->compiled.model;
  set_fitted_sizes(fitted, *lowered.model);
  const runtime::BoundData frame = frame_of(fitted, *lowered.model, use == RowUse::absent);
  runtime::set_sizes(*lowered.model, frame);
  driver::lower_sized(lowered);
  if (!lowered.program) throw ir::InternalError("a fitted model is refused when it is compiled again");
  keep_functions(*lowered.program, use);
  std::optional<CompiledCode> code;
  make_code(*lowered.program, Backend::compiled, code);
  if (use != RowUse::updates && !code->functions.contains("posterior")) {
    fault = "this model gives no log likelihood of a row";
    return nullptr;
  }
  auto to = std::make_shared<RowCode>();
  to->model = std::make_shared<const ir::Model>(std::move(*lowered.model));
  to->program = std::move(code->program);
  to->functions = std::move(code->functions);
  to->cells = cells_of(*to->model, to->program, frame);
  fault = set_parameters(*to, fitted);
  return fault.empty() ? to : nullptr;
}

}  // namespace

std::shared_ptr<const RowCode> row_code(const FittedModel& fitted, RowUse use, std::string& fault) {
  const driver::Compiled& compiled = fitted.state->model->compiled;
  if (fitted.method() != "em")
    fault = "a fit by gradients has no code for a single row";
  else if (!compiled.model->plates.empty())
    fault = fmt::format("the rows of a `{}` depend on each other", compiled.model->plates.front().name);
  else if (compiled.model->sequence)
    fault =
        fmt::format("the steps of the sequence `{}` depend on each other", compiled.model->sequence->name);
  if (!fault.empty()) return nullptr;
  RowCodes& codes = *fitted.state->codes;
  const std::lock_guard lock(codes.mutex);
  std::shared_ptr<const RowCode>& code = codes.of[static_cast<size_t>(use)];
  if (!code) code = make(fitted, use, fault);
  return code;
}

void share_code(const FittedModel& fitted, const FittedModel& with) {
  const std::lock_guard lock(fitted.state->codes->mutex);
  for (size_t use = 0; use < std::size(fitted.state->codes->of); ++use) {
    const auto& code = fitted.state->codes->of[use];
    if (!code) continue;
    auto to = std::make_shared<RowCode>(*code);
    if (set_parameters(*to, with).empty()) with.state->codes->of[use] = std::move(to);
  }
}

bool has_lone_rows(const FittedModel& fitted) {
  if (!fitted.ok()) return true;
  const ir::Model& model = *fitted.state->model->compiled.model;
  return model.plates.empty() && !model.sequence;
}

Score score_table(const FittedModel& fitted, const Data& data, const BindOptions& options, int threads) {
  return guarded([&] {
    Score to;
    Diagnostics diagnostics;
    const auto finish = [&] {
      if (data.state) {
        for (const Diagnostic& diagnostic : data.state->diagnostics.sorted()) diagnostics.report(diagnostic);
      }
      to.report = Report(
          {std::move(diagnostics), fitted.state->model ? fitted.state->model->compiled.source : nullptr});
      return to;
    };
    if (!fitted.ok()) {
      to.report = fitted.report();
      return to;
    }
    if (!data.ok()) return finish();
    const runtime::Table& table = *data.state->table;
    const fit_file::Content& content = fitted.state->content;
    check_columns(content, table, options, diagnostics);
    if (diagnostics.has_errors()) return finish();
    const runtime::BoundData bound = runtime::bind(*fitted.state->model->compiled.model, table,
                                                   bind_options(content, table, options), diagnostics);
    if (!diagnostics.has_errors()) check_sizes(content, bound, diagnostics);
    if (diagnostics.has_errors()) return finish();
    const bool absent =
        std::ranges::any_of(bound.variables, [](const runtime::BoundVariable& v) { return v.absent > 0; });
    std::string fault;
    const std::shared_ptr<const RowCode> code =
        row_code(fitted, absent ? RowUse::absent : RowUse::complete, fault);
    if (code) {
      runtime::Walker walker(code->program, code->functions, bound, threads);
      const auto slot = std::ranges::find(code->program.row_outputs, "log_likelihood", &ir::Slot::name);
      to.values.resize(static_cast<size_t>(bound.rows));
      fault = walker.prepare(code->parameters);
      if (fault.empty())
        fault = walker.visit_rows("posterior", code->parameters, [&](const double* outputs, int64_t index) {
          const runtime::Tile& tile = walker.tiles()[static_cast<size_t>(index)];
          const double* from = outputs + slot->offset * LVM_TILE_ROWS;
          for (int64_t i = 0; i < tile.rows; ++i)
            to.values[static_cast<size_t>(walker.row_at(tile.at + i))] = from[i];
        });
      to.name = code->program.objective_name;
    }
    if (!fault.empty()) diagnostics.report({.code = Code::fit_cannot_answer, .message = fault});
    to.exact = true;
    to.total_weight = bound.total_weight;
    if (bound.weights != nullptr) to.weights.assign(bound.weights, bound.weights + bound.rows);
    finish_score(to, diagnostics);
    return finish();
  });
}

}  // namespace lvm
