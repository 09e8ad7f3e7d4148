// A file of a fit whose digest is right may still have been made by hand: its parts must belong together
// before anything is computed.

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/state.h"

namespace lvm {
namespace {

using ir::Role;

int64_t size_of(const ir::Model& model, ir::AxisId axis) {
  return model.module.axis(axis).size;
}

std::string columns_fault(const fit_file::Content& content, const ir::Model& model, const ir::Variable& v) {
  const auto columns = content.columns.find(v.name);
  if (columns == content.columns.end() || columns->second.empty())
    return fmt::format("it does not say which columns `{}` took", v.name);
  int64_t expected = 1;
  for (const ir::AxisId axis : v.declared_axes) {
    if (size_of(model, axis) < 1) return fmt::format("it does not say how many elements `{}` has", v.name);
    expected *= size_of(model, axis);
  }
  if (expected != std::ssize(columns->second))
    return fmt::format("`{}` has {} elements and took {} columns", v.name, expected, columns->second.size());
  if (v.type.element != ir::Element::category) return "";
  const auto levels = content.levels.find(v.name);
  const int64_t values = size_of(model, v.type.range);
  if (values < 1) return fmt::format("it does not say what the values of `{}` are", v.name);
  if (levels != content.levels.end() && std::ssize(levels->second) > values)
    return fmt::format("`{}` has {} values and {} names for them", v.name, values, levels->second.size());
  return "";
}

std::string parameter_fault(const fit_file::Content& content, const ir::Model& model, const ir::Variable& v) {
  const auto values = std::ranges::find(content.parameters, v.name, &Values::name);
  if (values == content.parameters.end())
    return v.fixed ? "" : fmt::format("it has no value for `{}`", v.name);
  std::vector<int64_t> shape;
  for (const ir::AxisId axis : v.declared_axes) shape.push_back(size_of(model, axis));
  if (shape != values->shape)
    return fmt::format("`{}` has the shape [{}], and the model asks for [{}]", v.name,
                       fmt::join(values->shape, ", "), fmt::join(shape, ", "));
  return domain_fault(*values, v.domain);
}

/// It has a value in the file: of a latent that rows share those of its posterior stand there.
bool is_kept(const ir::Variable& v) {
  return v.role == Role::parameter && !v.global;
}

}  // namespace

std::string fit_fault(const FittedModel& fitted) {
  const fit_file::Content& content = fitted.state->content;
  ir::Model model = *fitted.state->model->compiled.model;
  const std::string& method = fitted.state->model->compiled.plan->method;
  if (content.method != method)
    return fmt::format("it was fitted by `{}`, and its model is by `{}`", content.method, method);
  set_fitted_sizes(fitted, model);
  for (const Values& values : content.parameters) {
    const std::optional<int> index = model.find(values.name);
    if (!index || !is_kept(model.variables[static_cast<size_t>(*index)]))
      return fmt::format("`{}` is no parameter of its model", values.name);
    if (std::ranges::count(content.parameters, values.name, &Values::name) > 1)
      return fmt::format("it has `{}` twice", values.name);
  }
  for (const ir::Variable& v : model.variables) {
    const bool bound = v.role == Role::data || v.role == Role::given || v.role == Role::weight;
    std::string fault;
    if (bound) fault = columns_fault(content, model, v);
    if (is_kept(v)) fault = parameter_fault(content, model, v);
    if (!fault.empty()) return fault;
  }
  return "";
}

}  // namespace lvm
