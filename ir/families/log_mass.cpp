// Normal mass between a and b in units of sqrt(2) sd, turned about 0 so that 0 <= a + b:
//
//   a <= 0   (erf(b) + erf(-a)) / 2
//   0 < a    e^(-a^2) (erfcx(a) - e^(-E) erfcx(b)) / 2,   E = (b - a)(b + a),
//            and where E <= 1, when the difference would cancel, by Gauss's rule with 10 points:
//            e^(-a^2) (b - a) / sqrt(pi) times the mean of e^(-(t - a)(t + a)) over [a, b].

#include "ir/families/log_mass.h"

#include <numbers>

#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr double log_two = std::numbers::ln2;

// Gauss and Legendre's rule with 10 points on [0, 1]: distances from the middle, weights of each of the two.
constexpr double distances[] = {0.0744371694908156055, 0.2166976970646236242, 0.3397047841495122134,
                                0.4325316833444922555, 0.4869532642585858600};
constexpr double weights[] = {0.1477621123573764351, 0.1346333596549981775, 0.1095431812579910220,
                              0.0747256745752902966, 0.0333356721543440688};

NodeId minus_square(Builder& b, NodeId x) {
  return negative(b, b.unary(Op::square, x));
}

/// ln of (1 - e^-x), x > 0.
NodeId log_complement(Builder& b, NodeId x) {
  return log_of(b, negative(b, b.unary(Op::expm1, negative(b, x))));
}

/// ln erfc(a) / 2: of the mass above.
NodeId upper_tail(Builder& b, NodeId a) {
  const NodeId zero = b.constant(0), is_far = b.binary(Op::less, zero, a);
  const NodeId far = b.select(is_far, a, zero), near = b.select(is_far, zero, a);
  const NodeId scaled = b.add(minus_square(b, far), log_of(b, b.unary(Op::erfcx, far)));
  const NodeId plain = b.unary(Op::log1p, negative(b, b.unary(Op::erf, near)));
  return b.sub(b.select(is_far, scaled, plain), b.constant(log_two));
}

NodeId narrow(Builder& b, NodeId from, NodeId width) {
  NodeId mean = b.constant(0);
  for (size_t i = 0; i < std::size(distances); ++i) {
    for (const double side : {-1.0, 1.0}) {
      const NodeId step = b.mul(b.constant(0.5 + side * distances[i]), width);
      const NodeId fall = b.mul(step, b.add(step, b.mul(b.constant(2), from)));
      mean = b.make(Op::fma, {b.constant(weights[i]), b.unary(Op::exp, negative(b, fall)), mean});
    }
  }
  return log_of(b, b.mul(b.constant(std::numbers::inv_sqrtpi), b.mul(width, mean)));
}

NodeId between(Builder& b, NodeId low, NodeId high, NodeId width) {
  const NodeId zero = b.constant(0), one = b.constant(1), two = b.constant(2);
  const NodeId turn = b.binary(Op::less, b.add(low, high), zero);
  const NodeId a = b.select(turn, negative(b, high), low), c = b.select(turn, negative(b, low), high);
  const NodeId one_side = b.binary(Op::less, zero, a);
  const NodeId is_narrow = b.binary(Op::less_equal, b.mul(width, b.add(a, c)), one);
  const NodeId is_far = b.binary(Op::logical_and, one_side, b.unary(Op::logical_not, is_narrow));
  const NodeId is_near = b.binary(Op::logical_and, one_side, is_narrow);
  // Each case sees values for which it is finite, so that its derivatives are too.
  const NodeId fa = b.select(is_far, a, one), fc = b.select(is_far, c, two),
               fw = b.select(is_far, width, one);
  const NodeId decay = b.unary(Op::exp, negative(b, b.mul(fw, b.add(fa, fc))));
  const NodeId rest = b.sub(b.unary(Op::erfcx, fa), b.mul(decay, b.unary(Op::erfcx, fc)));
  const NodeId far = b.add(minus_square(b, fa), b.sub(log_of(b, rest), b.constant(log_two)));
  const NodeId na = b.select(is_near, a, zero), nw = b.select(is_near, width, one);
  const NodeId near = b.add(minus_square(b, na), narrow(b, na, nw));
  const NodeId ma = b.select(one_side, negative(b, one), a), mc = b.select(one_side, one, c);
  const NodeId both = b.add(b.unary(Op::erf, mc), b.unary(Op::erf, negative(b, ma)));
  const NodeId middle = b.sub(log_of(b, both), b.constant(log_two));
  return b.select(is_far, far, b.select(is_near, near, middle));
}

