#include "ir/passes/order.h"

namespace lvm::ir {
namespace {

class Ordering {
 public:
  Ordering(const Function& from, Function& to) : from_(from), to_(to), place_(from.nodes.size(), no_node) {}

  /// Places a node behind its inputs. Its own stack: chains of nodes are as long as models are.
  NodeId operator()(NodeId root) {
    std::vector<Visit> stack = {{root, 0}};
    while (!stack.empty()) {
      Visit& top = stack.back();
      const Node& node = from_[top.id];
      if (place_[static_cast<size_t>(top.id)] == no_node && top.next < node.inputs.size()) {
        const NodeId input = node.inputs[top.next++];
        if (place_[static_cast<size_t>(input)] == no_node) stack.push_back({input, 0});
        continue;
      }
      place(top.id);
      stack.pop_back();
    }
    return place_[static_cast<size_t>(root)];
  }

 private:
  struct Visit {
    NodeId id;
    size_t next;  // the input to look at
  };
  const Function& from_;
  Function& to_;
  std::vector<NodeId> place_;

  void place(NodeId id) {
    NodeId& at = place_[static_cast<size_t>(id)];
    if (at != no_node) return;
    Node node = from_[id];
    for (NodeId& input : node.inputs) input = place_[static_cast<size_t>(input)];
    at = static_cast<NodeId>(to_.nodes.size());
    to_.nodes.push_back(std::move(node));
  }
};

}  // namespace

Function ordered(const Function& function) {
  Function result{.name = function.name, .time = function.time};
  Ordering place(function, result);
  for (const NodeId argument : function.arguments) result.arguments.push_back(place(argument));
  for (const Output& output : function.outputs)
    result.outputs.push_back({output.kind, output.name, place(output.node)});
  return result;
}

Module ordered(const Module& module) {
  Module result = module;
  for (Function& function : result.functions) function = ordered(function);
  return result;
}

}  // namespace lvm::ir
