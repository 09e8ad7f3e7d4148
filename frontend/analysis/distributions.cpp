#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;

// A distribution in a slot: its own slots follow in the parameterisation and among the inputs.
struct Parts {
  std::string text;
  std::vector<NodeId> inputs;
  std::vector<Use> uses;
  bool sound = true;
  std::vector<AxisId> event = {};  // that a slot alone tells
};

void append_slots(Context& context, const ChosenSignature& chosen, const Target& target, Parts& parts);

std::optional<ChosenSignature> choose_inner(Context& context, const Expression& value) {
  if (value.kind == ast::ExpressionKind::call) return choose_signature(context, value);
  report(context, Code::distribution_expected, value.range,
         fmt::format("`{}` is not a distribution", ast::print(value)), "",
         "write one here, such as `Poisson(rate)`");
  return {};
}

void append_inner(Context& context, const SlotArgument& argument, const Target& target, Parts& parts) {
  const auto inner = choose_inner(context, *argument.value);
  if (!inner || !check_support(context, *argument.value, *inner->signature, target)) {
    parts.sound = false;
    return;
  }
  if (inner->signature->event_rank > 0) {
    report(context, Code::distribution_expected, argument.value->range,
           fmt::format("`{}` is multivariate", argument.value->text), "",
           "only element-wise distributions can be wrapped");
    parts.sound = false;
    return;
  }
  parts.text += "(";
  append_slots(context, *inner, target, parts);
  parts.text += ")";
}

void append_slots(Context& context, const ChosenSignature& chosen, const Target& target, Parts& parts) {
  parts.text += chosen.signature->family;
  for (const SlotArgument& argument : chosen.arguments) {
    parts.text += fmt::format(".{}", argument.slot->name);
    if (argument.slot->kind == ir::SlotKind::distribution) {
      append_inner(context, argument, target, parts);
      continue;
    }
    const Value value = evaluate_slot(context, *chosen.signature, argument, target);
    parts.sound &= !value.poison();
    merge_uses(parts.uses, value.uses);
    if (argument.slot->kind == ir::SlotKind::loadings && !value.poison())
      parts.event = {base_axis(context, target.value.order.back()), value.order.back()};
    parts.inputs.push_back(value.node);
  }
}

bool check_bounds(Context& context, const Expression& call, const ChosenSignature& chosen) {
  const bool optional = std::any_of(chosen.signature->slots.begin(), chosen.signature->slots.end(),
                                    [](const ir::SlotRow& row) { return row.optional; });
  if (!optional || chosen.arguments.size() > 1) return true;
  report(context, Code::missing_slot, call.range, fmt::format("`{}` lacks `low` or `high`", call.text), "",
         "give at least one bound");
  return false;
}

// Finds the faults of the arguments when the distribution itself is wrong.
void evaluate_arguments(Context& context, const Expression& call) {
  for (const ast::Argument& argument : call.arguments) {
    const Expression& value = *argument.value;
    const bool inner = value.kind == ast::ExpressionKind::call && is_distribution(value.text);
    if (inner)
      evaluate_arguments(context, value);
    else if (!is_open(context, value))
      evaluate(context, value);
  }
}

// Event axes that neither a category's range nor a matrix slot tells: of simplexes, vectors of counts and
// matrices.
std::vector<AxisId> unnamed_event(const ir::Signature& signature, const Target& target) {
  const std::vector<AxisId>& order = target.value.order;
  if (signature.support == ir::Support::matrix) return {order.end() - 2, order.end()};
  const bool vector = signature.event_rank == 1 &&
                      (signature.support == ir::Support::simplex || signature.support == ir::Support::count);
  return vector ? std::vector<AxisId>{order.back()} : std::vector<AxisId>{};
}

}  // namespace

Density evaluate_distribution(Context& context, const Expression& call, const Target& target) {
  const auto chosen = choose_inner(context, call);
  const bool sound = chosen && !target.value.poison() &&
                     check_support(context, call, *chosen->signature, target) &&
                     check_bounds(context, call, *chosen);
  if (!sound) {
    if (call.kind == ast::ExpressionKind::call) evaluate_arguments(context, call);
    return {};
  }
  Parts parts;
  parts.inputs.push_back(target.value.node);
  append_slots(context, *chosen, target, parts);
  if (!parts.sound) return {};
  ir::Attributes attributes{
      .text = parts.text,
      .axes = parts.event.empty() ? unnamed_event(*chosen->signature, target) : parts.event};
  const NodeId node =
      context.builder.make(ir::Op::logpdf, std::move(parts.inputs), std::move(attributes), call.range);
  return {node, std::move(parts.uses)};
}

}  // namespace lvm::analysis