NodeId normal_mass(Builder& b, NodeId mean, NodeId inverse_sd, Bounds bounds) {
  const NodeId unit = b.mul(b.constant(1 / std::numbers::sqrt2), inverse_sd);
  const auto scaled = [&](NodeId bound) { return b.mul(b.sub(bound, mean), unit); };
  if (bounds.high == no_node) return upper_tail(b, scaled(bounds.low));
  if (bounds.low == no_node) return upper_tail(b, negative(b, scaled(bounds.high)));
  const NodeId width =
      b.mul(b.sub(bounds.high, bounds.low), unit);  // before the bounds are rounded in units of sd
  return between(b, scaled(bounds.low), scaled(bounds.high), width);
}

NodeId inverse_root(Builder& b, NodeId x) {
  return b.unary(Op::reciprocal, b.unary(Op::sqrt, x));
}

NodeId log_normal_mass(Builder& b, const Slots& slots, Bounds bounds) {
  const auto log_bound = [&](NodeId bound) {
    return bound == no_node ? bound : log_of(b, at_least(b, bound, 1e-300));
  };
  const Bounds logs{log_bound(bounds.low), log_bound(bounds.high)};
  return normal_mass(b, slots.at(0), b.unary(Op::reciprocal, slots.at(1)), logs);
}

/// Of a distribution with the survival e^-H(y) on y > 0.
template <class Hazard>
NodeId survival_mass(Builder& b, Bounds bounds, Hazard hazard) {
  const NodeId zero = b.constant(0);
  const NodeId first = bounds.low == no_node ? zero : hazard(b.binary(Op::maximum, bounds.low, zero));
  if (bounds.high == no_node) return negative(b, first);
  return b.sub(log_complement(b, b.sub(hazard(bounds.high), first)), first);
}

NodeId exponential_mass(Builder& b, NodeId rate, Bounds bounds) {
  return survival_mass(b, bounds, [&](NodeId y) { return b.mul(rate, y); });
}

NodeId weibull_mass(Builder& b, const Slots& slots, Bounds bounds) {
  return survival_mass(b, bounds, [&](NodeId y) {
    const NodeId z = b.sub(log_of(b, at_least(b, y, 1e-300)), log_of(b, slots.at(1)));
    return b.unary(Op::exp, b.mul(slots.at(0), z));
  });
}

/// On counts: between the whole numbers within the bounds.
NodeId geometric_mass(Builder& b, const Slots& slots, Bounds bounds) {
  const NodeId zero = b.constant(0);
  NodeId low = zero;
  if (bounds.low != no_node) {
    const NodeId ceiling = negative(b, b.unary(Op::floor, negative(b, bounds.low)));
    low = b.binary(Op::maximum, ceiling, zero);
  }
  const NodeId rate = negative(b, b.unary(Op::log1p, negative(b, slots.at(0))));
  const NodeId below = negative(b, weighted(b, low, rate));
  if (bounds.high == no_node) return below;
  const NodeId count = b.add(b.sub(b.unary(Op::floor, bounds.high), low), b.constant(1));
  return b.add(below, log_complement(b, b.mul(count, rate)));
}

