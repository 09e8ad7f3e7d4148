#pragma once
// What stands between `emissions` and the functions that read the posterior of a Gaussian chain
// (ir::GaussianSteps): what each row says of its step, the smoother over each series (runtime/kalman.h), and
// the data columns that it gives. One thread walks a series, and which does not matter.

#include <array>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/kalman.h"
#include "runtime/pool.h"

namespace lvm::runtime {

class GaussianWalk {
 public:
  GaussianWalk(const ir::Program& program, const BoundData& data, int threads);
  GaussianWalk(const GaussianWalk&) = delete;
  GaussianWalk& operator=(const GaussianWalk&) = delete;

  /// The row outputs of a tile; `row_at(i)` is the row in the order of `data`.
  template <typename RowAt>
  void store(const double* outputs, int32_t rows, const RowAt& row_at) {
    for (int32_t i = 0; i < rows; ++i) store_row(outputs + i, row_at(i));
  }
  /// All series, from the derived values that `prepare` made.
  void walk(const double* derived, Pool& pool);

  /// Points the columns of the chain at numbers of a tile that are written into `memory`, of
  /// column_doubles().
  int64_t column_doubles() const;
  template <typename RowAt>
  void columns(int32_t rows, const RowAt& row_at, double* memory, std::vector<const void*>& to) const {
    const int64_t padded = (rows + LVM_LANES - 1) / LVM_LANES * LVM_LANES;
    for (int64_t i = 0; i < padded; ++i)
      write_row(row_at(static_cast<int32_t>(std::min<int64_t>(i, rows - 1))), memory + i);
    point(memory, to);
  }

 private:
  /// One of the numbers that compiled code gives: a derived slot, or a row output that is kept for all rows.
  struct Source {
    int64_t offset = -1, size = 0;
    bool of_rows = false;
    std::vector<double> kept = {};
    const double* at(const double* derived, int64_t row) const {
      return of_rows ? kept.data() + row * size : derived + offset;
    }
  };
  struct Law {
    Source offset, noise;
    std::vector<Source> transitions;  // from the step before, two before, …
  };
  /// Of the state of a chain, which has `order` steps: J, h, A, b, N.
  struct State {
    std::vector<double> precision, linear, transition, offset, noise;
    int64_t law = -1;  // that stands in it, where it is one for all rows
  };
  struct Task {
    size_t first = 0, end = 0;       // series
    std::vector<double> roots = {};  // [index][n + n * 2n]: of a step and of the state before
  };

  Source source(const std::string& name);
  void find_kept();
  void store_row(const double* outputs, int64_t row);
  void write_row(int64_t row, double* to) const;
  void point(double* memory, std::vector<const void*>& to) const;
  void set_law(State& state, const double* derived, int64_t place, int64_t row) const;
  void set_emission(State& state, const double* derived, int64_t row) const;
  void walk_series(size_t series, Task& task, GaussianChain& chain, State& state, const double* derived);
  void make_tasks();

  const ir::Program& program_;
  const BoundData& data_;
  ir::GaussianSteps steps_;
  int n_;  // elements of the state
  Source precision_, linear_;
  std::vector<Law> laws_;
  std::vector<Source*> kept_;                         // those of rows
  bool columns_first_ = false;                        // roots are [2 n][size], not [size][2 n]
  std::vector<int64_t> mean_columns_, root_columns_;  // by steps before
  int64_t filtered_column_ = 0, evidence_column_ = 0;
  std::vector<double> means_, filtered_, evidence_;  // [row][n], [row][size], [row]
  std::vector<int64_t> root_;                        // of each row, an index in its task
  std::vector<int32_t> task_of_;
  std::vector<char> starts_;  // the row starts its series
  std::vector<Task> tasks_;
  std::vector<GaussianChain> chains_;  // by worker
  std::vector<State> states_;
};

}  // namespace lvm::runtime
