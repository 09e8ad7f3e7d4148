#pragma once
// A Gaussian latent that depends on earlier steps, in short series: its values at all steps of a series are
// one vector, of which ln P(data, z) is a quadratic function (certify/design.h).  No recursion over steps is
// used. Steps behind the end of a series, which the longest has, are standard normal by themselves.

#include <cstdint>
#include <string>
#include <vector>

#include "ir/model/model.h"

namespace lvm::certificate {

class Steps {
 public:
  /// `latent` in Model::variables; series as BoundData has them.
  Steps(const ir::Model& model, int latent, std::vector<int64_t> series);

  int64_t units() const { return static_cast<int64_t>(series_.size()) - 1; }
  int64_t elements() const { return longest_ * size_; }
  /// The latent, and its earlier steps: names of their leaves.
  struct Leaf {
    std::string name;
    int64_t steps;  // before
  };
  const std::vector<Leaf>& leaves() const { return leaves_; }

  /// [units][elements] from [rows][size], `fill` behind the end of a series.
  std::vector<double> gathered(const std::vector<double>& rows, double fill) const;
  /// [rows][size], of so many steps before each row; 0 before a series has begun.
  std::vector<double> scattered(const std::vector<double>& vectors, int64_t steps) const;
  /// What a series says is what its rows say, and the density of `vectors` behind its end: [units] from
  /// [rows][stride].
  std::vector<double> sums(const double* rows, int64_t stride, const std::vector<double>& vectors) const;

 private:
  int64_t first(int64_t unit) const { return series_[static_cast<size_t>(unit)]; }
  int64_t steps(int64_t unit) const { return series_[static_cast<size_t>(unit) + 1] - first(unit); }

  std::vector<int64_t> series_;
  std::vector<Leaf> leaves_;
  int64_t size_ = 1, longest_ = 0;
};

}  // namespace lvm::certificate
