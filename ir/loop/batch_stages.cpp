// What a batched function leaves to a library: products of matrices, convolutions, and moves of columns.

#include <algorithm>
#include <numeric>

#include "ir/loop/batch.h"
#include "ir/tensor/convolution.h"

namespace lvm::loop {

namespace {

std::vector<AxisId> without(std::vector<AxisId> axes, const std::vector<AxisId>& removed) {
  std::erase_if(axes, [&](AxisId axis) { return std::ranges::count(removed, axis) > 0; });
  return axes;
}

/// `parts` one behind the other are `whole`.
bool is_sequence(const std::vector<AxisId>& whole, std::vector<AxisId> first,
                 const std::vector<AxisId>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return whole == first;
}

/// How far the next index of `axis` lies where `axes` without the row are stored one behind the other, the
/// last one fastest.
int64_t stride_of(const ir::Module& module, const std::vector<AxisId>& axes, AxisId axis) {
  int64_t stride = 1;
  for (auto at = axes.rbegin(); at != axes.rend() && *at != axis; ++at)
    stride *= *at == row_axis ? 1 : size_of(module, *at);
  return stride;
}

}  // namespace

/// weights[in…, out…] or [out…, in…] times value[row, in…, (draws)]: the axes of each must lie one behind the
/// other.
std::optional<ir::Product> BatchSchedule::product_of_rows(NodeId id) const {
  const ir::Node& n = node(id);
  if (n.op != ir::Op::contract || n.inputs.size() != 2 || !of_rows(id)) return {};
  const bool second = of_rows(n.inputs[1]);
  const NodeId value = n.inputs[second ? 1 : 0], weights = n.inputs[second ? 0 : 1];
  const ir::Op leaf = node(weights).op;
  if (!of_rows(value) || of_rows(weights) || (leaf != ir::Op::parameter && leaf != ir::Op::derived))
    return {};
  const std::vector<AxisId>& in = n.attributes.axes;
  const std::vector<AxisId> all = node(weights).type.axes, out = without(all, in);
  const std::vector<AxisId> draws = without(without(node(value).type.axes, {row_axis}), in);
  if (without(in, all) != std::vector<AxisId>{} || draws.size() > 1 || out.empty()) return {};
  if (!is_sequence(without(node(value).type.axes, {row_axis}), in, draws)) return {};
  if (!is_sequence(without(n.type.axes, {row_axis}), out, draws)) return {};
  ir::Product made;
  made.transposed = is_sequence(all, in, out);
  if (!made.transposed && !is_sequence(all, out, in)) return {};
  made.in = elements(module_, in);
  made.out = elements(module_, out);
  made.repeats = elements(module_, draws);
  made.narrow = narrow_;
  constexpr int64_t least = 64;  // products: below, a loop is as good as a call
  return made.in * made.out < least ? std::nullopt : std::optional(made);
}

/// sum over rows (and draws) of left[row, in…] right[row, out…].
std::optional<ir::Product> BatchSchedule::product_over_rows(NodeId id) const {
  const ir::Node& n = node(id);
  if (n.op != ir::Op::contract || n.inputs.size() != 2 || of_rows(id) || !of_rows(n.inputs[0]) ||
      !of_rows(n.inputs[1]))
    return {};
  const std::vector<AxisId> draws = without(n.attributes.axes, {row_axis});
  const auto own = [&](size_t i) { return without(without(node(n.inputs[i]).type.axes, {row_axis}), draws); };
  for (const size_t i : {0U, 1U}) {
    if (!is_sequence(without(node(n.inputs[i]).type.axes, {row_axis}), own(i), draws)) return {};
  }
  if (draws.size() > 1 || own(0).empty() || own(1).empty()) return {};
  ir::Product made;
  made.kind = ir::Product::Kind::over_rows;
  made.transposed = is_sequence(n.type.axes, own(1), own(0));
  if (!made.transposed && !is_sequence(n.type.axes, own(0), own(1))) return {};
  made.in = elements(module_, own(0));
  made.out = elements(module_, own(1));
  made.repeats = elements(module_, draws);
  made.narrow = narrow_;
  return made;
}

/// Any order of the axes: only draws must be the fastest, as of products.
ir::Convolution2d BatchSchedule::convolution(NodeId id) const {
  using Kind = ir::Convolution2d::Kind;
  const ir::Node& n = node(id);
  const ir::Convolution c = ir::convolution_of(n.attributes);
  const bool transposed = n.op == ir::Op::conv2d_transpose, to_filters = n.op == ir::Op::conv2d_filters;
  const ir::ImageAxes image_axes = transposed ? c.out : c.in, steps_axes = transposed ? c.in : c.out;
  const std::vector<AxisId>&in = node(n.inputs[0]).type.axes,
        &filters = to_filters ? n.type.axes : node(n.inputs[1]).type.axes;
  const std::vector<AxisId>& out = to_filters ? node(n.inputs[1]).type.axes : n.type.axes;
  const std::vector<AxisId> draws = without(in, {row_axis, c.in.channels, c.in.rows, c.in.columns});
  if (draws.size() > 1 || (!draws.empty() && (in.back() != draws.front() || out.back() != draws.front())))
    throw ir::InternalError("schedule: a convolution over values whose draws do not lie side by side");
  const auto stored = [&](const ir::ImageAxes& axes, const std::vector<AxisId>& all) {
    return ir::Convolution2d::Image{
        size_of(module_, axes.channels),    size_of(module_, axes.rows),
        size_of(module_, axes.columns),     stride_of(module_, all, axes.channels),
        stride_of(module_, all, axes.rows), stride_of(module_, all, axes.columns)};
  };
  return {
      .kind = to_filters   ? Kind::to_filters
              : transposed ? Kind::to_image
                           : Kind::to_steps,
      .image_place = {},
      .steps_place = {},
      .filters_place = {},
      .image = stored(image_axes, transposed ? out : in),
      .steps = stored(steps_axes, transposed ? in : out),
      .filters = {size_of(module_, c.kernel_rows), size_of(module_, c.kernel_columns),
                  stride_of(module_, filters, image_axes.channels),
                  stride_of(module_, filters, steps_axes.channels),
                  stride_of(module_, filters, c.kernel_rows), stride_of(module_, filters, c.kernel_columns)},
      .stride = c.stride,
      .top = c.top,
      .left = c.left,
      .repeats = elements(module_, draws),
      .narrow = narrow_};
}

/// The columns of a reshape's result in those of its operand; none where both have the same order.
std::vector<int64_t> BatchSchedule::moves(NodeId id) const {
  const ir::Node& n = node(id);
  const std::vector<AxisId>& from = node(n.inputs[0]).type.axes;
  if (ir::keeps_memory_order(node(n.inputs[0]).type, n)) return {};
  const ir::ReshapeAxes axes = ir::reshape_axes(n.attributes);
  const std::vector<AxisId> to = without(n.type.axes, {row_axis});
  std::vector<int64_t> made(static_cast<size_t>(elements(module_, to)));
  for (size_t i = 0; i < made.size(); ++i) {
    // The index along the axes that the reshape makes, and from that along those that it takes away.
    const auto index = [&](AxisId axis) {
      return static_cast<int64_t>(i) / stride_of(module_, to, axis) % size_of(module_, axis);
    };
    int64_t flat = 0, column = 0;
    for (const AxisId axis : axes.to) flat = flat * size_of(module_, axis) + index(axis);
    for (auto axis = axes.from.rbegin(); axis != axes.from.rend(); ++axis) {
      column += flat % size_of(module_, *axis) * stride_of(module_, from, *axis);
      flat /= size_of(module_, *axis);
    }
    for (const AxisId axis : without(to, axes.to)) column += index(axis) * stride_of(module_, from, axis);
    made[i] = column;
  }
  return made;
}

void BatchSchedule::find_stages() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!live_[i]) continue;
    const auto shape = ir::row(node(id).op).shape;
    if (shape == ir::ShapeRule::conv) {
      stage_of_[i] = convolution(id);
    } else if (shape == ir::ShapeRule::reshape && of_rows(id)) {
      if (auto from = moves(id); !from.empty()) stage_of_[i] = ir::Move{{}, {}, std::move(from)};
    } else if (auto product = product_of_rows(id); product || (product = product_over_rows(id))) {
      stage_of_[i] = *product;
    }
  }
}

