#include "ir/loop/layout.h"

#include <fmt/format.h>

namespace lvm::loop {

int64_t size_of(const ir::Module& module, AxisId axis) {
  int64_t size = module.axis(axis).size;
  if (size < 0) throw ir::InternalError(fmt::format("schedule: axis {} has no size", module.axis(axis).name));
  return size;
}

Strides row_major(const ir::Module& module, const std::vector<AxisId>& axes, int64_t unit) {
  Strides strides;
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i] == row_axis) continue;
    strides.insert(strides.begin(), {axes[i], unit});
    unit *= size_of(module, axes[i]);
  }
  return strides;
}

int64_t elements(const ir::Module& module, const std::vector<AxisId>& axes) {
  int64_t count = 1;
  for (AxisId axis : axes) {
    if (axis != row_axis) count *= size_of(module, axis);
  }
  return count;
}

Value index_value(Builder& b, Index index) {
  if (index.value == no_value) return b.index(index.constant);
  return b.integer(Op::int_add, index.value, b.index(index.constant));
}

Index linear(Builder& b, const Strides& strides, const Binding& binding, int64_t offset) {
  Index sum{no_value, offset};
  for (auto [axis, stride] : strides) {
    const Index& at = binding[static_cast<size_t>(axis)];
    sum.constant += stride * at.constant;
    if (at.value == no_value) continue;
    Value product = b.integer(Op::int_mul, at.value, b.index(stride));
    sum.value = sum.value == no_value ? product : b.integer(Op::int_add, sum.value, product);
  }
  return sum;
}

std::vector<char> live_nodes(const ir::Function& function) {
  std::vector<char> live(function.nodes.size(), 0);
  for (const ir::Output& output : function.outputs) live[static_cast<size_t>(output.node)] = 1;
  for (size_t i = function.nodes.size(); i-- > 0;) {
    if (!live[i]) continue;
    for (NodeId input : function.nodes[i].inputs) live[static_cast<size_t>(input)] = 1;
  }
  return live;
}

}  // namespace lvm::loop
