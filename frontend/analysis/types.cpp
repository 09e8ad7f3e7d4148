#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Domain;
using ir::Element;

struct TypeRow {
  std::string_view name;
  Element element;
  Domain domain;
  bool needs_axis;  // for its range or its event
};

constexpr std::array<TypeRow, 11> type_table = {{
    {"real", Element::real, Domain::real, false},
    {"positive", Element::positive, Domain::positive, false},
    {"unit", Element::unit, Domain::unit, false},
    {"bool", Element::boolean, Domain::real, false},
    {"count", Element::count, Domain::real, false},
    {"integer", Element::integer, Domain::real, false},
    {"category", Element::category, Domain::real, true},
    {"simplex", Element::unit, Domain::simplex, true},
    {"ordered", Element::real, Domain::ordered, true},
    {"covariance", Element::real, Domain::covariance, true},
    {"correlation", Element::real, Domain::correlation, true},
}};

const TypeRow* find_type(Context& context, const ast::Name& name) {
  std::vector<std::string> names;
  for (const TypeRow& row : type_table) {
    if (row.name == name.text) return &row;
    names.emplace_back(row.name);
  }
  report(context, Code::unknown_type, name.range, fmt::format("`{}` is not a type", name.text), "",
         suggestion(name.text, names, "the types are " + listed(names, "and")));
  return nullptr;
}

int count(const std::vector<AxisId>& axes, AxisId axis) {
  return static_cast<int>(std::count(axes.begin(), axes.end(), axis));
}

// Adds an axis of the type; the next of one name is its twin. False where it stands there `most` times
// already.
bool add_axis(Context& context, std::vector<AxisId>& axes, AxisId axis, int most) {
  for (int times = 0; times < most; ++times, axis = context.model.module.twin(axis)) {
    if (count(axes, axis) > 0) continue;
    axes.push_back(axis);
    return true;
  }
  return false;
}

std::optional<std::vector<AxisId>> resolve_axes(Context& context, const ast::TypeSyntax& type) {
  std::vector<AxisId> axes;
  bool sound = true;
  for (const ast::Name& name : type.axes) {
    if (const auto axis = resolve_axis(context, name))
      axes.push_back(*axis);
    else
      sound = false;
  }
  if (!sound) return {};
  return axes;
}

}  // namespace

std::optional<DeclaredType> resolve_type(Context& context, const ast::TypeSyntax& type) {
  const TypeRow* row = find_type(context, type.name);
  auto axes = resolve_axes(context, type);
  if (!row || !axes) return {};
  if (row->needs_axis && axes->empty()) {
    report(context, Code::type_without_axis, type.range, fmt::format("`{}` needs an axis", row->name), "",
           fmt::format("write `{}[K]` with an axis `K`", row->name));
    return {};
  }
  DeclaredType declared{.element = row->element, .domain = row->domain};
  if (row->element == Element::category) {
    declared.range = axes->back();
    axes->pop_back();
  } else if (event_axes(row->domain) == 2) {
    axes->push_back(axes->back());
  }
  // A table of transitions has an axis for each step that it looks back.
  const int most = context.sequence.empty() || event_axes(row->domain) == 2 ? 2 : 5;
  for (const AxisId axis : *axes) {
    if (add_axis(context, declared.axes, axis, most)) continue;
    report(context, Code::axis_repeated, type.range,
           fmt::format("`{}` stands too often in `{}`", axis_text(context, axis), type.name.text), "",
           "declare another axis of the same size");
    return {};
  }
  return declared;
}

Value typed_value(const DeclaredType& type) {
  Value value;
  value.order = type.axes;
  value.facts = facts_of(type.element);
  value.domain = event_axes(type.domain) > 0 ? type.domain : Domain::real;
  value.definite = event_axes(type.domain) == 2 ? Definite::yes : Definite::no;
  value.range = type.range;
  return value;
}

}  // namespace lvm::analysis
