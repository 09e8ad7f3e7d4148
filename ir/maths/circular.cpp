// cos and sin by reduction to |r| <= pi / 4, in four parts of pi / 2: with |k| < 2^31 the first three
// products are exact.

#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// (sin(r) / r - 1) / r^2 and ((cos(r) - 1) / r^2 + 1/2) / r^2 in r^2, |r| <= pi / 4, by interpolation in the
// Chebyshev nodes with errors below 1e-16 of the results.
constexpr double sine[] = {-0.16666666666666666,   0.008333333333333331,    -0.00019841269841264821,
                           2.7557319219150783e-06, -2.5052106167335705e-08, 1.6058521349954986e-10,
                           -7.58609478967262e-13};
constexpr double cosine[] = {0.041666666666666664,   -0.0013888888888888887, 2.480158730158451e-05,
                             -2.755731922129809e-07, 2.0876755754879594e-09, -1.1470455178216796e-11,
                             4.745537017313825e-14};

constexpr double half_pi[] = {0x1.921fbp+0, 0x1.5110bp-22, 0x1.1846980000000p-44, 0x1.3198a2e037073p-69};
constexpr double two_over_pi = 0.63661977236758134308;

/// sin(x + quarters pi / 2).
Value shifted_sine(Builder& b, Value x, double quarters) {
  Value k = b.round_even(b.mul(x, b.real_like(two_over_pi, x)));
  Value r = x;
  for (double part : {half_pi[0], half_pi[1]}) r = b.fma(k, b.real_like(-part, x), r);
  Value third = b.real_like(-half_pi[2], x), near = b.fma(k, third, r);
  Value rest = b.fma(k, b.real_like(-half_pi[3], x), b.fma(k, third, b.sub(r, near)));
  r = b.add(near, rest);
  rest = b.sub(rest, b.sub(r, near));
  Value square = b.mul(r, r);
  Value sine_of_r = b.add(r, b.fma(b.mul(r, square), b.polynomial(square, sine), rest));
  // 1 - h is rounded, and what that lost goes to the tail.
  Value one = b.real_like(1, x), h = b.mul(square, b.real_like(0.5, x)), top = b.sub(one, h);
  Value lost = b.fma(b.neg(r), rest, b.sub(b.sub(one, top), h));
  Value cosine_of_r = b.add(top, b.fma(b.mul(square, square), b.polynomial(square, cosine), lost));
  Value turn = b.add(k, b.real_like(quarters, x)), half = b.floor(b.mul(turn, b.real_like(0.5, x)));
  Value odd = b.less(b.real_like(0, x), b.sub(turn, b.add(half, half)));
  Value quarter = b.floor(b.mul(half, b.real_like(0.5, x)));
  Value below = b.less(b.real_like(0, x), b.sub(half, b.add(quarter, quarter)));
  Value result = b.select(odd, cosine_of_r, sine_of_r);
  return b.select(below, b.neg(result), result);
}

}  // namespace

Value sin(Builder& b, Value x) {
  return shifted_sine(b, x, 0);
}
Value cos(Builder& b, Value x) {
  return shifted_sine(b, x, 1);
}

}  // namespace lvm::maths
