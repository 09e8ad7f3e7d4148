// Layers that only give numbers other axes: row-major in the order in which the axes are written.

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/layers.h"
#include "ir/tensor/convolution.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using Axes = std::vector<AxisId>;

int64_t element_count(const Context& context, const Axes& axes) {
  int64_t count = 1;
  for (const AxisId axis : axes) count *= axis_size(context, axis);
  return count;
}

// Numbers lie in memory by the ids of axes: with ids in the written order a reshape moves none of them.
void order_in_memory(LayerCall& layer, Value& x) {
  if (std::is_sorted(x.order.begin(), x.order.end())) return;
  Axes pairs, order;
  for (const AxisId axis : x.order) {
    const std::string name =
        fmt::format("{}.{}", layer.note.name, layer.context.model.module.axis(axis).name);
    order.push_back(layer_axis(layer.context, name, axis_size(layer.context, axis), layer.call.range));
    pairs.insert(pairs.end(), {axis, order.back()});
  }
  x.node = make(layer.context, ir::Op::rename, {x.node}, pairs, layer.call.range);
  x.order = std::move(order);
}

// x under `axes` of as many elements, made behind all axes of x.
Value reshaped(LayerCall& layer, Value x, Axes axes) {
  order_in_memory(layer, x);
  x.node = layer.context.builder.make(ir::Op::reshape, {x.node}, ir::reshape_attributes(x.order, axes),
                                      layer.call.range);
  x.order = std::move(axes);
  x.domain = ir::Domain::real;
  x.definite = Definite::no;
  return x;
}

// What stands behind the first argument: `[64, 7, 7]`, or the sizes one by one.
std::vector<const Expression*> listed_sizes(const LayerCall& layer) {
  std::vector<const Expression*> sizes(layer.positional.begin() + 1, layer.positional.end());
  if (sizes.size() != 1 || sizes.front()->kind != ast::ExpressionKind::list) return sizes;
  const Expression& list = *sizes.front();
  sizes.clear();
  for (const auto& child : list.children) sizes.push_back(child.get());
  return sizes;
}

}  // namespace

Value flatten_layer(LayerCall& layer) {
  Value x = evaluate(layer.context, *layer.positional[0]);
  if (x.poison() || !require_number(layer.context, x)) return {};
  if (x.order.size() == 1) return x;
  if (x.scalar()) {
    report_shape(layer, x, fmt::format("`flatten` joins axes, and {} has none", sized_text(layer.context, x)),
                 "");
    return {};
  }
  if (!require_sizes(layer, x)) return {};
  const AxisId axis =
      layer_axis(layer.context, layer.note.name, element_count(layer.context, x.order), layer.call.range);
  return reshaped(layer, std::move(x), {axis});
}

Value reshape_layer(LayerCall& layer) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0]);
  Axes named, fresh;
  for (const Expression* size : listed_sizes(layer)) {
    const auto axis = sized_axis(layer, *size, fmt::format(".{}", named.size() + 1));
    if (!axis) return {};
    named.push_back(*axis);
  }
  if (x.poison() || !require_number(context, x) || !require_sizes(layer, x)) return {};
  Value wanted;
  wanted.order = named;
  wanted.facts = x.facts;
  if (!require_sizes(layer, wanted)) return {};
  const int64_t before = element_count(context, x.order), after = element_count(context, named);
  if (before != after) {
    report_shape(layer, x,
                 fmt::format("{} has {} elements, and {} has {}", sized_text(context, x), before,
                             sized_text(context, wanted), after),
                 "");
    return {};
  }
  // An axis of the model may stand before those of x, or be one of them: it is given its name behind the
  // reshape.
  Axes pairs;
  for (size_t i = 0; i < named.size(); ++i) {
    const AxisId axis = named[i];
    const bool own = context.layer_axes.contains(axis);
    fresh.push_back(own ? axis
                        : layer_axis(context, fmt::format("{}.{}", layer.note.name, i + 1),
                                     axis_size(context, axis), layer.call.range));
    if (!own) pairs.insert(pairs.end(), {fresh.back(), axis});
  }
  Value value = reshaped(layer, std::move(x), fresh);
  if (!pairs.empty()) value.node = make(context, ir::Op::rename, {value.node}, pairs, layer.call.range);
  value.order = std::move(named);
  return value;
}

}  // namespace lvm::analysis
