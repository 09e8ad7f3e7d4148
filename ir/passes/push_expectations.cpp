#include "ir/passes/push_expectations.h"

#include <algorithm>
#include <optional>

#include "ir/passes/finite_chain.h"
#include "ir/passes/nodes.h"

namespace lvm::ir {
namespace {

/// The enumerated posterior of all latents, and what is expected under it.
struct Enumerated {
  Builder& b;
  std::vector<AxisId> states;
  bool point;
  NodeId joint;  // [row, K…]
  EnumeratedPosterior made;

  Enumerated(Builder& builder, std::vector<AxisId> axes, bool most_probable, NodeId log_joint)
      : b(builder),
        states(std::move(axes)),
        point(most_probable),
        joint(log_joint),
        made(point ? point_posterior(b, joint, states) : exact_posterior(b, joint, states)) {}
  /// Of a chain the pass over the steps gives both (Program::chain).
  Enumerated(Builder& builder, std::vector<AxisId> axes, const std::string& latents)
      : b(builder), states(std::move(axes)), point(false), joint(no_node), made{} {
    std::vector<AxisId> of_rows = states;
    of_rows.insert(of_rows.begin(), row_axis);
    made.q = b.leaf(Op::derived, "q(" + latents + ")", {Element::positive, of_rows, -1});
    made.evidence = b.leaf(Op::derived, "ln P", {Element::real, {row_axis}, -1});
  }

  /// E_q[f] = sum over k of q_k f(k), term by term; a term without latents is its own expectation.
  NodeId expectation(NodeId f) {
    if (point) return made.evidence;
    const Node node = b.function()[f];
    if (node.op == Op::add) {
      const NodeId left = expectation(node.inputs[0]);
      return b.add(left, expectation(node.inputs[1]));
    }
    const bool moves = std::ranges::any_of(states, [&](AxisId axis) { return node.type.has(axis); });
    return moves ? b.contract({made.q, f}, states) : f;
  }
  /// H[q] = -sum over k of q_k ln q_k.
  NodeId entropy(bool some_impossible) {
    if (point) return b.constant(0);
    if (joint == no_node) return b.leaf(Op::derived, "H[q]", {Element::real, {row_axis}, -1});
    NodeId log_q = b.sub(joint, made.evidence);
    if (some_impossible) log_q = b.select(b.binary(Op::less, b.constant(0), made.q), log_q, b.constant(0));
    return b.unary(Op::neg, b.contract({made.q, log_q}, states));
  }
};

std::vector<AxisId> axes_of(const std::vector<FiniteLatent>& latents) {
  std::vector<AxisId> axes;
  for (const FiniteLatent& latent : latents) axes.push_back(latent.states);
  std::sort(axes.begin(), axes.end());
  return axes;
}

std::string names_of(const Model& model, const std::vector<FiniteLatent>& latents) {
  std::string text;
  for (const FiniteLatent& latent : latents)
    text += (text.empty() ? "" : ",") + model.variables[static_cast<size_t>(latent.variable)].name;
  return text;
}

/// Continuous latents by their nodes: the density of a row, and what is expected of it.
struct Nodes {
  Builder& b;
  const Model& model;
  std::vector<NodeLatent> latents;

  void stand_in(Enumeration& push, const Function& from) const {
    for (const NodeLatent& latent : latents) {
      stand_in(push, from, latent, latent.variable);
      for (const int lag : latent.lags)
        if (lag >= 0) stand_in(push, from, latent, lag);
    }
  }
  void stand_in(Enumeration& push, const Function& from, const NodeLatent& latent, int variable) const {
    const Variable& v = model.variables[static_cast<size_t>(variable)];
    const NodeId leaf = b.leaf(Op::data, v.name, node_type(model, latent, variable), v.range);
    for (size_t id = 0; id < from.nodes.size(); ++id) {
      if (from.nodes[id].op == Op::latent && from.nodes[id].attributes.text == v.name)
        push.replace(static_cast<NodeId>(id), leaf);
    }
  }
  /// ln P(y, finite latents) = E_q(z)[ln P(y, z, finite latents)] + H[q(z)].
  NodeId integrated(NodeId log_joint) const {
    for (const NodeLatent& latent : latents) {
      const std::string& name = model.variables[static_cast<size_t>(latent.variable)].name;
      std::vector<AxisId> others =
          node_type(model, {.variable = latent.variable, .sides = latent.sides}).axes;
      std::erase(others, latent.sides);
      std::erase(others, latent.event);
      const NodeId q = b.leaf(Op::derived, "q(" + name + ")", {Element::positive, latent.axes(), -1});
      const NodeId entropy = b.leaf(Op::derived, "H[q(" + name + ")]", {Element::real, others, -1});
      log_joint = b.add(b.contract({q, log_joint}, latent.axes()), entropy);
    }
    return log_joint;
  }
};

}  // namespace

Module push_expectations(const Model& model, const Module& elbo, const Plan& plan) {
  Module module{.name = model.name + ".canonical", .level = Level::canonical, .axes = elbo.axes};
  module.functions.push_back({.name = "canonical"});
  const Function& from = elbo.functions.front();
  Builder b(module, module.functions.front());

  const std::vector<FiniteLatent> latents = finite_latents(model);
  const bool partly = std::ranges::any_of(latents, &FiniteLatent::observed);
  const bool point = std::ranges::any_of(
      plan.blocks, [](const Block& block) { return block.solver == Solver::most_probable; });
  const bool chain = finite_chain(model).has_value();
  Enumeration push(b, from, model, latents);
  const Nodes nodes{b, model, node_latents(model, plan, module)};
  nodes.stand_in(push, from);
  // One expectation stands for all: q is the joint posterior.
  std::optional<Enumerated> q;
  bool entropy_written = false;
  for (size_t id = 0; id < from.nodes.size(); ++id) {
    const Node& node = from.nodes[id];
    const auto at = static_cast<NodeId>(id);
    if (node.op == Op::entropy) {
      const NodeId none = b.make(Op::broadcast, {b.constant(0)}, {.axes = {row_axis}});
      push.replace(at, q && !entropy_written ? q->entropy(partly) : none);
      entropy_written = true;
    }
    if (node.op != Op::expect) continue;
    NodeId inside = push(node.inputs[0]);
    if (!q && !nodes.latents.empty()) inside = nodes.integrated(inside);
    if (latents.empty() || q) {
      push.replace(at, inside);
      continue;
    }
    if (chain) {
      q.emplace(b, axes_of(latents), names_of(model, latents));
    } else {
      q.emplace(b, axes_of(latents), point, where_possible(b, model, latents, inside));
    }
    push.replace(at, q->expectation(inside));
    b.output(OutputKind::result, "q(" + names_of(model, latents) + ")", q->made.q);
    b.output(OutputKind::result, "ln P", q->made.evidence);
  }
  for (const Output& output : from.outputs) b.output(output.kind, output.name, push(output.node));
  return module;
}

}  // namespace lvm::ir
