#include <fmt/format.h>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

std::string element_text(Facts facts) {
  if (facts.integer && facts.nonnegative && facts.at_most_one) return "bool";
  if (facts.integer && facts.nonnegative) return "count";
  if (facts.nonnegative && facts.at_most_one) return "unit";
  if (facts.positive) return "positive";
  return facts.integer ? "integer" : "real";
}

std::string with_axes(const Context& context, std::string_view head, const std::vector<AxisId>& axes) {
  if (axes.empty()) return std::string(head);
  return fmt::format("{}{}", head, describe_shape(context, axes));
}

std::string type_text(const Context& context, const Value& value) {
  if (value.number && value.uses.empty()) return "number";
  std::vector<AxisId> axes = value.order;
  if (value.category()) {
    axes.push_back(value.range);
    return with_axes(context, "category", axes);
  }
  switch (value.domain) {
    case ir::Domain::simplex:
    case ir::Domain::ordered: return with_axes(context, ir::name(value.domain), axes);
    case ir::Domain::covariance:
    case ir::Domain::correlation:
      axes.pop_back();  // written once
      return with_axes(context, ir::name(value.domain), axes);
    case ir::Domain::real:
    case ir::Domain::positive:
    case ir::Domain::unit: return with_axes(context, element_text(value.facts), axes);
  }
  return {};
}

}  // namespace

std::string role_text(const ir::Variable& variable) {
  switch (variable.role) {
    case ir::Role::data: return "data";
    case ir::Role::given: return "a given variable";
    case ir::Role::weight: return "a row weight";
    case ir::Role::latent: return "a latent";
    case ir::Role::parameter: return "a parameter";
    case ir::Role::constant: return "a constant";
  }
  return {};
}

std::string axis_text(const Context& context, AxisId axis) {
  const AxisId base = base_axis(context, axis);
  if (context.layer_axes.contains(base)) return std::to_string(axis_size(context, base));
  return context.model.module.axis(base).name;
}

std::string describe_shape(const Context& context, const std::vector<AxisId>& order) {
  std::string text = "[";
  for (size_t i = 0; i < order.size(); ++i) text += (i > 0 ? ", " : "") + axis_text(context, order[i]);
  return text + "]";
}

std::string describe(const Context& context, const Value& value) {
  return type_text(context, value);
}

std::string describe(const Context& context, const ir::Variable& variable) {
  Value value;
  value.order = variable.declared_axes;
  value.facts = facts_of(variable.type.element);
  value.domain = variable.domain;
  value.range = variable.type.range;
  return type_text(context, value);
}

}  // namespace lvm::analysis
