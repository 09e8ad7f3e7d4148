// Convolutions of images with the axes channel, rows, columns; filters[out, in, kernel rows, kernel columns].

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/layers.h"
#include "ir/tensor/convolution.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using Axes = std::vector<AxisId>;

struct Window {
  int64_t kernel, stride = 1;
  enum class Padding : uint8_t { same, valid, zeros } padding = Padding::valid;
  int64_t zeros = 0;  // on each side
};

// One direction: how far the filter begins before the image, and the size of the result.
struct Extent {
  int64_t before = 0;
  int64_t size = 0;
};

// TensorFlow's rule: as many steps as rows divided by the stride, rounded up, with an odd zero at the end.
int64_t zeros_before(int64_t steps, const Window& window, int64_t image) {
  return std::max<int64_t>((steps - 1) * window.stride + window.kernel - image, 0) / 2;
}

Extent convolved(int64_t image, const Window& window) {
  switch (window.padding) {
    case Window::Padding::same: {
      const int64_t steps = (image + window.stride - 1) / window.stride;
      return {zeros_before(steps, window, image), steps};
    }
    case Window::Padding::valid:
      return {0, image < window.kernel ? 0 : (image - window.kernel) / window.stride + 1};
    case Window::Padding::zeros: {
      const int64_t wide = image + 2 * window.zeros;
      return {window.zeros, wide < window.kernel ? 0 : (wide - window.kernel) / window.stride + 1};
    }
  }
  return {};
}

// The image of which the convolution has `steps` steps.
Extent transposed(int64_t steps, const Window& window) {
  switch (window.padding) {
    case Window::Padding::same:
      return {zeros_before(steps, window, steps * window.stride), steps * window.stride};
    case Window::Padding::valid:
      return {0, (steps - 1) * window.stride + std::max(window.kernel, window.stride)};
    case Window::Padding::zeros:
      return {window.zeros, (steps - 1) * window.stride + window.kernel - 2 * window.zeros};
  }
  return {};
}

bool read_padding(LayerCall& layer, Window& window) {
  const Expression* padding = layer.option("padding");
  if (!padding) return true;
  if (padding->kind == ast::ExpressionKind::name && (padding->text == "same" || padding->text == "valid")) {
    window.padding = padding->text == "same" ? Window::Padding::same : Window::Padding::valid;
    return true;
  }
  if (padding->kind == ast::ExpressionKind::name && !find_entity(layer.context, padding->text)) {
    report(layer.context, Code::layer_option, padding->range,
           fmt::format("`{}` is no padding", padding->text), "",
           "write `same`, `valid`, or how many zeros stand on each side");
    return false;
  }
  const auto zeros = whole_number(layer, *padding, "padding", 0);
  if (!zeros) return false;
  window.padding = Window::Padding::zeros;
  window.zeros = *zeros;
  if (*zeros < window.kernel) return true;
  report(layer.context, Code::layer_option, padding->range,
         fmt::format("a padding of {} lets the kernel of {} stand on zeros alone", *zeros, window.kernel), "",
         "write `same`, `valid`, or fewer zeros than the kernel has rows");
  return false;
}

// None after a report.
std::optional<Window> read_window(LayerCall& layer) {
  const Expression* kernel = layer.option("kernel");
  if (!kernel) {
    report(layer.context, Code::layer_option, layer.call.range,
           fmt::format("`{}` needs the size of its filters", layer.call.text), "", "write `kernel: 3`");
    return {};
  }
  const auto size = whole_number(layer, *kernel, "kernel", 1);
  if (!size) return {};
  Window window{.kernel = *size};
  if (const Expression* stride = layer.option("stride")) {
    const auto step = whole_number(layer, *stride, "stride", 1);
    if (!step) return {};
    window.stride = *step;
  }
  if (!read_padding(layer, window)) return {};
  return window;
}

bool require_image(LayerCall& layer, const Value& x) {
  if (x.order.size() == 3) return require_sizes(layer, x);
  report_shape(layer, x,
               fmt::format("`{}` takes an image with the axes channel, rows and columns, not {}",
                           layer.call.text, sized_text(layer.context, x)),
               x.order.size() == 2 ? "add a channel: `reshape(x, 1, 28, 28)`"
                                   : "`reshape(x, 1, 28, 28)` makes an image of numbers");
  return false;
}

// The axis of the place, where it has this size and is not taken; else a new one. It saves the renaming
// behind the layer.
AxisId result_axis(LayerCall& layer, size_t index, int64_t size, const char* suffix, const Axes& taken) {
  if (layer.place.size() == 3) {
    const AxisId axis = layer.place[index];
    const bool free = std::find(taken.begin(), taken.end(), axis) == taken.end();
    if (free && axis_size(layer.context, axis) == size) return axis;
  }
  return layer_axis(layer.context, layer.note.name + suffix, size, layer.call.range);
}

