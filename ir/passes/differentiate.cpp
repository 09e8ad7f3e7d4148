#include "ir/passes/differentiate.h"

#include <algorithm>

#include "ir/passes/inline_calls.h"
#include "ir/passes/order.h"
#include "ir/tensor/derivatives.h"

namespace lvm::ir {

namespace {

/// Gives `value` every axis of `axes` (a copy: types move when nodes are added), so that a sum over them
/// counts it once an element.
NodeId spread(Builder& b, NodeId value, const std::vector<AxisId> axes) {
  std::vector<AxisId> missing;
  for (AxisId id : axes)
    if (!b.type(value).has(id)) missing.push_back(id);
  return missing.empty() ? value : b.make(Op::broadcast, {value}, {.axes = missing});
}

/// Sums away what `target` lacks: the transpose of broadcasting over names.
NodeId collect(Builder& b, NodeId value, const std::vector<AxisId> target) {
  std::vector<AxisId> extra;
  for (AxisId id : b.type(value).axes)
    if (!std::binary_search(target.begin(), target.end(), id)) extra.push_back(id);
  return spread(b, b.reduce(Op::sum, value, extra), target);
}

bool is_continuous(Element element) {
  return element == Element::real || element == Element::positive || element == Element::unit;
}

/// The nodes up to `root` that depend on a leaf: no other needs an adjoint, nor a rule.
std::vector<bool> dependents(const Function& function, NodeId root, const std::vector<NodeId>& leaves) {
  std::vector<bool> active(static_cast<size_t>(root) + 1, false);
  for (NodeId leaf : leaves)
    if (leaf <= root) active[static_cast<size_t>(leaf)] = true;
  for (NodeId id = 0; id <= root; ++id)
    for (NodeId input : function[id].inputs)
      if (active[static_cast<size_t>(input)]) active[static_cast<size_t>(id)] = true;
  return active;
}

}  // namespace

std::vector<NodeId> differentiate(Builder& b, NodeId scalar, const std::vector<NodeId>& with_respect_to) {
  if (!b.type(scalar).axes.empty()) throw InternalError("only a scalar has a gradient");
  return differentiate(b, std::vector<Seed>{{scalar, b.constant(1)}}, with_respect_to);
}

std::vector<NodeId> differentiate(Builder& b, const std::vector<Seed>& seeds,
                                  const std::vector<NodeId>& with_respect_to) {
  NodeId last = no_node;
  for (const Seed& seed : seeds) last = std::max(last, seed.node);
  const std::vector<bool> active = dependents(b.function(), last, with_respect_to);
  std::vector<NodeId> adjoints(static_cast<size_t>(last) + 1, no_node);
  for (const Seed& seed : seeds) {
    NodeId& total = adjoints[static_cast<size_t>(seed.node)];
    total = total == no_node ? seed.adjoint : b.add(total, seed.adjoint);
  }
  for (NodeId id = last; id >= 0; --id) {
    const NodeId adjoint = adjoints[static_cast<size_t>(id)];
    if (adjoint == no_node || !active[static_cast<size_t>(id)] ||
        row(b.function()[id].op).shape == ShapeRule::leaf)
      continue;
    const DerivativeRule rule = derivative_rule(b.function()[id].op);
    if (!rule)
      throw InternalError("`" + std::string(row(b.function()[id].op).name) + "` has no derivative rule");
    const std::vector<AxisId> own = b.function()[id].type.axes;
    const std::vector<NodeId> inputs = b.function()[id].inputs;
    Adjoint a{b, id, spread(b, adjoint, own), std::vector<NodeId>(inputs.size(), no_node)};
    rule(a);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (a.inputs[i] == no_node || !active[static_cast<size_t>(inputs[i])]) continue;
      const NodeId part = collect(b, a.inputs[i], b.type(inputs[i]).axes);
      NodeId& total = adjoints[static_cast<size_t>(inputs[i])];
      total = total == no_node ? part : b.add(total, part);
    }
  }
  std::vector<NodeId> gradients;
  for (NodeId leaf : with_respect_to) {
    const NodeId found = leaf <= last ? adjoints[static_cast<size_t>(leaf)] : no_node;
    gradients.push_back(spread(b, found == no_node ? b.constant(0) : found, b.type(leaf).axes));
  }
  return gradients;
}

std::vector<NodeId> differentiate_elements(Builder& b, NodeId value, const std::vector<NodeId>& leaves) {
  const std::vector<bool> active = dependents(b.function(), value, leaves);
  std::vector<NodeId> adjoints(static_cast<size_t>(value) + 1, no_node);
  adjoints[static_cast<size_t>(value)] = b.constant(1);
  for (NodeId id = value; id >= 0; --id) {
    const auto at = static_cast<size_t>(id);
    const Node node = b.function()[id];
    const ShapeRule shape = row(node.op).shape;
    const bool reached = std::find(leaves.begin(), leaves.end(), id) != leaves.end();
    if (adjoints[at] == no_node || !active[at] || reached || shape == ShapeRule::leaf) continue;
    const DerivativeRule rule = derivative_rule(node.op);
    const bool element_wise = shape == ShapeRule::pointwise || shape == ShapeRule::broadcast;
    if (!rule || !element_wise)
      throw InternalError("`" + std::string(row(node.op).name) + "` has no derivative element by element");
    Adjoint a{b, id, adjoints[at], std::vector<NodeId>(node.inputs.size(), no_node)};
    rule(a);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (a.inputs[i] == no_node || !active[static_cast<size_t>(node.inputs[i])]) continue;
      NodeId& total = adjoints[static_cast<size_t>(node.inputs[i])];
      total = total == no_node ? a.inputs[i] : b.add(total, a.inputs[i]);
    }
  }
  std::vector<NodeId> derivatives;
  for (NodeId leaf : leaves) {
    const NodeId found = leaf <= value ? adjoints[static_cast<size_t>(leaf)] : no_node;
    derivatives.push_back(found == no_node ? b.constant(0) : found);
  }
  return derivatives;
}

Module differentiate(const Module& module, const std::string& function_name) {
  Module result = module;
  const Function* source = module.find(function_name);
  if (!source || source->outputs.empty())
    throw InternalError("no function `" + function_name + "` with a result");
  Function gradient = inline_calls(result, *source);
  gradient.name += ".gradient";
  gradient.time = BindingTime::plain;
  if (result.find(gradient.name)) throw InternalError("there is already a function `" + gradient.name + "`");
  const NodeId value = gradient.outputs[0].node;
  gradient.outputs.clear();
  Builder b(result, gradient);
  std::vector<NodeId> leaves;
  for (size_t i = 0; i < gradient.nodes.size(); ++i) {
    const Node& node = gradient.nodes[i];
    if ((node.op == Op::parameter || node.op == Op::argument) && is_continuous(node.type.element))
      leaves.push_back(static_cast<NodeId>(i));
  }
  const auto gradients = differentiate(b, value, leaves);
  b.output(OutputKind::result, "value", value);
  for (size_t i = 0; i < leaves.size(); ++i)
    b.output(OutputKind::result, gradient[leaves[i]].attributes.text, gradients[i]);
  result.functions.push_back(ordered(gradient));
  return result;
}

}  // namespace lvm::ir
