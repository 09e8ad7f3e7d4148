#include "ir/passes/simplify.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/passes/order.h"

namespace lvm::ir {
namespace {

constexpr int most_rounds = 100;
constexpr int most_rewrites = 1000;  // of one node in one round

std::vector<bool> needed_nodes(const Function& function) {
  std::vector<bool> needed(function.nodes.size(), false);
  for (const Output& output : function.outputs) needed[static_cast<size_t>(output.node)] = true;
  for (const NodeId argument : function.arguments) needed[static_cast<size_t>(argument)] = true;
  for (size_t i = function.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const NodeId input : function.nodes[i].inputs) needed[static_cast<size_t>(input)] = true;
  }
  return needed;
}

class Simplifier {
 public:
  Simplifier(Module& module, const std::function<void(std::string_view)>& fired)
      : module_(module), fired_(fired) {}

  /// One round: a copy of what is needed, each node rewritten as it is made. True where a rule was used.
  bool round(const Function& from, Function& to) {
    changed_ = false;
    Builder b(module_, to);
    std::vector<NodeId> made(from.nodes.size(), no_node);
    const std::vector<bool> needed = needed_nodes(from);
    for (size_t i = 0; i < from.nodes.size(); ++i) {
      if (!needed[i]) continue;
      made[i] = rewritten(b, b.copy(from, static_cast<NodeId>(i), made));
    }
    for (const Output& output : from.outputs)
      b.output(output.kind, output.name, made[static_cast<size_t>(output.node)]);
    for (const NodeId argument : from.arguments) to.arguments.push_back(made[static_cast<size_t>(argument)]);
    return changed_;
  }

 private:
  Module& module_;
  const std::function<void(std::string_view)>& fired_;
  bool changed_ = false;

  NodeId rewritten(Builder& b, NodeId id) {
    for (int n = 0; n < most_rewrites; ++n) {
      const NodeId next = step(b, id);
      if (next == id) return id;
      id = next;
      changed_ = true;
    }
    throw InternalError(
        fmt::format("simplify: the rules for `{}` do not end", row(b.function()[id].op).name));
  }

  NodeId step(Builder& b, NodeId id) {
    Rewriting at(b, id);
    for (const RewriteRule& rule : rewrite_rules()) {
      const NodeId found = rule.apply(at);
      if (found == no_node || found == id) continue;
      const NodeId result = shaped(b, found, at.node.type, rule);
      if (!stands_for(b.type(result), at.node.type)) continue;
      if (fired_) fired_(rule.name);
      return result;
    }
    return id;
  }

  /// A rule may lose axes along which all values are equal (`select` of two equal sides): they are repeated.
  static NodeId shaped(Builder& b, NodeId result, const Type& type, const RewriteRule& rule) {
    std::vector<AxisId> missing;
    for (const AxisId axis : type.axes)
      if (!b.type(result).has(axis)) missing.push_back(axis);
    if (!missing.empty()) result = b.make(Op::broadcast, {result}, {.axes = missing});
    if (b.type(result).axes != type.axes)
      throw InternalError(fmt::format("simplify: the rule `{}` changes the axes", rule.name));
    return result;
  }

  /// Users of a discrete value rely on its element (a check is bool, an index a category): it may not be
  /// lost.
  static bool stands_for(const Type& made, const Type& type) {
    const Element e = type.element;
    const bool discrete =
        e == Element::boolean || e == Element::category || e == Element::integer || e == Element::count;
    return !discrete || (made.element == e && made.range == type.range);
  }
};

}  // namespace

Module simplify(const Module& module, const std::function<void(std::string_view)>& fired) {
  Module result = module;
  for (Function& function : result.functions) {
    const auto round = [&] {
      Function next{.name = function.name, .time = function.time};
      const bool changed = Simplifier(result, fired).round(function, next);
      function = std::move(next);
      return changed;
    };
    for (int n = 0; round(); ++n)
      if (n == most_rounds) throw InternalError("simplify: no fixed point in `" + function.name + "`");
    function = ordered(function);  // also drops what rules made in vain
  }
  return result;
}

}  // namespace lvm::ir
