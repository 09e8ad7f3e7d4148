#include "runtime/convergence.h"

#include <algorithm>
#include <cmath>

namespace lvm::runtime {

Rounding make_rounding(double size, double by_parameters) {
  const double unit = std::numeric_limits<double>::epsilon() * size;
  return {2 * unit, 64 * unit + by_parameters};
}

/// EM converges linearly: the gains shrink by a factor a = g_t / g_(t-1), so that g_t a / (1 - a) remains.
bool Convergence::hit(double before, const Rounding& rounding) {
  if (gain_ <= rounding.noise) {
    remaining_ = 0;
    return true;
  }
  if (std::isnan(before)) return false;
  // After a drop within rounding there is no ratio; a gain of that size says no more than the drop did.
  if (before <= 0) return gain_ <= rounding.allowed;
  const double ratio = gain_ / before;
  if (ratio >= 1) {
    remaining_ = std::numeric_limits<double>::quiet_NaN();
    return false;
  }
  remaining_ = gain_ * ratio / (1 - ratio);
  return remaining_ < tolerance_;
}

void Convergence::add(double objective, const Rounding& rounding) {
  const double gain_before = gain_;
  gain_ = objective - objective_;  // NaN at the first
  objective_ = objective;
  if (std::isnan(gain_)) return;
  hits_ = hit(gain_before, rounding) && tolerance_ > 0 ? hits_ + 1 : 0;
}

void Convergence::restart(double objective) {
  objective_ = objective;
  gain_ = remaining_ = std::numeric_limits<double>::quiet_NaN();
  hits_ = 0;
}

}  // namespace lvm::runtime
