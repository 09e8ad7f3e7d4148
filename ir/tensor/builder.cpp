// Builder: appends nodes with hash-consing.

#include <bit>
#include <functional>
#include <numeric>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

namespace {

void mix(size_t& hash, size_t value) {
  hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
}

size_t hash_of(Op op, const std::vector<NodeId>& inputs, const Attributes& attributes, const Type& type) {
  size_t hash = static_cast<size_t>(op);
  for (NodeId id : inputs) mix(hash, static_cast<size_t>(id));
  mix(hash, std::bit_cast<uint64_t>(attributes.number));
  mix(hash, std::hash<std::string>{}(attributes.text));
  mix(hash, std::hash<std::string>{}(attributes.function));
  for (AxisId id : attributes.axes) mix(hash, static_cast<size_t>(id));
  for (int64_t integer : attributes.integers) mix(hash, static_cast<size_t>(integer));
  for (AxisId id : type.axes) mix(hash, static_cast<size_t>(id) + 1000);
  return hash;
}

bool same(const Node& node, Op op, const std::vector<NodeId>& inputs, const Attributes& attributes,
          const Type& type) {
  return node.op == op && node.inputs == inputs && node.type == type &&
         node.attributes.text == attributes.text && node.attributes.axes == attributes.axes &&
         node.attributes.function == attributes.function && node.attributes.integers == attributes.integers &&
         // by bits: 0 and -0 differ, a NaN equals itself
         std::bit_cast<uint64_t>(node.attributes.number) == std::bit_cast<uint64_t>(attributes.number);
}

}  // namespace

Builder::Builder(Module& module, Function& function)
    : module_(&module), function_(&function), known_(64, {0, no_node}) {
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const Node& node = function.nodes[i];
    remember(hash_of(node.op, node.inputs, node.attributes, node.type), static_cast<NodeId>(i));
  }
}

void Builder::remember(size_t hash, NodeId id) {
  if (2 * static_cast<size_t>(id + 1) >= known_.size()) {
    auto old = std::move(known_);
    known_.assign(4 * old.size(), {0, no_node});
    for (auto& [h, n] : old)
      if (n != no_node) remember(h, n);
  }
  size_t at = hash & (known_.size() - 1);
  while (known_[at].second != no_node) at = (at + 1) & (known_.size() - 1);
  known_[at] = {hash, id};
}

NodeId Builder::make(Op op, std::vector<NodeId> inputs, Attributes attributes, SourceRange range) {
  const Type type = infer_type(*module_, *function_, op, inputs, attributes, {});
  const size_t hash = hash_of(op, inputs, attributes, type);
  for (size_t at = hash & (known_.size() - 1); known_[at].second != no_node;
       at = (at + 1) & (known_.size() - 1))
    if (known_[at].first == hash && same((*function_)[known_[at].second], op, inputs, attributes, type))
      return known_[at].second;
  function_->nodes.push_back({op, std::move(inputs), std::move(attributes), type, range});
  const NodeId id = static_cast<NodeId>(function_->nodes.size() - 1);
  remember(hash, id);
  return id;
}

NodeId Builder::leaf(Op op, std::string text, Type type, SourceRange range) {
  Attributes attributes{.text = std::move(text)};
  const size_t hash = hash_of(op, {}, attributes, type);
  for (size_t at = hash & (known_.size() - 1); known_[at].second != no_node;
       at = (at + 1) & (known_.size() - 1))
    if (known_[at].first == hash && same((*function_)[known_[at].second], op, {}, attributes, type))
      return known_[at].second;
  function_->nodes.push_back({op, {}, std::move(attributes), std::move(type), range});
  const NodeId id = static_cast<NodeId>(function_->nodes.size() - 1);
  remember(hash, id);
  return id;
}

NodeId Builder::constant(double value) {
  return make(Op::constant, {}, {.number = value});
}

NodeId Builder::reduce(Op op, NodeId a, std::vector<AxisId> axes) {
  return axes.empty() ? a : make(op, {a}, {.axes = std::move(axes)});
}

NodeId Builder::contract(std::vector<NodeId> factors, std::vector<AxisId> axes) {
  if (axes.empty() && !factors.empty())
    return std::accumulate(factors.begin() + 1, factors.end(), factors.front(),
                           [&](NodeId a, NodeId b) { return mul(a, b); });
  return make(Op::contract, std::move(factors), {.axes = std::move(axes)});
}

NodeId Builder::rename(NodeId a, AxisId from, AxisId to) {
  return make(Op::rename, {a}, {.axes = {from, to}});
}

NodeId Builder::matrix(Op op, std::vector<NodeId> inputs, AxisId row_axis, AxisId column_axis) {
  return make(op, std::move(inputs), {.axes = {row_axis, column_axis}});
}

NodeId Builder::copy(const Function& from, NodeId node, std::vector<NodeId>& replace) {
  if (replace.size() < from.nodes.size()) replace.resize(from.nodes.size(), no_node);
  // Inputs have smaller indices: one pass upward over what `node` needs, without recursion.
  std::vector<bool> needed(static_cast<size_t>(node) + 1, false);
  needed[static_cast<size_t>(node)] = true;
  for (NodeId id = node; id >= 0; --id) {
    const auto at = static_cast<size_t>(id);
    if (!needed[at] || replace[at] != no_node) continue;
    for (NodeId input : from.nodes[at].inputs) needed[static_cast<size_t>(input)] = true;
  }
  for (NodeId id = 0; id <= node; ++id) {
    const auto at = static_cast<size_t>(id);
    if (!needed[at] || replace[at] != no_node) continue;
    const Node& old = from.nodes[at];
    std::vector<NodeId> inputs;
    for (NodeId input : old.inputs) inputs.push_back(replace[static_cast<size_t>(input)]);
    const bool named_leaf =
        row(old.op).shape == ShapeRule::leaf && row(old.op).attributes == PrintedAttributes::text;
    replace[at] = named_leaf ? leaf(old.op, old.attributes.text, old.type, old.range)
                             : make(old.op, std::move(inputs), old.attributes, old.range);
  }
  return replace[static_cast<size_t>(node)];
}

void Builder::output(OutputKind kind, std::string output_name, NodeId node) {
  function_->outputs.push_back({kind, std::move(output_name), node});
}

const Type& Builder::type(NodeId id) const {
  return (*function_)[id].type;
}

}  // namespace lvm::ir
