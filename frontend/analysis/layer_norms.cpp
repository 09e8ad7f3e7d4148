// Layers that centre and scale.

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using Axes = std::vector<AxisId>;

struct Moments {
  NodeId mean, centred, variance;
};

// Of the elements along `axes`, of which x has all. Their number may come from the data.
Moments moments(LayerCall& layer, NodeId x, const Axes& axes) {
  Context& context = layer.context;
  ir::Builder& b = context.builder;
  const SourceRange source = layer.call.range;
  const NodeId ones = make(context, ir::Op::broadcast, {b.constant(1)}, axes, source);
  const NodeId count = make(context, ir::Op::sum, {ones}, axes, source);
  const auto mean_of = [&](NodeId values) {
    return b.make(ir::Op::div, {make(context, ir::Op::sum, {values}, axes, source), count}, {}, source);
  };
  Moments m{};
  m.mean = mean_of(x);
  m.centred = b.make(ir::Op::sub, {x, m.mean}, {}, source);
  m.variance = mean_of(b.make(ir::Op::square, {m.centred}, {}, source));
  return m;
}

struct Affine {
  NodeId gain, bias;
};

Affine affine(LayerCall& layer, const Axes& axes) {
  const NodeId gain = weight(layer, {"gain", axes, {.initialiser = ir::Initialiser::one}});
  return {gain, weight(layer, {"bias", axes, {}})};
}

// gain (x - mean) / sqrt(variance + epsilon) + bias
NodeId scaled(LayerCall& layer, NodeId centred, NodeId variance, double epsilon, const Affine& by) {
  ir::Builder& b = layer.context.builder;
  const SourceRange source = layer.call.range;
  const NodeId wide = b.make(ir::Op::add, {variance, b.constant(epsilon)}, {}, source);
  const NodeId spread = b.make(ir::Op::sqrt, {wide}, {}, source);
  const NodeId scale = b.make(ir::Op::div, {by.gain, spread}, {}, source);
  const NodeId product = b.make(ir::Op::mul, {centred, scale}, {}, source);
  return b.make(ir::Op::add, {product, by.bias}, {}, source);
}

// The first argument with at least one axis; poison after a report.
Value numbers_along_axes(LayerCall& layer) {
  Value x = evaluate(layer.context, *layer.positional[0], layer.place);
  if (x.poison() || !require_number(layer.context, x)) return {};
  if (!x.scalar()) return x;
  report_shape(
      layer, x,
      fmt::format("`{}` takes a value with axes, not {}", layer.call.text, sized_text(layer.context, x)), "");
  return {};
}

Value result(Value x, NodeId node) {
  x.node = node;
  x.facts = {};
  x.domain = ir::Domain::real;
  x.definite = Definite::no;
  x.number.reset();
  return x;
}

}  // namespace

// Over all axes of a row's value: Ba, Kiros & Hinton 2016, eq. 3.
Value layer_norm_layer(LayerCall& layer) {
  const Value x = numbers_along_axes(layer);
  if (x.poison()) return {};
  const double epsilon = option_number(layer, "epsilon", 0, 1, 1e-5);
  const Moments m = moments(layer, x.node, x.order);
  return result(x, scaled(layer, m.centred, m.variance, epsilon, affine(layer, x.order)));
}

// Over the rows of a batch, and over the pixels of an image: Ioffe & Szegedy 2015, algorithms 1 and 2.
// Outside of training steps the moments are those that ran along, which makes a row's value its own.
Value batch_norm_layer(LayerCall& layer) {
  Context& context = layer.context;
  const Value x = numbers_along_axes(layer);
  if (x.poison()) return {};
  const double epsilon = option_number(layer, "epsilon", 0, 1, 1e-5);
  const double momentum = option_number(layer, "momentum", 0, 1, 0.9);
  const bool image = x.order.size() == 3;
  const Axes kept = image ? Axes{x.order.front()} : x.order;
  Axes over = {ir::row_axis};
  if (image) over.insert(over.end(), x.order.begin() + 1, x.order.end());
  std::sort(over.begin(), over.end());
  const SourceRange source = layer.call.range;
  ir::Builder& b = context.builder;
  const Affine by = affine(layer, kept);
  const Moments batch = moments(layer, x.node, over);
  const NodeId train = training(context);
  const auto running = [&](const char* name, NodeId of_batch, ir::Initialiser begin) {
    const NodeId leaf = weight(layer, {name, kept, {.initialiser = begin}});
    const std::string variable = layer.note.name + "." + name;
    context.model.variables[static_cast<size_t>(*context.model.find(variable))].momentum = momentum;
    context.body->state.followers.push_back({variable, of_batch});
    return b.make(ir::Op::select, {train, of_batch, leaf}, {}, source);
  };
  const NodeId mean = running("mean", batch.mean, ir::Initialiser::zero);
  const NodeId variance = running("variance", batch.variance, ir::Initialiser::one);
  const NodeId centred = b.make(ir::Op::sub, {x.node, mean}, {}, source);
  return result(x, scaled(layer, centred, variance, epsilon, by));
}

}  // namespace lvm::analysis
