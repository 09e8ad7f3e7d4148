#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;

// Numbers, constants and axes of a known size, under arithmetic: `64 * 7 * 7`.
std::optional<double> size_value(Context& context, const Expression& size) {
  if (size.kind == ExpressionKind::number) return size.number;
  if (size.kind == ExpressionKind::name) {
    Entity* entity = find_entity(context, size.text);
    if (!entity) return {};
    entity->used = true;
    if (entity->kind == EntityKind::axis) {
      const int64_t known = axis_size(context, entity->index);
      return known == ir::unknown_size ? std::nullopt : std::optional(static_cast<double>(known));
    }
    if (entity->kind != EntityKind::variable) return {};
    const ir::Variable& variable = context.model.variables[static_cast<size_t>(entity->index)];
    const bool scalar = variable.role == ir::Role::constant && variable.declared_axes.empty();
    return scalar && !variable.value.empty() ? std::optional(variable.value.front()) : std::nullopt;
  }
  if (size.children.size() != 2) return {};
  const auto a = size_value(context, *size.children[0]);
  const auto b = size_value(context, *size.children[1]);
  if (!a || !b) return {};
  switch (size.kind) {
    case ExpressionKind::add: return *a + *b;
    case ExpressionKind::subtract: return *a - *b;
    case ExpressionKind::multiply:
    case ExpressionKind::elementwise_multiply: return *a * *b;
    case ExpressionKind::divide: return *a / *b;
    case ExpressionKind::power: return std::pow(*a, *b);
    case ExpressionKind::number:
    case ExpressionKind::string:
    case ExpressionKind::name:
    case ExpressionKind::call:
    case ExpressionKind::index:
    case ExpressionKind::member:
    case ExpressionKind::negate:
    case ExpressionKind::transpose:
    case ExpressionKind::list:
    case ExpressionKind::range: return {};
  }
  return {};
}

// Larger ones are taken for mistakes, as in axes.cpp.
constexpr double greatest_size = 10'000'000;

}  // namespace

AxisId layer_axis(Context& context, const std::string& name, int64_t size, SourceRange range) {
  if (const auto known = context.model.module.find_axis(name)) return *known;
  const AxisId id = context.model.module.add_axis({.name = name, .size = size});
  context.model.axes.push_back({.id = id, .range = range});
  context.layer_axes.insert(id);
  return id;
}

AxisId apart(Context& context, AxisId axis, const std::vector<AxisId>& from,
             const std::vector<AxisId>& and_from) {
  const auto taken = [&](const std::vector<AxisId>& axes) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  };
  while (taken(from) || taken(and_from)) axis = context.model.module.twin(axis);
  return axis;
}

double option_number(LayerCall& layer, const std::string& name, double low, double high, double otherwise) {
  const Expression* option = layer.option(name);
  if (!option) return otherwise;
  const auto number = literal_number(*option);
  if (number && *number >= low && *number < high) return *number;
  report(layer.context, Code::layer_option, option->range,
         fmt::format("`{}` cannot be the {} of `{}`", ast::print(*option), name, layer.call.text), "",
         fmt::format("write a number from {}, below {}", low, high));
  return otherwise;
}

void report_shape(LayerCall& layer, const Value& value, std::string message, std::string hint) {
  std::vector<Label> labels;
  add_labels(layer.context, value, labels);
  report(layer.context, Code::shape_mismatch, layer.call.range, std::move(message), "", std::move(hint),
         std::move(labels));
}

bool require_sizes(LayerCall& layer, const Value& value) {
  for (const AxisId axis : value.order) {
    if (axis_size(layer.context, axis) != ir::unknown_size) continue;
    const std::string name = axis_text(layer.context, axis);
    report_shape(
        layer, value,
        fmt::format("`{}` needs the size of `{}`, which is known only with the data", layer.call.text, name),
        fmt::format("write a size: `axis {} = 28`", name));
    return false;
  }
  return true;
}

std::optional<int64_t> whole_number(LayerCall& layer, const Expression& value, std::string_view what,
                                    int64_t least) {
  const auto number = size_value(layer.context, value);
  if (number && *number >= static_cast<double>(least) && *number <= greatest_size &&
      std::floor(*number) == *number)
    return static_cast<int64_t>(*number);
  report(layer.context, least > 0 && what.empty() ? Code::layer_size : Code::layer_option, value.range,
         what.empty()
             ? fmt::format("`{}` is no size", ast::print(value))
             : fmt::format("`{}` cannot be the {} of `{}`", ast::print(value), what, layer.call.text),
         "",
         what.empty() ? "write an axis, or a whole number from 1"
                      : fmt::format("write a whole number from {}", least));
  return {};
}

std::optional<AxisId> sized_axis(LayerCall& layer, const Expression& size, const std::string& suffix) {
  const Entity* entity = size.kind == ExpressionKind::name ? find_entity(layer.context, size.text) : nullptr;
  if (entity && entity->kind == EntityKind::axis) return resolve_axis(layer.context, {size.text, size.range});
  const auto number = whole_number(layer, size, "", 1);
  if (!number) return {};
  return layer_axis(layer.context, layer.note.name + suffix, *number, size.range);
}

}  // namespace lvm::analysis
