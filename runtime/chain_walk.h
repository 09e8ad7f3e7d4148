#pragma once
// What stands between `emissions` and the functions that read the posterior of a chain (ir::Chain): the
// emissions of all steps, the walk over each series, and the data columns that it gives. Series are
// independent of one another: one thread walks one, and which does not matter.

#include <optional>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/forward_backward.h"
#include "runtime/pool.h"

namespace lvm::runtime {

class ChainWalk {
 public:
  ChainWalk(const ir::Program& program, const BoundData& data);

  /// Before `emissions`. With `logs` their logarithms are kept too, which `needs_logs` asks for.
  void begin(bool logs);
  /// The row outputs of a tile; `row_at(i)` is the row in the order of `data`.
  template <typename RowAt>
  void store(const double* outputs, int32_t rows, const RowAt& row_at);
  /// From the derived values that `prepare` made: all series, or with logarithms those that plain numbers did
  /// not do for. False: call `begin(true)`, store again, and walk again. `failure` says why there is no
  /// posterior.
  bool walk(const double* derived, Pool& pool, std::string& failure);
  /// The best path instead: the state of each row's own letter. After `begin(true)`.
  std::vector<int64_t> best_letters(const double* derived, Pool& pool);

  /// Points the columns of the chain at numbers of a tile that are written into `memory`, of
  /// column_doubles().
  int64_t column_doubles() const;
  template <typename RowAt>
  void columns(int32_t rows, const RowAt& row_at, double* memory, std::vector<const void*>& to) const;

 private:
  struct Output {
    int64_t offset = 0, size = 0;
    bool there = false;
  };
  Output output(const char* name) const;
  int64_t column_of(const char* name) const;
  void copy(const Output& from, const double* outputs, int32_t i, double* to) const;
  Transitions transitions(const double* derived, bool logs, int64_t first_row) const;
  LogPass pass_of(size_t series, bool logs);
  void turn(const double* derived);
  bool walk_series(size_t series, const double* derived);
  size_t series_count() const { return data_.series.size() - 1; }

  const ir::Program& program_;
  const BoundData& data_;
  ir::Chain chain_;
  ChainShape shape_;
  Output weight_, log_, peak_, transition_, log_transition_;
  int64_t derived_transition_ = -1, derived_log_transition_ = -1;
  int64_t states_column_ = 0, before_column_ = 0, scale_column_ = 0, peak_column_ = 0;
  bool with_logs_ = false;
  std::vector<double> filtered_, smoothed_, scale_, peaks_, logs_, row_transitions_, row_log_transitions_;
  std::vector<double> turned_, straight_;
  std::vector<int64_t> place_;  // of each row in its series
  std::vector<char> tiny_;      // of each row: a transition is lost in plain numbers
  std::vector<char> open_;      // of each series: plain numbers did not do
  std::vector<char> failed_;
};

template <typename RowAt>
void ChainWalk::store(const double* outputs, int32_t rows, const RowAt& row_at) {
  for (int32_t i = 0; i < rows; ++i) {
    const auto row = static_cast<size_t>(row_at(i));
    copy(weight_, outputs, i, filtered_.data() + static_cast<int64_t>(row) * shape_.stride);
    copy(peak_, outputs, i, peaks_.data() + row);
    if (with_logs_) copy(log_, outputs, i, logs_.data() + static_cast<int64_t>(row) * shape_.stride);
    if (!chain_.of_rows) continue;
    double* to = row_transitions_.data() + static_cast<int64_t>(row) * transition_.size;
    copy(transition_, outputs, i, to);
    if (with_logs_)
      copy(log_transition_, outputs, i,
           row_log_transitions_.data() + static_cast<int64_t>(row) * log_transition_.size);
    tiny_[row] = 0;
    for (int64_t e = 0; e < transition_.size; ++e) tiny_[row] |= to[e] < 1e-290 ? 1 : 0;
  }
}

template <typename RowAt>
void ChainWalk::columns(int32_t rows, const RowAt& row_at, double* memory,
                        std::vector<const void*>& to) const {
  const int64_t padded = (rows + LVM_LANES - 1) / LVM_LANES * LVM_LANES;
  double* states = memory;
  double* before = states + shape_.states * LVM_TILE_ROWS;
  double* scale = before + shape_.states * LVM_TILE_ROWS;
  double* peak = scale + LVM_TILE_ROWS;
  for (int64_t i = 0; i < padded; ++i) {
    const int64_t row = row_at(static_cast<int32_t>(std::min<int64_t>(i, rows - 1)));
    const bool has_before = place_[static_cast<size_t>(row)] >= shape_.order;
    const double* g = smoothed_.data() + row * shape_.stride;
    const double* a = filtered_.data() + (row - 1) * shape_.stride;
    for (int64_t k = 0; k < shape_.states; ++k) states[k * LVM_TILE_ROWS + i] = g[k];
    for (int64_t k = 0; k < shape_.states; ++k) before[k * LVM_TILE_ROWS + i] = has_before ? a[k] : 0;
    scale[i] = scale_[static_cast<size_t>(row)];
    peak[i] = peaks_[static_cast<size_t>(row)];
  }
  for (int64_t k = 0; k < shape_.states; ++k) {
    to[static_cast<size_t>(states_column_ + k)] = states + k * LVM_TILE_ROWS;
    to[static_cast<size_t>(before_column_ + k)] = before + k * LVM_TILE_ROWS;
  }
  to[static_cast<size_t>(scale_column_)] = scale;
  to[static_cast<size_t>(peak_column_)] = peak;
}

}  // namespace lvm::runtime
