#include "ir/passes/push_expectations.h"

#include <stdexcept>

#include "ir/passes/enumerate.h"

namespace lvm::ir {
namespace {

NodeId find_latent(const Function& f, const Plan& plan) {
  for (const Block& block : plan.blocks) {
    if (!block.latent) continue;
    for (size_t id = 0; id < f.nodes.size(); ++id) {
      const Node& node = f.nodes[id];
      if (node.op == Op::latent && node.attributes.text == block.name) return static_cast<NodeId>(id);
    }
  }
  return no_node;
}

/// The enumerated posterior of one latent, and what is expected under it.
struct Enumerated {
  Builder& b;
  AxisId states;
  NodeId joint, log_evidence, responsibilities;  // [row, K], [row], [row, K]

  Enumerated(Builder& builder, AxisId axis, NodeId log_joint) : b(builder), states(axis), joint(log_joint) {
    log_evidence = b.reduce(Op::logsumexp, joint, {states});
    responsibilities = b.unary(Op::exp, b.sub(joint, log_evidence));
  }
  /// E_q[f] = sum over k of r_k f(k), term by term; a term without z is its own expectation.
  NodeId expectation(NodeId f) {
    const Node node = b.function()[f];
    if (node.op == Op::add) return b.add(expectation(node.inputs[0]), expectation(node.inputs[1]));
    return node.type.has(states) ? b.contract({responsibilities, f}, {states}) : f;
  }
  /// H[q] = -sum over k of r_k ln r_k.
  NodeId entropy() {
    return b.unary(Op::neg, b.contract({responsibilities, b.sub(joint, log_evidence)}, {states}));
  }
};

}  // namespace

Module push_expectations(const Model& model, const Module& elbo, const Plan& plan) {
  Module module{.name = model.name + ".canonical", .level = Level::canonical, .axes = elbo.axes};
  module.functions.push_back({.name = "canonical"});
  const Function& from = elbo.functions.front();
  Builder b(module, module.functions.front());

  const NodeId latent = find_latent(from, plan);
  Enumeration push(b, from, latent);
  for (size_t id = 0; id < from.nodes.size(); ++id) {
    const Node& node = from.nodes[id];
    const auto at = static_cast<NodeId>(id);
    if (node.op == Op::expect) {
      const NodeId joint = push(node.inputs[0]);
      Enumerated q(b, from[latent].type.range, joint);
      push.replace(at, q.expectation(joint));
      b.output(OutputKind::result, "q(" + node.attributes.text + ")", q.responsibilities);
      b.output(OutputKind::result, "ln P", q.log_evidence);
      for (size_t other = 0; other < from.nodes.size(); ++other) {
        if (from.nodes[other].op == Op::entropy) push.replace(static_cast<NodeId>(other), q.entropy());
      }
    }
  }
  for (const Output& output : from.outputs) b.output(output.kind, output.name, push(output.node));
  return module;
}

}  // namespace lvm::ir
