#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

// Larger sizes are taken for mistakes: parameters have at least one element an index.
constexpr int64_t greatest_size = 10'000'000;

std::optional<int64_t> read_size(std::string_view text) {
  int64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size < 1 || size > greatest_size) return {};
  return size;
}

void report_size(Context& context, SourceRange range, std::string_view axis, std::string_view seen) {
  report(context, Code::axis_size, range, fmt::format("`{}` is not a size of the axis `{}`", seen, axis), "",
         fmt::format("write a whole number from 1 to {}, `columns` or `levels`", greatest_size));
}

void analyse_axis(Context& context, const ast::AxisDeclaration& declaration) {
  const Entity* entity = find_entity(context, declaration.name.text);
  if (!entity || entity->range != declaration.name.range) return;
  ir::ModelAxis axis{.id = entity->index, .range = declaration.name.range};
  ir::Axis& shape = context.model.module.axes[static_cast<size_t>(axis.id)];
  const ast::Expression& size = *declaration.size;
  if (size.kind == ast::ExpressionKind::name && (size.text == "columns" || size.text == "levels")) {
    axis.source = size.text == "columns" ? ir::SizeSource::columns : ir::SizeSource::levels;
  } else if (const auto number = read_size(ast::print(size));
             size.kind == ast::ExpressionKind::number && number) {
    shape.size = *number;
  } else {
    report_size(context, size.range, declaration.name.text, ast::print(size));
  }
  if (const auto text = setting(context, declaration.name.text)) {
    if (const auto number = read_size(*text))
      shape.size = *number;
    else
      report(context, Code::setting_value, {},
             fmt::format("`--set {}={}` is not a size", declaration.name.text, *text), "",
             fmt::format("give a whole number from 1 to {}", greatest_size));
  }
  context.model.axes.push_back(axis);
}

bool gives_size(const ir::Variable& variable, const ir::ModelAxis& axis) {
  if (variable.role != ir::Role::data && variable.role != ir::Role::given) return false;
  if (axis.source == ir::SizeSource::levels) return variable.type.range == axis.id;
  return std::count(variable.declared_axes.begin(), variable.declared_axes.end(), axis.id) > 0;
}

}  // namespace

void analyse_axes(Context& context) {
  for (const ast::Declaration& declaration : context.file.declarations)
    if (const auto* axis = std::get_if<ast::AxisDeclaration>(&declaration.node)) analyse_axis(context, *axis);
}

void check_axis_sources(Context& context) {
  for (const ir::ModelAxis& axis : context.model.axes) {
    if (axis.source == ir::SizeSource::literal || axis_size(context, axis.id) != ir::unknown_size) continue;
    bool found = false;
    for (size_t i = 0; i < context.variables.size(); ++i)
      found |= !context.variables[i].sound || gives_size(context.model.variables[i], axis);
    if (found) continue;
    const std::string& name = context.model.module.axis(axis.id).name;
    if (axis.source == ir::SizeSource::columns)
      report(context, Code::axis_without_source, axis.range, fmt::format("nothing gives `{}` a size", name),
             "no data or given variable has this axis",
             fmt::format("write `axis {} = 3`, or declare `data y: real[{}]`", name, name));
    else
      report(context, Code::axis_without_source, axis.range, fmt::format("nothing gives `{}` a size", name),
             "no data or given category has these levels",
             fmt::format("write `axis {} = 3`, or declare `data c: category[{}]`", name, name));
  }
}

std::optional<AxisId> resolve_axis(Context& context, const ast::Name& name) {
  if (!name.text.empty() && name.text.find_first_not_of("0123456789") == std::string::npos) {
    const auto size = read_size(name.text);
    if (!size) {
      report_size(context, name.range, name.text, name.text);
      return {};
    }
    const std::string text = std::to_string(*size);
    if (const auto known = context.model.module.find_axis(text)) return known;
    const AxisId id = context.model.module.add_axis({.name = text, .size = *size});
    context.model.axes.push_back({.id = id, .range = name.range});
    return id;
  }
  Entity* entity = find_entity(context, name.text);
  if (entity && entity->kind == EntityKind::axis) {
    entity->used = true;
    return entity->index;
  }
  if (entity && entity->doubtful) return {};
  if (entity) {
    report(context, Code::not_an_axis, name.range,
           fmt::format("`{}` is {}, not an axis", name.text, analysis::name(entity->kind)), "",
           fmt::format("declare an axis, such as `axis K = 3`"), {{entity->range, "declared here"}});
    return {};
  }
  report(context, Code::unknown_axis, name.range, fmt::format("the axis `{}` is not declared", name.text), "",
         suggestion(name.text, names_of(context, {EntityKind::axis}),
                    fmt::format("add `axis {} = 3`", name.text)));
  return {};
}

AxisId base_axis(const Context& context, AxisId axis) {
  std::string_view text = context.model.module.axis(axis).name;
  if (!text.ends_with('\'')) return axis;
  while (text.ends_with('\'')) text.remove_suffix(1);
  return *context.model.module.find_axis(text);
}

int64_t axis_size(const Context& context, AxisId axis) {
  return context.model.module.axis(base_axis(context, axis)).size;
}

bool accept_size(Context& context, AxisId axis, int64_t size) {
  const AxisId base = base_axis(context, axis);
  for (ir::Axis& each : context.model.module.axes) {
    if (&each - context.model.module.axes.data() != base) continue;
    if (each.size != ir::unknown_size && each.size != size) return false;
    each.size = size;
  }
  // Twins were made with the size known at that time.
  for (size_t i = 0; i < context.model.module.axes.size(); ++i)
    if (base_axis(context, static_cast<AxisId>(i)) == base) context.model.module.axes[i].size = size;
  return true;
}

}  // namespace lvm::analysis
