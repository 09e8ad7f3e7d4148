#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// log(1 + f) = 2 s + s z p(z), s = f / (2 + f), z = s^2 <= (3 - 2 sqrt 2)^2: p by interpolation in the
// Chebyshev nodes, error below 5e-18.
constexpr double p[] = {0.666666666666667,   0.39999999999899444, 0.2857142862600327, 0.22222211130259875,
                        0.18182889455675105, 0.1533171061820642,  0.14616585424934123};

constexpr int64_t root_half_bits = 0x3fe6a09e667f3bcd;  // sqrt(1/2)

}  // namespace

LogParts split_log(Builder& b, Value x) {
  using loop::Op;
  // 2048 is added to the exponent's distance from sqrt(1/2), so that a logical shift serves; it wraps for
  // none of the doubles > 0.
  Value x_bits = b.bits(x);
  Value distance = b.integer(Op::int_add, x_bits, b.integer_like((int64_t{1024} << 52) - root_half_bits, x));
  Value biased = b.shift(Op::shift_right, distance, 52);
  Value fraction = b.integer(Op::int_sub, x_bits, b.shift(Op::shift_left, biased, 52));
  fraction = b.integer(Op::int_add, fraction, b.integer_like(int64_t{1024} << 52, x));
  Value e = b.from_bits(b.integer(Op::int_or, biased, b.bits(b.real_like(0x1p52, x))));
  return {b.sub(e, b.real_like(0x1p52 + 1024, x)), b.sub(b.from_bits(fraction), b.real_like(1, x))};
}

Value log_tail(Builder& b, Value f) {
  // 2 s = f - s f, and s f = f^2 / 2 - s f^2 / 2: the exact halves are kept apart from what s rounds.
  Value s = b.div(f, b.add(f, b.real_like(2, f)));
  Value z = b.mul(s, s);
  Value half_square = b.mul(b.mul(f, f), b.real_like(0.5, f));
  Value correction = b.mul(s, b.fma(z, b.polynomial(z, p), half_square));
  return b.sub(correction, half_square);
}

namespace {

Value log_sum(Builder& b, Value e, Value f) {
  Value low = b.fma(e, b.real_like(ln2_low, f), log_tail(b, f));
  return b.fma(e, b.real_like(ln2_high, f), b.add(f, low));
}

}  // namespace

Value log_of_normal(Builder& b, Value x) {
  auto [e, f] = split_log(b, x);
  return b.select(b.less(x, b.real_like(infinity, x)), log_sum(b, e, f), x);
}

Value log(Builder& b, Value x) {
  // A subnormal is scaled up by 2^54.
  Value tiny = b.less(x, b.real_like(0x1p-1022, x));
  auto [e, f] = split_log(b, b.select(tiny, b.mul(x, b.real_like(0x1p54, x)), x));
  e = b.sub(e, b.select(tiny, b.real_like(54, x), b.real_like(0, x)));
  // Infinity and NaN stay, 0 gives -infinity, what is below gives NaN.
  Value result = b.select(b.less(x, b.real_like(infinity, x)), log_sum(b, e, f), x);
  Value zero = b.real_like(0, x);
  result = b.select(b.equal(x, zero), b.real_like(-infinity, x), result);
  return b.select(b.less(x, zero), b.real_like(not_a_number, x), result);
}

}  // namespace lvm::maths
