#pragma once
// Layers: one row each in layers.cpp, one rule each in the file of their concept.

#include "frontend/analysis/network.h"

namespace lvm::analysis {

/// The call of a layer, its arguments sorted.
struct LayerCall {
  Context& context;
  const ast::Expression& call;
  const LayerNote& note;
  const Place& place;
  std::vector<const ast::Expression*> positional;
  std::map<std::string, const ast::Expression*> options;

  const ast::Expression* option(const std::string& name) const;
};

struct LayerRow {
  std::string_view name;
  size_t least, most;        // positional arguments
  std::string_view options;  // named ones, each between spaces
  bool named;                // it has weights or makes axes, which are named after it
  bool keeps_shape;          // the result has the shape of the first argument
  Value (*rule)(LayerCall&);
};

// layers.cpp
const LayerRow* find_layer(std::string_view name);
std::vector<std::string> layer_names();
/// A `dense` without a size takes the shape of its place.
bool layer_is_open(Context& context, const ast::Expression& call);
Value evaluate_layer(Context& context, const ast::Expression& call, const Place& place);

// layer_sizes.cpp
/// The axis that `size` names, or a new one of that size, named after the layer; none after a report.
std::optional<AxisId> sized_axis(LayerCall& layer, const ast::Expression& size,
                                 const std::string& suffix = {});
/// The whole number from `least` that `value` is; none after a report.
std::optional<int64_t> whole_number(LayerCall& layer, const ast::Expression& value, std::string_view what,
                                    int64_t least);
/// The number literal of an option, in [low, high); `otherwise` without one or after a report.
double option_number(LayerCall& layer, const std::string& name, double low, double high, double otherwise);
AxisId layer_axis(Context& context, const std::string& name, int64_t size, SourceRange range);
/// `axis`, or a twin of it that stands in neither list.
AxisId apart(Context& context, AxisId axis, const std::vector<AxisId>& from,
             const std::vector<AxisId>& and_from = {});
/// False after a report: the axes' sizes must be known when the model is compiled.
bool require_sizes(LayerCall& layer, const Value& value);
/// Reports that the layer cannot take a value of this shape.
void report_shape(LayerCall& layer, const Value& value, std::string message, std::string hint);

// weights.cpp
struct WeightShape {
  std::string name;  // "weight"
  std::vector<AxisId> axes;
  ir::WeightStart start;
};
/// The leaf of a weight; the same for every use of the layer.
NodeId weight(LayerCall& layer, WeightShape shape);
/// The start of a weight matrix: what the option `init` says, else what suits the activation.
ir::WeightStart weight_start(LayerCall& layer, std::vector<AxisId> fan_in, std::vector<AxisId> fan_out);
/// Adds a bias over `axes` unless the layer has `bias: none`.
NodeId with_bias(LayerCall& layer, NodeId product, const std::vector<AxisId>& axes,
                 const std::vector<AxisId>& fan_in);

/// 1 in the steps that train networks, else 0.
NodeId training(Context& context);

// layer_dense.cpp
Value dense_layer(LayerCall& layer);
Value embedding_layer(LayerCall& layer);
// layer_norms.cpp
Value layer_norm_layer(LayerCall& layer);
Value batch_norm_layer(LayerCall& layer);
// layer_random.cpp
Value dropout_layer(LayerCall& layer);
// layer_shapes.cpp
Value flatten_layer(LayerCall& layer);
Value reshape_layer(LayerCall& layer);
// layer_triangles.cpp
Value cholesky_factor_layer(LayerCall& layer);
// layer_images.cpp
Value conv2d_layer(LayerCall& layer);
Value conv2d_transpose_layer(LayerCall& layer);
// layer_masks.cpp
Value fill_layer(LayerCall& layer);
Value observed_layer(LayerCall& layer);

}  // namespace lvm::analysis
