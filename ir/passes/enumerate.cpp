#include "ir/passes/enumerate.h"

#include <algorithm>

#include "ir/passes/classify.h"

namespace lvm::ir {
namespace {

bool mentions(const std::vector<AxisId>& axes, AxisId axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

bool is_lookup(const Node& node, NodeId latent, AxisId states) {
  return node.op == Op::gather && node.inputs[1] == latent && node.attributes.axes.at(0) == states;
}

/// A distribution of the latent itself, whose probabilities lie along its range.
bool is_own_density(const Node& node, NodeId latent) {
  return node.op == Op::logpdf && node.inputs[0] == latent;
}

bool is_leaf(const Node& node) {
  return node.inputs.empty();
}

}  // namespace

NodeId enumeration_conflict(const Function& f, NodeId expression, NodeId latent) {
  const AxisId states = f[latent].type.range;
  std::vector<bool> moves(static_cast<size_t>(expression) + 1, false);
  for (NodeId id = 0; id <= expression; ++id) {
    const Node& node = f[id];
    if (id == latent) {
      moves[static_cast<size_t>(id)] = true;
      continue;
    }
    const bool moving = std::any_of(node.inputs.begin(), node.inputs.end(),
                                    [&](NodeId i) { return moves[static_cast<size_t>(i)]; });
    moves[static_cast<size_t>(id)] = moving;
    if (!moving || !depends_on(f, expression, id)) continue;
    const bool lookup = is_lookup(node, latent, states);
    if (lookup && moves[static_cast<size_t>(node.inputs[0])]) return id;
    if (!lookup && mentions(node.attributes.axes, states)) return id;
    for (const NodeId input : node.inputs) {
      const bool expected = lookup || is_own_density(node, latent);
      if (!expected && !moves[static_cast<size_t>(input)] && f[input].type.has(states)) return id;
    }
  }
  return no_node;
}

Enumeration::Enumeration(Builder& to, const Function& from, NodeId latent)
    : to_(to), from_(from), latent_(latent), made_(from.nodes.size(), no_node) {}

NodeId Enumeration::operator()(NodeId node) {
  NodeId& made = made_[static_cast<size_t>(node)];
  if (made == no_node) made = make(node);
  return made_[static_cast<size_t>(node)];
}

NodeId Enumeration::make(NodeId id) {
  const Node& node = from_[id];
  const AxisId states = latent_ == no_node ? -1 : from_[latent_].type.range;
  if (id == latent_) {
    Attributes along{.axes = {states}};
    return to_.make(Op::iota, {}, along, node.range);
  }
  if (latent_ != no_node && is_lookup(node, latent_, states)) return (*this)(node.inputs[0]);
  if (is_leaf(node) && node.op != Op::constant && node.op != Op::iota && node.op != Op::identity) {
    return to_.leaf(node.op, node.attributes.text, node.type, node.range);
  }
  std::vector<NodeId> inputs;
  for (const NodeId input : node.inputs) inputs.push_back((*this)(input));
  return to_.make(node.op, std::move(inputs), node.attributes, node.range);
}

}  // namespace lvm::ir
