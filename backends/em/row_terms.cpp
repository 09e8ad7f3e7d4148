#include "backends/em/row_terms.h"

#include <algorithm>

#include "ir/passes/differentiate.h"
#include "ir/passes/simplify.h"

namespace lvm::em {

using ir::Function;
using ir::Node;
using ir::Op;

namespace {

/// A module with one plain function, and the way from the canonical function into it.
struct Workshop {
  ir::Module module;
  Builder builder;
  Expansion expand;

  explicit Workshop(const Setting& setting)
      : module(empty(setting)), builder(module, module.functions.front()), expand(builder, setting) {}

  static ir::Module empty(const Setting& setting) {
    ir::Module made{.name = "terms", .level = ir::Level::step, .axes = setting.canonical.axes};
    made.functions.push_back({.name = "terms"});
    return made;
  }
  void output(NodeId node) { builder.output(ir::OutputKind::result, "term", node); }

  std::vector<RowTerm> take(std::map<std::string, ir::Type> parameters = {}) {
    const size_t count = module.functions.front().outputs.size();
    const auto shared =
        std::make_shared<const TermModule>(TermModule{ir::simplify(module), std::move(parameters)});
    std::vector<RowTerm> terms;
    for (size_t i = 0; i < count; ++i) terms.emplace_back(shared, i);
    return terms;
  }
};

NodeId leaf_of(const Function& f, const std::string& parameter) {
  for (size_t id = 0; id < f.nodes.size(); ++id) {
    const Node& node = f.nodes[id];
    if (node.op == Op::parameter && node.attributes.text == parameter) return static_cast<NodeId>(id);
  }
  throw ir::InternalError("the canonical function does not use parameter " + parameter);
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

NodeId RowTerm::place(Builder& to) const {
  const std::vector<bool> needed = needed_by(function(), result());
  std::vector<NodeId> made(needed.size(), ir::no_node);
  for (NodeId id = 0; id <= result(); ++id) {
    if (!needed[static_cast<size_t>(id)]) continue;
    const Node& node = function()[id];
    NodeId& at = made[static_cast<size_t>(id)];
    if (node.op == Op::argument) {
      at = to.leaf(Op::parameter, node.attributes.text, terms_->parameters.at(node.attributes.text));
    } else if (node.op == Op::broadcast) {
      at = made[static_cast<size_t>(node.inputs.front())];  // names broadcast by themselves
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

DensityTerms density_terms(const Setting& setting, const Emission& emission,
                           const std::vector<std::string>& parameters) {
  Workshop shop(setting);
  Builder& b = shop.builder;
  const ir::Type density = setting.function()[emission.log_density].type;
  std::vector<NodeId> leaves;
  std::map<std::string, ir::Type> types;
  for (const std::string& name : parameters) {
    const NodeId own = leaf_of(setting.function(), name);
    const ir::Type& type = types[name] = setting.function()[own].type;
    leaves.push_back(b.leaf(Op::argument, name, {type.element, density.axes, -1}));
    shop.expand.replace(own, leaves.back());
  }
  const NodeId value = shop.expand(emission.log_density);
  const std::vector<NodeId> first = ir::differentiate_elements(b, value, leaves);
  for (const NodeId node : first) shop.output(node);
  for (size_t i = 0; i < first.size(); ++i) {
    const std::vector<NodeId> earlier(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    for (const NodeId node : ir::differentiate_elements(b, first[i], earlier)) shop.output(node);
  }
  const std::vector<RowTerm> all = shop.take(std::move(types));
  DensityTerms terms;
  auto next = all.begin();
  for (size_t i = 0; i < first.size(); ++i) terms.first.push_back(*next++);
  for (size_t i = 0; i < first.size(); ++i) {
    terms.second.emplace_back(next, next + static_cast<std::ptrdiff_t>(i) + 1);
    next += static_cast<std::ptrdiff_t>(i) + 1;
  }
  return terms;
}

std::vector<RowTerm> slot_terms(
    const Setting& setting, const Emission& emission,
    const std::function<std::vector<NodeId>(Builder&, Expansion&, NodeId value,
                                            const std::vector<NodeId>& slots)>& write) {
  Workshop shop(setting);
  const NodeId value = shop.expand(emission.value);
  std::vector<NodeId> slots;
  for (const NodeId slot : emission.slots) slots.push_back(shop.expand(slot));
  for (const NodeId node : write(shop.builder, shop.expand, value, slots)) shop.output(node);
  return shop.take();
}

}  // namespace lvm::em
