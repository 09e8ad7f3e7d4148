// The value of one slot: what its kind needs to be proven, and its shape beside the left side.

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using Axes = std::vector<AxisId>;
using ir::SlotKind;

// The axis that a multivariate distribution consumes: a category's range, else the last axis of the left
// side.
AxisId event_axis(const Context& context, const Target& target) {
  if (target.value.category()) return target.value.range;
  return base_axis(context, target.value.order.back());
}

Axes batch_axes(const ir::Signature& signature, const Target& target) {
  Axes axes = target.value.order;
  if (signature.event_rank == 0 || target.value.category() || axes.empty()) return axes;
  axes.pop_back();
  if (signature.support == ir::Support::matrix && !axes.empty()) axes.pop_back();
  return axes;
}

// Axes of the slot's own event.
Axes event_of(Context& context, SlotKind kind, const Target& target) {
  switch (kind) {
    case SlotKind::simplex:
    case SlotKind::real_vector:
    case SlotKind::loadings: return {event_axis(context, target)};
    case SlotKind::positive_vector:
      // Of the rows of simplex[K, K] the twin itself.
      return {target.value.category() ? target.value.range : target.value.order.back()};
    case SlotKind::covariance:
    case SlotKind::cholesky: {
      const AxisId axis = event_axis(context, target);
      return {axis, context.model.module.twin(axis)};
    }
    case SlotKind::real:
    case SlotKind::positive:
    case SlotKind::unit:
    case SlotKind::count:
    case SlotKind::distribution: return {};
  }
  return {};
}

// A scalar stands for all entries of a vector, except where the axis is a category's range.
bool fills(SlotKind kind, const Target& target) {
  return (kind == SlotKind::real_vector && !target.value.category()) || kind == SlotKind::positive_vector;
}

std::string kind_fault(SlotKind kind, const Value& value) {
  const Facts& facts = value.facts;
  switch (kind) {
    case SlotKind::real:
    case SlotKind::real_vector:
    case SlotKind::cholesky:
    case SlotKind::loadings:
    case SlotKind::distribution: return {};
    case SlotKind::positive:
    case SlotKind::positive_vector: return facts.positive ? "" : "positive";
    case SlotKind::unit: return facts.nonnegative && facts.at_most_one ? "" : "between 0 and 1";
    case SlotKind::count: return facts.integer && facts.nonnegative ? "" : "a count";
    case SlotKind::simplex: return value.domain == ir::Domain::simplex ? "" : "a simplex";
    case SlotKind::covariance: return value.definite == Definite::yes ? "" : "a positive definite matrix";
  }
  return {};
}

std::string kind_hint(SlotKind kind) {
  switch (kind) {
    case SlotKind::positive:
    case SlotKind::positive_vector: return "declare its parts `positive`, or take `exp` or `softplus` of it";
    case SlotKind::unit: return "declare it `unit`, or take `sigmoid` of it";
    case SlotKind::count: return "declare it `count`";
    case SlotKind::simplex: return "declare it `simplex[K]`, or take `softmax` of it";
    case SlotKind::covariance: return "declare it `covariance[D]`, or add `diag(v)` with a positive `v`";
    case SlotKind::real:
    case SlotKind::real_vector:
    case SlotKind::cholesky:
    case SlotKind::loadings:
    case SlotKind::distribution: return {};
  }
  return {};
}

void report_shape(Context& context, const SlotArgument& argument, const Value& value, const Target& target,
                  std::string hint) {
  const std::string left = describe(context, target.value);
  report(context, Code::shape_mismatch, value.source,
         fmt::format("`{}` has the shape `{}`, which does not fit `{}`, a `{}`", argument.slot->name,
                     describe(context, value), target.variable->name, left),
         fmt::format("this is `{}`", describe(context, value)), std::move(hint),
         {{target.variable->range, fmt::format("declared `{}`", left)}});
}

// The category to index an axis with that the left side lacks.
std::string indexing_hint(const Context& context, const Value& value, AxisId axis) {
  for (const ir::Variable& variable : context.model.variables)
    if (variable.type.range == base_axis(context, axis) && variable.role != ir::Role::parameter)
      return fmt::format("index the axis `{}`: `{}[{}]`", axis_text(context, axis),
                         value.uses.empty()
                             ? "…"
                             : context.model.variables[static_cast<size_t>(value.uses.front().variable)].name,
                         variable.name);
  return fmt::format("the left side has no axis `{}`", axis_text(context, axis));
}

