#include <span>
#include <utility>

#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// Polynomials here interpolate in the Chebyshev nodes of the interval that is stated, with errors below
// 1e-16.

// lgamma(2 + t) / t, -3/4 <= t <= 1/2.
constexpr double near_two[] = {
    0.42278433509846713,     0.3224670334241132,     -0.06735230105319803,   0.020580808427784605,
    -0.007385551028681512,   0.002890510330735603,   -0.0011927539113632116, 0.0005096695250613079,
    -0.00022315476626183224, 9.94575037206372e-05,   -4.492613417222439e-05, 2.050735916377729e-05,
    -9.440295643329289e-06,  4.373455647232756e-06,  -2.035450933367171e-06, 9.634073192949235e-07,
    -4.5855335925043413e-07, 1.8327792622502426e-07, -9.423130042125474e-08, 1.0227175181175715e-07,
    -2.4687569244652835e-09, -3.150027782334188e-08, -3.9681207194105607e-08};
constexpr double near_two_low[] = {4.8512723860038985e-18, 1.4967570911207e-17};

// x (lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) in 1 / x^2, x >= 8.
constexpr double stirling[] = {0.08333333333333333,    -0.002777777777773988, 0.0007936507897524026,
                               -0.0005952365845050077, 0.0008414700851761257, -0.0018903829900965,
                               0.005065905285617103};

// sin(pi r) / r in r^2, |r| <= 1/2.
constexpr double sine[] = {3.141592653589793,     -5.16771278004997,       2.5501640398773455,
                           -0.5992645293207869,   0.08214588661099356,     -0.007370430943702136,
                           0.0004663027874593273, -2.1915250301851375e-05, 7.94853903737232e-07,
                           -2.228371216069697e-08};

constexpr double half_log_two_pi = 0.91893853320467274178;
constexpr double log_pi = 1.14472988584940017414;

/// x >= 8, by Stirling's series; log x is carried in two parts, since its error is multiplied by x.
Value far(Builder& b, Value x) {
  auto [high, low] = log_in_two(b, x);
  Value left = b.sub(x, b.real_like(0.5, x));
  Value top = b.sub(high, b.real_like(1, x));
  Value product = b.mul(left, top), product_low = b.fma(left, top, b.neg(product));
  Value inverse = b.div(b.real_like(1, x), x);
  Value series = b.mul(inverse, b.polynomial(b.mul(inverse, inverse), stirling));
  Value rest = b.add(b.fma(left, low, product_low), b.add(series, b.real_like(half_log_two_pi - 0.5, x)));
  Value result = b.add(product, rest);
  // Where the product overflows, what it lost is a NaN.
  return b.select(b.less(product, b.real_like(infinity, x)), result, product);
}

/// t near_two(t). Its first two terms cancel towards t = -3/4, so that both are carried in two parts.
std::pair<Value, Value> near_two_sum(Builder& b, Value t) {
  Value c0 = b.real_like(near_two[0], t), c1 = b.real_like(near_two[1], t);
  Value first = b.mul(t, c0), square = b.mul(t, t), second = b.mul(square, c1);
  Value low = b.fma(t, b.real_like(near_two_low[0], t), b.fma(t, c0, b.neg(first)));
  low = b.add(low, b.fma(square, c1, b.neg(second)));
  low = b.fma(b.fma(t, t, b.neg(square)), c1, b.fma(square, b.real_like(near_two_low[1], t), low));
  // |first| > |second|: fast two-sum.
  Value sum = b.add(first, second);
  low = b.add(low, b.sub(second, b.sub(sum, first)));
  Value higher = b.mul(b.mul(square, t), b.polynomial(t, std::span(near_two).subspan(2)));
  return {sum, b.add(higher, low)};
}

/// 0 < x < 8: steps to 2 + t, -3/4 <= t <= 1/2, by lgamma(x + 1) = lgamma(x) + log x. t is exact, so that the
/// zeros at 1 and 2 are too.
Value near(Builder& b, Value x) {
  Value one = b.real_like(1, x), half = b.real_like(0.5, x);
  Value t = b.sub(x, b.real_like(2, x)), above = one, below = one;
  for (int step = 0; step < 6; ++step) {
    Value large = b.less_equal(half, t);
    t = b.select(large, b.sub(t, one), t);
    above = b.select(large, b.mul(above, b.add(t, b.real_like(2, x))), above);
  }
  Value small = b.less(x, b.real_like(1.25, x)), tiny = b.less(x, half);
  // x (x + 1) = below (1 + lost), lost by rounding.
  Value next = b.add(x, one), product = b.mul(x, next);
  Value product_low = b.fma(x, b.sub(x, b.sub(next, one)), b.fma(x, next, b.neg(product)));
  Value lost = b.select(tiny, b.div(product_low, product), b.real_like(0, x));
  below = b.select(tiny, product, x);
  t = b.select(tiny, x, b.select(small, b.sub(x, one), t));
  auto [high, low] = log_in_two(b, b.select(small, below, above));
  auto [base, rest] = near_two_sum(b, t);
  // The least numbers leave no product: there -log x is all.
  Value below_sum = b.select(b.less(x, b.real_like(0x1p-60, x)), b.neg(log(b, x)),
                             b.add(b.sub(base, high), b.sub(rest, b.add(low, lost))));
  return b.select(small, below_sum, b.add(b.add(high, base), b.add(rest, low)));
}

}  // namespace

Value lgamma(Builder& b, Value x) {
  Value zero = b.real_like(0, x), one = b.real_like(1, x);
  Value negative = b.less(x, zero);
  Value a = b.select(negative, b.sub(one, x), x);
  Value bounded_near = b.maximum(b.real_like(0x1p-1000, x), b.minimum(b.real_like(8, x), a));
  Value bounded_far = b.maximum(b.real_like(8, x), a);
  Value above = b.select(b.less(a, b.real_like(8, x)), near(b, bounded_near), far(b, bounded_far));
  // lgamma(x) = log(pi / |sin(pi x)|) - lgamma(1 - x); at 0, -1, … it is infinity.
  Value r = b.sub(x, b.round_even(x));
  Value sin = b.abs(b.mul(r, b.polynomial(b.mul(r, r), sine)));
  Value reflected = b.sub(b.sub(b.real_like(log_pi, x), log(b, sin)), above);
  reflected = b.select(b.equal(sin, zero), b.real_like(infinity, x), reflected);
  Value result = b.select(negative, reflected, above);
  Value size = b.abs(x);
  result = b.select(b.less(size, b.real_like(0x1p-1000, x)), b.neg(log(b, size)), result);
  result = b.select(b.equal(size, b.real_like(infinity, x)), size, result);
  return b.select(b.equal(x, x), result, x);
}

}  // namespace lvm::maths
