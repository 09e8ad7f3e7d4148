// Layers that draw numbers while networks are trained.

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {

NodeId training(Context& context) {
  return context.builder.leaf(ir::Op::derived, ir::training_leaf, {ir::Element::boolean, {}, -1});
}

// While training each element is 0 with probability `rate`, and the others grow so that the mean stays
// (Srivastava et al. 2014, sec. 10); else x itself.
Value dropout_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0], layer.place);
  const auto rate = literal_number(*layer.positional[1]);
  if (!rate || *rate < 0 || *rate >= 1) {
    report(
        context, Code::layer_option, layer.positional[1]->range,
        fmt::format("`{}` cannot be the share that `dropout` takes away", ast::print(*layer.positional[1])),
        "", "write a number from 0, below 1");
    return {};
  }
  if (x.poison() || !require_number(context, x)) return {};
  if (*rate == 0) return x;
  const SourceRange source = layer.call.range;
  ir::Builder& b = context.builder;
  ir::Type type{ir::Element::unit, b.type(x.node).axes, -1};
  if (!type.has(ir::row_axis)) type.axes.insert(type.axes.begin(), ir::row_axis);
  const NodeId noise = b.leaf(ir::Op::data, ir::noise_prefix + layer.note.name, std::move(type), source);
  const NodeId stays = b.make(ir::Op::less, {noise, b.constant(1 - *rate)}, {}, source);
  const NodeId grown = b.make(ir::Op::mul, {x.node, b.constant(1 / (1 - *rate))}, {}, source);
  const NodeId dropped = b.make(ir::Op::select, {stays, grown, b.constant(0)}, {}, source);
  x.node = b.make(ir::Op::select, {training(context), dropped, x.node}, {}, source);
  x.facts = {.nonnegative = x.facts.nonnegative};
  x.domain = ir::Domain::real;
  x.definite = Definite::no;
  x.number.reset();
  return x;
}

}  // namespace lvm::analysis
