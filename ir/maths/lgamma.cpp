#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// Polynomials here interpolate in the Chebyshev nodes of the interval that is stated, with errors below 1e-16.

// lgamma(2 + t) / t, |t| <= 1/2.
constexpr double near_two[] = {
    0.42278433509846713, 0.3224670334241132, -0.06735230105319814, 0.02058080842778457,
    -0.0073855510286681535, 0.002890510330738737, -0.0011927539120010226, 0.0005096695248853096,
    -0.00022315475074520367, 9.945750909889392e-05, -4.4926351103833334e-05, 2.050726741605779e-05,
    -9.438458716242811e-06, 4.374374916915131e-06, -2.0449201467015115e-06, 9.578663334114758e-07,
    -4.303558760359961e-07, 2.0304806751615227e-07, -1.3412819758517287e-07, 6.379047507619774e-08};

// x (lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) in 1 / x^2, x >= 8.
constexpr double stirling[] = {
    0.08333333333333333, -0.002777777777773988, 0.0007936507897524026, -0.0005952365845050077,
    0.0008414700851761257, -0.0018903829900965, 0.005065905285617103};

// sin(pi r) / r in r^2, |r| <= 1/2.
constexpr double sine[] = {
    3.141592653589793, -5.16771278004997, 2.5501640398773455, -0.5992645293207869, 0.08214588661099356,
    -0.007370430943702136, 0.0004663027874593273, -2.1915250301851375e-05, 7.94853903737232e-07,
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
  // Beyond 2^1000 the products overflow to a NaN.
  return b.select(b.less(x, b.real_like(0x1p1000, x)), result, b.real_like(infinity, x));
}

/// 0 < x < 8: steps to 2 + t, |t| <= 1/2, by lgamma(x + 1) = lgamma(x) + log x. t is exact, so that the zeros at 1 and 2 are too.
Value near(Builder& b, Value x) {
  Value one = b.real_like(1, x), half = b.real_like(0.5, x);
  Value t = b.sub(x, b.real_like(2, x)), above = one, below = one;
  for (int step = 0; step < 6; ++step) {
    Value large = b.less_equal(half, t);
    t = b.select(large, b.sub(t, one), t);
    above = b.select(large, b.mul(above, b.add(t, b.real_like(2, x))), above);
  }
  Value small = b.less(x, b.real_like(1.5, x)), tiny = b.less(x, half);
  below = b.select(tiny, b.mul(x, b.add(x, one)), x);
  t = b.select(tiny, x, b.select(small, b.sub(x, one), t));
  auto [high, low] = log_in_two(b, b.select(small, below, above));
  Value base = b.mul(t, b.polynomial(t, near_two));
  // The least numbers leave no product: there -log x is all.
  Value below_sum = b.select(b.less(x, b.real_like(0x1p-60, x)), b.neg(log(b, x)), b.sub(b.sub(base, high), low));
  return b.select(small, below_sum, b.add(high, b.add(base, low)));
}

}  // namespace

Value lgamma(Builder& b, Value x) {
  Value zero = b.real_like(0, x), one = b.real_like(1, x);
  Value negative = b.less(x, zero);
  Value a = b.select(negative, b.sub(one, x), x);
  Value bounded_near = b.maximum(b.real_like(0x1p-1000, x), b.minimum(b.real_like(8, x), a));
  Value bounded_far = b.maximum(b.real_like(8, x), a);
  Value above = b.select(b.less(a, b.real_like(8, x)), near(b, bounded_near), far(b, bounded_far));
  above = b.select(b.less(a, b.real_like(0x1p-1000, x)), b.neg(log(b, a)), above);
  // lgamma(x) = log(pi / |sin(pi x)|) - lgamma(1 - x); at 0, -1, … it is infinity.
  Value r = b.sub(x, b.round_even(x));
  Value sin = b.abs(b.mul(r, b.polynomial(b.mul(r, r), sine)));
  Value reflected = b.sub(b.sub(b.real_like(log_pi, x), log(b, sin)), above);
  reflected = b.select(b.equal(sin, zero), b.real_like(infinity, x), reflected);
  Value result = b.select(negative, reflected, above);
  Value size = b.abs(x);
  result = b.select(b.equal(size, b.real_like(infinity, x)), size, result);
  return b.select(b.equal(x, x), result, x);
}

}  // namespace lvm::maths
