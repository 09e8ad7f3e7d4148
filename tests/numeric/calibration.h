#pragma once
// Ranks of true values among draws of their posteriors.

#include <array>
#include <cstddef>
#include <functional>
#include <random>

namespace lvm::numeric {

class Ranks {
 public:
  /// One replication: where `truth` stands among draws of its posterior. Equal values are ranked at random.
  void add(double truth, const std::function<double()>& draw, std::mt19937_64& engine) {
    int below = 0, equal = 0;
    for (int i = 0; i < draws; ++i) {
      const double other = draw();
      below += other < truth;
      equal += other == truth;
    }
    const int rank = below + std::uniform_int_distribution<int>(0, equal)(engine);
    ++counts_[static_cast<size_t>(rank * bins / (draws + 1))];
    ++all_;
  }

  /// Pearson's statistic over the bins is chi-squared with 19 degrees of freedom, whose quantile at 0.999
  /// is 43.82.
  bool uniform() const {
    const double expected = static_cast<double>(all_) / bins;
    double statistic = 0;
    for (const int count : counts_) statistic += (count - expected) * (count - expected) / expected;
    return statistic < 43.82;
  }

 private:
  static constexpr int bins = 20, draws = 99;  // (draws + 1) / bins ranks in each bin
  std::array<int, bins> counts_ = {};
  int all_ = 0;
};

}  // namespace lvm::numeric
