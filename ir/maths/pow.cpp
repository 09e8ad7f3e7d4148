#include "ir/maths/parts.h"

namespace lvm::maths {

LogInTwo log_in_two(Builder& b, Value x) {
  auto [e, f] = split_log(b, x);
  Value whole = b.mul(e, b.real_like(ln2_high, x));  // exact
  Value high = b.add(whole, f);
  // |whole| > |f|, or whole = 0: fast two-sum.
  Value low = b.sub(f, b.sub(high, whole));
  return {high, b.add(low, b.fma(e, b.real_like(ln2_low, x), log_tail(b, f)))};
}

Value pow(Builder& b, Value x, Value y) {
  Value zero = b.real_like(0, y), one = b.real_like(1, y), infinite = b.real_like(infinity, y);
  Value size = b.abs(x);
  Value tiny = b.less(size, b.real_like(0x1p-1022, size));
  Value scaled = b.select(tiny, b.mul(size, b.real_like(0x1p54, size)), size);
  auto [high, low] = log_in_two(b, scaled);
  // Less 54 log 2, by two-sum.
  Value shift = b.select(tiny, b.real_like(-54 * ln2_high, size), b.real_like(0, size));
  Value moved = b.add(high, shift), back = b.sub(moved, high);
  Value lost = b.add(b.sub(high, b.sub(moved, back)), b.sub(shift, back));
  low = b.add(low, b.add(lost, b.select(tiny, b.real_like(-54 * ln2_low, size), b.real_like(0, size))));
  high = moved;
  // The tail of the logarithm is no rounding error yet: make it one.
  Value sum = b.add(high, low);
  low = b.sub(low, b.sub(sum, high));
  high = sum;
  Value product = b.mul(y, high);
  Value rest = b.fma(y, low, b.fma(y, high, b.neg(product)));
  Value power = exp(b, product);
  power = b.select(b.less(b.abs(product), b.real_like(700, product)), b.fma(power, rest, power), power);
  // |x| of 0 and infinity, by the sign of y.
  Value rises = b.less(zero, y);
  power = b.select(b.equal(size, b.real_like(0, size)), b.select(rises, zero, infinite), power);
  power = b.select(b.equal(size, b.real_like(infinity, size)), b.select(rises, infinite, zero), power);
  // Below 0: a whole y gives a sign, any other NaN.
  Value half = b.mul(y, b.real_like(0.5, y));
  Value whole = b.equal(b.floor(y), y), even = b.equal(b.floor(half), half);
  Value below = b.select(whole, b.select(even, power, b.neg(power)), b.real_like(not_a_number, y));
  power = b.select(b.less(x, b.real_like(0, x)), below, power);
  power = b.select(b.equal(x, x), power, x);
  power = b.select(b.equal(y, y), power, y);
  // C: x^0 and 1^y are 1, NaN or not.
  return b.select(b.flag_or(b.equal(y, zero), b.equal(x, one)), one, power);
}

}  // namespace lvm::maths
