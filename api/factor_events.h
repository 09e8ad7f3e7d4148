#pragma once
// The factors of a model as events of rows: what is drawn together, and from which numbers.

#include <algorithm>

#include <fmt/format.h>

#include "api/row_distributions.h"

namespace lvm {

/// A factor P(v | …) as events: the axes of v that are drawn together, and of which slot which numbers belong
/// to an event.
class FactorEvents {
 public:
  FactorEvents(const ir::Model& model, const ir::Factor& factor)
      : model_(model),
        variable_(model.variables[static_cast<size_t>(factor.variable.variable)]),
        density_(model.function()[factor.log_density]) {
    value_ = without_row(variable_.type.axes);
    for (size_t i = 1; i < density_.inputs.size(); ++i) slots_.push_back(density_.inputs[i]);
    // Elements that the density consumes are an event.
    for (const ir::AxisId axis : value_) (density_.type.has(axis) ? outer_ : event_).push_back(axis);
  }
  const ir::Variable& variable() const { return variable_; }
  const std::string& family() const { return density_.attributes.text; }
  const ir::Slots& slots() const { return slots_; }
  int64_t width() const { return elements(model_, value_); }
  bool is_vector() const { return !event_.empty(); }

  std::vector<values::Wanted> wanted() const {
    std::vector<values::Wanted> list;
    for (size_t i = 0; i < slots_.size(); ++i) {
      std::vector<ir::AxisId> axes = outer_;
      // A mean that is one number for all elements of a vector.
      if (i == 0 && !event_.empty() && ir::find_family(family())->parameterisation.starts_with("Normal."))
        axes = value_;
      list.push_back({fmt::format("slot.{}", i), {slots_[i]}, axes, {}});
    }
    return list;
  }

  /// `write(row, slots, event, places)` fills an event, whose numbers have these places among those of the
  /// row, from its slots; what it makes is [row][element in layout order].
  template <class Write>
  std::vector<double> events(const RowBlocks& values, int64_t rows, const Write& write) const {
    const int64_t width = elements(model_, value_), events = elements(model_, outer_),
                  size = elements(model_, event_);
    std::vector<Gather> gathers;
    for (size_t i = 0; i < slots_.size(); ++i)
      gathers.push_back(gather(values.at(fmt::format("slot.{}", i)), i, rows));
    const std::vector<int64_t> places = offsets(value_, event_), starts = offsets(value_, outer_);
    std::vector<double> out(static_cast<size_t>(rows * width)), event(static_cast<size_t>(size));
    std::vector<std::vector<double>> numbers(slots_.size());
    std::vector<int64_t> here(static_cast<size_t>(size));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t at = 0; at < events; ++at) {
        runtime::SlotValues spans;
        for (size_t i = 0; i < slots_.size(); ++i) {
          const Gather& from = gathers[i];
          numbers[i].clear();
          for (const int64_t place : from.places)
            numbers[i].push_back((*from.block)[static_cast<size_t>(
                row * from.width + from.starts[static_cast<size_t>(at)] + place)]);
          spans.emplace_back(numbers[i]);
        }
        for (int64_t e = 0; e < size; ++e)
          here[static_cast<size_t>(e)] = starts[static_cast<size_t>(at)] + places[static_cast<size_t>(e)];
        write(row, spans, std::span(event), std::span<const int64_t>(here));
        for (int64_t e = 0; e < size; ++e)
          out[static_cast<size_t>(row * width + here[static_cast<size_t>(e)])] =
              event[static_cast<size_t>(e)];
      }
    }
    return out;
  }

 private:
  struct Gather {
    const std::vector<double>* block;
    int64_t width;
    std::vector<int64_t> starts, places;  // of an event, and of a number inside it
  };
  Gather gather(const std::vector<double>& block, size_t slot, int64_t rows) const {
    std::vector<ir::AxisId> axes = model_.function()[slots_[slot]].type.axes;
    const std::vector<ir::AxisId> added = wanted()[slot].axes;
    for (const ir::AxisId axis : added) {
      if (std::ranges::count(axes, axis) == 0) axes.push_back(axis);
    }
    axes = without_row(axes);
    std::ranges::sort(axes);
    // The axis of the vector leads, whatever its place in the layout.
    std::vector<ir::AxisId> inner;
    for (const ir::AxisId axis : event_) {
      if (std::ranges::count(axes, axis) > 0) inner.push_back(axis);
    }
    for (const ir::AxisId axis : axes) {
      if (std::ranges::count(outer_, axis) == 0 && std::ranges::count(event_, axis) == 0)
        inner.push_back(axis);
    }
    return {&block, static_cast<int64_t>(block.size()) / rows, offsets(axes, outer_), offsets(axes, inner)};
  }
  /// Where each combination of `some` stands in a row-major layout of `all`, the other axes at 0.
  std::vector<int64_t> offsets(const std::vector<ir::AxisId>& all,
                               const std::vector<ir::AxisId>& some) const {
    std::vector<int64_t> list = {0};
    for (const ir::AxisId axis : some) {
      int64_t step = 1;
      bool behind = false;
      for (const ir::AxisId other : all) {
        if (behind) step *= model_.module.axis(other).size;
        behind = behind || other == axis;
      }
      std::vector<int64_t> next;
      for (const int64_t base : list) {
        for (int64_t i = 0; i < model_.module.axis(axis).size; ++i)
          next.push_back(base + i * (behind ? step : 0));
      }
      list = std::move(next);
    }
    return list;
  }

  const ir::Model& model_;
  const ir::Variable& variable_;
  const ir::Node& density_;
  ir::Slots slots_;
  std::vector<ir::AxisId> value_, outer_, event_;
};

}  // namespace lvm
