// A fit that lives on: the file that it is kept in, and the model that comes back from it, bound to another
// table.

#include <fmt/format.h>

#include <algorithm>

#include "api/state.h"
#include "api/text_file.h"
#include "api/whole_file.h"

namespace lvm {
namespace {

constexpr size_t most_bytes = size_t{8} << 30;

fit_file::Content content_of(const Fit& fit) {
  const BoundModel::State& bound = *fit.state->bound;
  const driver::Compiled& compiled = bound.model->compiled;
  fit_file::Content to{.lvm = version(),
                       .text = fit.model_text(),
                       .file = compiled.source->name(),
                       .method = fit.method,
                       .seed = fit.seed,
                       .settings = compiled.settings,
                       .columns = {},
                       .levels = {},
                       .metrics = {},
                       .parameters = {},
                       .state = {}};
  for (const runtime::BoundVariable& variable : bound.lowered.data->variables) {
    if (variable.columns.empty()) continue;  // made from others
    to.columns[variable.name] = variable.columns;
    if (!variable.levels.empty()) to.levels[variable.name] = variable.levels;
  }
  to.metrics = {{"objective_name", fit.objective_name},
                {"objective", fmt::format("{}", fit.objective)},
                {"rows", std::to_string(fit.rows)},
                {"iterations", std::to_string(fit.iterations)},
                {"converged", fit.converged ? "true" : "false"},
                {"stop", fit.stop}};
  if (fit.held_out) {
    to.metrics["held_out"] = fmt::format("{}", *fit.held_out);
    to.metrics["held_out_rows"] = std::to_string(fit.held_out_rows);
  }
  for (const Parameter& parameter : fit.parameters) to.parameters.push_back(parameter);
  return to;
}

/// A table of arrays has no names of its own: `test.npy` has `test1` where `train.npy` had `train1`.
bool has_columns(const runtime::Table& table, const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [&](const std::string& name) { return table.find(name) != nullptr; });
}

/// What the compiler warns of was said when the model was fitted; what a new table has is new.
Diagnostics without_old_warnings(const Diagnostics& all) {
  Diagnostics to;
  for (const Diagnostic& diagnostic : all.sorted()) {
    if (row(diagnostic.code).severity == Severity::error || !diagnostic.table.file.empty())
      to.report(diagnostic);
  }
  return to;
}

}  // namespace

runtime::BindOptions bind_options(const fit_file::Content& content, const runtime::Table& table,
                                  const BindOptions& options) {
  runtime::BindOptions to{.columns = options.columns, .fitted = true, .levels = content.levels};
  for (const auto& [variable, names] : content.columns) {
    if (table.header || table.named || has_columns(table, names)) to.columns.emplace(variable, names);
  }
  return to;
}

/// One message a variable: a table of other columns may lack hundreds.
void check_columns(const fit_file::Content& content, const runtime::Table& table, const BindOptions& options,
                   Diagnostics& diagnostics) {
  for (const auto& [variable, names] : content.columns) {
    if ((!table.header && !table.named) || options.columns.contains(variable)) continue;
    const auto absent = [&](const std::string& name) { return table.find(name) == nullptr; };
    const auto first = std::ranges::find_if(names, absent);
    if (first == names.end()) continue;
    const auto count = std::ranges::count_if(names, absent);
    const std::string others =
        count == 1 ? "" : fmt::format("; {} of its {} columns are missing", count, names.size());
    diagnostics.report({.code = Code::column_not_found,
                        .message = fmt::format("{} has no column `{}`, to which `{}` was fitted{}",
                                               table.file.empty() ? "the table" : "`" + table.file + "`",
                                               *first, variable, others),
                        .hint = fmt::format("other names are given by `--bind {}=…`", variable)});
  }
}

void check_sizes(const fit_file::Content& content, const runtime::BoundData& data, Diagnostics& diagnostics) {
  for (const runtime::BoundVariable& variable : data.variables) {
    if (variable.columns.empty()) continue;  // made from others
    const auto fitted = content.columns.find(variable.name);
    const size_t before = fitted == content.columns.end() ? 0 : fitted->second.size();
    if (variable.columns.size() == before) continue;
    diagnostics.report(
        {.code = Code::fit_other_shape,
         .message = fmt::format("`{}` was fitted to {} column{}, and finds {} here", variable.name, before,
                                before == 1 ? "" : "s", variable.columns.size()),
         .hint = fmt::format("choose them by `--bind {}=…`", variable.name)});
  }
}

