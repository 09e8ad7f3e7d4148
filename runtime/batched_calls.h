#pragma once
// The memory that the functions of a batched Program work on, and their calls.

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "ir/program/program.h"
#include "runtime/numbers.h"
#include "runtime/walker.h"

namespace lvm::runtime {

template <class Real>
struct BatchedCalls {
  const ir::Program& program;
  const ir::Executable& functions;
  Numbers<Real> parameters;  // coordinates of a Program that trains, else values
  Numbers<Real> derived, statistics, output;
  Buffer scratch;

  /// Both outlive this.
  BatchedCalls(const ir::Program& of, const ir::Executable& code, const std::vector<double>& values)
      : program(of),
        functions(code),
        derived(static_cast<size_t>(of.derived_doubles())),
        statistics(static_cast<size_t>(of.statistic_doubles())),
        output(
            static_cast<size_t>((of.row_outputs.back().offset + of.row_outputs.back().size) * LVM_TILE_ROWS)),
        scratch(of.scratch_bytes / static_cast<int64_t>(sizeof(double)) + 1) {
    for (const double value : values) parameters.push_back(static_cast<Real>(value));
  }

  /// A derived scalar that the run time writes, where the Program has it.
  void set(std::string_view name, double value) {
    const auto slot = std::ranges::find(program.derived, name, &ir::Slot::name);
    if (slot != program.derived.end()) derived[static_cast<size_t>(slot->offset)] = static_cast<Real>(value);
  }

  void call(const std::string& function, lvm_frame frame) {
    frame.parameters = parameters.data();
    frame.derived = derived.data();
    frame.statistics = statistics.data();
    frame.scratch = scratch.data();
    if (const int32_t code = functions.at(function)(&frame); code != 0)
      throw ir::InternalError(fmt::format("`{}` failed with the code {}", function, code));
  }

  /// Derived values of the parameters as they are.
  void prepare() {
    if (!functions.contains("prepare")) return;
    lvm_frame frame{};
    frame.output = derived.data();
    call("prepare", frame);
  }

  /// Element `element` of a row output, in a row of the tile that was called last.
  double row_output(const ir::Slot& slot, int64_t element, int64_t row) const {
    return static_cast<double>(output[static_cast<size_t>((slot.offset + element) * LVM_TILE_ROWS + row)]);
  }
};

}  // namespace lvm::runtime
