#include "runtime/starts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/events.h"

namespace lvm::runtime {
namespace {

using ir::Domain;
using ir::ParameterSlot;

void fill_default(const ParameterSlot& slot, const ir::Module& module, double* values) {
  double fill = 0;
  switch (slot.domain) {
    case Domain::real: break;
    case Domain::positive: fill = 1; break;
    case Domain::unit: fill = 0.5; break;
    case Domain::simplex: fill = 1 / static_cast<double>(event_strides(slot, module)[0].size); break;
    case Domain::ordered:
    case Domain::covariance:
    case Domain::correlation: break;
  }
  std::fill(values, values + slot.size, fill);
  if (slot.domain == Domain::ordered) {
    const std::vector<Stride> event = event_strides(slot, module);
    for (int64_t i = 0; i < slot.size; ++i)
      values[i] = static_cast<double>(i / event[0].step % event[0].size);
  }
  if (is_matrix(slot.domain)) {
    const std::vector<Stride> event = event_strides(slot, module);
    for (int64_t i = 0; i < slot.size; ++i) {
      values[i] = i / event[0].step % event[0].size == i / event[1].step % event[1].size ? 1 : 0;
    }
  }
}

void scale_to_one(double* values, const Stride& event) {
  double sum = 0;
  for (int64_t i = 0; i < event.size; ++i) sum += values[i * event.step];
  // What is a rounding of one stays, bit for bit: a fit's own parameters come back as they were.
  const double rounding = 4 * static_cast<double>(event.size) * std::numeric_limits<double>::epsilon();
  if (std::abs(sum - 1) <= rounding) return;
  for (int64_t i = 0; i < event.size; ++i) values[i * event.step] /= sum;
}

void make_symmetric(double* values, const Stride& row, const Stride& column) {
  for (int64_t i = 0; i < row.size; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      double& a = values[i * row.step + j * column.step];
      double& b = values[j * row.step + i * column.step];
      if (a != b) a = b = a / 2 + b / 2;
    }
  }
}

void tidy(const ParameterSlot& slot, const ir::Module& module, double* values) {
  switch (slot.domain) {
    case Domain::real:
    case Domain::positive:
    case Domain::unit:
    case Domain::ordered: return;
    case Domain::simplex: {
      const std::vector<Stride> event = event_strides(slot, module);
      each_event(slot, event, [&](int64_t i) { scale_to_one(values + i, event[0]); });
      return;
    }
    case Domain::covariance:
    case Domain::correlation: {
      const std::vector<Stride> event = event_strides(slot, module);
      each_event(slot, event, [&](int64_t i) { make_symmetric(values + i, event[0], event[1]); });
      return;
    }
  }
}

void write(const ParameterSlot& slot, const ir::Module& module, const std::vector<double>& from, double* to) {
  if (static_cast<int64_t>(from.size()) != slot.size) {
    throw ir::InternalError(
        fmt::format("parameter `{}` has {} values and is given {}", slot.name, slot.size, from.size()));
  }
  std::copy(from.begin(), from.end(), to);
  tidy(slot, module, to);
}

/// One simplex: `values` and `mask` begin at its first element.
void mask_simplex(double* values, const uint8_t* mask, const Stride& event) {
  double sum = 0, open = 0;
  for (int64_t i = 0; i < event.size; ++i) {
    double& value = values[i * event.step];
    if (!mask[i * event.step]) value = 0;
    sum += value;
    open += mask[i * event.step];
  }
  for (int64_t i = 0; sum == 0 && i < event.size; ++i) values[i * event.step] = mask[i * event.step] / open;
  scale_to_one(values, event);
}

}  // namespace

void apply_masks(const ir::Program& program, std::vector<double>& parameters) {
  for (const ParameterSlot& slot : program.parameters) {
    if (slot.mask.empty()) continue;
    double* values = parameters.data() + slot.offset;
    if (slot.domain != Domain::simplex) {
      for (int64_t i = 0; i < slot.size; ++i) values[i] *= slot.mask[static_cast<size_t>(i)];
      continue;
    }
    const std::vector<Stride> event = event_strides(slot, program.module);
    each_event(slot, event, [&](int64_t i) { mask_simplex(values + i, slot.mask.data() + i, event[0]); });
  }
}

void make_room(const ir::Program& program, std::vector<double>& parameters) {
  constexpr double part = 0.1;
  const auto masked = [](const ParameterSlot& slot) { return !slot.mask.empty(); };
  if (std::none_of(program.parameters.begin(), program.parameters.end(), masked)) return;
  for (const ParameterSlot& slot : program.parameters) {
    if (slot.fixed || (slot.domain != Domain::simplex && slot.domain != Domain::unit)) continue;
    std::vector<double> equal(static_cast<size_t>(slot.size), 0);
    fill_default(slot, program.module, equal.data());
    double* values = parameters.data() + slot.offset;
    for (int64_t i = 0; i < slot.size; ++i) values[i] += part * (equal[static_cast<size_t>(i)] - values[i]);
  }
  apply_masks(program, parameters);
}

std::vector<double> default_parameters(const ir::Program& program) {
  std::vector<double> out(static_cast<size_t>(program.parameter_doubles()), 0);
  for (const ParameterSlot& slot : program.parameters) {
    if (slot.start.empty()) {
      fill_default(slot, program.module, out.data() + slot.offset);
    } else {
      write(slot, program.module, slot.start, out.data() + slot.offset);
    }
  }
  apply_masks(program, out);
  return out;
}

void set_parameters(const ir::Program& program, const std::map<std::string, std::vector<double>>& given,
                    std::vector<double>& parameters) {
  for (const ParameterSlot& slot : program.parameters) {
    const auto found = given.find(slot.name);
    if (found != given.end()) {
      write(slot, program.module, found->second, parameters.data() + slot.offset);
    } else if (!slot.fixed) {
      throw ir::InternalError("the given start has no value for `" + slot.name + "`");
    }
  }
}

}  // namespace lvm::runtime
