// Before a loop over a long axis: what its body would compute again and again is kept in scratch for the rows
// at work.

#include "ir/loop/evaluate.h"

namespace lvm::loop {

const Evaluator::Local* Evaluator::local(NodeId id, const Binding& binding) const {
  auto found = locals_.find(id);
  if (found == locals_.end()) return nullptr;
  for (AxisId axis : node(id).type.axes) {
    if (axis == row_axis || axis == found->second.axis) continue;
    if (!(binding[static_cast<size_t>(axis)] == found->second.binding[static_cast<size_t>(axis)]))
      return nullptr;
  }
  return &found->second;
}

void Evaluator::keep(NodeId id, AxisId axis, const Binding& binding, Storage to) {
  locals_[id] = {axis, binding, std::move(to)};
  locals_in_.back().push_back(id);
}

/// Makes values of `id` ready for a loop over `axis`: what does not depend on it is computed now, and vectors
/// that each round of the loop needs as a whole are kept in scratch.
void Evaluator::make_locals(AxisId axis, NodeId id, const Binding& binding) {
  const ir::Node& n = node(id);
  if (storage[static_cast<size_t>(id)] || local(id, binding)) return;
  if (!n.type.has(axis)) {
    if (ir::row(n.op).shape != ir::ShapeRule::leaf) value(id, binding);
    return;
  }
  if (n.op == ir::Op::triangular_apply && n.attributes.axes[0] == axis) return make_local(axis, id, binding);
  switch (ir::row(n.op).shape) {
    case ir::ShapeRule::pointwise:
    case ir::ShapeRule::broadcast:
    case ir::ShapeRule::contract:
      for (NodeId input : n.inputs) make_locals(axis, input, binding);
      break;
    case ir::ShapeRule::rename: {
      Binding inner = binding;
      AxisId inner_axis = axis;
      for (size_t i = 0; i + 1 < n.attributes.axes.size(); i += 2) {
        AxisId from = n.attributes.axes[i], to = n.attributes.axes[i + 1];
        inner[static_cast<size_t>(from)] = binding[static_cast<size_t>(to)];
        if (to == axis) inner_axis = from;
      }
      make_locals(inner_axis, n.inputs[0], inner);
      break;
    }
    case ir::ShapeRule::leaf:
    case ir::ShapeRule::reduce:
    case ir::ShapeRule::gather:
    case ir::ShapeRule::one_hot:
    case ir::ShapeRule::stack:
    case ir::ShapeRule::slice:
    case ir::ShapeRule::diag:
    case ir::ShapeRule::diagonal:
    case ir::ShapeRule::reshape:
    case ir::ShapeRule::matrix:
    case ir::ShapeRule::apply:
    case ir::ShapeRule::eigenvalues:
    case ir::ShapeRule::matmul:
    case ir::ShapeRule::conv:
    case ir::ShapeRule::call:
    case ir::ShapeRule::scan:
    case ir::ShapeRule::logpdf: break;
  }
}

void Evaluator::make_local(AxisId axis, NodeId id, const Binding& binding) {
  const ir::Node& n = node(id);
  bool vectors = n.type.has(row_axis);
  int64_t count = vectors ? groups : 1, unit = vectors ? lane_count * count : 1,
          size = size_of(module_, axis);
  Storage to{vectors ? Storage::Form::vector : Storage::Form::scalar,
             Buffer::scratch,
             arena_.take(size * unit),
             {{axis, unit}, {row_axis, 1}}};
  if (n.op == ir::Op::triangular_apply) {
    keep_vector(n, binding);
    fill_apply(n, binding, to);
  } else {
    b_.loop(b_.index(0), b_.index(size), 1, [&](Value i) {
      for (int64_t group = 0; group < count; ++group) {
        Binding at = vectors ? of_group(binding, group) : binding;
        at[static_cast<size_t>(axis)] = {i, 0};
        store(to, at, value(id, at));
      }
    });
  }
  keep(id, axis, binding, to);
}

}  // namespace lvm::loop
