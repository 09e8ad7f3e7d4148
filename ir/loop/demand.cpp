#include "ir/loop/demand.h"

#include <algorithm>
#include <optional>

namespace lvm::loop {
namespace {

void merge(Conditions& into, const Conditions& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::ranges::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

/// The conditions in terms of the axes that `axes` (pairs: before, after) gives other names.
Conditions renamed(Conditions conditions, const std::vector<AxisId>& axes) {
  for (Condition& c : conditions) {
    for (auto& [own, here] : c.axes) {
      for (size_t i = 0; i + 1 < axes.size(); i += 2) {
        if (here != axes[i]) continue;
        here = axes[i + 1];
        break;
      }
    }
  }
  return conditions;
}

/// What it takes that `flag` is `holds`, as far as leaves say it.
Conditions taken_apart(const ir::Function& function, NodeId flag, bool holds) {
  using ir::Op;
  const ir::Node& n = function[flag];
  if (n.op == Op::derived || n.op == Op::parameter) {
    Condition c{flag, {}, holds};
    for (AxisId axis : n.type.axes) c.axes.emplace_back(axis, axis);
    return {c};
  }
  if (n.op == Op::logical_not) return taken_apart(function, n.inputs[0], !holds);
  if (n.op == Op::rename) return renamed(taken_apart(function, n.inputs[0], holds), n.attributes.axes);
  Conditions all;
  if ((n.op == Op::logical_and && holds) || (n.op == Op::logical_or && !holds)) {
    for (NodeId input : n.inputs) merge(all, taken_apart(function, input, holds));
  }
  return all;
}

/// Where the user is needed where `conditions` hold: where its input number `slot` is.
Conditions of_input(const ir::Function& function, const ir::Node& user, size_t slot, Conditions conditions) {
  const ir::Node& input = function[user.inputs[slot]];
  switch (ir::row(user.op).shape) {
    case ir::ShapeRule::pointwise:
      if (user.op == ir::Op::select && slot > 0)
        merge(conditions, taken_apart(function, user.inputs[0], slot == 1));
      break;
    case ir::ShapeRule::broadcast:
    case ir::ShapeRule::contract:
    case ir::ShapeRule::reduce: break;
    case ir::ShapeRule::rename: {
      std::vector<AxisId> back = user.attributes.axes;
      for (size_t i = 0; i + 1 < back.size(); i += 2) std::swap(back[i], back[i + 1]);
      conditions = renamed(std::move(conditions), back);
      break;
    }
    case ir::ShapeRule::leaf:
    case ir::ShapeRule::gather:
    case ir::ShapeRule::one_hot:
    case ir::ShapeRule::stack:
    case ir::ShapeRule::slice:
    case ir::ShapeRule::diag:
    case ir::ShapeRule::diagonal:
    case ir::ShapeRule::reshape:
    case ir::ShapeRule::matrix:
    case ir::ShapeRule::apply:
    case ir::ShapeRule::eigenvalues:
    case ir::ShapeRule::matmul:
    case ir::ShapeRule::conv:
    case ir::ShapeRule::call:
    case ir::ShapeRule::scan:
    case ir::ShapeRule::logpdf: return {};
  }
  std::erase_if(conditions, [&](const Condition& c) {
    return std::ranges::any_of(c.axes, [&](const auto& pair) { return !input.type.has(pair.second); });
  });
  return conditions;
}

}  // namespace

std::vector<Conditions> demands(const ir::Function& function) {
  std::vector<std::optional<Conditions>> needed(function.nodes.size());  // none: no use was seen yet
  for (const ir::Output& output : function.outputs) needed[static_cast<size_t>(output.node)] = Conditions{};
  for (size_t i = function.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const ir::Node& user = function.nodes[i];
    for (size_t slot = 0; slot < user.inputs.size(); ++slot) {
      auto& known = needed[static_cast<size_t>(user.inputs[slot])];
      const Conditions use = of_input(function, user, slot, *needed[i]);
      if (!known) {
        known = use;
      } else {
        std::erase_if(*known, [&](const Condition& c) { return std::ranges::find(use, c) == use.end(); });
      }
    }
  }
  std::vector<Conditions> made;
  for (auto& n : needed) made.push_back(n.value_or(Conditions{}));
  return made;
}

}  // namespace lvm::loop
