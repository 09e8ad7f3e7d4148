#include "api/running.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "api/row_code.h"
#include "runtime/starts.h"
#include "runtime/walker.h"

namespace lvm {
namespace {

const std::string sums_name = "sums", variance_prefix = "variance.", weight_name = "weight";

FittedModel refused(const FittedModel& fitted, Diagnostics diagnostics) {
  auto state = std::make_shared<FittedModel::State>();
  state->content = fitted.state->content;
  state->model = fitted.state->model;
  state->report =
      Report({std::move(diagnostics), fitted.state->model ? fitted.state->model->compiled.source : nullptr});
  return FittedModel{std::move(state)};
}

FittedModel refused(const FittedModel& fitted, std::string why, std::string hint = {}) {
  Diagnostics diagnostics;
  diagnostics.report({.code = Code::fit_cannot_answer, .message = std::move(why), .hint = std::move(hint)});
  return refused(fitted, std::move(diagnostics));
}

/// Sums that are about nothing, and moments about the means, by what they are called
/// (backends/em/statistics.h).
bool is_count(const std::string& name) {
  if (name == "rows" || name == "counted_rows" || name == "objective") return true;
  const std::string base = name.substr(0, name.find('_'));
  return base == "n" || base == "occurrences";
}

/// What moments about the means `from` are about the means `to`: `recentre` moves them from an origin to the
/// means, and with an origin of 0 and the differences of the parameters in the place of the means, from the
/// one to the other.
std::vector<double> moved(const RowCode& code, std::vector<double> sums, const std::vector<double>& from,
                          const std::vector<double>& to) {
  const auto recentre = code.functions.find(ir::recentre_function);
  if (recentre == code.functions.end()) return sums;
  runtime::Buffer derived(code.program.derived_doubles()), parameters(std::ssize(from)), in(std::ssize(sums)),
      out(std::ssize(sums)), scratch(code.program.scratch_bytes / static_cast<int64_t>(sizeof(double)) + 1);
  for (size_t i = 0; i < from.size(); ++i) parameters.data()[i] = to[i] - from[i];
  std::ranges::copy(sums, in.data());
  std::ranges::copy(sums, out.data());
  lvm_frame frame{};
  frame.parameters = parameters.data();
  frame.derived = derived.data();
  frame.statistics = in.data();
  frame.output = out.data();
  frame.scratch = scratch.data();
  if (recentre->second(&frame) != 0) throw ir::InternalError("the sums cannot be moved");
  return {out.data(), out.data() + sums.size()};
}

/// Moves compose, and by nothing is none: so it is where means are sums of parameters.
bool moves_compose(const RowCode& code) {
  const auto size = code.parameters.size();
  std::vector<double> sums(static_cast<size_t>(code.program.statistic_doubles())), none(size, 0), a(size),
      b(size);
  const auto number = [](size_t i, double seed) { return std::sin(seed + static_cast<double>(i) * 1.7); };
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = 2 + number(i, 1);
  for (size_t i = 0; i < size; ++i) {
    a[i] = number(i, 2);
    b[i] = number(i, 3);
  }
  ir::complete_symmetric(code.program, sums.data());
  const auto close = [](const std::vector<double>& x, const std::vector<double>& y) {
    for (size_t i = 0; i < x.size(); ++i) {
      if (!(std::abs(x[i] - y[i]) <= 1e-11 * (1 + std::abs(x[i])))) return false;
    }
    return true;
  };
  return close(moved(code, sums, none, none), sums) &&
         close(moved(code, moved(code, sums, none, a), a, b), moved(code, sums, none, b));
}

/// Empty, or why the sums of this program do not run.
std::string fault_of(const RowCode& code) {
  if (!code.program.medians.empty())
    return fmt::format("`{}` is a median, which no sum over rows gives",
                       code.program.medians.front().parameter);
  const auto function =
      std::ranges::find(code.program.module.functions, ir::recentre_function, &ir::Function::name);
  const bool recentres = function != code.program.module.functions.end();
  for (const ir::Slot& slot : code.program.statistics) {
    if (is_count(slot.name)) continue;
    const bool moment = slot.name.starts_with("s1") || slot.name.starts_with("s2");
    const bool moves = recentres && std::ranges::any_of(function->outputs, [&](const ir::Output& out) {
                         return out.name == slot.name;
                       });
    if (!moment || !moves)
      return fmt::format("the update reads sums (`{}`) that are about parameters which have moved on",
                         slot.name);
  }
  return recentres && !moves_compose(code) ? "its means are no sums of parameters" : "";
}

Values* find(std::vector<Values>& state, const std::string& name) {
  const auto found = std::ranges::find(state, name, &Values::name);
  return found == state.end() ? nullptr : &*found;
}

/// The parameters in the order of the declaration again.
std::vector<Values> declared(const RowCode& code, const std::vector<double>& parameters) {
  std::vector<Values> to;
  for (const runtime::FittedParameter& p : runtime::to_parameters(code.program, parameters)) {
    const ir::Variable& v = code.model->variables[static_cast<size_t>(*code.model->find(p.name))];
    Values values{p.name, {}, runtime::permute(p.values, p.axes, v.declared_axes, code.program.module)};
    for (const ir::AxisId axis : v.declared_axes) values.shape.push_back(code.program.module.axis(axis).size);
    to.push_back(std::move(values));
  }
  return to;
}

}  // namespace

FittedModel with_sums(const Fit& fit) {
  const FittedModel fitted = fitted_model(fit);
  if (!fitted.ok()) return fitted;
  return guarded([&] {
    std::string fault;
    const std::shared_ptr<const RowCode> code = row_code(fitted, RowUse::updates, fault);
    if (code) fault = fault_of(*code);
    const runtime::BoundData& data = *fit.state->bound->lowered.data;
    const bool absent =
        std::ranges::any_of(data.variables, [](const runtime::BoundVariable& v) { return v.absent > 0; });
    if (fault.empty() && absent)
      fault = "the table has missing cells, which the sums do not say how to complete";
    if (!fault.empty())
      return refused(fitted, "this fit cannot take rows in one table after the other: " + fault,
                     "fit it anew to all rows");
    runtime::Walker walker(code->program, code->functions, data, fit.state->threads);
    fault = walker.prepare(code->parameters);
    if (fault.empty()) fault = walker.rows("rows", code->parameters);
    if (!fault.empty()) throw ir::InternalError("a fit whose sums cannot be formed: " + fault);
    auto state = std::make_shared<FittedModel::State>(*fitted.state);
    const double* sums = walker.statistics();
    const int64_t count = code->program.statistic_doubles();
    state->content.state = {{sums_name, {count}, {sums, sums + count}},
                            {weight_name, {}, {data.total_weight}}};
    for (const runtime::BoundVariable& v : data.variables)
      state->content.state.push_back({variance_prefix + v.name, {std::ssize(v.variance)}, v.variance});
    return FittedModel{std::move(state)};
  });
}

FittedModel updated(const FittedModel& fitted, const Data& data, double decay, int threads) {
  if (!fitted.ok()) return fitted;
  return guarded([&] {
    auto state = std::make_shared<FittedModel::State>(*fitted.state);
    fit_file::Content& content = state->content;
    Values* sums = find(content.state, sums_name);
    Values* weight = find(content.state, weight_name);
    if (sums == nullptr || weight == nullptr)
      return refused(fitted, "this fit kept no sums to add rows to", "fit it with the option `updatable`");
    if (!(decay > 0 && decay <= 1))
      return refused(fitted, fmt::format("`decay` is {}, and lies above 0 and not above 1", decay));
    Diagnostics diagnostics;
    if (!data.ok()) return refused(fitted, data.state->diagnostics);
    const runtime::Table& table = *data.state->table;
    check_columns(content, table, {}, diagnostics);
    if (diagnostics.has_errors()) return refused(fitted, std::move(diagnostics));
    runtime::BoundData rows =
        runtime::bind(*state->model->compiled.model, table, bind_options(content, table, {}), diagnostics);
    if (!diagnostics.has_errors()) check_sizes(content, rows, diagnostics);
    if (diagnostics.has_errors()) return refused(fitted, std::move(diagnostics));
    for (runtime::BoundVariable& v : rows.variables) {
      if (v.absent > 0)
        return refused(
            fitted, fmt::format("`{}` has missing cells, which the sums do not say how to complete", v.name));
      const Values* variance = find(content.state, variance_prefix + v.name);
      // Spreads are held against those of the first table, not of a few rows.
      if (variance != nullptr && variance->values.size() == v.variance.size()) v.variance = variance->values;
    }
    std::string fault;
    const std::shared_ptr<const RowCode> code = row_code(fitted, RowUse::updates, fault);
    if (!code) return refused(fitted, fault);
    if (std::ssize(sums->values) != code->program.statistic_doubles())
      return refused(fitted, "the sums of the file are another model's");
    const std::vector<double>& before = code->parameters;
    runtime::Walker walker(code->program, code->functions, rows, threads);
    fault = walker.prepare(before);
    if (fault.empty()) fault = walker.rows("rows", before);
    std::vector<double> after = before;
    if (fault.empty()) {
      for (size_t i = 0; i < sums->values.size(); ++i) walker.statistics()[i] += decay * sums->values[i];
      sums->values.assign(walker.statistics(), walker.statistics() + sums->values.size());
      fault = walker.update(after);
    }
    if (fault.empty()) fault = walker.prepare(after);
    if (!fault.empty()) return refused(fitted, "the rows lead to no parameters: " + fault);
    sums->values = moved(*code, std::move(sums->values), before, after);
    weight->values[0] = decay * weight->values[0] + rows.total_weight;
    content.parameters = declared(*code, after);
    // What was said of the fit holds no longer.
    for (const char* name : {"objective", "iterations", "converged", "stop", "held_out", "held_out_rows"})
      content.metrics.erase(name);
    content.metrics["rows"] = fmt::format("{}", weight->values[0]);
    state->codes = std::make_shared<RowCodes>();
    FittedModel to{std::move(state)};
    share_code(fitted, to);
    return to;
  });
}

}  // namespace lvm
