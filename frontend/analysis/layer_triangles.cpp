// Factors of covariances from free numbers.

#include <fmt/format.h>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {

// Of x[.., D, D'] what lies below the diagonal, and exp of what lies on it: a Cholesky factor whatever x is.
Value cholesky_factor_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0], layer.place);
  if (x.poison() || !require_number(context, x)) return {};
  const size_t n = x.order.size();
  if (n < 2 || base_axis(context, x.order[n - 1]) != base_axis(context, x.order[n - 2])) {
    report_shape(
        layer, x,
        fmt::format("`cholesky_factor` takes a square matrix, and this is {}", sized_text(context, x)),
        "let it feed an output `real[L, L]`: `cholesky_factor(dense(h))`");
    return {};
  }
  const SourceRange range = layer.call.range;
  ir::Builder& b = context.builder;
  const NodeId row = make(context, ir::Op::iota, {}, {x.order[n - 2]}, range);
  const NodeId column = make(context, ir::Op::iota, {}, {x.order[n - 1]}, range);
  const NodeId on = b.make(ir::Op::equal, {column, row}, {}, range);
  const NodeId below = b.make(ir::Op::less, {column, row}, {}, range);
  // exp of the others could overflow, and its derivative with it.
  const NodeId diagonal = b.make(ir::Op::exp, {b.select(on, x.node, b.constant(0))}, {}, range);
  x.node = b.select(on, diagonal, b.select(below, x.node, b.constant(0)));
  x.facts = {};
  x.domain = ir::Domain::real;
  x.definite = Definite::no;
  return x;
}

}  // namespace lvm::analysis
