#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Domain;
using ir::Element;
using ir::Role;

bool role_allows(Role role, const DeclaredType& type) {
  switch (role) {
    case Role::data:
      return type.domain == Domain::simplex || type.domain == Domain::covariance ||
             event_axes(type.domain) == 0;
    case Role::given: return type.domain == Domain::simplex || event_axes(type.domain) == 0;
    case Role::latent: return type.domain != Domain::ordered && type.domain != Domain::correlation;
    case Role::parameter:
      return type.element == Element::real || type.element == Element::positive ||
             type.element == Element::unit;
    case Role::constant: return type.element != Element::category && event_axes(type.domain) == 0;
    case Role::weight: return true;
  }
  return true;
}

std::string_view role_types(Role role) {
  switch (role) {
    case Role::data: return "columns hold numbers, categories, the entries of a simplex or of a `covariance`";
    case Role::given: return "columns hold numbers, categories or the entries of a simplex";
    case Role::latent: return "a latent is a number, a category, a simplex or a covariance";
    case Role::parameter:
      return "a parameter is estimated in a continuous set: `real`, `positive`, `unit`, `simplex` …";
    case Role::constant: return "a constant is a number or an array of numbers";
    case Role::weight: return "";
  }
  return {};
}

ir::Op leaf_op(Role role) {
  switch (role) {
    case Role::data:
    case Role::given:
    case Role::weight: return ir::Op::data;
    case Role::latent: return ir::Op::latent;
    case Role::parameter:
    case Role::constant: return ir::Op::parameter;
  }
  return ir::Op::data;
}

bool varies_by_row(const ir::Variable& variable) {
  switch (variable.role) {
    case Role::data:
    case Role::given:
    case Role::weight: return true;
    case Role::latent: return !variable.global;
    case Role::parameter:
    case Role::constant: return false;
  }
  return false;
}

// Gives the variable its type and leaf; constants get their node with their value.
void set_type(Context& context, int index, const DeclaredType& type) {
  ir::Variable& variable = context.model.variables[static_cast<size_t>(index)];
  variable.domain = type.domain;
  variable.declared_axes = type.axes;
  variable.type = {type.element, type.axes, type.range};
  if (varies_by_row(variable)) variable.type.axes.push_back(ir::row_axis);
  std::sort(variable.type.axes.begin(), variable.type.axes.end());
  context.variables[static_cast<size_t>(index)].sound = true;
  if (variable.role != Role::constant)
    variable.node =
        context.builder.leaf(leaf_op(variable.role), variable.name, variable.type, variable.range);
}

// The axis along which a finite latent is enumerated: that of its category; a bool has one of its own.
void set_states(Context& context, ir::Variable& variable) {
  if (variable.type.axes != std::vector<ir::AxisId>{ir::row_axis}) return;
  if (variable.type.element == Element::category) variable.states = variable.type.range;
  if (variable.type.element == Element::boolean && variable.role == Role::latent)
    variable.states = context.model.module.add_axis({variable.name, ir::AxisKind::fixed, 2, -1});
}

void analyse_type(Context& context, int index, const ast::TypeSyntax& syntax) {
  const auto type = resolve_type(context, syntax);
  if (!type) return;
  const Role role = context.model.variables[static_cast<size_t>(index)].role;
  if (!role_allows(role, *type)) {
    report(context, Code::type_not_allowed, syntax.range,
           fmt::format("{} cannot be `{}`", role_text(context.model.variables[static_cast<size_t>(index)]),
                       syntax.name.text),
           "", std::string(role_types(role)));
    return;
  }
  set_type(context, index, *type);
}

void resolve_plate(Context& context, ir::Variable& variable, const std::optional<ast::Name>& plate) {
  if (!plate) return;
  variable.plate = plate->text;
  Entity* entity = find_entity(context, plate->text);
  if (entity && entity->kind == EntityKind::plate) {
    entity->used = true;
    return;
  }
  report(context, Code::unknown_plate, plate->range, fmt::format("`{}` is not a plate", plate->text), "",
         suggestion(plate->text, names_of(context, {EntityKind::plate}),
                    fmt::format("add `plate {} = by(\"…\")`", plate->text)));
}

struct Declare {
  Context& context;
  int index;

  ir::Variable& variable() const { return context.model.variables[static_cast<size_t>(index)]; }

