#pragma once
// The body of a network while it is analysed: its names, what its text says of its layers, and how shapes
// meet.

#include "frontend/analysis/context.h"

namespace lvm::analysis {

using Place = std::vector<AxisId>;
/// A place without axes: the empty place says nothing.
inline constexpr AxisId scalar_place = -1;
/// The place that a value of this shape gives to what stands beside it.
Place place_of(const std::vector<AxisId>& order);

/// What the text alone says of a layer.
struct LayerNote {
  std::string name;        // "encode.h": its weights and axes are named after it
  std::string activation;  // the function that is applied to it, directly, behind a layer that keeps shapes,
                           // or under a name; empty: none
};

struct NetworkBody {
  NetworkState& state;
  std::map<std::string, Value> locals = {};
  std::map<const ast::Expression*, LayerNote> notes = {};
  std::map<std::string, Place> places = {};  // of names: the shape of the output that they feed
  std::vector<std::string> read = {};        // names that were used

  const ast::NetDeclaration& net() const { return *state.declaration; }
};

// net_outline.cpp
/// Names every layer and finds the activation behind it.
void outline_layers(NetworkBody& body);
/// Carries the shapes of outputs backwards to the names that they are made of, through what keeps a shape.
void trace_places(NetworkBody& body, const std::map<std::string, Place>& outputs);

// net_shapes.cpp
/// `value` with its axes renamed to `order` where they are the same, or of one size and given to a layer as a
/// number; none where they do not fit.
std::optional<Value> fitted(Context& context, Value value, const std::vector<AxisId>& order);
/// Before an element-wise operator: both sides with equal axes, or those of one among those of the other.
/// False after a report.
bool meet(Context& context, const ast::Expression& expression, Value& left, Value& right);
/// "`real[L]` (L = 20)"
std::string sized_text(const Context& context, const Value& value);
/// Where a value stands, and where its shape was made.
void add_labels(const Context& context, const Value& value, std::vector<Label>& labels);

// activations.cpp
using Composition = NodeId (*)(Context&, NodeId, SourceRange);
NodeId elu(Context& context, NodeId x, SourceRange source);
NodeId leaky_relu(Context& context, NodeId x, SourceRange source);
NodeId gelu(Context& context, NodeId x, SourceRange source);

// networks.cpp
Value body_name(Context& context, const ast::Expression& expression);

}  // namespace lvm::analysis
