#include "ir/passes/enumerate.h"

#include <algorithm>
#include <limits>
#include <numeric>

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

std::vector<FiniteLatent> finite_latents(const Model& model) {
  std::vector<FiniteLatent> found;
  for (size_t i = 0; i < model.variables.size(); ++i) {
    const Variable& v = model.variables[i];
    const auto used = [&](const Factor& factor) {
      return model.variables[static_cast<size_t>(factor.variable.variable)].name != v.name &&
             depends_on(model.function(), factor.log_density, v.node);
    };
    const bool latent = v.role == Role::latent;
    const bool reaches_back =
        std::ranges::any_of(model.lags, [&](const Lag& lag) { return lag.of == static_cast<int>(i); });
    const bool partly =
        v.role == Role::data && v.missing && (reaches_back || std::ranges::any_of(model.factors, used));
    if (v.states >= 0 && (latent || partly))
      found.push_back({.variable = static_cast<int>(i), .states = v.states, .observed = partly});
  }
  return found;
}

std::vector<std::vector<size_t>> joint_blocks(const Model& model, const std::vector<FiniteLatent>& latents) {
  std::vector<size_t> block(latents.size());
  std::iota(block.begin(), block.end(), 0);
  for (const Factor& factor : model.factors) {
    std::vector<size_t> joined;
    for (size_t i = 0; i < latents.size(); ++i) {
      const Variable& v = model.variables[static_cast<size_t>(latents[i].variable)];
      if (depends_on(model.function(), factor.log_density, v.node)) joined.push_back(block[i]);
    }
    for (size_t& each : block) {
      if (std::ranges::find(joined, each) != joined.end()) each = *std::ranges::min_element(joined);
    }
  }
  std::vector<std::vector<size_t>> blocks;
  for (size_t first = 0; first < latents.size(); ++first) {
    std::vector<size_t> members;
    for (size_t i = 0; i < latents.size(); ++i) {
      if (block[i] == first) members.push_back(i);
    }
    if (!members.empty()) blocks.push_back(std::move(members));
  }
  return blocks;
}

NodeId enumeration_conflict(const Function& f, NodeId expression, NodeId latent, AxisId states) {
  std::vector<bool> moves(static_cast<size_t>(expression) + 1, false);
  for (NodeId id = 0; id <= expression; ++id) {
    const Node& node = f[id];
    if (id == latent) {
      moves[static_cast<size_t>(id)] = true;
      continue;
    }
    // A table that something else looks up would be counted apart along the same axis.
    const bool elsewhere =
        node.op == Op::gather && mentions(node.attributes.axes, states) && !is_lookup(node, latent, states);
    if (elsewhere && depends_on(f, expression, id)) return id;
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

NodeId where_possible(Builder& b, const Model& model, const std::vector<FiniteLatent>& latents,
                      NodeId log_joint) {
  for (const FiniteLatent& latent : latents) {
    const Variable& v = model.variables[static_cast<size_t>(latent.variable)];
    if (!latent.observed || !b.type(log_joint).has(latent.states)) continue;
    const NodeId cell = b.leaf(Op::data, v.name, v.type, v.range);
    const NodeId value = b.make(Op::iota, {}, {.axes = {latent.states}});
    const NodeId other = b.unary(Op::logical_not, b.binary(Op::equal, cell, value));
    const NodeId excluded = b.binary(Op::logical_and, b.unary(Op::is_finite, cell), other);
    const NodeId never = b.constant(-std::numeric_limits<double>::infinity());
    log_joint = b.select(excluded, never, log_joint);
  }
  return log_joint;
}

EnumeratedPosterior exact_posterior(Builder& b, NodeId log_joint, const std::vector<AxisId>& states) {
  const NodeId evidence = b.reduce(Op::logsumexp, log_joint, states);
  return {evidence, b.unary(Op::exp, b.sub(log_joint, evidence))};
}

EnumeratedPosterior point_posterior(Builder& b, NodeId log_joint, const std::vector<AxisId>& states) {
  const NodeId evidence = b.reduce(Op::reduce_max, log_joint, states);
  if (states.size() == 1) {
    const NodeId best = b.make(Op::argmax, {log_joint}, {.axes = states});
    return {evidence, b.make(Op::one_hot, {best}, {.axes = states})};
  }
  // The first position is the one whose negative is greatest.
  NodeId position = b.constant(0);
  for (const AxisId axis : states) {
    const auto size = static_cast<double>(b.module().axis(axis).size);
    const NodeId index = b.make(Op::iota, {}, {.axes = {axis}});
    position = b.sub(b.mul(position, b.constant(size)), index);
  }
  const NodeId never = b.constant(-std::numeric_limits<double>::infinity());
  const NodeId candidates = b.select(b.binary(Op::equal, log_joint, evidence), position, never);
  const NodeId first = b.reduce(Op::reduce_max, candidates, states);
  const NodeId chosen = b.binary(Op::equal, candidates, first);
  return {evidence, b.select(chosen, b.constant(1), b.constant(0))};
}

Enumeration::Enumeration(Builder& to, const Function& from)
    : to_(to), from_(from), states_(from.nodes.size(), -1), made_(from.nodes.size(), no_node) {}

Enumeration::Enumeration(Builder& to, const Function& from, const Model& model,
                         const std::vector<FiniteLatent>& latents)
    : Enumeration(to, from) {
  for (const FiniteLatent& latent : latents) {
    const std::string& name = model.variables[static_cast<size_t>(latent.variable)].name;
    for (size_t id = 0; id < from.nodes.size(); ++id) {
      const Node& node = from.nodes[id];
      if ((node.op == Op::latent || node.op == Op::data) && node.attributes.text == name)
        states_[id] = latent.states;
    }
  }
}

NodeId Enumeration::operator()(NodeId node) {
  NodeId& made = made_[static_cast<size_t>(node)];
  if (made == no_node) made = make(node);
  return made_[static_cast<size_t>(node)];
}

/// 0, 1, … of a category; false, true of a bool.
NodeId Enumeration::all_values(const Node& leaf, AxisId states) {
  const Attributes along{.axes = {states}};
  const NodeId index = to_.make(Op::iota, {}, along, leaf.range);
  if (leaf.type.element == Element::category) return index;
  const NodeId one = to_.constant(1);
  return to_.make(Op::equal, {index, one}, {}, leaf.range);
}

NodeId Enumeration::make(NodeId id) {
  const Node& node = from_[id];
  if (states_of(id) >= 0) return all_values(node, states_of(id));
  if (node.op == Op::gather) {
    const NodeId index = node.inputs[1];
    if (states_of(index) >= 0 && is_lookup(node, index, states_of(index))) return (*this)(node.inputs[0]);
  }
  if (is_leaf(node) && node.op != Op::constant && node.op != Op::iota && node.op != Op::identity) {
    return to_.leaf(node.op, node.attributes.text, node.type, node.range);
  }
  std::vector<NodeId> inputs;
  for (const NodeId input : node.inputs) inputs.push_back((*this)(input));
  return to_.make(node.op, std::move(inputs), node.attributes, node.range);
}

}  // namespace lvm::ir
