#include "backends/gradient/absent.h"

namespace lvm::gradient {

using ir::Builder;
using ir::Element;
using ir::NodeId;
using ir::Op;

namespace {

/// The cell, or the first category where it is absent.
NodeId category(Builder& b, NodeId cell) {
  const ir::AxisId values = b.type(cell).range;
  const NodeId same = b.binary(Op::equal, cell, b.make(Op::iota, {}, {.axes = {values}}));
  return b.make(Op::argmax, {b.select(same, b.constant(1), b.constant(0))}, {.axes = {values}});
}

NodeId filled(Builder& b, NodeId cell, NodeId observed) {
  switch (b.type(cell).element) {
    case Element::category: return category(b, cell);
    case Element::boolean: return b.binary(Op::logical_and, observed, cell);
    case Element::positive: return b.select(observed, cell, b.constant(1));
    case Element::unit: return b.select(observed, cell, b.constant(0.5));
    case Element::real:
    case Element::count:
    case Element::integer: break;
  }
  return b.select(observed, cell, b.constant(0));
}

}  // namespace

NodeId of_observed(Builder& b, const ir::Model& model, NodeId value,
                   const std::function<NodeId(NodeId)>& density) {
  const ir::Node node = b.function()[value];
  const std::optional<int> index = node.op == Op::data ? model.find(node.attributes.text) : std::nullopt;
  if (!index || !model.variables[static_cast<size_t>(*index)].missing) return density(value);
  const NodeId observed = b.unary(Op::is_finite, value);
  return b.select(observed, density(filled(b, value, observed)), b.constant(0));
}

}  // namespace lvm::gradient