  void operator()(const ast::DataDeclaration& data) const {
    analyse_type(context, index, data.type);
    variable().binding = analyse_binding(context, data.binding.get());
    variable().missing = data.missing;
    resolve_plate(context, variable(), data.plate);
    if (data.given && data.missing)
      report(context, Code::missing_given, data.name.range,
             fmt::format("the given variable `{}` cannot be `missing`", data.name.text), "",
             "declare it as `data` with a `P(…)`, or drop `missing`");
    if (is_inferred(variable())) set_states(context, variable());
  }
  void operator()(const ast::WeightDeclaration& weight) const {
    set_type(context, index, {.element = Element::real});
    variable().binding = analyse_binding(context, weight.binding.get());
  }
  void operator()(const ast::ParameterDeclaration& parameter) const {
    analyse_type(context, index, parameter.type);
  }
  void operator()(const ast::ConstDeclaration& constant) const {
    analyse_type(context, index, constant.type);
  }
  void operator()(const ast::LatentDeclaration& latent) const {
    variable().global = latent.global;
    analyse_type(context, index, latent.type);
    resolve_plate(context, variable(), latent.plate);
    set_states(context, variable());
  }
  template <class Other>
  void operator()(const Other&) const {}
};

void analyse_sequence(Context& context, const ast::SequenceDeclaration& sequence, SourceRange& first) {
  if (!first.empty()) {
    report(context, Code::declared_once, sequence.name.range, "a model has at most one sequence", "", "",
           {{first, "the first one"}});
    return;
  }
  first = sequence.name.range;
  context.sequence = sequence.name.text;
  Entity* entity = find_entity(context, sequence.name.text);
  if (entity) entity->used = true;
  ir::ModelSequence made{.name = sequence.name.text, .by = {}, .order = {}, .range = sequence.name.range};
  for (const ast::Name& column : sequence.by) made.by.push_back(column.text);
  if (sequence.order) made.order = sequence.order->text;
  context.model.sequence = std::move(made);
}

void analyse_plate(Context& context, const ast::PlateDeclaration& plate) {
  ir::ModelPlate made{.name = plate.name.text, .columns = {}, .range = plate.name.range};
  for (const ast::Name& column : plate.columns) made.columns.push_back(column.text);
  if (!context.model.plates.empty())
    unsupported(context, "a second plate", "keep the one whose groups matter most", plate.name.range);
  context.model.plates.push_back(std::move(made));
}

/// Rows become groups: nothing may be one for each row but data. Where latents of groups stand beside latents
/// of each row, rows stay rows.
void check_plate(Context& context) {
  if (context.model.plates.empty()) return;
  if (context.model.sequence)
    unsupported(context, "a sequence beside a plate", "keep one of them", context.model.sequence->range);
  const ir::ModelPlate& plate = context.model.plates.front();
  const auto of_row = [](const ir::Variable& v) {
    return v.role == Role::latent && v.plate.empty() && !v.global;
  };
  const auto of_group = [](const ir::Variable& v) { return v.role == Role::latent && !v.plate.empty(); };
  const bool groups = std::ranges::any_of(context.model.variables, of_group);
  const bool rows = groups && std::ranges::any_of(context.model.variables, of_row);
  if (rows && plate.columns.size() > 1)
    unsupported(context, "a plate by several columns, beside latents of each row,",
                "name the groups in one column", plate.range);
  for (const ir::Variable& variable : context.model.variables) {
    if (of_row(variable) && !groups)
      unsupported(context, "a latent of each row beside a plate", "declare it `per " + plate.name + "`",
                  variable.range);
    if (variable.role == Role::data && variable.domain == Domain::covariance)
      unsupported(context, "a matrix of each row beside a plate", "drop the plate", variable.range);
    if (is_inferred(variable) && variable.role == Role::data)
      unsupported(context, "a partly observed category beside a plate", "drop `missing`, or the plate",
                  variable.range);
    if (variable.role == Role::weight && !rows)
      unsupported(context, "a row weight beside a plate", "drop the weight, or the plate", variable.range);
    if (rows && !variable.plate.empty() && variable.role != Role::latent)
      unsupported(context, "a variable of groups beside latents of each row", "drop `per " + plate.name + "`",
                  variable.range);
  }
}

void check_weights(Context& context) {
  SourceRange first;
  for (const ir::Variable& variable : context.model.variables) {
    if (variable.role != Role::weight) continue;
    if (!first.empty())
      report(context, Code::declared_once, variable.range, "a model has at most one `weight`", "", "",
             {{first, "the first one"}});
    else if (!context.sequence.empty())
      report(context, Code::weight_with_sequence, variable.range,
             "a row weight cannot stand beside a sequence", "", "drop the weight, or the sequence");
    if (first.empty()) first = variable.range;
  }
}

}  // namespace

void analyse_variables(Context& context) {
  SourceRange sequence;
  for (const ast::Declaration& declaration : context.file.declarations) {
    if (const auto* each = std::get_if<ast::SequenceDeclaration>(&declaration.node))
      analyse_sequence(context, *each, sequence);
    if (const auto* plate = std::get_if<ast::PlateDeclaration>(&declaration.node))
      analyse_plate(context, *plate);
  }
  for (size_t i = 0; i < context.variables.size(); ++i) {
    const auto& node = context.file.declarations[static_cast<size_t>(context.variables[i].declaration)].node;
    std::visit(Declare{context, static_cast<int>(i)}, node);
  }
  check_weights(context);
  check_plate(context);
}

}  // namespace lvm::analysis
