#include "runtime/medians.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lvm::runtime {
namespace {

/// The index along each axis of element `i` of a layout.
std::map<ir::AxisId, int64_t> place_of(const ir::Module& module, const std::vector<ir::AxisId>& axes,
                                       int64_t i) {
  std::map<ir::AxisId, int64_t> place;
  for (size_t a = axes.size(); a-- > 0;) {
    const int64_t size = module.axis(axes[a]).size;
    place[axes[a]] = i % size;
    i /= size;
  }
  return place;
}

}  // namespace

Medians::Medians(const ir::Program& program, const BoundData& data) : program_(program), data_(data) {}

bool Medians::need_posterior() const {
  return std::ranges::any_of(program_.medians,
                             [](const ir::Median& median) { return !median.weights.empty(); });
}

const std::vector<Medians::Cell>& Medians::sorted(const std::vector<int64_t>& columns) {
  std::vector<Cell>& cells = sorted_[columns];
  if (!cells.empty()) return cells;
  for (const int64_t column : columns) {
    for (int64_t row = 0; row < data_.rows; ++row) {
      const double value = data_.packed.column(column)[row];
      if (data_.counts(row) && !std::isnan(value)) cells.push_back({value, row});
    }
  }
  std::ranges::sort(cells, {}, [](const Cell& cell) { return std::pair(cell.value, cell.row); });
  return cells;
}

void Medians::write(const std::map<std::string, std::vector<double>>& outputs,
                    std::vector<double>& parameters) {
  for (const ir::Median& median : program_.medians) {
    const auto slot = std::ranges::find(program_.parameters, median.parameter, &ir::ParameterSlot::name);
    const auto own = std::ranges::find(program_.data, median.variable, &ir::DataSlot::name);
    const BoundVariable* variable = data_.find(median.variable);
    if (slot == program_.parameters.end() || own == program_.data.end() || !variable)
      throw ir::InternalError("the median `" + median.parameter + "` has no parameter or no column");
    const double* states = median.weights.empty() ? nullptr : outputs.at(median.weights).data();
    const int64_t width = states ? program_.module.axis(median.states).size : 0;
    for (int64_t i = 0; i < slot->size; ++i) {
      const auto place = place_of(program_.module, slot->axes, i);
      std::vector<int64_t> columns;
      for (int64_t e = 0; e < own->size; ++e) {
        const auto cell = place_of(program_.module, own->axes, e);
        const bool here = std::ranges::all_of(cell, [&](const auto& index) {
          return !place.contains(index.first) || place.at(index.first) == index.second;
        });
        if (here) columns.push_back(variable->first + e);
      }
      const std::vector<Cell>& cells = sorted(columns);
      const auto weight = [&](const Cell& cell) {
        const double row = data_.weights ? data_.weights[cell.row] : 1;
        return states ? row * states[cell.row * width + place.at(median.states)] : row;
      };
      double all = 0, below = 0;
      for (const Cell& cell : cells) all += weight(cell);
      if (!(all > 0)) continue;
      for (const Cell& cell : cells) {
        below += weight(cell);
        if (below < all / 2) continue;
        parameters[static_cast<size_t>(slot->offset + i)] = cell.value;
        break;
      }
    }
  }
}

}  // namespace lvm::runtime
