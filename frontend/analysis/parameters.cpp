#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Variable;

// Nested stacks of constants over `axes` from `depth` on, row-major; one number fills all axes.
NodeId constant_array(Context& context, const Variable& variable, size_t depth, const double*& next) {
  const std::vector<AxisId>& axes = variable.declared_axes;
  if (depth == axes.size()) return context.builder.constant(*next++);
  std::vector<NodeId> items;
  for (int64_t i = 0; i < axis_size(context, axes[depth]); ++i)
    items.push_back(constant_array(context, variable, depth + 1, next));
  return make(context, ir::Op::stack, std::move(items), {axes[depth]}, variable.range);
}

NodeId constant_node(Context& context, const Variable& variable) {
  const std::vector<double>& values = variable.value;
  if (!std::equal(values.begin() + 1, values.end(), values.begin())) {
    const double* next = values.data();
    return constant_array(context, variable, 0, next);
  }
  const NodeId number = context.builder.constant(values.front());
  if (variable.declared_axes.empty()) return number;
  return make(context, ir::Op::broadcast, {number}, variable.declared_axes, variable.range);
}

std::optional<double> read_number(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

// The declared value, or the one of `--set`.
std::optional<std::vector<double>> constant_values(Context& context, const ast::ConstDeclaration& constant,
                                                   const Variable& variable) {
  auto values = literal_values(context, *constant.value, variable.declared_axes);
  const auto text = setting(context, constant.name.text);
  if (!text || !values) return values;
  if (const auto number = read_number(*text)) return std::vector<double>(values->size(), *number);
  report(context, Code::setting_value, {},
         fmt::format("`--set {}={}` is not a number", constant.name.text, *text));
  return {};
}

void analyse_constant(Context& context, int index, const ast::ConstDeclaration& constant) {
  Variable& variable = context.model.variables[static_cast<size_t>(index)];
  VariableState& state = context.variables[static_cast<size_t>(index)];
  if (!state.sound) return;
  state.sound = false;
  const auto values = constant_values(context, constant, variable);
  if (!values || !check_domain(context, variable, *values, constant.value->range)) return;
  state.sound = true;
  variable.value = *values;
  variable.node = constant_node(context, variable);
}

void analyse_value(Context& context, Variable& variable, const ast::ParameterDeclaration& parameter) {
  if (!parameter.value) return;
  const auto values = literal_values(context, *parameter.value, variable.declared_axes);
  if (!values || !check_domain(context, variable, *values, parameter.value->range)) return;
  variable.value = *values;
  variable.fixed = parameter.fixed;
  variable.init = parameter.init;
}

void analyse_mask(Context& context, Variable& variable, const ast::ParameterDeclaration& parameter) {
  if (!parameter.mask) return;
  const auto fault = [&](std::string what, std::string hint) {
    variable.mask.clear();
    report(context, Code::mask_value, parameter.mask->range, std::move(what), "", std::move(hint));
  };
  if (parameter.mask->kind != ast::ExpressionKind::list)
    return fault(fmt::format("the mask of `{}` is no list", variable.name),
                 "write a list of ones and zeros along each of its axes");
  const auto values = literal_values(context, *parameter.mask, variable.declared_axes);
  if (!values) return;
  for (const double value : *values) {
    if (value != 0 && value != 1)
      return fault(fmt::format("the mask of `{}` holds {}", variable.name, value),
                   "a mask holds 1 where the entry is estimated and 0 where it is held at zero");
    variable.mask.push_back(value == 1);
  }
  for (size_t i = 0; i < variable.value.size() && i < variable.mask.size(); ++i) {
    if (!variable.mask[i] && variable.value[i] != 0)
      return fault(
          fmt::format("`{}` has the value {} where its mask holds a zero", variable.name, variable.value[i]),
          "give 0 there, or let the mask hold 1");
  }
  if (variable.domain != ir::Domain::simplex || variable.declared_axes.empty()) return;
  const int64_t size = axis_size(context, variable.declared_axes.back());
  for (auto row = variable.mask.begin(); size > 0 && row != variable.mask.end(); row += size) {
    if (std::all_of(row, row + size, [](uint8_t open) { return open == 0; }))
      return fault(fmt::format("a row of the mask of `{}` is all zeros, and must sum to one", variable.name),
                   "let it hold a 1");
  }
}

void analyse_prior(Context& context, int index, const ast::ParameterDeclaration& parameter) {
  Variable& variable = context.model.variables[static_cast<size_t>(index)];
  if (!parameter.prior) return;
  variable.prior_range = parameter.prior->range;
  const Use self{
      .variable = index, .place = ir::VariableUse::Place::row, .offset = 0, .range = variable.range};
  Target target{.value = variable_value(context, index, self), .variable = &variable};
  const Density density = evaluate_distribution(context, *parameter.prior, target);
  if (density.node == ir::no_node) return;
  for (const Use& use : density.uses) {
    const Variable& used = context.model.variables[static_cast<size_t>(use.variable)];
    if (used.role == ir::Role::parameter || used.role == ir::Role::constant) continue;
    report(context, Code::prior_of_variable, use.range,
           fmt::format("the prior of `{}` mentions `{}`", variable.name, used.name),
           fmt::format("`{}` is {}", used.name, role_text(used)),
           "a prior may mention constants and other parameters", {{used.range, "declared here"}});
    return;
  }
  context.model.variables[static_cast<size_t>(index)].prior = density.node;
}

const ast::ParameterDeclaration* parameter_declaration(const Context& context, int index) {
  const int declaration = context.variables[static_cast<size_t>(index)].declaration;
  if (declaration < 0) return nullptr;  // a weight of a network
  return std::get_if<ast::ParameterDeclaration>(
      &context.file.declarations[static_cast<size_t>(declaration)].node);
}

// Parameters point at what their priors mention, also through lets, which follow them among the nodes.
Edges prior_edges(const Context& context) {
  const size_t variables = context.variables.size();
  Edges edges(variables + context.lets.size());
  const auto add = [&](size_t node, const ast::Expression& expression) {
    std::vector<const Entity*> named;
    collect_names(context, expression, named);
    for (const Entity* entity : named) {
      if (entity->kind == EntityKind::variable) edges[node].push_back(entity->index);
      if (entity->kind == EntityKind::let) edges[node].push_back(static_cast<int>(variables) + entity->index);
    }
  };
  for (size_t i = 0; i < variables; ++i) {
    const auto* parameter = parameter_declaration(context, static_cast<int>(i));
    if (parameter && parameter->prior) add(i, *parameter->prior);
  }
  for (size_t i = 0; i < context.lets.size(); ++i)
    if (!context.lets[i].unusable) add(variables + i, *context.lets[i].declaration->value);
  return edges;
}

void check_prior_cycles(Context& context) {
  for (const int node : find_circle(prior_edges(context))) {
    if (static_cast<size_t>(node) >= context.variables.size()) continue;
    const auto* parameter = parameter_declaration(context, node);
    report(
        context, Code::cyclic_prior, parameter->prior->range,
        fmt::format("the prior of `{}` depends on `{}` itself", parameter->name.text, parameter->name.text),
        "", "the parameters that a prior mentions must form no circle");
    return;
  }
}

}  // namespace

void analyse_constants(Context& context) {
  for (size_t i = 0; i < context.variables.size(); ++i) {
    const auto& node = context.file.declarations[static_cast<size_t>(context.variables[i].declaration)].node;
    if (const auto* constant = std::get_if<ast::ConstDeclaration>(&node))
      analyse_constant(context, static_cast<int>(i), *constant);
  }
}

void analyse_parameters(Context& context) {
  for (size_t i = 0; i < context.variables.size(); ++i) {
    const auto* parameter = parameter_declaration(context, static_cast<int>(i));
    if (!parameter || !context.variables[i].sound) continue;
    analyse_value(context, context.model.variables[i], *parameter);
    analyse_mask(context, context.model.variables[i], *parameter);
    analyse_prior(context, static_cast<int>(i), *parameter);
  }
  check_prior_cycles(context);
}

}  // namespace lvm::analysis
