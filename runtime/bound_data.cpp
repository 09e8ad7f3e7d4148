// What is known of a table once it is bound: the sizes of the model's axes, the order of its rows, and how
// that reads.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ir/passes/enumerate.h"
#include "runtime/bind.h"
#include "runtime/patterns.h"

namespace lvm::runtime {

const BoundVariable* BoundData::find(const std::string& name) const {
  for (const BoundVariable& v : variables) {
    if (v.name == name) return &v;
  }
  return nullptr;
}

namespace {

/// A density takes elements of the variable together: the rows are walked by which of them are observed.
bool is_vector(const ir::Model& model, int index) {
  const std::vector<ir::AxisId>& own = model.variables[static_cast<size_t>(index)].type.axes;
  return std::any_of(model.factors.begin(), model.factors.end(), [&](const ir::Factor& f) {
    const ir::Type& density = model.function()[f.log_density].type;
    return f.variable.variable == index &&
           std::any_of(own.begin(), own.end(), [&](ir::AxisId axis) { return !density.has(axis); });
  });
}

}  // namespace

void set_sizes(ir::Model& model, const BoundData& data) {
  for (const auto& [axis, size] : data.sizes) model.module.axes[static_cast<size_t>(axis)].size = size;
  // Of a complete table the program is the plain one. Labels stay what they are, a latent that each row may
  // have.
  const std::vector<ir::FiniteLatent> latents = ir::finite_latents(model);
  std::vector<const BoundVariable*> vectors;
  for (const BoundVariable& bound : data.variables) {
    const int index = *model.find(bound.name);
    ir::Variable& variable = model.variables[static_cast<size_t>(index)];
    const bool labels =
        std::any_of(latents.begin(), latents.end(), [&](const auto& each) { return each.variable == index; });
    if (bound.absent == 0 && !labels) variable.missing = false;
    if (bound.absent > 0 && !labels && is_vector(model, index)) vectors.push_back(&bound);
  }
  const int64_t patterns = vectors.empty() ? 0 : count_patterns(vectors, data.packed);
  for (const BoundVariable* bound : vectors)
    model.variables[static_cast<size_t>(*model.find(bound->name))].patterns = patterns;
}

std::vector<double> BoundData::in_table_order(std::vector<double> values) const {
  if (table_rows.empty() || rows == 0) return values;
  const auto width = static_cast<int64_t>(values.size()) / rows;
  std::vector<double> to(values.size());
  for (int64_t row = 0; row < rows; ++row)
    std::copy_n(values.begin() + row * width, width, to.begin() + table_row(row) * width);
  return to;
}

namespace {

std::string shortened_list(const std::vector<std::string>& list, size_t most) {
  if (list.size() <= most) return fmt::format("{}", fmt::join(list, ", "));
  const std::vector<std::string> head(list.begin(), list.begin() + static_cast<int64_t>(most) - 1);
  return fmt::format("{}, …, {}", fmt::join(head, ", "), list.back());
}

}  // namespace

std::vector<std::string> describe(const BoundData& data) {
  constexpr size_t most = 8;
  std::vector<std::string> out;
  if (!data.plate.empty())
    out.push_back(fmt::format("{}: {} groups of {} rows", data.plate, data.rows, data.observations));
  if (data.series_names.size() > 1)
    out.push_back(fmt::format("{} series of {} rows", data.series_names.size(), data.rows));
  for (const BoundVariable& v : data.variables) {
    if (v.columns.empty()) continue;  // made from others
    std::string line = fmt::format("{} ← {}", v.name, shortened_list(v.columns, most));
    if (v.columns.size() > most) line += fmt::format(" ({} columns)", v.columns.size());
    if (!v.levels.empty()) line += fmt::format(", with the values {}", shortened_list(v.levels, most));
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace lvm::runtime
