#pragma once
// The bfloat16 copies that narrow products read: a number where the buffers of a frame have one.

#include <set>

#include "ir/program/frame.h"
#include "ir/program/program.h"
#include "ir/program/stages.h"
#include "runtime/bfloat16.h"
#include "runtime/numbers.h"

namespace lvm::runtime {

class NarrowCopies {
 public:
  NarrowCopies(const ir::Program& program, const ir::Stages& stages)
      : column_stride_(program.batch_stride()) {
    columns_.resize(static_cast<size_t>(program.data_columns() * column_stride_));
    scratch_.resize(static_cast<size_t>(stages.scratch_columns * column_stride_));
    parameters_.resize(static_cast<size_t>(program.parameter_doubles()));
    derived_.resize(static_cast<size_t>(program.derived_doubles()));
    for (const ir::NarrowWeights& weights : stages.narrow_weights) {
      if (weights.place.buffer == ir::MatrixPlace::Buffer::parameters) read_.insert(weights.place.offset);
    }
  }

  bool reads_parameter(int64_t place) const { return read_.contains(place); }
  /// Those of parameters at this place are made already: an update has written both.
  bool holds(const void* parameters) const { return parameters == made_of_; }
  void note(const void* parameters) { made_of_ = parameters; }

  /// Of rows from `first` on, where the place is one of columns.
  Bfloat16* place(const ir::MatrixPlace& at, int64_t first) {
    using Buffer = ir::MatrixPlace::Buffer;
    switch (at.buffer) {
      case Buffer::columns: return columns_.data() + at.offset * column_stride_ + first;
      case Buffer::scratch: return scratch_.data() + at.offset + first;
      case Buffer::parameters: return parameters_.data() + at.offset;
      case Buffer::derived: return derived_.data() + at.offset;
      case Buffer::statistics: break;
    }
    throw ir::InternalError("no product reads statistics in bfloat16");
  }

 private:
  int64_t column_stride_;
  const void* made_of_ = nullptr;
  std::set<int64_t> read_;  // parameters, by their places
  Numbers<Bfloat16> columns_, scratch_, parameters_, derived_;
};

}  // namespace lvm::runtime
