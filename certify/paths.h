#pragma once
// Every path of a short series: what its latents may have been in all of its steps.  ln P(data, path) is the
// sum of what the model says of each step, the values of earlier steps being those of the path. No recursion
// over steps is used.

#include <cstdint>
#include <string>
#include <vector>

#include "ir/model/model.h"

namespace lvm::certificate {

inline constexpr int64_t most_paths = 1024;  // that are told one by one

class Paths {
 public:
  /// The finite latents of a row, those of earlier steps (Model::lags) among them, and how many values each
  /// has; series as BoundData has them.
  Paths(const ir::Model& model, std::vector<std::string> latents, std::vector<int64_t> values,
        std::vector<int64_t> series);

  /// Series.
  int64_t units() const { return static_cast<int64_t>(series_.size()) - 1; }
  int64_t first(int64_t unit) const { return series_[static_cast<size_t>(unit)]; }
  int64_t steps(int64_t unit) const { return series_[static_cast<size_t>(unit) + 1] - first(unit); }
  /// Paths of the longest series, and of one.
  int64_t most() const { return most_; }
  int64_t count(int64_t unit) const;
  /// The latents of a step itself.
  const std::vector<size_t>& own() const { return own_; }
  const std::string& name(size_t latent) const { return names_[latent]; }
  int64_t values(size_t latent) const { return values_[latent]; }
  /// The value of an own latent at a step of a path.
  int64_t value(int64_t unit, int64_t path, int64_t step, size_t latent) const;

  /// From ln of what each row says [rows][combinations of all latents], row-major, that of each path:
  /// [units][most()], -inf behind the last.
  std::vector<double> sums(const std::vector<double>& rows) const;

 private:
  int64_t letter(int64_t unit, int64_t path, int64_t step) const;

  std::vector<std::string> names_;
  std::vector<int64_t> values_, series_;
  std::vector<size_t> own_;
  struct Source {
    size_t latent;  // an own one
    int64_t steps;  // before
  };
  std::vector<Source> sources_;  // of each latent
  int64_t letters_ = 1, combinations_ = 1, most_ = 1;
};

}  // namespace lvm::certificate
