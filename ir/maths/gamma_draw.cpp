// Quantiles of Gamma(a, 1) in y = ln z, and their derivative in a. All follows from one integral: with x = z
// e^-t in the integral of the density up to z, or z e^t from z on,
//
//   F / (z p) = T,   T = integral over t > 0 of exp(-h),   h = a t + z (e^-t - 1) = (a - z) t + z (e^-t - 1 +
//   t)   (z <= a), Q / (z p) = T,                                         h = z (e^t - 1) - a t  = (z - a) t
//   + z (e^t - 1 - t)    (z >= a), dy/da = -dF/da / (z p) = integral of exp(-h) (t -+ (y - psi(a))), ln z p =
//   a y - z - lgamma(a) = 1/2 ln(a / 2 pi) - binet(a) - a (e^v - 1 - v),   v = y - ln a,
//
// where nothing large cancels and the smaller tail is the one that is integrated. h rises and is convex: it
// passes 32 before an end that is known, and up to there 28 nodes of Gauss are enough. Below z = 2 the series
// in z takes their place:
//
//   T = sum over n >= 0 of t_n,  t_n = z^n / (a (a + 1) ... (a + n)),   dy/da = sum of t_n (psi(a + n + 1) -
//   y).
//
// ln F, or -ln Q, is met by Halley's rule: dT/dy = 1 - (a - z) T, or -1 - (a - z) T, gives the second
// derivative for nothing.

#include <iterator>
#include <vector>

#include "ir/maths/parts.h"

