#include "runtime/row_values.h"

#include <algorithm>

#include "runtime/batched_calls.h"

namespace lvm::runtime {
namespace {

template <class Real>
class Caller {
 public:
  Caller(const ir::Program& program, const ir::Executable& functions, const std::vector<double>& parameters)
      : program_(program),
        calls_(program, functions, parameters),
        stride_(program.batch_stride()),
        memory_(static_cast<size_t>(program.data_columns() * stride_)) {
    for (int64_t c = 0; c < program.data_columns(); ++c) columns_.push_back(memory_.data() + c * stride_);
    calls_.prepare();
  }

  void tile(const std::string& function, const RowBlocks& data, int64_t first, int64_t count, RowBlocks& to) {
    for (const ir::DataSlot& slot : program_.data) fill(slot, data.at(slot.name), first, count);
    lvm_frame frame{};
    frame.columns = columns_.data();
    frame.output = calls_.output.data();
    frame.rows = static_cast<int32_t>(count);
    calls_.call(function, frame);
    for (const ir::Slot& slot : program_.row_outputs) {
      std::vector<double>& block = to[slot.name];
      for (int64_t row = 0; row < count; ++row) {
        for (int64_t e = 0; e < slot.size; ++e) block.push_back(calls_.row_output(slot, e, row));
      }
    }
  }

 private:
  /// The last row stands repeated up to a whole number of lanes.
  void fill(const ir::DataSlot& slot, const std::vector<double>& block, int64_t first, int64_t count) {
    const int64_t lanes = (count + LVM_LANES - 1) / LVM_LANES * LVM_LANES;
    for (int64_t e = 0; e < slot.size; ++e) {
      Real* column = memory_.data() + (slot.offset + e) * stride_;
      for (int64_t r = 0; r < lanes; ++r)
        column[r] =
            static_cast<Real>(block[static_cast<size_t>((first + std::min(r, count - 1)) * slot.size + e)]);
    }
  }

  const ir::Program& program_;
  BatchedCalls<Real> calls_;
  int64_t stride_;
  Numbers<Real> memory_;
  std::vector<const void*> columns_;
};

template <class Real>
RowBlocks call_all(const ir::Program& program, const ir::Executable& functions, const std::string& function,
                   const RowBlocks& data, const std::vector<double>& parameters, int64_t rows) {
  Caller<Real> caller(program, functions, parameters);
  RowBlocks out;
  for (int64_t first = 0; first < rows; first += program.tile_rows)
    caller.tile(function, data, first, std::min(program.tile_rows, rows - first), out);
  return out;
}

}  // namespace

RowBlocks row_values(const ir::Program& program, const ir::Executable& functions, const std::string& function,
                     const RowBlocks& data, const std::vector<double>& parameters, int64_t rows) {
  return program.single ? call_all<float>(program, functions, function, data, parameters, rows)
                        : call_all<double>(program, functions, function, data, parameters, rows);
}

}  // namespace lvm::runtime
