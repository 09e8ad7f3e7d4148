#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontend/analysis/network.h"

namespace lvm::analysis {
namespace {

using Axes = std::vector<AxisId>;

// The items with all the axes that any of them has, so that they stack.
void equalise(Context& context, std::vector<Value>& items) {
  Axes all;
  for (const Value& item : items)
    for (const AxisId axis : context.builder.type(item.node).axes)
      if (std::find(all.begin(), all.end(), axis) == all.end()) all.push_back(axis);
  std::sort(all.begin(), all.end());
  for (Value& item : items)
    if (context.builder.type(item.node).axes.size() != all.size())
      item.node = make(context, ir::Op::broadcast, {item.node}, all, item.source);
}

bool is_probability(const std::vector<Value>& items) {
  double sum = 0;
  for (const Value& item : items) {
    if (!item.number || *item.number < 0) return false;
    sum += *item.number;
  }
  return std::abs(sum - 1) <= 1e-6;
}

Value stack(Context& context, const ast::Expression& list, std::vector<Value> items, AxisId axis) {
  Value value;
  value.source = list.range;
  value.facts = items.front().facts;
  for (const Value& item : items) {
    value.facts = common_facts(value.facts, item.facts);
    merge_uses(value.uses, item.uses);
    for (const AxisId each : item.order)
      if (std::find(value.order.begin(), value.order.end(), each) == value.order.end())
        value.order.push_back(each);
  }
  value.order.insert(value.order.begin(), axis);
  if (is_probability(items)) value.domain = ir::Domain::simplex;
  equalise(context, items);
  std::vector<NodeId> nodes;
  for (const Value& item : items) nodes.push_back(item.node);
  value.node = make(context, ir::Op::stack, std::move(nodes), {axis}, list.range);
  return value;
}

}  // namespace

Value evaluate_list(Context& context, const ast::Expression& list, const Axes& place) {
  if (place.empty() || place.front() == scalar_place) {
    report(context, Code::list_without_axis, list.range, "a list needs a place that gives its axis", "",
           "combine it with a value that has the axis, or declare it as `const a: real[K] = […]`");
    return {};
  }
  const Axes inner(place.begin() + 1, place.end());
  std::vector<Value> items;
  bool sound = true;
  for (const auto& child : list.children) {
    Value item = evaluate(context, *child, inner);
    const bool fits =
        item.poison() || std::find(item.order.begin(), item.order.end(), place.front()) == item.order.end();
    if (!fits)
      report(context, Code::shape_mismatch, child->range,
             fmt::format("an entry of a list along `{}` has this axis itself",
                         axis_text(context, place.front())),
             fmt::format("this is `{}`", describe(context, item)), "", {{list.range, "the list"}});
    const bool deep = item.poison() || inner.empty() || !item.scalar();
    if (!deep && fits)
      report(context, Code::list_without_axis, list.range,
             fmt::format("a list of numbers stands where the shape is {}", describe_shape(context, place)),
             "", "write one list for each axis: `[[…], […]]`");
    sound &= fits && deep && !item.poison() && require_number(context, item);
    if (!deep) break;
    items.push_back(std::move(item));
  }
  if (!sound) return {};
  if (!accept_size(context, place.front(), static_cast<int64_t>(items.size()))) {
    report(context, Code::list_length, list.range,
           fmt::format("a list of {} stands along `{}`, which has {}", items.size(),
                       axis_text(context, place.front()), axis_size(context, place.front())),
           "", fmt::format("the shape is {}", describe_shape(context, place)));
    return {};
  }
  return stack(context, list, std::move(items), place.front());
}

}  // namespace lvm::analysis
