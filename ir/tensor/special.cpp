// Values of the special functions of ir/tensor/scalar.h that the C library lacks, in long double: series
// where all terms have one sign, asymptotic series where their least term is below 1e-20.

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "ir/tensor/scalar.h"

namespace lvm::ir {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr long double far = 30;  // both series reach full precision here

/// Steps to 16 by a recurrence, then the derivative of that order of the asymptotic series.
template <class Step>
double by_steps(double x, Step step, int derivative) {
  if (!(x >= 0)) return nan;
  if (x == infinity) return 0;
  long double y = x, sum = 0;
  for (; y < 16; y += 1) sum += step(y);
  // B_2k / (2k (2k - 1)) of y^(1 - 2k)
  constexpr std::array<long double, 8> terms = {1.0L / 12,    -1.0L / 360,      1.0L / 1260,
                                                -1.0L / 1680, 1.0L / 1188,      -691.0L / 360360,
                                                1.0L / 156,   -3617.0L / 122400};
  long double series = 0;
  for (size_t k = terms.size(); k-- > 0;) {
    long double term =
        terms[k] * std::pow(y, -static_cast<long double>(2 * k + 1 + static_cast<size_t>(derivative)));
    if (derivative >= 1) term *= -static_cast<long double>(2 * k + 1);
    if (derivative >= 2) term *= -static_cast<long double>(2 * k + 2);
    series += term;
  }
  return static_cast<double>(sum + series);
}

struct Bessel {
  long double i0_less_one, i1;
};

Bessel bessel(long double x) {
  const long double q = x * x / 4;
  long double term = 1, i0 = 0, i1 = 0;
  for (int k = 1; term > 1e-22L * i0 || k < 3; ++k) {
    i1 += term / k;  // q^(k-1) / ((k-1)! k!)
    term *= q / k / k;
    i0 += term;
    if (term == 0) break;
  }
  return {i0, i1 * x / 2};
}

/// Of I1 / I0 in 1 / x: its equation A' = 1 - A / x - A^2 gives each from those before.
const std::array<long double, 24>& ratio_coefficients() {
  static const auto made = [] {
    std::array<long double, 24> a{1};
    for (size_t n = 1; n < a.size(); ++n) {
      long double products = 0;
      for (size_t i = 1; i < n; ++i) products += a[i] * a[n - i];
      a[n] = ((static_cast<long double>(n) - 2) * a[n - 1] - products) / 2;
    }
    return a;
  }();
  return made;
}

}  // namespace

// Steps from 1 on in powers of z = 1 / (2y + 1), with log(1 + 1 / y) = 2 atanh z: nothing cancels.

double binet(double x) {
  if (x == 0) return infinity;
  const auto step = [](long double y) {
    if (y < 1) return (y + 0.5L) * (std::log1p(y) - std::log(y)) - 1;
    const long double w = 1 / ((2 * y + 1) * (2 * y + 1));
    long double sum = 0;
    for (int k = 22; k >= 1; --k) sum = w * (sum + 1 / (2.0L * k + 1));
    return sum;
  };
  return by_steps(x, step, 0);
}

double binet_slope(double x) {
  if (x == 0) return -infinity;
  const auto step = [](long double y) {
    if (y < 1) return std::log1p(1 / y) - (1 / y + 1 / (y + 1)) / 2;
    const long double z = 1 / (2 * y + 1), w = z * z;
    long double sum = 0;
    for (int k = 22; k >= 1; --k) sum = w * (sum + 4.0L * k / (2.0L * k + 1));
    return -z * sum;
  };
  return by_steps(x, step, 1);
}

double binet_curve(double x) {
  if (x == 0) return infinity;
  return by_steps(
      x,
      [](long double y) {
        const long double product = y * (y + 1);
        return 0.5L / (product * product);
      },
      2);
}

double log_bessel(double x) {
  const long double size = std::abs(static_cast<long double>(x));
  if (!(size < infinity)) return static_cast<double>(-size);
  if (size < far) return static_cast<double>(std::log1p(bessel(size).i0_less_one) - size);
  long double term = 1, sum = 1;
  for (int k = 1; k < 24; ++k) {
    const auto odd = static_cast<long double>(2 * k - 1);
    term *= odd * odd / (8 * static_cast<long double>(k) * size);
    sum += term;
  }
  return static_cast<double>(std::log(sum) - 0.5L * std::log(2 * std::numbers::pi_v<long double> * size));
}

double bessel_ratio(double x) {
  const long double size = std::abs(static_cast<long double>(x));
  long double ratio = 0;
  if (size < far) {
    const Bessel at = bessel(size);
    ratio = at.i1 / (1 + at.i0_less_one);
  } else {
    const auto& a = ratio_coefficients();
    for (size_t n = a.size(); n-- > 0;) ratio = ratio / size + a[n];
  }
  if (std::isnan(x)) return x;
  return static_cast<double>(x < 0 ? -ratio : ratio);
}

double bessel_slope(double x) {
  if (std::isnan(x)) return x;
  const long double size = std::abs(static_cast<long double>(x));
  if (size < far) {
    // I0^2 - I0 I1 / x - I1^2 = sum of (2k)! / (2 k!^4 (k + 1)^2) (x / 2)^2k, from the products' series
    // (DLMF 10.31.3)
    const long double i0 = 1 + bessel(size).i0_less_one, q = size * size / 4;
    long double term = 1, sum = 1;
    for (int k = 1; term > 1e-22L * sum; ++k) {
      term *= (2.0L * k) * (2.0L * k - 1) / k / k / k / k * q;
      sum += term / ((k + 1.0L) * (k + 1.0L));
    }
    return static_cast<double>(sum / 2 / i0 / i0);
  }
  const auto& a = ratio_coefficients();
  long double sum = 0;
  for (size_t n = a.size(); n-- > 1;) sum = sum / size - static_cast<long double>(n) * a[n];
  return static_cast<double>(sum / size / size);
}

double erfcx(double x) {
  if (x < 6)
    return static_cast<double>(std::exp(static_cast<long double>(x) * x) *
                               std::erfc(static_cast<long double>(x)));
  // NaN passes through the series.
  const long double y = x, w = 1 / (2 * y * y);
  long double term = 1, sum = 1;
  for (int n = 1; n < 30; ++n) {
    term *= -w * static_cast<long double>(2 * n - 1);
    sum += term;
  }
  return static_cast<double>(sum / y * std::numbers::inv_sqrtpi_v<long double>);
}

}  // namespace lvm::ir
