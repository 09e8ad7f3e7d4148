#include "ir/maths/single.h"

#include <array>
#include <limits>

namespace lvm::maths::single {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double log2_e = 1.4426950408889634;
// ln 2 in two parts, the first of few bits: its products with whole numbers are exact.
constexpr double ln2_high = 0.693359375, ln2_low = -2.12194440054690583e-4;

/// e^x of a bounded x: 2^n e^r, |r| <= ln 2 / 2, by the Taylor polynomial of degree 7 (next term < 2^-27).
Value exp_of_bounded(Builder& b, Value x) {
  const Value n = b.round_even(b.mul(x, b.real_like(log2_e, x)));
  Value r = b.fma(n, b.real_like(-ln2_high, x), x);
  r = b.fma(n, b.real_like(-ln2_low, x), r);
  static constexpr std::array<double, 6> tail = {1.0 / 2,   1.0 / 6,   1.0 / 24,
                                                 1.0 / 120, 1.0 / 720, 1.0 / 5040};
  const Value square = b.mul(r, r);
  const Value near = b.fma(b.polynomial_by_halves(r, square, tail), square, b.add(r, b.real_like(1, x)));
  // Two factors: 2^128 is no float.
  const Value half = b.floor(b.mul(n, b.real_like(0.5, n)));
  return b.mul(b.mul(near, b.power_of_two(half)), b.power_of_two(b.sub(n, half)));
}

/// e^-|x|, in (0, 1]. One factor does: the exponent is bounded.
Value exp_of_negative_size(Builder& b, Value x) {
  const Value size = b.minimum(b.real_like(87, x), b.abs(x));
  const Value n = b.round_even(b.mul(size, b.real_like(-log2_e, x)));
  Value r = b.fma(n, b.real_like(-ln2_high, x), b.neg(size));
  r = b.fma(n, b.real_like(-ln2_low, x), r);
  static constexpr std::array<double, 6> tail = {1.0 / 2,   1.0 / 6,   1.0 / 24,
                                                 1.0 / 120, 1.0 / 720, 1.0 / 5040};
  const Value square = b.mul(r, r);
  const Value near = b.fma(b.polynomial_by_halves(r, square, tail), square, b.add(r, b.real_like(1, x)));
  return b.mul(near, b.power_of_two(n));
}

/// log(1 + t) for 0 <= t <= 1: 2 artanh(s), s = t / (2 + t) <= 1/3; the first term left out is s^15 / 15 <
/// 2^-27.
Value log1p_of_share(Builder& b, Value t) {
  const Value s = b.div(t, b.add(t, b.real_like(2, t)));
  const Value square = b.mul(s, s);
  static constexpr std::array<double, 6> tail = {2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13};
  const Value cube = b.mul(s, square);
  return b.fma(b.polynomial(square, tail), cube, b.add(s, s));
}

}  // namespace

Value exp(Builder& b, Value x) {
  // minimum keeps its second operand where one is NaN.
  const Value bounded = b.maximum(b.real_like(-104, x), b.minimum(b.real_like(89, x), x));
  const Value result = exp_of_bounded(b, bounded);
  return b.select(b.less(b.real_like(88.72284, x), x), b.real_like(infinity, x), result);
}

Value sigmoid(Builder& b, Value x) {
  const Value t = exp_of_negative_size(b, x);
  const Value above = b.select(b.less(x, b.real_like(0, x)), t, b.real_like(1, x));
  return b.div(above, b.add(t, b.real_like(1, x)));
}

Value softplus(Builder& b, Value x) {
  const Value t = exp_of_negative_size(b, x);
  // NaN: maximum keeps its second operand.
  return b.add(b.maximum(b.real_like(0, x), x), log1p_of_share(b, t));
}

Value tanh(Builder& b, Value x) {
  const Value size = b.abs(x);
  // x + x^3 p(x^2) where |x| < 0.625 (minimax, error 2^-26), else 1 - 2 / (e^(2 |x|) + 1).
  static constexpr std::array<double, 5> near = {-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2,
                                                 2.06390887954e-2, -5.70498872745e-3};
  const Value square = b.mul(x, x);
  const Value small = b.fma(b.mul(b.polynomial(square, near), square), size, size);
  const Value twice = b.add(size, size);
  const Value t = exp_of_negative_size(b, twice);
  const Value one = b.real_like(1, x);
  const Value large = b.div(b.sub(one, t), b.add(one, t));
  const Value either = b.select(b.less(size, b.real_like(0.625, x)), small, large);
  const Value result = b.select(b.less(x, b.real_like(0, x)), b.neg(either), either);
  return b.select(b.equal(x, x), result, x);
}

}  // namespace lvm::maths::single
