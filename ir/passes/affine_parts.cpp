#include "ir/passes/affine_parts.h"

#include <algorithm>
#include <optional>

#include "ir/model/model.h"
#include "ir/passes/classify.h"

namespace lvm::ir {
namespace {

struct Taker {
  Builder& b;
  const Function& from;
  NodeId leaf, unit;
  std::vector<std::optional<AffineParts>> made;

  const AffineParts& operator()(NodeId id) {
    auto& at = made[static_cast<size_t>(id)];
    if (!at) at = take(id);
    return *at;
  }

  NodeId or_zero(NodeId node) { return node == no_node ? b.constant(0) : node; }
  NodeId sum(NodeId x, NodeId y) { return x == no_node ? y : y == no_node ? x : b.add(x, y); }
  NodeId product(NodeId x, NodeId y) { return x == no_node || y == no_node ? no_node : b.mul(x, y); }
  NodeId negative(NodeId x) { return x == no_node ? x : b.unary(Op::neg, x); }

  [[noreturn]] void refuse(const Node& node) const {
    throw InternalError("`" + std::string(row(node.op).name) + "` is not affine in what is taken apart");
  }

  /// A name that all rows broadcast by themselves; anything else it adds stays.
  NodeId broadcast(NodeId x, std::vector<AxisId> axes) {
    if (x == no_node) return x;
    std::erase(axes, row_axis);
    return axes.empty() ? x : b.make(Op::broadcast, {x}, {.axes = std::move(axes)});
  }

  /// The product of all parts but that of `linear` (none: -1), which gives its linear one.
  NodeId contracted(const Node& node, int linear) {
    std::vector<NodeId> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const AffineParts parts = (*this)(node.inputs[i]);
      inputs.push_back(static_cast<int>(i) == linear ? parts.linear : parts.constant);
      if (inputs.back() == no_node) return no_node;
    }
    return b.make(node.op, std::move(inputs), node.attributes);
  }

  AffineParts times(const AffineParts& x, const AffineParts& y, const Node& node) {
    if (x.linear != no_node && y.linear != no_node) refuse(node);
    return {product(x.constant, y.constant),
            sum(product(x.linear, y.constant), product(x.constant, y.linear))};
  }

  /// An op that is linear in its first or, of `apply` ops, its second input, the others free of the leaf.
  AffineParts through(const Node& node, size_t moving) {
    const auto make = [&](NodeId part) -> NodeId {
      if (part == no_node) return no_node;
      std::vector<NodeId> inputs;
      for (size_t i = 0; i < node.inputs.size(); ++i)
        inputs.push_back(i == moving ? part : or_zero((*this)(node.inputs[i]).constant));
      return b.make(node.op, std::move(inputs), node.attributes);
    };
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (i != moving && (*this)(node.inputs[i]).linear != no_node) refuse(node);
    const AffineParts inner = (*this)(node.inputs[moving]);
    return {make(inner.constant), make(inner.linear)};
  }

  AffineParts free_of_leaf(const Node& node) {
    const bool named =
        node.inputs.empty() && node.op != Op::constant && node.op != Op::iota && node.op != Op::identity;
    if (named) return {b.leaf(node.op, node.attributes.text, node.type, node.range), no_node};
    if (node.op == Op::constant && node.attributes.number == 0) return {};
    if (node.op == Op::broadcast)
      return {broadcast((*this)(node.inputs[0]).constant, node.attributes.axes), no_node};
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(or_zero((*this)(input).constant));
    return {b.make(node.op, std::move(inputs), node.attributes, node.range), no_node};
  }

  AffineParts take(NodeId id) {
    const Node& node = from[id];
    if (id == leaf) return {no_node, unit};
    if (!depends_on(from, id, leaf)) return free_of_leaf(node);
    const auto parts = [&](size_t i) { return (*this)(node.inputs[i]); };
    switch (node.op) {
      case Op::add: {
        const AffineParts x = parts(0), y = parts(1);
        return {sum(x.constant, y.constant), sum(x.linear, y.linear)};
      }
      case Op::sub: {
        const AffineParts x = parts(0), y = parts(1);
        return {sum(x.constant, negative(y.constant)), sum(x.linear, negative(y.linear))};
      }
      case Op::neg: return {negative(parts(0).constant), negative(parts(0).linear)};
      case Op::mul: {
        const AffineParts x = parts(0), y = parts(1);
        return times(x, y, node);
      }
      case Op::fma: {
        const AffineParts x = parts(0), y = parts(1), z = parts(2), xy = times(x, y, node);
        return {sum(xy.constant, z.constant), sum(xy.linear, z.linear)};
      }
      case Op::contract:
      case Op::matmul: {
        int linear = -1;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          if (parts(i).linear == no_node) continue;
          if (linear >= 0) refuse(node);
          linear = static_cast<int>(i);
        }
        return {contracted(node, -1), linear < 0 ? no_node : contracted(node, linear)};
      }
      case Op::broadcast: {
        const AffineParts x = parts(0);
        return {broadcast(x.constant, node.attributes.axes), broadcast(x.linear, node.attributes.axes)};
      }
      case Op::select: {
        if (parts(0).linear != no_node) refuse(node);
        const NodeId condition = parts(0).constant;
        const AffineParts x = parts(1), y = parts(2);
        return {b.select(condition, or_zero(x.constant), or_zero(y.constant)),
                b.select(condition, or_zero(x.linear), or_zero(y.linear))};
      }
      case Op::stack: {
        AffineParts all;
        for (const bool linear : {false, true}) {
          std::vector<NodeId> inputs;
          std::vector<AxisId> axes;
          for (size_t i = 0; i < node.inputs.size(); ++i) {
            inputs.push_back(or_zero(linear ? parts(i).linear : parts(i).constant));
            for (const AxisId axis : b.type(inputs.back()).axes) axes.push_back(axis);
          }
          std::ranges::sort(axes);
          axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
          for (NodeId& input : inputs) {
            std::vector<AxisId> missing = axes;
            std::erase_if(missing, [&](AxisId axis) { return b.type(input).has(axis); });
            if (!missing.empty()) input = b.make(Op::broadcast, {input}, {.axes = std::move(missing)});
          }
          (linear ? all.linear : all.constant) = b.make(Op::stack, std::move(inputs), node.attributes);
        }
        return all;
      }
      case Op::div:
      case Op::sum:
      case Op::rename:
      case Op::gather:
      case Op::slice:
      case Op::diag:
      case Op::diagonal:
      case Op::reshape: return through(node, 0);
      case Op::triangular_apply:
      case Op::triangular_solve:
      case Op::solve: return through(node, 1);
      default: refuse(node);
    }
  }
};

}  // namespace

AffineParts affine_parts(Builder& to, const Function& from, NodeId node, NodeId leaf, NodeId unit) {
  Taker taker{to, from, leaf, unit, std::vector<std::optional<AffineParts>>(from.nodes.size())};
  return taker(node);
}

}  // namespace lvm::ir