/// The copies that the stage of this node reads, and no stage before it has made. Filters are turned when
/// they are laid out.
void BatchSchedule::narrow_operands(NodeId id, std::vector<ir::Stage>& before) {
  const ir::Stage& stage = *stage_of_[static_cast<size_t>(id)];
  const bool product = std::holds_alternative<ir::Product>(stage);
  if (!narrow_ || std::holds_alternative<ir::Move>(stage)) return;
  for (NodeId input : node(id).inputs) {
    while (stands_alone(input) && !stage_of_[static_cast<size_t>(input)])
      input = node(input).inputs[0];  // a reshape: the same columns
    if (narrowed_[static_cast<size_t>(input)] || (!of_rows(input) && !product)) continue;
    narrowed_[static_cast<size_t>(input)] = 1;
    const int64_t numbers = elements(module_, node(input).type.axes);
    if (of_rows(input)) {
      before.emplace_back(ir::Narrow{matrix(input), numbers});
    } else {
      stages.narrow_weights.push_back({matrix(input), numbers});
    }
  }
}

/// The stage of a node with the places of its operands and of its result.
ir::Stage BatchSchedule::placed(NodeId id, ir::MatrixPlace result) const {
  const ir::Node& n = node(id);
  ir::Stage made = *stage_of_[static_cast<size_t>(id)];
  if (auto* product = std::get_if<ir::Product>(&made)) {
    const bool weights_last = product->kind == ir::Product::Kind::of_rows && of_rows(n.inputs[0]);
    product->left = matrix(n.inputs[weights_last ? 1 : 0]);
    product->right = matrix(n.inputs[weights_last ? 0 : 1]);
    product->result = result;
  } else if (auto* c = std::get_if<ir::Convolution2d>(&made)) {
    using Kind = ir::Convolution2d::Kind;
    const ir::MatrixPlace first = matrix(n.inputs[0]), second = matrix(n.inputs[1]);
    c->image_place = c->kind == Kind::to_image ? result : first;
    c->steps_place = c->kind == Kind::to_steps ? result : c->kind == Kind::to_image ? first : second;
    c->filters_place = c->kind == Kind::to_filters ? result : second;
  } else if (auto* move = std::get_if<ir::Move>(&made)) {
    move->operand = matrix(n.inputs[0]);
    move->result = result;
  }
  return made;
}

}  // namespace lvm::loop