bool check_batch(Context& context, const SlotArgument& argument, const Value& value, const Axes& own,
                 const Axes& allowed, const Target& target) {
  for (const AxisId axis : own) {
    if (std::find(allowed.begin(), allowed.end(), axis) != allowed.end()) continue;
    report_shape(context, argument, value, target, indexing_hint(context, value, axis));
    return false;
  }
  return true;
}

// [D, R]: the axis of the left side, and one of its own.
bool check_loadings(Context& context, const SlotArgument& argument, const Value& value, const Axes& allowed,
                    const Target& target) {
  const AxisId event = event_axis(context, target);
  const size_t rank = value.order.size();
  const auto taken = [&](AxisId axis) {
    return std::ranges::any_of(target.value.order, [&](AxisId other) {
      return base_axis(context, other) == base_axis(context, axis);
    });
  };
  if (rank < 2 || base_axis(context, value.order[rank - 2]) != event || taken(value.order.back())) {
    report_shape(context, argument, value, target,
                 fmt::format("its last two axes must be `{}` and one that `{}` has not: `real[{}, R]`",
                             axis_text(context, event), target.variable->name, axis_text(context, event)));
    return false;
  }
  return check_batch(context, argument, value, {value.order.begin(), value.order.end() - 2}, allowed, target);
}

bool check_shape(Context& context, const ir::Signature& signature, const SlotArgument& argument,
                 const Value& value, const Target& target) {
  const Axes allowed = batch_axes(signature, target);
  const Axes event = event_of(context, argument.slot->kind, target);
  if (event.empty()) return check_batch(context, argument, value, value.order, allowed, target);
  if (argument.slot->kind == SlotKind::loadings)
    return check_loadings(context, argument, value, allowed, target);
  if (value.scalar() && fills(argument.slot->kind, target)) return true;
  const bool ends = value.order.size() >= event.size() &&
                    std::equal(event.rbegin(), event.rend(), value.order.rbegin(), [&](AxisId a, AxisId b) {
                      return base_axis(context, a) == base_axis(context, b);
                    });
  if (!ends) {
    report_shape(context, argument, value, target,
                 fmt::format("its last {} `{}`", event.size() == 1 ? "axis must be" : "two axes must be",
                             axis_text(context, event.front())));
    return false;
  }
  const Axes own(value.order.begin(), value.order.end() - static_cast<std::ptrdiff_t>(event.size()));
  return check_batch(context, argument, value, own, allowed, target);
}

Code slot_code(SlotKind kind, const Value& value) {
  const bool sign = kind == SlotKind::positive || kind == SlotKind::positive_vector || kind == SlotKind::unit;
  return sign && !value.number ? Code::type_not_provable : Code::slot_type;
}

bool check_kind(Context& context, const SlotArgument& argument, const Value& value) {
  const std::string fault = kind_fault(argument.slot->kind, value);
  if (fault.empty()) return true;
  report(context, slot_code(argument.slot->kind, value), value.source,
         value.number ? fmt::format("`{}` is not {}, as `{}` needs", ast::print(*argument.value), fault,
                                    argument.slot->name)
                      : fmt::format("`{}` cannot be proven {}, as `{}` needs", ast::print(*argument.value),
                                    fault, argument.slot->name),
         fmt::format("this is `{}`", describe(context, value)),
         value.number ? "" : kind_hint(argument.slot->kind));
  return false;
}

}  // namespace

Value evaluate_slot(Context& context, const ir::Signature& signature, const SlotArgument& argument,
                    const Target& target) {
  const Axes event = event_of(context, argument.slot->kind, target);
  Value value = evaluate(context, *argument.value, event.empty() ? target.value.order : event);
  if (value.poison() || !require_number(context, value)) return {};
  value.source = argument.value->range;
  // One mistake, one message: a shape that does not fit makes the kind uncertain.
  if (!check_shape(context, signature, argument, value, target) || !check_kind(context, argument, value))
    return {};
  if (argument.slot->kind == SlotKind::loadings) return value;
  if (argument.slot->kind == SlotKind::positive_vector && !value.scalar() &&
      value.order.back() != event.back()) {
    value.node =
        make(context, ir::Op::rename, {value.node}, {value.order.back(), event.back()}, value.source);
    value.order.back() = event.back();
  }
  if (value.scalar() && !event.empty()) {
    Axes axes = context.builder.type(value.node).axes;
    axes.insert(axes.end(), event.begin(), event.end());
    std::sort(axes.begin(), axes.end());
    value.node = make(context, ir::Op::broadcast, {value.node}, std::move(axes), value.source);
    value.order = event;
  }
  return value;
}

}  // namespace lvm::analysis
