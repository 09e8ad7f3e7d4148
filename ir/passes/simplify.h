#pragma once
// simplify: Module -> Module of any level.  Purpose: fewer and cheaper nodes with the same values.
// Before: verified.  After: no rule of the table applies, equal nodes are one node, and every node is needed
// by an output (arguments of plain functions stay); nodes are in the order of `ordered`. Values are the same
// bits where a rule says `exact`, else the same up to rounding on the domain it states.
//
//   %1 = add %0, 0; %2 = log %1; %3 = exp %2   ->   %0      (of a positive %0)

#include <functional>
#include <string_view>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// What a rule looks at: one node of the function under construction and what it may append to.
struct Rewriting {
  Builder& b;
  NodeId id;
  Node node;  // a copy: rules append
  Rewriting(Builder& builder, NodeId at) : b(builder), id(at), node(builder.function()[at]) {}
  NodeId input(size_t i) const { return node.inputs[i]; }
  const Node& of(NodeId other) const { return b.function()[other]; }
  bool is(size_t i, Op op) const { return of(input(i)).op == op; }
  /// The first input of the i-th input.
  NodeId below(size_t i) const { return of(input(i)).inputs[0]; }
  bool constant(size_t i, double value) const {
    return is(i, Op::constant) && of(input(i)).attributes.number == value;
  }
  bool positive(NodeId other) const { return of(other).type.element == Element::positive; }
};

struct RewriteRule {
  std::string_view name, before, after;
  bool exact;                // the same bits
  std::string_view assumes;  // domain, NaN and signed zero where it matters
  NodeId (*apply)(
      Rewriting&);  // no_node where it does not fit; axes that the result lacks are added by the pass
};

const std::vector<RewriteRule>& rewrite_rules();

/// `fired` (where given) is called with the name of each rule that was used.
Module simplify(const Module& module, const std::function<void(std::string_view)>& fired = {});

}  // namespace lvm::ir
