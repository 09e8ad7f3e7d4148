// How shapes meet inside a network. An axis that a layer was given as a number has no name that could be
// repeated, so it meets any axis of its size; all others meet by name.

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/network.h"

namespace lvm::analysis {
namespace {

using Axes = std::vector<AxisId>;

bool holds(const Axes& axes, AxisId axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

bool is_layer_axis(const Context& context, AxisId axis) {
  return context.layer_axes.contains(base_axis(context, axis));
}

bool compatible(const Context& context, AxisId a, AxisId b) {
  if (a == b) return true;
  const int64_t size = axis_size(context, a);
  return (is_layer_axis(context, a) || is_layer_axis(context, b)) && size != ir::unknown_size &&
         size == axis_size(context, b);
}

bool all_held(const Axes& some, const Axes& in) {
  return std::all_of(some.begin(), some.end(), [&](AxisId axis) { return holds(in, axis); });
}

void report_meeting(Context& context, const ast::Expression& expression, const Value& left,
                    const Value& right) {
  std::vector<Label> labels;
  add_labels(context, left, labels);
  add_labels(context, right, labels);
  report(context, Code::shape_mismatch, expression.range,
         fmt::format("the sides of an operator have the shapes {} and {}", sized_text(context, left),
                     sized_text(context, right)),
         "", "inside a network both sides have the same axes, or one has some of the other's",
         std::move(labels));
}

}  // namespace

Place place_of(const Axes& order) {
  return order.empty() ? Place{scalar_place} : order;
}

std::string sized_text(const Context& context, const Value& value) {
  std::string sizes;
  for (const AxisId axis : value.order) {
    const int64_t size = axis_size(context, axis);
    if (is_layer_axis(context, axis) || size == ir::unknown_size) continue;
    const std::string text = fmt::format("{} = {}", axis_text(context, axis), size);
    if (sizes.find(text) == std::string::npos) sizes += (sizes.empty() ? "" : ", ") + text;
  }
  return fmt::format("`{}`{}", describe(context, value), sizes.empty() ? "" : " (" + sizes + ")");
}

void add_labels(const Context& context, const Value& value, std::vector<Label>& labels) {
  labels.push_back({value.source, fmt::format("this is `{}`", describe(context, value))});
  if (!value.origin.empty()) labels.push_back({value.origin, "its shape comes from here"});
}

std::optional<Value> fitted(Context& context, Value value, const Axes& order) {
  if (value.order.size() == order.size() && all_held(value.order, order)) return value;
  if (value.order.size() != order.size()) return {};
  Axes pairs;
  for (size_t i = 0; i < order.size(); ++i) {
    if (!compatible(context, value.order[i], order[i])) return {};
    if (value.order[i] == order[i]) continue;
    pairs.push_back(value.order[i]);
    pairs.push_back(order[i]);
  }
  value.node = make(context, ir::Op::rename, {value.node}, pairs, value.source);
  value.order = order;
  return value;
}

bool meet(Context& context, const ast::Expression& expression, Value& left, Value& right) {
  if (all_held(left.order, right.order) || all_held(right.order, left.order)) return true;
  // Of two axes of one size the one with a name stays.
  const bool named = std::any_of(left.order.begin(), left.order.end(),
                                 [&](AxisId axis) { return !is_layer_axis(context, axis); });
  Value& stays = named ? left : right;
  Value& moves = named ? right : left;
  if (auto moved = fitted(context, moves, stays.order)) {
    moves = std::move(*moved);
    return true;
  }
  report_meeting(context, expression, left, right);
  return false;
}

}  // namespace lvm::analysis
