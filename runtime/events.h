#pragma once
// The events of a parameter slot: its simplexes, its matrices, or each element for itself.

#include <algorithm>
#include <vector>

#include "ir/program/program.h"

namespace lvm::runtime {

/// Where an axis of a slot lies in its layout.
struct Stride {
  int64_t size = 1;  // elements along the axis
  int64_t step = 1;  // doubles between two of them
};

bool is_matrix(ir::Domain domain);

/// Of the axes of one event: one of a simplex, two of a matrix.
std::vector<Stride> event_strides(const ir::ParameterSlot& slot, const ir::Module& module);

/// Calls f(offset) for the first element of every event: the elements whose index along the event axes is 0.
template <typename F>
void each_event(const ir::ParameterSlot& slot, const std::vector<Stride>& event, const F& f) {
  for (int64_t i = 0; i < slot.size; ++i) {
    const bool first =
        std::all_of(event.begin(), event.end(), [&](const Stride& s) { return i / s.step % s.size == 0; });
    if (first) f(i);
  }
}

}  // namespace lvm::runtime
