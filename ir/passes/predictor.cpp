#include "ir/passes/predictor.h"

#include <algorithm>
#include <initializer_list>

namespace lvm::ir {
namespace {

std::vector<bool> dependents(const Function& f, NodeId root, const std::vector<NodeId>& leaves) {
  std::vector<bool> found(static_cast<size_t>(root) + 1, false);
  for (NodeId id = 0; id <= root; ++id) {
    const auto& inputs = f[id].inputs;
    const bool leaf = std::find(leaves.begin(), leaves.end(), id) != leaves.end();
    found[static_cast<size_t>(id)] = leaf || std::any_of(inputs.begin(), inputs.end(), [&](NodeId i) {
                                       return static_cast<bool>(found[static_cast<size_t>(i)]);
                                     });
  }
  return found;
}

struct Affinity {
  const Function& f;
  const std::vector<NodeId>& leaves;
  std::vector<bool> depends;

  bool holds(NodeId id) const {
    const Node& node = f[id];
    if (!depends[static_cast<size_t>(id)] || std::find(leaves.begin(), leaves.end(), id) != leaves.end())
      return true;
    const auto moves = [&](size_t i) {
      return static_cast<bool>(depends[static_cast<size_t>(node.inputs[i])]);
    };
    size_t moving = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) moving += moves(i);
    const bool inputs_hold =
        std::all_of(node.inputs.begin(), node.inputs.end(), [&](NodeId input) { return holds(input); });
    return inputs_hold && allows(node, moving, moves);
  }

  template <typename Moves>
  static bool allows(const Node& node, size_t moving, const Moves& moves) {
    const auto is = [&](std::initializer_list<Op> ops) {
      return std::find(ops.begin(), ops.end(), node.op) != ops.end();
    };
    if (is({Op::mul, Op::contract, Op::matmul})) return moving == 1;
    if (is({Op::div, Op::gather})) return moving == 1 && moves(0);
    if (node.op == Op::fma) return !(moves(0) && moves(1));
    if (node.op == Op::select) return !moves(0);
    return is(
        {Op::add, Op::sub, Op::neg, Op::sum, Op::broadcast, Op::rename, Op::stack, Op::slice, Op::reshape});
  }
};

}  // namespace

bool is_jointly_affine(const Function& f, NodeId expression, const std::vector<NodeId>& leaves) {
  return Affinity{f, leaves, dependents(f, expression, leaves)}.holds(expression);
}

std::optional<NodeId> find_predictor(const Function& f, NodeId slot, const std::vector<NodeId>& leaves) {
  const std::vector<bool> depends = dependents(f, slot, leaves);
  if (!depends[static_cast<size_t>(slot)]) return std::nullopt;
  const Affinity affinity{f, leaves, depends};
  for (NodeId at = slot;;) {
    if (affinity.holds(at)) return at;
    const Node& node = f[at];
    const ShapeRule shape = row(node.op).shape;
    if (shape != ShapeRule::pointwise && shape != ShapeRule::broadcast) return std::nullopt;
    NodeId next = no_node;
    for (const NodeId input : node.inputs) {
      if (!depends[static_cast<size_t>(input)] || input == next) continue;
      if (next != no_node) return std::nullopt;
      next = input;
    }
    at = next;
  }
}

}  // namespace lvm::ir
