#include "backends/em/row_terms.h"

#include <algorithm>

#include "ir/passes/differentiate.h"
#include "ir/passes/simplify.h"

namespace lvm::em {

using ir::Function;
using ir::Node;
using ir::Op;

namespace {

ir::Module empty_module(const ir::Module& target) {
  ir::Module made{.name = "terms", .level = ir::Level::step, .axes = target.axes};
  made.functions.push_back({.name = "terms"});
  return made;
}

NodeId leaf_of(const Function& f, const std::string& parameter) {
  for (size_t id = 0; id < f.nodes.size(); ++id) {
    const Node& node = f.nodes[id];
    if (node.op == Op::parameter && node.attributes.text == parameter) return static_cast<NodeId>(id);
  }
  throw ir::InternalError("the canonical function does not use parameter " + parameter);
}

/// A name that went with a broadcast is not renamed.
NodeId renamed(Builder& b, NodeId node, const std::vector<AxisId>& pairs) {
  std::vector<AxisId> kept;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (b.type(node).has(pairs[i])) kept.insert(kept.end(), {pairs[i], pairs[i + 1]});
  }
  return kept.empty() ? node : b.make(Op::rename, {node}, {.axes = kept});
}

}  // namespace

bool RowTerm::is_zero() const {
  NodeId node = result();
  while (function()[node].op == Op::broadcast) node = function()[node].inputs.front();
  return function()[node].op == Op::constant && function()[node].attributes.number == 0;
}

bool RowTerm::of_rows() const {
  const std::vector<bool> needed = needed_by(function(), result());
  for (NodeId id = 0; id <= result(); ++id) {
    const Node& n = function()[id];
    const bool leaf = n.inputs.empty() && n.op != Op::argument;
    if (needed[static_cast<size_t>(id)] && leaf && (n.op == Op::data || n.type.has(ir::row_axis)))
      return true;
  }
  return false;
}

NodeId RowTerm::place(Builder& to, const std::map<std::string, NodeId>& latents) const {
  const std::vector<bool> needed = needed_by(function(), result());
  std::vector<NodeId> made(needed.size(), ir::no_node);
  for (NodeId id = 0; id <= result(); ++id) {
    if (!needed[static_cast<size_t>(id)]) continue;
    const Node& node = function()[id];
    NodeId& at = made[static_cast<size_t>(id)];
    const auto latent = node.op == Op::data ? latents.find(node.attributes.text) : latents.end();
    if (latent != latents.end()) {
      at = latent->second;
    } else if (node.op == Op::argument) {
      at = to.leaf(Op::parameter, node.attributes.text, terms_->parameters.at(node.attributes.text));
    } else if (node.op == Op::broadcast) {
      at = made[static_cast<size_t>(node.inputs.front())];  // names broadcast by themselves
    } else if (node.op == Op::rename) {
      at = renamed(to, made[static_cast<size_t>(node.inputs.front())], node.attributes.axes);
    } else if (node.inputs.empty() && node.op != Op::constant && node.op != Op::iota &&
               node.op != Op::identity) {
      at = to.leaf(node.op, node.attributes.text, node.type, node.range);
    } else {
      std::vector<NodeId> inputs;
      for (const NodeId input : node.inputs) inputs.push_back(made[static_cast<size_t>(input)]);
      at = to.make(node.op, std::move(inputs), node.attributes, node.range);
    }
  }
  return made.back();
}

TermWriter::TermWriter(ir::Module& target, const Setting& setting, const Emission& emission)
    : target_(target),
      setting_(setting),
      emission_(emission),
      module_(empty_module(target)),
      builder_(module_, module_.functions.front()),
      expand_(builder_, setting) {}

std::vector<NodeId> TermWriter::slots() {
  std::vector<NodeId> made;
  for (const NodeId slot : emission_.slots) made.push_back(expand_(slot));
  return made;
}

NodeId TermWriter::stand_in(const std::string& parameter, const std::vector<AxisId>& axes) {
  const NodeId own = leaf_of(setting_.function(), parameter);
  const ir::Type& type = parameters_[parameter] = setting_.function()[own].type;
  const NodeId leaf = builder_.leaf(Op::argument, parameter, {type.element, united(axes, type.axes), -1});
  expand_.replace(own, leaf);
  return leaf;
}

std::vector<RowTerm> TermWriter::take() {
  const size_t count = module_.functions.front().outputs.size();
  target_.axes = module_.axes;
  const auto shared =
      std::make_shared<const TermModule>(TermModule{ir::simplify(module_), std::move(parameters_)});
  std::vector<RowTerm> terms;
  for (size_t i = 0; i < count; ++i) terms.emplace_back(shared, i);
  return terms;
}

DensityTerms density_terms(ir::Module& target, const Setting& setting, const Emission& emission,
                           const std::vector<std::string>& parameters) {
  TermWriter writer(target, setting, emission);
  Builder& b = writer.builder();
  const ir::Type density = setting.function()[emission.log_density].type;
  std::vector<NodeId> leaves;
  for (const std::string& name : parameters) leaves.push_back(writer.stand_in(name, density.axes));
  const NodeId value = writer.expand()(emission.log_density);
  const std::vector<NodeId> first = ir::differentiate_elements(b, value, leaves);
  for (const NodeId node : first) writer.output(node);
  for (size_t i = 0; i < first.size(); ++i) {
    const std::vector<NodeId> earlier(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    for (const NodeId node : ir::differentiate_elements(b, first[i], earlier)) writer.output(node);
  }
  const std::vector<RowTerm> all = writer.take();
  DensityTerms terms;
  auto next = all.begin();
  for (size_t i = 0; i < first.size(); ++i) terms.first.push_back(*next++);
  for (size_t i = 0; i < first.size(); ++i) {
    terms.second.emplace_back(next, next + static_cast<std::ptrdiff_t>(i) + 1);
    next += static_cast<std::ptrdiff_t>(i) + 1;
  }
  return terms;
}

}  // namespace lvm::em
