#pragma once
// Walks over the elements of values: an index tuple in row-major order, and where it stands in each of
// several operands.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "backends/interpreter/interpret.h"

namespace lvm::interpreter {

inline int64_t count(const std::vector<int64_t>& sizes) {
  int64_t product = 1;
  for (int64_t size : sizes) product *= size;
  return product;
}

/// For each axis of `axes` the stride of `value` along it; 0 where it has none.
inline std::vector<int64_t> strides(const Value& value, const std::vector<ir::AxisId>& axes) {
  std::vector<int64_t> result(axes.size(), 0);
  int64_t stride = 1;
  for (size_t i = value.axes.size(); i-- > 0;) {
    const auto at = std::find(axes.begin(), axes.end(), value.axes[i]);
    if (at != axes.end()) result[static_cast<size_t>(at - axes.begin())] = stride;
    stride *= value.sizes[i];
  }
  return result;
}

/// Visits all index tuples in row-major order and hands out the offset of each of several operands.
class Walk {
 public:
  Walk(std::vector<int64_t> sizes, std::vector<std::vector<int64_t>> operand_strides)
      : offsets(operand_strides.size(), 0),
        sizes_(std::move(sizes)),
        strides_(std::move(operand_strides)),
        index_(sizes_.size(), 0) {
    merge();
    left_ = count(sizes_);
  }
  bool done() const { return left_ == 0; }
  void next() {
    --left_;
    for (size_t axis = sizes_.size(); axis-- > 0;) {
      for (size_t o = 0; o < strides_.size(); ++o) offsets[o] += strides_[o][axis];
      if (++index_[axis] < sizes_[axis]) return;
      for (size_t o = 0; o < strides_.size(); ++o) offsets[o] -= strides_[o][axis] * sizes_[axis];
      index_[axis] = 0;
    }
  }
  /// Begins again, at these offsets: a finished walk is back at its first index.
  void restart(const std::vector<int64_t>& from) {
    offsets = from;
    left_ = count(sizes_);
  }
  /// Takes the last axis out of the walk: the caller runs along it, with the strides that this returns.
  std::vector<int64_t> take_run(int64_t& length) {
    length = 1;
    std::vector<int64_t> steps(strides_.size(), 0);
    if (sizes_.empty()) return steps;
    length = sizes_.back();
    sizes_.pop_back();
    index_.pop_back();
    for (size_t o = 0; o < strides_.size(); ++o) {
      steps[o] = strides_[o].back();
      strides_[o].pop_back();
    }
    left_ = length == 0 ? 0 : count(sizes_);
    return steps;
  }

  std::vector<int64_t> offsets;

 private:
  /// Two neighbouring axes that every operand walks as one become one.
  void merge() {
    for (size_t axis = sizes_.size(); axis-- > 1;) {
      const auto continues = [&](const std::vector<int64_t>& s) {
        return s[axis - 1] == s[axis] * sizes_[axis];
      };
      if (!std::all_of(strides_.begin(), strides_.end(), continues)) continue;
      const auto at = static_cast<std::ptrdiff_t>(axis);
      sizes_[axis - 1] *= sizes_[axis];
      sizes_.erase(sizes_.begin() + at);
      index_.pop_back();
      for (auto& s : strides_) s.erase(s.begin() + at - 1);
    }
  }

  std::vector<int64_t> sizes_;
  std::vector<std::vector<int64_t>> strides_;
  std::vector<int64_t> index_;
  int64_t left_ = 0;
};

}  // namespace lvm::interpreter