namespace {

Report save(const fit_file::Content& content, const std::string& path) {
  Diagnostics diagnostics;
  std::string fault;
  if (const std::optional<std::string> bytes = fit_file::write(content, fault)) {
    fault = write_whole_file(path, *bytes);
  } else {
    fault = fmt::format("cannot write `{}`: {}", path, fault);
  }
  if (!fault.empty()) diagnostics.report({.code = Code::fit_file_unwritable, .message = std::move(fault)});
  return Report({std::move(diagnostics), nullptr});
}

}  // namespace

Report save(const Fit& fit, const std::string& path) {
  return guarded([&] { return fit.ok() ? save(content_of(fit), path) : fit.report(); });
}

Report save(const FittedModel& fitted, const std::string& path) {
  return guarded([&] { return fitted.ok() ? save(fitted.state->content, path) : fitted.report(); });
}

FittedModel fitted_model(const Fit& fit) {
  return guarded([&] {
    auto state = std::make_shared<FittedModel::State>();
    state->report = fit.report();
    if (!fit.ok()) return FittedModel{std::move(state)};
    state->content = content_of(fit);
    state->model = fit.state->bound->model;
    return FittedModel{std::move(state)};
  });
}

bool FittedModel::ok() const {
  return state && state->model && !state->report.has_errors();
}
const Report& FittedModel::report() const {
  return state->report;
}
std::string FittedModel::name() const {
  return state->model ? Model{state->model}.name() : "";
}
std::string FittedModel::method() const {
  return state->content.method;
}
uint64_t FittedModel::seed() const {
  return state->content.seed;
}
std::string FittedModel::model_text() const {
  return state->content.text;
}
const std::vector<Values>& FittedModel::parameters() const {
  return state->content.parameters;
}
const std::map<std::string, std::string>& FittedModel::metrics() const {
  return state->content.metrics;
}

FittedModel load(const std::string& path) {
  return guarded([&] {
    auto state = std::make_shared<FittedModel::State>();
    Diagnostics diagnostics;
    std::string fault;
    const std::optional<std::string> bytes = read_text_file(path, most_bytes, diagnostics);
    std::optional<fit_file::Content> content = bytes ? fit_file::read(*bytes, fault) : std::nullopt;
    if (!content) {
      if (bytes)
        diagnostics.report({.code = Code::fit_file_refused, .message = fmt::format("`{}` {}", path, fault)});
      state->report = Report({std::move(diagnostics), nullptr});
      return FittedModel{std::move(state)};
    }
    const Model model = compile(content->text, {.file_name = content->file, .settings = content->settings});
    state->content = std::move(*content);
    state->model = model.state;
    diagnostics = without_old_warnings(model.state->compiled.diagnostics);
    if (model.ok()) fault = fit_fault(FittedModel{state});
    if (!fault.empty())
      diagnostics.report(
          {.code = Code::fit_file_refused, .message = fmt::format("`{}` is damaged: {}", path, fault)});
    state->report = Report({std::move(diagnostics), model.state->compiled.source});
    return FittedModel{std::move(state)};
  });
}

BoundModel bind(const FittedModel& fitted, const Data& data, const BindOptions& options) {
  return guarded([&] {
    auto state = std::make_shared<BoundModel::State>();
    state->data = data.state;
    state->model = fitted.state->model;
    state->report = fitted.report();
    if (!fitted.ok()) return BoundModel{std::move(state)};
    Diagnostics diagnostics;
    if (data.ok()) {
      const runtime::Table& table = *data.state->table;
      check_columns(fitted.state->content, table, options, diagnostics);
      if (!diagnostics.has_errors()) {
        state->lowered =
            driver::lower(state->model->compiled, table, bind_options(fitted.state->content, table, options));
        diagnostics = without_old_warnings(state->lowered.diagnostics);
      }
      if (!diagnostics.has_errors()) check_sizes(fitted.state->content, *state->lowered.data, diagnostics);
      if (!diagnostics.has_errors())
        (void)checked_start(*state, fitted.state->content.parameters, diagnostics);
    }
    for (const Diagnostic& diagnostic : data.state->diagnostics.sorted()) diagnostics.report(diagnostic);
    state->lowered.diagnostics = diagnostics;
    state->report = Report({std::move(diagnostics), state->model->compiled.source});
    return BoundModel{std::move(state)};
  });
}

}  // namespace lvm