std::optional<AxisId> channel_axis(LayerCall& layer, const Axes& taken) {
  const Expression& given = *layer.positional[1];
  const Entity* entity =
      given.kind == ast::ExpressionKind::name ? find_entity(layer.context, given.text) : nullptr;
  if (!entity || entity->kind != EntityKind::axis) {
    const auto size = whole_number(layer, given, "", 1);
    if (!size) return {};
    return result_axis(layer, 0, *size, "", taken);
  }
  const auto axis = resolve_axis(layer.context, {given.text, given.range});
  if (!axis || axis_size(layer.context, *axis) != ir::unknown_size) return axis;
  report(layer.context, Code::layer_size, given.range,
         fmt::format("`{}` needs the size of `{}`, which is known only with the data", layer.call.text,
                     axis_text(layer.context, *axis)));
  return {};
}

// The result may have an axis of the input, which then takes another name.
void keep_apart(LayerCall& layer, Value& x, AxisId channel) {
  Axes pairs;
  Axes taken = x.order;
  taken.push_back(channel);
  for (AxisId& axis : x.order) {
    if (axis != channel) continue;
    axis = apart(layer.context, axis, taken);
    pairs = {channel, axis};
  }
  if (!pairs.empty()) x.node = make(layer.context, ir::Op::rename, {x.node}, pairs, layer.call.range);
}

bool check_extents(LayerCall& layer, const Value& x, const Window& window, Extent rows, Extent columns) {
  if (rows.size > 0 && columns.size > 0) return true;
  report_shape(
      layer, x,
      fmt::format("a kernel of {} does not fit into {}{}", window.kernel, sized_text(layer.context, x),
                  window.zeros > 0 ? fmt::format(" with {} zeros around it", window.zeros) : ""),
      "take a smaller kernel, or `padding: same`");
  return false;
}

Value convolution_layer(LayerCall& layer, ir::Op op) {
  Context& context = layer.context;
  Value x = evaluate(context, *layer.positional[0]);
  const auto window = read_window(layer);
  if (x.poison() || !window || !require_number(context, x) || !require_image(layer, x)) return {};
  const bool forward = op == ir::Op::conv2d;
  const auto extent = [&](size_t index) {
    const int64_t size = axis_size(context, x.order[index]);
    return forward ? convolved(size, *window) : transposed(size, *window);
  };
  const Extent rows = extent(1), columns = extent(2);
  if (!check_extents(layer, x, *window, rows, columns)) return {};
  const auto channel = channel_axis(layer, x.order);
  if (!channel) return {};
  keep_apart(layer, x, *channel);
  Axes taken = x.order;
  taken.push_back(*channel);
  const AxisId out_rows = result_axis(layer, 1, rows.size, ".rows", taken);
  taken.push_back(out_rows);
  const AxisId out_columns = result_axis(layer, 2, columns.size, ".columns", taken);
  const AxisId kernel_rows =
      layer_axis(context, layer.note.name + ".kernel_rows", window->kernel, layer.call.range);
  const AxisId kernel_columns =
      layer_axis(context, layer.note.name + ".kernel_columns", window->kernel, layer.call.range);
  const ir::Convolution convolution{{x.order[0], x.order[1], x.order[2]},
                                    {*channel, out_rows, out_columns},
                                    kernel_rows,
                                    kernel_columns,
                                    window->stride,
                                    rows.before,
                                    columns.before};
  Axes fan_in = {x.order[0], kernel_rows, kernel_columns}, fan_out = {*channel, kernel_rows, kernel_columns};
  // Keras and PyTorch count the fans of a transposed convolution as those of the convolution that it is the
  // adjoint of.
  if (!forward) std::swap(fan_in, fan_out);
  const NodeId filters = weight(
      layer,
      {"weight", {*channel, x.order[0], kernel_rows, kernel_columns}, weight_start(layer, fan_in, fan_out)});
  Value value;
  value.node = context.builder.make(op, {x.node, filters}, ir::attributes_of(convolution), layer.call.range);
  value.node = with_bias(layer, value.node, {*channel}, fan_in);
  value.order = {*channel, out_rows, out_columns};
  value.uses = std::move(x.uses);
  return value;
}

}  // namespace

Value conv2d_layer(LayerCall& layer) {
  return convolution_layer(layer, ir::Op::conv2d);
}

Value conv2d_transpose_layer(LayerCall& layer) {
  return convolution_layer(layer, ir::Op::conv2d_transpose);
}

}  // namespace lvm::analysis
