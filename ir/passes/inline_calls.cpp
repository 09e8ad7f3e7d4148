#include "ir/passes/inline_calls.h"

namespace lvm::ir {
namespace {

constexpr int deepest_call = 64;

/// Copies `from` into the builder; `made` holds what stands for its arguments.
void inline_into(Builder& b, const Function& from, std::vector<NodeId>& made, int depth) {
  if (depth > deepest_call) throw InternalError("`" + from.name + "` calls itself, or calls nest too deep");
  made.resize(from.nodes.size(), no_node);
  for (size_t i = 0; i < from.nodes.size(); ++i) {
    const Node& node = from.nodes[i];
    if (made[i] != no_node) continue;
    if (node.op != Op::call) {
      made[i] = b.copy(from, static_cast<NodeId>(i), made);
      continue;
    }
    const Function* callee = b.module().find(node.attributes.function);
    if (!callee || callee->arguments.size() != node.inputs.size() || callee->outputs.empty())
      throw InternalError("`call` does not fit `" + node.attributes.function + "`");
    std::vector<NodeId> inner(callee->nodes.size(), no_node);
    for (size_t a = 0; a < node.inputs.size(); ++a)
      inner[static_cast<size_t>(callee->arguments[a])] = made[static_cast<size_t>(node.inputs[a])];
    inline_into(b, *callee, inner, depth + 1);
    made[i] = inner[static_cast<size_t>(callee->outputs[0].node)];
  }
}

}  // namespace

Function inline_calls(Module& module, const Function& function) {
  Function result{.name = function.name, .time = function.time};
  Builder b(module, result);
  std::vector<NodeId> made;
  inline_into(b, function, made, 0);
  for (const Output& output : function.outputs)
    b.output(output.kind, output.name, made[static_cast<size_t>(output.node)]);
  for (const NodeId argument : function.arguments)
    result.arguments.push_back(made[static_cast<size_t>(argument)]);
  return result;
}

Module inline_calls(const Module& module) {
  Module result = module;
  for (size_t f = 0; f < module.functions.size(); ++f)
    result.functions[f] = inline_calls(result, module.functions[f]);
  return result;
}

}  // namespace lvm::ir
