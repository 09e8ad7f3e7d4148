#include <span>

#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// Polynomials here interpolate in the Chebyshev nodes of the interval that is stated, with errors below
// 1e-16.

// digamma(2 + t) / (2 + t - zero), |t| <= 1.
constexpr double digamma_near[] = {
    0.7853075386041053,      -0.2607389546830014,     0.10899991701762841,    -0.04955103291766767,
    0.023447309597562315,    -0.011338432553553088,   0.005552254176163854,   -0.002739572878878444,
    0.001358142115660262,    -0.0006753134172771423,  0.00033643307392409804, -0.00016781485745549608,
    8.377541533754836e-05,   -4.1847758637407615e-05, 2.090944279433702e-05,  -1.043615113408139e-05,
    5.216485445131201e-06,   -2.6450069563210817e-06, 1.322327646207658e-06,  -5.878282013270488e-07,
    2.938946209899294e-07,   -2.5162239592946485e-07, 1.258090299216334e-07,  4.46741085718643e-08,
    -2.2337287908168016e-08, -6.628736705562654e-08,  3.314365249205256e-08,  2.0501183895194647e-08,
    -1.0250592958849892e-08, -5.4669888399440215e-09, 2.7334936115473567e-09};

constexpr double zero_high = 1.4616321449683622, zero_low = 9.549995429965697e-17;

// x^2 (log x - 1 / (2 x) - digamma(x)) in 1 / x^2, x >= 6.
constexpr double digamma_far[] = {0.08333333333333333,   -0.008333333333329406, 0.00396825396445464,
                                  -0.004166665241792838, 0.007575487397559364,  -0.021063611856428556,
                                  0.08143630483869545,   -0.3678576287054853,   1.2391679483128468};

// x^3 (trigamma(x) - 1 / x - 1 / (2 x^2)) in 1 / x^2, x >= 8.
constexpr double trigamma_far[] = {0.16666666666666655,  -0.03333333333249287, 0.023809522943892512,
                                   -0.03333299706355796, 0.07569481308598168,  -0.24699740870514922,
                                   0.8586879942939685};

Value far(Builder& b, Value x) {
  Value inverse = b.div(b.real_like(1, x), x);
  Value w = b.mul(inverse, inverse);
  Value rest = b.fma(w, b.polynomial(w, digamma_far), b.mul(inverse, b.real_like(0.5, x)));
  return b.sub(log(b, x), rest);
}

/// 0 < x < 6: steps to [1, 2.25] by digamma(x + 1) = digamma(x) + 1 / x; there the zero is a factor.
Value near(Builder& b, Value x) {
  Value one = b.real_like(1, x), zero = b.real_like(0, x);
  Value t = b.sub(x, b.real_like(2, x)), sum = zero;
  for (int step = 0; step < 4; ++step) {
    Value large = b.less(b.real_like(0.25, x), t);
    t = b.select(large, b.sub(t, one), t);
    sum = b.select(large, b.add(sum, b.div(one, b.add(t, b.real_like(2, x)))), sum);
  }
  Value small = b.less(x, one);
  t = b.select(small, b.sub(x, one), t);
  // (distance - zero_low) (c0 + t rest), where the distance is exact and the greatest product is rounded
  // last.
  Value distance = b.sub(t, b.real_like(zero_high - 2, x)), first = b.real_like(digamma_near[0], x);
  Value rest = b.mul(t, b.polynomial(t, std::span(digamma_near).subspan(1)));
  Value small_part = b.fma(distance, rest, b.mul(b.real_like(-zero_low, x), b.add(first, rest)));
  Value base = b.fma(distance, first, small_part);
  // 1 / x in two parts.
  Value inverse = b.div(one, x);
  Value inverse_low = b.mul(b.fma(b.neg(inverse), x, one), inverse);
  Value finite = b.less(inverse, b.real_like(0x1p1000, x));
  Value below = b.sub(b.sub(base, b.select(finite, inverse_low, zero)), inverse);
  return b.select(small, below, b.add(base, sum));
}

}  // namespace

Value digamma(Builder& b, Value x) {
  Value six = b.real_like(6, x);
  Value result = b.select(b.less(x, six), near(b, b.minimum(six, x)), far(b, b.maximum(six, x)));
  result = b.select(b.less(b.real_like(0, x), x), result, b.real_like(not_a_number, x));
  return b.select(b.equal(x, x), result, x);
}

Value trigamma(Builder& b, Value x) {
  Value one = b.real_like(1, x), eight = b.real_like(8, x), zero = b.real_like(0, x);
  Value y = x, sum = zero, first = zero, lost = zero;
  for (int step = 0; step < 8; ++step) {
    Value small = b.less(y, eight);
    Value term = b.select(small, b.div(one, b.mul(y, y)), zero);
    // The greatest term is added last.
    if (step == 0) {
      first = term;
    } else {
      Value next = b.add(sum, term), back = b.sub(next, sum);
      lost = b.add(lost, b.add(b.sub(sum, b.sub(next, back)), b.sub(term, back)));
      sum = next;
    }
    y = b.select(small, b.add(y, one), y);
  }
  Value inverse = b.div(one, y);
  Value w = b.mul(inverse, inverse);
  Value inverse_low = b.mul(b.fma(b.neg(inverse), y, one), inverse);
  Value small = b.fma(b.mul(inverse, w), b.polynomial(w, trigamma_far), b.mul(w, b.real_like(0.5, x)));
  // What the greatest term, 1 / x^2, lost to rounding.
  Value square = b.mul(x, x), square_low = b.fma(x, x, b.neg(square));
  Value first_low = b.mul(b.sub(b.fma(b.neg(first), square, one), b.mul(first, square_low)), first);
  first_low =
      b.select(b.flag_and(b.less(zero, first), b.less(first, b.real_like(0x1p900, x))), first_low, zero);
  // Three parts of like size: their sums' errors are carried too.
  Value two = b.add(sum, inverse), two_back = b.sub(two, sum);
  lost = b.add(lost, b.add(b.sub(sum, b.sub(two, two_back)), b.sub(inverse, two_back)));
  Value three = b.add(first, two), three_back = b.sub(three, first);
  lost = b.add(lost, b.add(b.sub(first, b.sub(three, three_back)), b.sub(two, three_back)));
  lost = b.add(b.add(small, inverse_low), b.add(first_low, lost));
  // Where x^2 overflows or vanishes there is nothing to carry.
  Value carried = b.flag_and(b.less(x, b.real_like(0x1p500, x)), b.less(three, b.real_like(0x1p900, x)));
  Value result = b.select(carried, b.add(three, lost), three);
  result = b.select(b.less(zero, x), result, b.real_like(not_a_number, x));
  return b.select(b.equal(x, x), result, x);
}

}  // namespace lvm::maths
