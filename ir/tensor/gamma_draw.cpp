// Values of log_gamma_draw and its slope: the formulas of ir/maths/gamma_draw.cpp in long double, with more
// nodes, longer series and steps until nothing moves.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "ir/tensor/scalar.h"

namespace lvm::ir {
namespace {

using Real = long double;
constexpr Real far = 46, half_log_two_pi = 0.918938533204672741780329736406L;

struct Abscissa {
  Real at, weight;
};

/// Gauss-Legendre on [0, 1], by Newton steps from Tricomi's approximation.
const std::vector<Abscissa>& gauss() {
  static const std::vector<Abscissa> made = [] {
    constexpr int n = 64;
    std::vector<Abscissa> list;
    for (int i = 1; i <= n; ++i) {
      Real x = std::cos(std::numbers::pi_v<Real> * (i - 0.25L) / (n + 0.5L)), slope = 0;
      for (int step = 0; step < 8; ++step) {
        Real last = 1, value = x;
        for (int k = 2; k <= n; ++k)
          last = std::exchange(value, ((2 * k - 1) * x * value - (k - 1) * last) / k);
        slope = n * (x * value - last) / (x * x - 1);
        x -= value / slope;
      }
      list.push_back({(x + 1) / 2, 1 / ((1 - x * x) * slope * slope)});
    }
    return list;
  }();
  return made;
}

struct Shape {
  Real a, log, psi, log_norm;
};

Shape shape_of(double shape) {
  const Real a = shape, log_a = std::log(a);
  return {a, log_a, digamma(shape), log_a / 2 - half_log_two_pi - static_cast<Real>(binet(shape))};
}

struct Tail {
  bool upper;
  Real z, log_mass, t, slope;
};

void add_series(const Shape& s, Real y, Tail& to) {
  Real term = 1 / s.a, psi = s.psi + term;
  for (int n = 1; n < 60; ++n) {
    to.t += term;
    to.slope += term * (psi - y);
    term *= to.z / (s.a + n);
    psi += 1 / (s.a + n);
  }
}

void add_nodes(const Shape& s, Real y, Tail& to) {
  const Real distance = std::abs(to.z - s.a), sign = to.upper ? 1 : -1, k = far - 2 * distance;
  const Real end = to.upper ? std::min(2 * far / (distance + std::sqrt(distance * distance + 2 * far * to.z)),
                                       std::log(2 + 2 * far / to.z))
                            : 4 * far / (std::sqrt(k * k + 8 * far * s.a) - k);
  for (const Abscissa& each : gauss()) {
    const Real t = end * each.at;
    const Real part =
        end * each.weight * std::exp(-(to.z * (std::expm1(sign * t) - sign * t) + distance * t));
    to.t += part;
    to.slope += part * (t + sign * (y - s.psi));
  }
}

Tail tail_of(const Shape& s, Real y) {
  const Real z = std::exp(y), v = y - s.log;
  Tail to{z >= 2 && z > s.a, z, s.log_norm - s.a * (std::expm1(v) - v), 0, 0};
  if (z < 2) {
    add_series(s, y, to);
  } else {
    add_nodes(s, y, to);
  }
  return to;
}

}  // namespace

double log_gamma_draw(double shape, double noise) {
  if (!(shape > 0) || std::isnan(noise)) return std::numeric_limits<double>::quiet_NaN();
  const Shape s = shape_of(shape);
  const Real root_half = 1 / std::numbers::sqrt2_v<Real>;
  const Real below = std::log(std::erfc(-noise * root_half) / 2),
             above = std::log(std::erfc(noise * root_half) / 2);
  Real low = -std::numeric_limits<Real>::infinity(), high = std::numeric_limits<Real>::infinity();
  Real y = (below + std::lgamma(s.a + 1)) / s.a;  // F <= z^a / Gamma(a + 1): not above the root
  if (shape > 0.5)
    y = std::max(y, s.log + 3 * std::log(std::max(0.1L, 1 - 1 / (9 * s.a) + noise / (3 * std::sqrt(s.a)))));
  for (int step = 0; step < 200; ++step) {
    const Tail at = tail_of(s, y);
    const Real gap = at.upper ? above - std::log(at.t) - at.log_mass : std::log(at.t) + at.log_mass - below;
    (gap < 0 ? low : high) = y;
    Real next = std::min(y - gap * at.t, y + 2);
    // Between what is known to be below and above.
    if (std::isfinite(low) && std::isfinite(high) && !(next > low && next < high)) next = (low + high) / 2;
    if (std::abs(next - y) <= 1e-18L * std::abs(y)) return static_cast<double>(next);
    y = next;
  }
  return static_cast<double>(y);
}

double log_gamma_draw_slope(double shape, double log_value) {
  if (!(shape > 0) || std::isnan(log_value)) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(tail_of(shape_of(shape), log_value).slope);
}

}  // namespace lvm::ir
