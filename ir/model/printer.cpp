// The text of --emit=model: declarations, factors, posteriors and settings, then the graph of their
// expressions.

#include <fmt/format.h>

#include "ir/model/model.h"

namespace lvm::ir {
namespace {

std::string axis_name(const Model& model, AxisId axis) {
  return model.module.axis(axis).name;
}

std::string size_text(const Model& model, const ModelAxis& axis) {
  const int64_t size = model.module.axis(axis.id).size;
  switch (axis.source) {
    case SizeSource::literal: return std::to_string(size);
    case SizeSource::columns: return size == unknown_size ? "columns" : fmt::format("columns ({})", size);
    case SizeSource::levels: return size == unknown_size ? "levels" : fmt::format("levels ({})", size);
  }
  return {};
}

std::string type_text(const Model& model, const Variable& variable) {
  const bool named = variable.domain != Domain::real && variable.domain != Domain::positive &&
                     variable.domain != Domain::unit;
  std::string text(named ? name(variable.domain) : name(variable.type.element));
  std::string axes = variable.type.has(row_axis) ? "row" : "";
  for (const AxisId axis : variable.declared_axes)
    axes += (axes.empty() ? "" : ", ") + axis_name(model, axis);
  if (variable.type.range >= 0) axes += (axes.empty() ? "" : ", ") + axis_name(model, variable.type.range);
  return axes.empty() ? text : fmt::format("{}[{}]", text, axes);
}

std::string binding_text(const Binding& binding) {
  if (binding.patterns.empty()) return {};
  std::string columns;
  for (const std::string& pattern : binding.patterns)
    columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", pattern);
  columns = fmt::format("columns({})", columns);
  switch (binding.preprocess) {
    case Binding::Preprocess::none: break;
    case Binding::Preprocess::binarise_threshold:
      columns = fmt::format("binarise({}, threshold: {})", columns, binding.low);
      break;
    case Binding::Preprocess::binarise_stochastic:
      if (binding.low != 0 || binding.high != 1)
        columns = fmt::format("scale({}, {}..{})", columns, binding.low, binding.high);
      columns = fmt::format("binarise({}, stochastic)", columns);
      break;
    case Binding::Preprocess::scale:
      columns = fmt::format("scale({}, {}..{})", columns, binding.low, binding.high);
      break;
  }
  return " = " + columns;
}

std::string value_text(const Variable& variable) {
  if (variable.value.empty()) return {};
  if (variable.declared_axes.empty())
    return fmt::format(" = {}{}{}", variable.value.front(), variable.fixed ? " fixed" : "",
                       variable.init ? " init" : "");
  std::string numbers;
  for (size_t i = 0; i < variable.value.size() && i < 16; ++i)
    numbers += fmt::format("{}{}", i > 0 ? ", " : "", variable.value[i]);
  if (variable.value.size() > 16) numbers += ", …";
  return fmt::format(" = [{}]{}{}", numbers, variable.fixed ? " fixed" : "", variable.init ? " init" : "");
}

std::string axes_text(const Model& model, const std::vector<AxisId>& axes) {
  std::string text;
  for (const AxisId axis : axes) text += (text.empty() ? "" : " ") + axis_name(model, axis);
  return text;
}

std::string start_text(const Model& model, const WeightStart& start) {
  std::string inside = axes_text(model, start.fan_in);
  if (!start.fan_out.empty()) inside += " to " + axes_text(model, start.fan_out);
  const bool scaled = start.initialiser == Initialiser::uniform || start.initialiser == Initialiser::normal;
  if (scaled) inside = fmt::format("{}", start.scale);
  return fmt::format(" starts {}{}", name(start.initialiser), inside.empty() ? "" : "(" + inside + ")");
}

std::string variable_text(const Model& model, const Variable& variable) {
  std::string text = fmt::format("{} {}: {}", name(variable.role), variable.name, type_text(model, variable));
  text += binding_text(variable.binding) + value_text(variable);
  if (variable.missing) text += " missing";
  if (!variable.plate.empty()) text += " per " + variable.plate;
  if (variable.global) text += " global";
  if (!variable.mask.empty()) {
    text += " mask [";
    for (const uint8_t bit : variable.mask) text += bit ? '1' : '0';
    text += "]";
  }
  if (variable.prior != no_node) text += fmt::format(" ~ %{}", variable.prior);
  if (!variable.network.empty()) text += start_text(model, variable.start);
  if (variable.follows != no_node)
    text += fmt::format(" follows %{} by {}", variable.follows, variable.momentum);
  return text;
}

std::string use_text(const Model& model, const VariableUse& use) {
  const std::string& name = model.variables[static_cast<size_t>(use.variable)].name;
  const std::string offset = use.offset == 0 ? "" : fmt::format("{:+}", use.offset);
  switch (use.place) {
    case VariableUse::Place::row: return name;
    case VariableUse::Place::step: return fmt::format("{}[step{}]", name, offset);
    case VariableUse::Place::first: return fmt::format("{}[first{}]", name, offset);
  }
  return name;
}

std::string steps_text(const Steps& steps) {
  if (steps.all()) return {};
  return steps.alone ? fmt::format(" of step {}", steps.first) : fmt::format(" from step {}", steps.first);
}

std::string parents_text(const Model& model, const std::vector<VariableUse>& parents) {
  std::string text;
  for (const VariableUse& parent : parents) text += (text.empty() ? " | " : ", ") + use_text(model, parent);
  return text;
}

std::string form_text(const Posterior& posterior) {
  switch (posterior.form) {
    case PosteriorForm::exact: return "exact";
    case PosteriorForm::point: return "point";
    case PosteriorForm::automatic: return "auto";
    case PosteriorForm::distribution: return fmt::format("%{}", posterior.log_density);
  }
  return {};
}

std::string posterior_text(const Model& model, const Posterior& posterior) {
  std::string left;
  for (const int each : posterior.variables)
    left += (left.empty() ? "" : ", ") + model.variables[static_cast<size_t>(each)].name;
  return fmt::format("q({}{}) = {}{}", left, parents_text(model, posterior.parents), form_text(posterior),
                     posterior.factored ? " factored" : "");
}

std::string fit_text(const FitSettings& fit) {
  std::string text = fmt::format("fit method = {}, iterations = {}, tolerance = {}, restarts = {}, seed = {}",
                                 fit.method, fit.iterations, fit.tolerance, fit.restarts, fit.seed);
  for (const auto& [name, value] : fit.others) text += fmt::format(", {} = {}", name, value);
  return text;
}

}  // namespace

std::string print(const Model& model) {
  std::string text = fmt::format("model {}\n", model.name);
  for (const ModelAxis& axis : model.axes)
    text += fmt::format("axis {} = {}\n", axis_name(model, axis.id), size_text(model, axis));
  for (const ModelPlate& plate : model.plates) {
    text += "plate " + plate.name + " by";
    for (const std::string& column : plate.columns) text += " \"" + column + "\"";
    text += "\n";
  }
  if (model.sequence) {
    text += "sequence " + model.sequence->name;
    for (const std::string& column : model.sequence->by) text += " by \"" + column + "\"";
    text += model.sequence->order.empty() ? "\n" : " order \"" + model.sequence->order + "\"\n";
  }
  for (const Variable& variable : model.variables) text += variable_text(model, variable) + "\n";
  for (const Factor& factor : model.factors)
    text += fmt::format("P({}{}) = %{}{}\n", use_text(model, factor.variable),
                        parents_text(model, factor.parents), factor.log_density, steps_text(factor.steps));
  for (const Posterior& posterior : model.posteriors) text += posterior_text(model, posterior) + "\n";
  text += fit_text(model.fit) + "\n";
  for (const Unsupported& each : model.unsupported)
    text += fmt::format("unsupported: {}; {}\n", each.what, each.way_out);
  return text + "\n" + print(model.module, model.function());
}

}  // namespace lvm::ir
