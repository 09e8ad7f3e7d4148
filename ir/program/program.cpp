// Slots laid out, and the text of `--emit=program`.

#include "ir/program/program.h"

#include <fmt/format.h>

#include <array>

namespace lvm::ir {

namespace {

constexpr std::array domain_names = {"real",    "positive",   "unit",       "simplex",
                                     "ordered", "covariance", "correlation"};

template <class S>
int64_t end_of(const std::vector<S>& slots) {
  return slots.empty() ? 0 : slots.back().offset + slots.back().size;
}

/// `unit`: slots begin at multiples of it.
template <class S>
void lay_out(const Module& module, std::vector<S>& slots, int64_t unit = 1) {
  int64_t offset = 0;
  for (auto& slot : slots) {
    slot.size = module.elements({Element::real, slot.axes});
    if (slot.size == unknown_size)
      throw InternalError("the slot `" + slot.name + "` has an axis of unknown size");
    slot.offset = offset;
    offset += (slot.size + unit - 1) / unit * unit;
  }
}

std::string shape(const Module& module, const Slot& slot) {
  std::string text;
  for (AxisId id : slot.axes) text += (text.empty() ? "" : ", ") + module.axis(id).name;
  return text.empty() ? text : "[" + text + "]";
}

template <class S>
void print_slots(std::string& text, const Module& module, std::string_view kind,
                 const std::vector<S>& slots) {
  for (const auto& slot : slots) {
    text += fmt::format("{} \"{}\"{}", kind, slot.name, shape(module, slot));
    if constexpr (std::is_same_v<S, ParameterSlot>)
      text += fmt::format(" : {}{}, {} free", name(slot.domain), slot.fixed ? " fixed" : "",
                          slot.free_dimensions);
    if constexpr (std::is_same_v<S, DataSlot>) text += fmt::format(" : {}", name(slot.element));
    if constexpr (std::is_same_v<S, Check>) text += fmt::format(" \"{}\"", slot.message);
    text += fmt::format(" at {}, {}\n", slot.offset, slot.size);
  }
}

}  // namespace

std::string_view name(Domain domain) {
  return domain_names[static_cast<size_t>(domain)];
}

int64_t Chain::states() const {
  int64_t count = 1;
  for (int64_t i = 0; i < order; ++i) count *= letters;
  return count;
}

int64_t Program::parameter_doubles() const {
  return end_of(parameters) + (batched ? LVM_LANES : 0);
}
int64_t Program::derived_doubles() const {
  return end_of(derived);
}
int64_t Program::statistic_doubles() const {
  return end_of(statistics) + (batched ? LVM_LANES : 0);
}
int64_t Program::data_columns() const {
  return end_of(data);
}

void assign_offsets(Program& program) {
  lay_out(program.module, program.data);
  const int64_t unit =
      program.batched ? 64 / static_cast<int64_t>(sizeof(float)) : 1;  // cache lines, whatever the precision
  lay_out(program.module, program.parameters, unit);
  lay_out(program.module, program.derived);
  lay_out(program.module, program.statistics, unit);
  lay_out(program.module, program.row_outputs);
  lay_out(program.module, program.checks);
}

namespace {

/// The upper triangle from the lower one.
void mirror(double* matrix, int64_t row, int64_t column, int64_t size) {
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = i + 1; j < size; ++j) matrix[i * row + j * column] = matrix[j * row + i * column];
  }
}

}  // namespace

void complete_symmetric(const Program& program, double* statistics) {
  for (const Slot& slot : program.statistics) {
    if (slot.symmetric.empty()) continue;
    int64_t first = 0, second = 0, stride = 1;  // strides of the two axes
    for (auto axis = slot.axes.rbegin(); axis != slot.axes.rend(); ++axis) {
      if (*axis == slot.symmetric[0]) first = stride;
      if (*axis == slot.symmetric[1]) second = stride;
      stride *= program.module.axis(*axis).size;
    }
    const int64_t size = program.module.axis(slot.symmetric[0]).size;
    const int64_t inner = std::min(first, second), outer = std::max(first, second);
    // The axes that stand outside of both, between them and inside of both.
    for (int64_t block = 0; block < slot.size; block += outer * size) {
      for (int64_t between = 0; between < outer; between += inner * size) {
        for (int64_t inside = 0; inside < inner; ++inside) {
          mirror(statistics + slot.offset + block + between + inside, first, second, size);
        }
      }
    }
  }
}

std::string print(const Program& program) {
  std::string text = fmt::format("program {} method {} objective {}\n", program.model, program.method,
                                 program.objective_name);
  const Module& module = program.module;
  print_slots(text, module, "data", program.data);
  print_slots(text, module, "parameter", program.parameters);
  print_slots(text, module, "derived", program.derived);
  print_slots(text, module, "statistic", program.statistics);
  print_slots(text, module, "row_output", program.row_outputs);
  print_slots(text, module, "check", program.checks);
  for (const auto& phase : program.phases)
    text += fmt::format("phase {}: {}\n", phase.name, fmt::join(phase.functions, ", "));
  return text + "\n" + print(module);
}

}  // namespace lvm::ir
