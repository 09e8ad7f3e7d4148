#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// Polynomials here interpolate in the Chebyshev nodes of the interval that is stated, with errors below
// 1e-16.

// x binet(x), -x^2 binet'(x) and x^3 binet''(x) in t = 4 / (x + 1) - 1, x >= 1.
constexpr double value_above[] = {
    0.08303377705499501,     -0.0007762599042827324,  -0.0007200595192304348,  -0.00032825428276472135,
    -0.00010823033780842191, -2.921135560149159e-05,  -7.4702666862122046e-06, -2.0391991982215615e-06,
    -5.691459703225858e-07,  -1.5464659794299714e-07, -4.380992283367468e-08,  -1.273023977287824e-08,
    -3.564097151084744e-09,  -1.0521581431642262e-09, -3.1892529636955755e-10, -8.966004433005026e-11,
    -2.4229356883002935e-11, -7.274839832255856e-12,  -3.794692069099928e-12,  -1.2251272315764755e-12};
constexpr double slope_above[] = {
    0.08245158212678297,     -0.002244479135269535,   -0.0019846261986104217,  -0.0007852969607360543,
    -0.0001880428848768152,  -2.7625606612517624e-05, -4.072667698369278e-06,  -1.3858745425124784e-06,
    -3.209985271474192e-07,  -4.082775952513034e-08,  -1.9916875223079982e-08, -5.328717222372466e-09,
    -2.3172879027331634e-10, -4.980010559478674e-10,  -8.797197786365904e-11,  1.474021390421613e-11,
    -2.4942929691227156e-11, 2.845819067378115e-12,   1.8639537267184904e-12,  -1.9898826381386577e-12,
    1.7849950504174217e-14,  1.4203615385058002e-13};
constexpr double curve_above[] = {
    0.1632198049021138,     -0.008588137136089493,  -0.00715967697367005,    -0.002320354917899606,
    -0.0002667948437499331, 4.540065043437737e-05,  6.892828385021748e-06,   -3.439299121099341e-06,
    2.2370228195679535e-07, 2.2723713975001516e-07, -9.151954693335015e-08,  7.752051818645125e-09,
    7.951002506055307e-09,  -4.487106519818687e-09, 9.794324034467668e-10,   1.8803935832617457e-10,
    -2.511296496540333e-10, 1.1556044721093817e-10, -3.3963312688060773e-11, -6.738868829222681e-12,
    1.828417035614359e-11,  -6.736365777402019e-12, -1.9934124601449004e-12, 1.2460856562379539e-12};

struct Parts {
  Value above;    // max(x, 1), or x + 1 below 1
  Value inverse;  // 1 / above
  Value t;
  Value below;  // x < 1
};

/// One step of the recurrences leads from below 1 to what the polynomials cover.
Parts split(Builder& b, Value x) {
  Value one = b.real_like(1, x), below = b.less(x, one);
  Value above = b.maximum(one, b.select(below, b.add(x, one), x));
  Value t = b.sub(b.div(b.real_like(4, x), b.add(above, one)), one);
  return {above, b.div(one, above), t, below};
}

/// NaN below 0 and of NaN.
Value over_positive(Builder& b, Value x, Value result) {
  return b.select(b.less_equal(b.real_like(0, x), x), result, b.real_like(not_a_number, x));
}

/// log(1 + 1 / x) for 0 <= x < 1, where 1 / x may overflow.
Value log_step(Builder& b, Value x) {
  return b.sub(log1p(b, x), log(b, x));
}

}  // namespace

Value binet(Builder& b, Value x) {
  auto [above, inverse, t, below] = split(b, x);
  Value result = b.mul(inverse, b.polynomial(t, value_above));
  // binet(x) = binet(x + 1) + (x + 1/2) log(1 + 1 / x) - 1
  Value small = b.minimum(b.real_like(1, x), x);
  Value step = b.fma(b.add(small, b.real_like(0.5, x)), log_step(b, small), b.real_like(-1, x));
  return over_positive(b, x, b.select(below, b.add(result, step), result));
}

Value binet_slope(Builder& b, Value x) {
  auto [above, inverse, t, below] = split(b, x);
  Value result = b.neg(b.mul(b.mul(inverse, inverse), b.polynomial(t, slope_above)));
  // binet'(x) = binet'(x + 1) + log(1 + 1 / x) - (1 / x + 1 / (x + 1)) / 2
  Value small = b.minimum(b.real_like(1, x), b.abs(x)), half = b.real_like(0.5, x);
  Value rest = b.add(log_step(b, small), b.fma(b.neg(half), inverse, result));
  Value pole = b.div(half, small);
  // At 0 the logarithm is infinite too, and the pole wins.
  Value stepped = b.select(b.less(small, b.real_like(0x1p-1000, x)), b.neg(pole), b.sub(rest, pole));
  return over_positive(b, x, b.select(below, stepped, result));
}

Value binet_curve(Builder& b, Value x) {
  auto [above, inverse, t, below] = split(b, x);
  Value result = b.mul(b.mul(b.mul(inverse, inverse), inverse), b.polynomial(t, curve_above));
  // binet''(x) = binet''(x + 1) + 1 / (2 x^2 (x + 1)^2)
  Value small = b.minimum(b.real_like(1, x), x);
  Value root = b.div(inverse, small);
  return over_positive(b, x, b.select(below, b.fma(b.mul(root, b.real_like(0.5, x)), root, result), result));
}

}  // namespace lvm::maths
