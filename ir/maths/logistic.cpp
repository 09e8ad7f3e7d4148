// What rests on exp and log near 0: expm1, log1p, tanh, sigmoid, softplus.

#include "ir/maths/parts.h"

namespace lvm::maths {

Value expm1(Builder& b, Value x) {
  // (2^k - 1) + 2^k tail: the first term is exact for |k| <= 53, and for k = 0 the result is the tail.
  Value bounded = b.maximum(b.real_like(-50, x), b.minimum(b.real_like(700, x), x));
  auto [k, tail] = split_exp(b, bounded);
  Value scale = two_to(b, k);
  Value near = b.fma(tail, scale, b.sub(scale, b.real_like(1, x)));
  return b.select(b.less(b.real_like(700, x), x), exp(b, x), near);
}

Value log1p(Builder& b, Value x) {
  Value one = b.real_like(1, x);
  Value u = b.add(x, one);
  // u + rest = 1 + x exactly (two-sum, Knuth).
  Value back = b.sub(u, one);
  Value rest = b.add(b.sub(one, b.sub(u, back)), b.sub(x, back));
  auto [e, f] = split_log(b, u);
  Value low = b.fma(e, b.real_like(ln2_low, x), b.add(log_tail(b, f), b.div(rest, u)));
  Value result = b.fma(e, b.real_like(ln2_high, x), b.add(f, low));
  result = b.select(b.less(x, b.real_like(infinity, x)), result, x);
  Value end = b.real_like(-1, x);
  result = b.select(b.equal(x, end), b.real_like(-infinity, x), result);
  return b.select(b.less(x, end), b.real_like(not_a_number, x), result);
}

namespace {

/// numerator / (c + a), where the sum's rounding error is carried; 0 <= a.
Value share(Builder& b, Value a, Value numerator, double c) {
  Value other = b.real_like(c, a);
  Value sum = b.add(a, other);
  Value back = b.sub(sum, other);
  Value rest = b.add(b.sub(a, back), b.sub(other, b.sub(sum, back)));
  Value quotient = b.div(numerator, sum);
  Value remainder = b.sub(b.fma(b.neg(quotient), sum, numerator), b.mul(quotient, rest));
  return b.add(quotient, b.div(remainder, sum));
}

}  // namespace

Value tanh(Builder& b, Value x) {
  // At 2 |x| = 44 the result is 1.
  Value twice = b.minimum(b.real_like(44, x), b.add(b.abs(x), b.abs(x)));
  Value a = expm1(b, twice);
  Value size = share(b, a, a, 2);
  return b.select(b.less(x, b.real_like(0, x)), b.neg(size), size);
}

Value sigmoid(Builder& b, Value x) {
  Value t = exp(b, b.neg(b.abs(x)));
  Value above = b.select(b.less(x, b.real_like(0, x)), t, b.real_like(1, x));
  return share(b, t, above, 1);
}

Value softplus(Builder& b, Value x) {
  Value rest = log1p(b, exp(b, b.neg(b.abs(x))));
  Value zero = b.real_like(0, x);
  return b.add(b.select(b.less(x, zero), zero, x), rest);
}

}  // namespace lvm::maths
