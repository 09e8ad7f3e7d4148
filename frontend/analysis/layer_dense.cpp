#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using Axes = std::vector<AxisId>;

// The axes of the result beside those that it keeps: given, or what the place has behind them.
std::optional<Axes> output_axes(LayerCall& layer, const Axes& kept) {
  if (layer.positional.size() == 2) {
    const auto axis = sized_axis(layer, *layer.positional[1]);
    if (!axis) return {};
    return Axes{*axis};
  }
  if (layer.place.empty()) {
    report(layer.context, Code::layer_size, layer.call.range,
           fmt::format("nothing gives `{}` a size", ast::print(layer.call)),
           "it feeds no output, nor anything of a known shape",
           fmt::format("write its size: `dense({}, 100)`", ast::print(*layer.positional[0])));
    return {};
  }
  if (layer.place.front() == scalar_place) return Axes{};
  const bool continues =
      layer.place.size() >= kept.size() && std::equal(kept.begin(), kept.end(), layer.place.begin());
  return continues ? Axes(layer.place.begin() + static_cast<std::ptrdiff_t>(kept.size()), layer.place.end())
                   : layer.place;
}

}  // namespace

// x W' + b along the last axis of x.
Value dense_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0]);
  if (x.poison() || !require_number(context, x)) return {};
  if (x.scalar()) {
    report_shape(layer, x,
                 fmt::format("`dense` sums along the last axis, and {} has none", sized_text(context, x)),
                 "give the network's parameter an axis");
    return {};
  }
  Axes kept = x.order;
  AxisId in = kept.back();
  kept.pop_back();
  auto out = output_axes(layer, kept);
  if (!out) return {};
  for (AxisId& axis : *out) axis = apart(context, axis, kept);
  const AxisId own = apart(context, in, *out, kept);
  if (own != in) x.node = make(context, ir::Op::rename, {x.node}, {in, own}, layer.call.range);
  in = own;
  Axes shape = *out;
  shape.push_back(in);
  const NodeId w = weight(layer, {"weight", shape, weight_start(layer, {in}, *out)});
  Value value;
  value.node = make(context, ir::Op::contract, {x.node, w}, {in}, layer.call.range);
  value.node = with_bias(layer, value.node, *out, {in});
  value.order = std::move(kept);
  value.order.insert(value.order.end(), out->begin(), out->end());
  value.uses = std::move(x.uses);
  return value;
}

// The row of a table that a category chooses.
Value embedding_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value index = evaluate(context, *layer.positional[0]);
  const auto axis = sized_axis(layer, *layer.positional[1]);
  if (index.poison() || !axis) return {};
  if (!index.category()) {
    report(context, Code::index_not_category, index.source, "`embedding` takes a category",
           fmt::format("this is `{}`", describe(context, index)), "declare it as `category[K]`");
    return {};
  }
  const AxisId out = apart(context, *axis, index.order, {index.range});
  ir::WeightStart start{.initialiser = ir::Initialiser::uniform, .scale = 0.05};
  if (layer.option("init")) start = weight_start(layer, {index.range}, {out});
  const NodeId table = weight(layer, {"weight", {index.range, out}, std::move(start)});
  Value value;
  value.node = make(context, ir::Op::gather, {table, index.node}, {index.range}, layer.call.range);
  value.order = index.order;
  value.order.push_back(out);
  value.uses = std::move(index.uses);
  normalise_axes(context, value);
  return value;
}

}  // namespace lvm::analysis
