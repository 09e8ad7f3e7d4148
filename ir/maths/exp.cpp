#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// exp(r) = 1 + r + r^2 q(r), |r| <= ln(2) / 2: q by interpolation in the Chebyshev nodes, error of exp below
// 2e-17.
constexpr double q[] = {0.5,
                        0.16666666666666669,
                        0.04166666666662413,
                        0.008333333333330062,
                        0.0013888888917213717,
                        0.00019841269863053618,
                        2.4801521295954376e-05,
                        2.7557268459997064e-06,
                        2.7620088445409746e-07,
                        2.510038549551032e-08};

Value tail_of(Builder& b, Value x, Value k) {
  Value r = b.fma(k, b.real_like(-ln2_high, x), x);
  r = b.fma(k, b.real_like(-ln2_low, x), r);
  const Value square = b.mul(r, r);
  return b.fma(square, b.polynomial_by_halves(r, square, q), r);
}

}  // namespace

ExpParts split_exp(Builder& b, Value x) {
  Value rounder = b.real_like(magic, x);
  Value k = b.sub(b.fma(x, b.real_like(log2_e, x), rounder), rounder);
  return {k, tail_of(b, x, k)};
}

Value two_to(Builder& b, Value k) {
  Value field = b.bits(b.add(k, b.real_like(magic + 1023, k)));
  return b.from_bits(b.shift(loop::Op::shift_left, field, 52));
}

Value exp(Builder& b, Value x) {
  // Results outside of these bounds are 0 and infinity; the comparison keeps a NaN in x.
  Value bounded = b.maximum(b.real_like(-746, x), b.minimum(b.real_like(710, x), x));
  auto [k, tail] = split_exp(b, bounded);
  // 2^k in two factors, so that a subnormal result is rounded by the last product.
  Value rounder = b.real_like(magic, x);
  Value half = b.sub(b.fma(k, b.real_like(0.5, x), rounder), rounder);
  Value first = two_to(b, half);
  return b.mul(b.fma(tail, first, first), two_to(b, b.sub(k, half)));
}

Value exp_of_nonpositive(Builder& b, Value x) {
  // The sum that rounds k to an integer also leaves its exponent field in the low bits.
  Value rounder = b.real_like(magic + 1023, x);
  Value rounded = b.fma(x, b.real_like(log2_e, x), rounder);
  Value tail = tail_of(b, x, b.sub(rounded, rounder));
  Value scale = b.from_bits(b.shift(loop::Op::shift_left, b.bits(rounded), 52));
  Value least = b.real_like(-708, x);
  return b.select(b.less(x, least), b.real_like(0, x), b.fma(tail, scale, scale));
}

}  // namespace lvm::maths
