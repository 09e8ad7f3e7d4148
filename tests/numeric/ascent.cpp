#include "tests/numeric/ascent.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

namespace lvm::numeric {
namespace {

double objective(const BoundModel& bound, const Fit& fit, const std::string& moved, size_t index,
                 double value) {
  std::vector<Values> start;
  for (const Parameter& p : fit.parameters) {
    if (p.fixed) continue;
    std::vector<double> values = p.values;
    if (p.name == moved) values[index] = value;
    start.push_back({p.name, p.shape, values});
  }
  const Fit at = fit_or_fail(bound, {.iterations = 0, .tolerance = 0, .init = start});
  return at.objective + at.log_prior.value_or(0);
}

}  // namespace

double gain(const BoundModel& bound, const Fit& fit, const std::string& name, size_t index) {
  const double v = values(fit, name)[index];
  const bool unit = fit.find(name)->domain == "unit";
  const double h = 1e-4 * (unit ? std::min(v, 1 - v) : std::max(std::abs(v), 1e-2));
  const double up = objective(bound, fit, name, index, v + h),
               down = objective(bound, fit, name, index, v - h);
  const double at = objective(bound, fit, name, index, v);
  const double slope = (up - down) / (2 * h), curvature = (up - 2 * at + down) / (h * h);
  INFO(name << " element " << index << " = " << v << ": slope " << slope << ", curvature " << curvature);
  CHECK(curvature < 0);
  return slope * slope / (2 * std::abs(curvature));
}

double rise(const BoundModel& bound, const Fit& fit, const std::string& name, size_t index) {
  const double v = values(fit, name)[index], at = objective(bound, fit, name, index, v);
  double most = -HUGE_VAL;
  for (const double part : {1e-2, 1e-4, 1e-6}) {
    const double h = part * std::max(std::abs(v), 1e-2);
    most = std::max({most, objective(bound, fit, name, index, v + h) - at,
                     objective(bound, fit, name, index, v - h) - at});
  }
  return most;
}

}  // namespace lvm::numeric
