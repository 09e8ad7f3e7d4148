#include "certify/steps.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lvm::certificate {

Steps::Steps(const ir::Model& model, int latent, std::vector<int64_t> series) : series_(std::move(series)) {
  const ir::Variable& z = model.variables[static_cast<size_t>(latent)];
  for (const ir::AxisId axis : z.type.axes)
    if (axis != ir::row_axis) size_ *= model.module.axis(axis).size;
  leaves_.push_back({z.name, 0});
  for (const ir::Lag& lag : model.lags)
    if (lag.of == latent)
      leaves_.push_back({model.variables[static_cast<size_t>(lag.variable)].name, lag.steps});
  for (int64_t unit = 0; unit < units(); ++unit) longest_ = std::max(longest_, steps(unit));
}

std::vector<double> Steps::gathered(const std::vector<double>& rows, double fill) const {
  std::vector<double> to(static_cast<size_t>(units() * elements()), fill);
  for (int64_t unit = 0; unit < units(); ++unit)
    std::copy_n(rows.begin() + first(unit) * size_, steps(unit) * size_, to.begin() + unit * elements());
  return to;
}

std::vector<double> Steps::scattered(const std::vector<double>& vectors, int64_t before) const {
  std::vector<double> to(static_cast<size_t>(series_.back() * size_), 0);
  for (int64_t unit = 0; unit < units(); ++unit) {
    const int64_t count = std::max<int64_t>(0, steps(unit) - before);
    std::copy_n(vectors.begin() + unit * elements(), count * size_,
                to.begin() + (first(unit) + before) * size_);
  }
  return to;
}

std::vector<double> Steps::sums(const double* rows, int64_t stride,
                                const std::vector<double>& vectors) const {
  std::vector<double> to(static_cast<size_t>(units()), 0);
  for (int64_t unit = 0; unit < units(); ++unit) {
    double& sum = to[static_cast<size_t>(unit)];
    for (int64_t t = 0; t < steps(unit); ++t) sum += rows[(first(unit) + t) * stride];
    for (int64_t e = steps(unit) * size_; e < elements() && !vectors.empty(); ++e) {
      const double v = vectors[static_cast<size_t>(unit * elements() + e)];
      sum -= (v * v + std::log(2 * std::numbers::pi)) / 2;
    }
  }
  return to;
}

}  // namespace lvm::certificate
