// The tables of Tensor and the axes of a module.

#include "ir/tensor/tensor.h"

#include <algorithm>
#include <array>

namespace lvm::ir {

namespace {

constexpr OpRow op_rows[] = {
#define LVM_OP(name, arity, shape, attributes) \
  {#name, arity, ShapeRule::shape, PrintedAttributes::attributes},
#include "ir/tensor/ops.def"
#undef LVM_OP
};

constexpr std::array element_names = {"real", "positive", "unit", "bool", "count", "integer", "category"};
constexpr std::array time_names = {"plain", "once", "prepare", "rows", "update"};
constexpr std::array output_names = {"result", "derived",   "statistic", "objective",
                                     "row",    "parameter", "check"};
constexpr std::array level_names = {"elbo", "canonical", "step"};

}  // namespace

std::string_view name(Element element) {
  return element_names[static_cast<size_t>(element)];
}
std::string_view name(BindingTime time) {
  return time_names[static_cast<size_t>(time)];
}
std::string_view name(OutputKind kind) {
  return output_names[static_cast<size_t>(kind)];
}
std::string_view name(Level level) {
  return level_names[static_cast<size_t>(level)];
}

const OpRow& row(Op op) {
  return op_rows[static_cast<size_t>(op)];
}

std::optional<Op> find_op(std::string_view name) {
  for (size_t i = 0; i < std::size(op_rows); ++i)
    if (op_rows[i].name == name) return static_cast<Op>(i);
  return std::nullopt;
}

bool Type::has(AxisId axis) const {
  return std::binary_search(axes.begin(), axes.end(), axis);
}

AxisId Module::add_axis(Axis axis) {
  axes.push_back(std::move(axis));
  return static_cast<AxisId>(axes.size() - 1);
}

std::optional<AxisId> Module::find_axis(std::string_view axis_name) const {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i].name == axis_name) return static_cast<AxisId>(i);
  return std::nullopt;
}

AxisId Module::twin(AxisId axis_id) {
  Axis copy = axis(axis_id);
  copy.name += "'";
  if (auto found = find_axis(copy.name)) return *found;
  return add_axis(std::move(copy));
}

Function* Module::find(std::string_view function_name) {
  for (auto& function : functions)
    if (function.name == function_name) return &function;
  return nullptr;
}

const Function* Module::find(std::string_view function_name) const {
  return const_cast<Module*>(this)->find(function_name);
}

int64_t Module::elements(const Type& type) const {
  int64_t product = 1;
  for (AxisId id : type.axes) {
    if (axis(id).kind == AxisKind::rows) continue;
    if (axis(id).size == unknown_size) return unknown_size;
    product *= axis(id).size;
  }
  return product;
}

}  // namespace lvm::ir