namespace lvm::maths {
namespace {

// Gauss-Legendre on [0, 1].
constexpr double nodes[] = {
    0.001778751213022789, 0.009348417314563595, 0.022870359685530917, 0.04218348680393397,
    0.06705373871280251,  0.09717931454141043,  0.1321945609931841,   0.1716744529805675,
    0.21513976409429914,  0.2620628875224409,   0.31187424195546065,  0.3639691861824109,
    0.4177153589333096,   0.4724603550579829,   0.5275396449420171,   0.5822846410666904,
    0.6360308138175891,   0.6881257580445393,   0.7379371124775591,   0.7848602359057009,
    0.8283255470194325,   0.867805439006816,    0.9028206854585896,   0.9329462612871975,
    0.9578165131960661,   0.9771296403144691,   0.9906515826854364,   0.9982212487869773};
constexpr double weights[] = {
    0.004562141296547199, 0.010566056296385636, 0.01645071389115226,  0.022136467379501992,
    0.027553672837858468, 0.03263646198349988,  0.037323107117284406, 0.04155670861445047,
    0.045285872196516426, 0.04846532899896496,  0.05105648378903039,  0.05302788296142318,
    0.05435559612914707,  0.05502350650823762,  0.05502350650823762,  0.05435559612914707,
    0.05302788296142318,  0.05105648378903039,  0.04846532899896496,  0.045285872196516426,
    0.04155670861445047,  0.037323107117284406, 0.03263646198349988,  0.027553672837858468,
    0.022136467379501992, 0.01645071389115226,  0.010566056296385636, 0.004562141296547199};

constexpr double far = 32, series_below = 2, half_log_two_pi = 0.91893853320467274178;
constexpr int series_terms = 26, steps = 4;

struct Shape {
  Value a, log, gap;  // gap: ln a - psi(a)
  Value log_norm;     // 1/2 ln(a / 2 pi) - binet(a)
};

Shape shape_of(Builder& b, Value a) {
  Value log_a = log(b, a);
  Value half_log = b.fma(b.real_like(0.5, a), log_a, b.real_like(-half_log_two_pi, a));
  return {a, log_a, b.sub(log_a, digamma(b, a)), b.sub(half_log, binet(b, a))};
}

struct Sums {
  Value t, slope;
};

struct Tail {
  Value upper;  // flag: the sums are of Q
  Value z, log_mass;
  Sums sums;
};

Sums by_series(Builder& b, const Shape& s, Value y, Value z) {
  Value one = b.real_like(1, z), bounded = b.minimum(b.real_like(series_below, z), z);
  Value term = b.div(one, s.a);
  Value psi = b.add(b.sub(s.log, s.gap), term);  // psi(a + 1)
  Value t = term, slope = b.mul(term, b.sub(psi, y));
  const auto sums = b.loop(
      b.index(1), b.index(series_terms), 1, {term, psi, t, slope},
      [&](Value n, const std::vector<Value>& at) {
        Value inverse = b.div(one, b.add(s.a, b.to_real(n)));
        Value next = b.mul(at[0], b.mul(bounded, inverse)), next_psi = b.add(at[1], inverse);
        return std::vector<Value>{next, next_psi, b.add(at[2], next), b.fma(next, b.sub(next_psi, y), at[3])};
      });
  return {sums[2], sums[3]};
}

/// Where h has passed `far`: from e^t - 1 - t >= t^2 / 2 and >= e^t / 2 - 1 above, from t - 1 + e^-t >= t^2 /
/// (2 + t) below.
Value end_of(Builder& b, Value a, Value z, Value distance, Value upper) {
  auto number = [&](double x) { return b.real_like(x, z); };
  Value by_square =
      b.div(number(2 * far), b.add(distance, b.sqrt(b.fma(distance, distance, b.mul(number(2 * far), z)))));
  Value by_growth = log(b, b.add(number(2), b.div(number(2 * far), z)));
  Value k = b.sub(number(far), b.add(distance, distance));
  Value root = b.sqrt(b.fma(k, k, b.mul(number(8 * far), a)));
  return b.select(upper, b.minimum(by_square, by_growth), b.div(number(4 * far), b.sub(root, k)));
}

Sums by_nodes(Builder& b, const Shape& s, Value y, Value z, Value upper) {
  Value one = b.real_like(1, z), sign = b.select(upper, one, b.neg(one));
  Value distance = b.abs(b.sub(z, s.a)), end = end_of(b, s.a, z, distance, upper);
  Value zero = b.real_like(0, z);
  const auto sums = b.loop(b.index(0), b.index(std::ssize(nodes)), 1, {zero, zero},
                           [&](Value i, const std::vector<Value>& carried) {
                             Value at = b.mul(end, b.table(i, nodes)), signed_at = b.mul(sign, at);
                             Value bend = b.sub(expm1(b, signed_at), signed_at);
                             Value h = b.fma(z, bend, b.mul(distance, at));
                             Value part = b.mul(exp_of_nonpositive(b, b.neg(h)), b.table(i, weights));
                             return std::vector<Value>{b.add(carried[0], part), b.fma(part, at, carried[1])};
                           });
  Value t = sums[0], first = sums[1], above = b.mul(sign, b.add(b.sub(y, s.log), s.gap));  // +-(y - psi(a))
  return {b.mul(t, end), b.mul(end, b.fma(above, t, first))};
}

Tail tail_of(Builder& b, const Shape& s, Value y) {
  Value v = b.sub(y, s.log), z = exp(b, y), least = b.real_like(series_below, y);
  Value log_mass = b.sub(s.log_norm, b.mul(s.a, b.sub(expm1(b, v), v)));
  Value small = b.less(z, least), large = b.maximum(least, z), above = b.less(s.a, large);
  Sums near = by_series(b, s, y, z), wide = by_nodes(b, s, y, large, above);
  return {b.flag_and(above, b.flag_not(small)),
          z,
          log_mass,
          {b.select(small, near.t, wide.t), b.select(small, near.slope, wide.slope)}};
}

/// ln of the normal masses below and above.
struct LogMasses {
  Value below, above;
};

LogMasses log_masses(Builder& b, Value noise) {
  Value half = b.real_like(0.5, noise), root_half = b.real_like(0.70710678118654752440, noise);
  Value scaled = b.mul(half, erfcx(b, b.mul(b.abs(noise), root_half))),
        square = b.mul(half, b.mul(noise, noise));
  Value tail = b.sub(log(b, scaled), square);
  Value rest = log1p(b, b.neg(b.mul(scaled, exp(b, b.neg(square)))));
  Value negative = b.less(noise, b.real_like(0, noise));
  return {b.select(negative, tail, rest), b.select(negative, rest, tail)};
}

/// Above 0.5 Wilson & Hilferty 1931; below, F = z^a / Gamma(a + 1), and where that is not small Q = z^(a - 1)
/// e^-z / Gamma(a).
Value first_guess(Builder& b, const Shape& s, Value noise, const LogMasses& mass) {
  auto number = [&](double x) { return b.real_like(x, s.a); };
  Value log_next = lgamma(b, b.add(s.a, number(1)));
  Value low = b.div(b.add(mass.below, log_next), s.a);
  Value root =
      b.sub(b.fma(b.div(noise, b.sqrt(s.a)), number(1.0 / 3), number(1)), b.div(number(1.0 / 9), s.a));
  Value cubed = b.fma(number(3), log(b, b.maximum(number(0.1), root)), s.log);
  Value middle = b.select(b.less(number(0.1), root), b.maximum(low, cubed), low);
  Value z = b.maximum(number(0.05), b.neg(b.add(mass.above, b.sub(log_next, s.log))));
  z = b.maximum(number(0.05), b.sub(z, b.mul(b.sub(number(1), s.a), log(b, z))));
  Value small = b.select(b.less(low, number(-0.7)), low, b.maximum(low, log(b, z)));
  return b.select(b.less(s.a, number(0.5)), small, middle);
}

bool is_vector(Builder& b, Value x) {
  return b.type(x) == loop::Type::reals;
}

}  // namespace

Value log_gamma_draw(Builder& b, Value shape, Value noise) {
  if (is_vector(b, noise)) shape = b.broadcast(shape);
  if (is_vector(b, shape)) noise = b.broadcast(noise);
  const Shape s = shape_of(b, shape);
  const LogMasses mass = log_masses(b, noise);
  return b.loop(b.index(0), b.index(steps), 1, {first_guess(b, s, noise, mass)},
                [&](Value, const std::vector<Value>& carried) {
                  Value y = carried[0], half = b.real_like(0.5, y), one = b.real_like(1, y);
                  const Tail at = tail_of(b, s, y);
                  const Value t = at.sums.t, log_tail = b.add(log(b, t), at.log_mass);
                  Value gap = b.select(at.upper, b.sub(mass.above, log_tail), b.sub(log_tail, mass.below));
                  // f / f' = gap T, f'' / f' = -T' / T.
                  Value newton = b.mul(gap, t);
                  Value bend = b.sub(b.select(at.upper, b.neg(one), one), b.mul(t, b.sub(s.a, at.z)));
                  Value divisor = b.fma(b.mul(half, newton), b.div(bend, t), one);
                  return std::vector<Value>{b.sub(y, b.div(newton, b.maximum(half, divisor)))};
                })[0];
}

Value log_gamma_draw_slope(Builder& b, Value shape, Value log_value) {
  if (is_vector(b, log_value)) shape = b.broadcast(shape);
  if (is_vector(b, shape)) log_value = b.broadcast(log_value);
  return tail_of(b, shape_of(b, shape), log_value).sums.slope;
}

}  // namespace lvm::maths
