#pragma once
// Runs one function of a Program on buffers of its own, by compiled code and by the interpreter.

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/interpreter/interpret.h"
#include "backends/llvm/jit.h"
#include "ir/model/model.h"
#include "tests/unit/loop/linalg_stand_ins.h"

namespace lvm::test {

/// A slot for what has these axes: one row of it.
template <class S>
S slot(std::string name, std::vector<ir::AxisId> axes) {
  S made;
  made.name = std::move(name);
  std::erase(axes, ir::row_axis);
  made.axes = std::move(axes);
  return made;
}

struct Free {
  void operator()(double* p) const { std::free(p); }
};

/// Doubles at a multiple of 64 bytes.
class Block {
 public:
  explicit Block(int64_t doubles);
  double* data() const { return data_.get(); }
  double& operator[](int64_t i) const { return data_[static_cast<size_t>(i)]; }
  int64_t size() const { return size_; }

 private:
  int64_t size_;
  std::unique_ptr<double[], Free> data_;
};

/// All buffers of a frame. Statistics have lanes for rows functions; `totals` have them added up, for
/// `update`.
struct Buffers {
  explicit Buffers(const ir::Program& program);
  std::vector<Block> columns;  // LVM_TILE_ROWS rows
  Block parameters, derived, statistics, totals, outputs, updated, scratch;
  std::vector<const void*> pointers;

  /// Repeats the last row to the next multiple of the lanes.
  void pad(int32_t rows);
  int32_t run_rows(const ir::Executable& executable, const std::string& function, int32_t rows);
  int32_t run_prepare(const ir::Executable& executable, const std::string& function);
  int32_t run_update(const ir::Executable& executable, const std::string& function);
  void add_lanes(const ir::Program& program);
};

/// |a - b| / max(|a|, |b|, floor), the greatest of it; equal NaN and infinities count as 0.
double difference(const Block& a, const Block& b, double floor);
bool same_bits(const Block& a, const Block& b);

}  // namespace lvm::test
