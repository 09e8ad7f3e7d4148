#include "runtime/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/batched_calls.h"
#include "runtime/batches.h"
#include "runtime/initial_values.h"
#include "runtime/numbers.h"
#include "runtime/walker.h"

namespace lvm::runtime {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// Running sums over the draws of a row, in one pass: no draw is kept.
class Sums {
 public:
  void add(double w) {
    ++count_;
    if (w == -infinity) {  // an impossible draw weighs nothing
      mean_ = -infinity;
      squares_ = nothing;
      return;
    }
    // Welford 1962: squares of deviations, not deviations of squares.
    const double step = w - mean_;
    if (mean_ != -infinity) mean_ += step / static_cast<double>(count_);
    squares_ += step * (w - mean_);
    if (w > greatest_) {
      const double scale = std::exp(greatest_ - w);
      sum_ *= scale;
      sum_of_squares_ *= scale * scale;
      greatest_ = w;
    }
    const double share = std::exp(w - greatest_);
    sum_ += share;
    sum_of_squares_ += share * share;
  }

  void write(Estimates& to, size_t row) const {
    const auto k = static_cast<double>(count_);
    to.mean[row] = mean_;
    to.mean_error[row] = count_ > 1 ? std::sqrt(squares_ / (k - 1) / k) : nothing;
    to.log_mean[row] = greatest_ + std::log(sum_ / k);
    to.effective[row] = sum_ * sum_ / sum_of_squares_;
    // Rounding may leave the square of the coefficient of variation below its least value, 0.
    const double variation = std::fmax(0.0, k * sum_of_squares_ / (sum_ * sum_) - 1);
    to.log_mean_error[row] = count_ > 1 ? std::sqrt(variation / (k - 1)) : nothing;
  }

 private:
  int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
  double greatest_ = -infinity, sum_ = 0, sum_of_squares_ = 0;  // of exp(w), over exp of the greatest
};

template <class Real>
class Estimator {
 public:
  Estimator(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
            const std::map<std::string, std::vector<double>>& parameters, const EstimateOptions& options)
      : program_(program),
        options_(options),
        table_(program, data),
        tile_(program),
        calls_(program, functions, initial_values(program, parameters, options.seed)),
        rows_(data.rows) {
    // Read by what trains alone, but computed beside the rest.
    calls_.set(ir::step_slot, 1);
    calls_.set(ir::divergence_slot, 1);
  }

  Estimates go() {
    Estimates to;
    for (std::vector<double>* each :
         {&to.mean, &to.mean_error, &to.log_mean, &to.log_mean_error, &to.effective})
      each->resize(static_cast<size_t>(rows_));
    calls_.prepare();
    for (int64_t from = 0; from < rows_; from += program_.tile_rows)
      walk_tile(from, std::min(program_.tile_rows, rows_ - from), to);
    return to;
  }

 private:
  void gather(const std::vector<int64_t>& rows, uint32_t draw) {
    constexpr int64_t together = 32;  // rows that one thread gathers
    const auto count = static_cast<int64_t>(rows.size());
    const auto part = [&](int64_t index, int) {
      const int64_t from = index * together, to = std::min(count, from + together);
      if (draw == 0) {
        tile_.fill(table_, rows, from, to, options_.seed, Site::score_noise, draw);
      } else {
        tile_.draw_again(rows, from, to, options_.seed, Site::score_noise, draw);
      }
    };
    const int64_t parts = (count + together - 1) / together;
    if (options_.pool) return options_.pool->run(parts, part);
    for (int64_t index = 0; index < parts; ++index) part(index, 0);
  }

  void walk_tile(int64_t first, int64_t count, Estimates& to) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < count; ++i) rows.push_back(first + i);
    std::vector<Sums> sums(static_cast<size_t>(count));
    std::map<const ir::Slot*, std::vector<double>> q;
    for (const ir::Slot& slot : program_.row_outputs) {
      if (slot.name.starts_with("q(")) q[&slot].resize(static_cast<size_t>(count * slot.size));
    }
    const Real* bound = calls_.output.data() + program_.row_outputs.front().offset * LVM_TILE_ROWS;
    for (int64_t draw = 0; draw < options_.draws; ++draw) {
      gather(rows, static_cast<uint32_t>(draw));
      lvm_frame frame{};
      frame.columns = tile_.columns();
      frame.output = calls_.output.data();
      frame.rows = static_cast<int32_t>(count);
      calls_.call("bound", frame);
      for (size_t i = 0; i < sums.size(); ++i) sums[i].add(static_cast<double>(bound[i]));
      for (auto& [slot, means] : q) {
        for (size_t i = 0; i < means.size(); ++i)
          means[i] += calls_.row_output(*slot, static_cast<int64_t>(i) % slot->size,
                                        static_cast<int64_t>(i) / slot->size) /
                      static_cast<double>(options_.draws);
      }
    }
    for (const auto& [slot, means] : q)
      to.q[slot->name].insert(to.q[slot->name].end(), means.begin(), means.end());
    for (size_t i = 0; i < sums.size(); ++i) sums[i].write(to, static_cast<size_t>(first) + i);
  }

  const ir::Program& program_;
  const EstimateOptions& options_;
  RowMajorTable<Real> table_;
  BatchTile<Real> tile_;
  BatchedCalls<Real> calls_;
  int64_t rows_;
};

}  // namespace

Estimates estimate(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                   const std::map<std::string, std::vector<double>>& parameters,
                   const EstimateOptions& options) {
  if (program.row_outputs.empty() || program.row_outputs.front().name != "bound")
    throw ir::InternalError("a program without the row output `bound`");
  if (program.single) return Estimator<float>(program, functions, data, parameters, options).go();
  return Estimator<double>(program, functions, data, parameters, options).go();
}

}  // namespace lvm::runtime