/// ln of the mass above a of a standard Laplace.
NodeId laplace_tail(Builder& b, NodeId a) {
  const NodeId half = b.constant(0.5), zero = b.constant(0), is_far = b.binary(Op::less, zero, a);
  const NodeId near = b.select(is_far, zero, a);
  const NodeId plain = b.unary(Op::log1p, negative(b, b.mul(half, b.unary(Op::exp, near))));
  return b.select(is_far, negative(b, b.add(a, b.constant(log_two))), plain);
}

/// Both bounds on one side of the location: e^-(the nearer) (1 - e^-(width)) / 2; else the two sides' masses.
NodeId laplace_mass(Builder& b, const Slots& slots, Bounds bounds) {
  const NodeId inverse = b.unary(Op::reciprocal, slots.at(1)), zero = b.constant(0), one = b.constant(1);
  const auto scaled = [&](NodeId bound) { return b.mul(b.sub(bound, slots.at(0)), inverse); };
  if (bounds.high == no_node) return laplace_tail(b, scaled(bounds.low));
  if (bounds.low == no_node) return laplace_tail(b, negative(b, scaled(bounds.high)));
  const NodeId a = scaled(bounds.low), c = scaled(bounds.high);
  const NodeId above = b.binary(Op::less_equal, zero, a), below = b.binary(Op::less_equal, c, zero);
  const NodeId aside = b.binary(Op::logical_or, above, below);
  const NodeId nearer = b.select(above, a, negative(b, c));
  const NodeId one_side = b.sub(log_complement(b, b.mul(b.sub(bounds.high, bounds.low), inverse)), nearer);
  const NodeId left = b.unary(Op::expm1, b.select(aside, negative(b, one), a));
  const NodeId right = b.unary(Op::expm1, b.select(aside, negative(b, one), negative(b, c)));
  const NodeId middle = log_of(b, negative(b, b.add(left, right)));
  return b.sub(b.select(aside, one_side, middle), b.constant(log_two));
}

NodeId uniform_mass(Builder& b, const Slots& slots, Bounds bounds) {
  const NodeId low = slots.at(0), high = slots.at(1);
  const NodeId from = bounds.low == no_node ? low : b.binary(Op::maximum, bounds.low, low);
  const NodeId to = bounds.high == no_node ? high : b.binary(Op::minimum, bounds.high, high);
  return b.sub(log_of(b, b.sub(to, from)), log_of(b, b.sub(high, low)));
}

struct Row {
  std::string_view parameterisation;
  NodeId (*mass)(Builder&, const Slots&, Bounds);
};

constexpr Row rows[] = {
    {"Normal.mean.sd",
     [](Builder& b, const Slots& s, Bounds bounds) {
       return normal_mass(b, s.at(0), b.unary(Op::reciprocal, s.at(1)), bounds);
     }},
    {"Normal.mean.var",
     [](Builder& b, const Slots& s, Bounds bounds) {
       return normal_mass(b, s.at(0), inverse_root(b, s.at(1)), bounds);
     }},
    {"Normal.mean.precision",
     [](Builder& b, const Slots& s, Bounds bounds) {
       return normal_mass(b, s.at(0), b.unary(Op::sqrt, s.at(1)), bounds);
     }},
    {"LogNormal.log_mean.log_sd", log_normal_mass},
    {"Exponential.rate",
     [](Builder& b, const Slots& s, Bounds bounds) { return exponential_mass(b, s.at(0), bounds); }},
    {"Exponential.scale",
     [](Builder& b, const Slots& s, Bounds bounds) {
       return exponential_mass(b, b.unary(Op::reciprocal, s.at(0)), bounds);
     }},
    {"Weibull.shape.scale", weibull_mass},
    {"Geometric.p", geometric_mass},
    {"Laplace.location.scale", laplace_mass},
    {"Uniform.low.high", uniform_mass},
};

}  // namespace

LogMass find_log_mass(std::string_view parameterisation) {
  for (const Row& row : rows)
    if (row.parameterisation == parameterisation) return row.mass;
  return {};
}

}  // namespace lvm::ir
