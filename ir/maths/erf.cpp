#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// Polynomials here interpolate in the Chebyshev nodes of the interval that is stated, with errors below
// 1e-16.

// erf(x) / x - 1 in x^2, |x| <= 1.
constexpr double erf_near[] = {0.1283791670955126,      -0.3761263890318375,     0.11283791670954879,
                               -0.026866170645076792,   0.0052239776248180145,   -0.000854832698083379,
                               0.0001205533111164271,   -1.4925595266831182e-05, 1.6461000484121368e-06,
                               -1.6350312701054695e-07, 1.4659775274047436e-08,  -1.1372848856791674e-09,
                               5.957176147748911e-11};

// erfc(x) exp(x^2) in u = 9.6 (1 / (x + 2) - centre), 1 <= x <= 6.
constexpr double centre = 0.22916666666666666;
constexpr double erf_far[] = {
    0.22142954022993183,     0.16189356804102498,    0.038560570425178756,   0.005588816281840149,
    0.00019713917780504533,  -8.079220427446309e-05, -7.34051855452814e-06,  1.979561911794838e-06,
    1.6350179331888487e-07,  -7.005356150432762e-08, -5.937642934649041e-10, 2.6248030731791745e-09,
    -2.6260417449824267e-10, -7.455104496206316e-11, 1.838675340599343e-11,  4.4133850329467144e-13};

// (1 + 2 x) exp(x^2) erfc(x) in (x - 3.75) / (x + 3.75), x >= 0 (Shepherd and Laframboise 1981).
constexpr double scaled[] = {
    1.2375126308378275,     -0.14024059858554702,   0.0035854154854644583,   0.08227673849015109,
    -0.10880393014175023,   0.09230432116019638,    -0.05869339858961116,    0.02836227742154398,
    -0.009746579558275152,  0.0017556258321915355,  0.0002937136669846131,   -0.0002901539781378384,
    5.1649093885821704e-05, 2.238390827660038e-05,  -1.1444134389658475e-05, -9.728413451815077e-07,
    1.7516189406943677e-06, -5.827501862768691e-08, -2.586489910718322e-07,  2.4301839484503087e-08,
    3.866242066283792e-08,  -4.396921916762907e-09, -5.169080644815932e-09,  5.485084520083632e-10,
    4.243303825109676e-10,  -3.798064723590039e-11};

}  // namespace

Value erfcx(Builder& b, Value x) {
  Value size = b.abs(x), centre_at = b.real_like(3.75, x);
  Value infinite = b.real_like(infinity, x), finite = b.minimum(b.real_like(0x1p500, x), size);
  Value t = b.div(b.sub(finite, centre_at), b.add(finite, centre_at));
  Value half = b.real_like(0.5, x), above = b.div(b.mul(b.polynomial(t, scaled), half), b.add(size, half));
  // erfcx(-x) = 2 exp(x^2) - erfcx(x); what x^2 loses to rounding is a relative error of its exponential.
  Value bounded = b.minimum(b.real_like(27, x), size), square = b.mul(bounded, bounded);
  Value power = exp(b, square), lost = b.fma(bounded, bounded, b.neg(square));
  power = b.select(b.less(power, infinite), b.fma(power, lost, power), power);
  Value below = b.fma(b.real_like(2, x), power, b.neg(above));
  Value result = b.select(b.less(x, b.real_like(0, x)), below, above);
  return b.select(b.equal(x, x), result, x);
}

Value erf(Builder& b, Value x) {
  Value size = b.abs(x), one = b.real_like(1, x);
  Value near = b.fma(size, b.polynomial(b.mul(x, x), erf_near), size);
  // Above 6 the result is 1.
  Value bounded = b.minimum(b.real_like(6, x), size);
  Value t = b.div(one, b.add(bounded, b.real_like(2, x)));
  Value u = b.mul(b.sub(t, b.real_like(centre, x)), b.real_like(9.6, x));
  Value decay = exp_of_nonpositive(b, b.neg(b.mul(bounded, bounded)));
  Value far = b.sub(one, b.mul(decay, b.polynomial(u, erf_far)));
  Value result = b.select(b.less_equal(one, size), far, near);
  return b.select(b.less(x, b.real_like(0, x)), b.neg(result), result);
}

}  // namespace lvm::maths
