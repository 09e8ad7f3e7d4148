// Networks that read variables with absent cells, which hold NaN (docs/decisions.md, 15).

#include "frontend/analysis/layers.h"

namespace lvm::analysis {

// fill(y, 0): y where it is observed, else the number.
Value fill_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0], layer.place);
  const Value other = evaluate(context, *layer.positional[1]);
  if (x.poison() || other.poison() || !require_number(context, x) || !require_number(context, other))
    return {};
  if (!other.scalar()) {
    report_shape(layer, other, "`fill` puts one number in the place of absent cells", "write `fill(y, 0)`");
    return {};
  }
  const NodeId observed = context.builder.make(ir::Op::equal, {x.node, x.node}, {}, layer.call.range);
  x.node = context.builder.make(ir::Op::select, {observed, x.node, other.node}, {}, layer.call.range);
  x.facts = common_facts(x.facts, other.facts);
  x.domain = ir::Domain::real;
  merge_uses(x.uses, other.uses);
  return x;
}

// observed(y): 1 where y is observed, else 0.
Value observed_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0], layer.place);
  if (x.poison()) return {};
  x.node = context.builder.make(ir::Op::equal, {x.node, x.node}, {}, layer.call.range);
  x.facts = facts_of(ir::Element::boolean);
  x.domain = ir::Domain::real;
  x.range = -1;
  x.number.reset();
  return x;
}

}  // namespace lvm::analysis
