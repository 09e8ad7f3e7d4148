// Beta and Dirichlet, Beta being Dirichlet of two shares. With n = sum of a_k and t_k = ln(y_k n / a_k):
//
//   ln p = lgamma(n) - sum of lgamma(a_k) + sum of (a_k - 1) ln y_k
//        = sum of [ (a_k - 1) t_k - a_k (e^t_k - 1) - ln(a_k / n) + 1/2 ln a_k - binet(a_k) ]
//          - 1/2 ln n + binet(n) - (number - 1) / 2 ln 2 pi,
//
// since the a_k (e^t_k - 1) = n y_k - a_k add up to 0. Terms of the size of a ln a would cancel.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId share(Builder& b, NodeId shape, NodeId total, NodeId log_value, NodeId is_zero) {
  const NodeId zero = b.constant(0), less = b.sub(shape, b.constant(1));
  const NodeId log_mean = b.sub(log_of(b, shape), log_of(b, total));
  const NodeId t = b.sub(log_value, log_mean);
  // At a bound of the support with the shape 1: 0 times -inf.
  const NodeId flat = b.binary(Op::logical_and, is_zero, b.binary(Op::equal, less, zero));
  const NodeId power = b.select(flat, zero, b.mul(less, t));
  const NodeId norm = b.sub(b.mul(b.constant(0.5), log_of(b, shape)), b.unary(Op::binet, shape));
  return b.add(b.sub(power, b.mul(shape, b.unary(Op::expm1, t))), b.sub(norm, log_mean));
}

NodeId of_total(Builder& b, NodeId total) {
  return b.sub(b.unary(Op::binet, total), b.mul(b.constant(0.5), log_of(b, total)));
}

NodeId beta(Builder& b, NodeId value, const Slots& slots) {
  const NodeId total = b.add(slots.at(0), slots.at(1));
  const NodeId none = b.binary(Op::equal, value, b.constant(0)),
               all = b.binary(Op::equal, value, b.constant(1));
  const NodeId yes = share(b, slots.at(0), total, log_of(b, value), none);
  const NodeId no = share(b, slots.at(1), total, b.unary(Op::log1p, negative(b, value)), all);
  return b.add(b.add(yes, no), b.sub(of_total(b, total), b.constant(half_log_two_pi)));
}

NodeId dirichlet(Builder& b, NodeId value, const Slots& slots) {
  const AxisId axis = event_axis(slots);
  const NodeId alpha = slots.at(0), total = b.reduce(Op::sum, alpha, {axis});
  const NodeId none = b.binary(Op::equal, value, b.constant(0));
  const NodeId each = b.sub(share(b, alpha, total, log_of(b, value), none), b.constant(half_log_two_pi));
  return b.add(b.reduce(Op::sum, each, {axis}), b.add(of_total(b, total), b.constant(half_log_two_pi)));
}

/// (a - 1) E t - ln(a / n) + 1/2 ln a - binet(a): what `share` comes to where the a (E e^t - 1) add up to 0.
NodeId expected_share(Builder& b, NodeId shape, NodeId total, NodeId mean_log) {
  const NodeId log_mean = b.sub(log_of(b, shape), log_of(b, total));
  const NodeId norm = b.sub(b.mul(b.constant(0.5), log_of(b, shape)), b.unary(Op::binet, shape));
  return b.make(Op::fma, {b.sub(shape, b.constant(1)), b.sub(mean_log, log_mean), b.sub(norm, log_mean)});
}

NodeId expected_beta(Builder& b, const LogMeans& of, const Slots& s) {
  const NodeId total = b.add(s.at(0), s.at(1));
  const NodeId shares =
      b.add(expected_share(b, s.at(0), total, of.log), expected_share(b, s.at(1), total, of.rest));
  return b.add(shares, b.sub(of_total(b, total), b.constant(half_log_two_pi)));
}

NodeId expected_dirichlet(Builder& b, const LogMeans& of, const Slots& s) {
  const AxisId axis = event_axis(s);
  const NodeId total = b.reduce(Op::sum, s.at(0), {axis});
  const NodeId each = b.sub(expected_share(b, s.at(0), total, of.log), b.constant(half_log_two_pi));
  return b.add(b.reduce(Op::sum, each, {axis}), b.add(of_total(b, total), b.constant(half_log_two_pi)));
}

/// E ln y = psi(a) - psi(n)
NodeId mean_log_share(Builder& b, NodeId shape, NodeId total) {
  return b.sub(b.unary(Op::digamma, shape), b.unary(Op::digamma, total));
}

/// a (n - a) / (n^2 (n + 1))
NodeId variance_of_share(Builder& b, NodeId shape, NodeId total) {
  const NodeId mean = b.div(shape, total);
  return b.div(b.mul(mean, one_less(b, mean)), b.add(total, b.constant(1)));
}

// Draws keep off the bounds, where logarithms end, by what single precision tells apart.
constexpr double least_draw = 1e-37, most_draw = 1 - 0x1p-24;

/// A share of two Gammas, each by the quantile of its own normal number.
Reparameterised drawn_beta() {
  const auto total = [](Builder& b, const Slots& s) { return b.add(s.at(0), s.at(1)); };
  const auto mean_log = [=](Builder& b, NodeId, const Slots& s) {
    return mean_log_share(b, s.at(0), total(b, s));
  };
  const auto mean_log_rest = [=](Builder& b, NodeId, const Slots& s) {
    return mean_log_share(b, s.at(1), total(b, s));
  };
  return {.noise = Noise::normal,
          .equation = "g₁ / (g₁ + g₂), gᵢ = F⁻¹(Φ(εᵢ); a or b), F of Gamma",
          .sample =
              [](Builder& b, NodeId noise, const Slots& s) {
                const std::vector<AxisId> axes = {noise_axis(b.module(), 2)};
                const NodeId first = b.make(Op::slice, {noise}, {.number = 0, .axes = axes});
                const NodeId second = b.make(Op::slice, {noise}, {.number = 1, .axes = axes});
                const NodeId yes = b.binary(Op::log_gamma_draw, s.at(0), first);
                const NodeId no = b.binary(Op::log_gamma_draw, s.at(1), second);
                const NodeId value = b.unary(Op::sigmoid, b.sub(yes, no));
                return b.binary(Op::minimum, at_least(b, value, least_draw), b.constant(most_draw));
              },
          .entropy =
              [=](Builder& b, NodeId, const Slots& s) {
                const NodeId log = mean_log(b, no_node, s), rest = mean_log_rest(b, no_node, s);
                return negative(b, expected_beta(b, {no_node, log, rest}, s));
              },
          .mean = [=](Builder& b, NodeId, const Slots& s) { return b.div(s.at(0), total(b, s)); },
          .variance = [=](Builder& b, NodeId,
                          const Slots& s) { return variance_of_share(b, s.at(0), total(b, s)); },
          .mean_log = mean_log,
          .mean_log_rest = mean_log_rest,
          .noises = 2};
}

Reparameterised drawn_dirichlet() {
  const auto total = [](Builder& b, const Slots& s) { return b.reduce(Op::sum, s.at(0), {event_axis(s)}); };
  const auto mean_log = [=](Builder& b, NodeId, const Slots& s) {
    return mean_log_share(b, s.at(0), total(b, s));
  };
  return {.noise = Noise::normal,
          .equation = "g / Σ g, gᵢ = F⁻¹(Φ(εᵢ); alphaᵢ), F of Gamma",
          .sample =
              [](Builder& b, NodeId noise, const Slots& s) {
                const NodeId logs = b.binary(Op::log_gamma_draw, s.at(0), noise);
                const NodeId shares =
                    b.unary(Op::exp, b.sub(logs, b.reduce(Op::logsumexp, logs, {event_axis(s)})));
                return at_least(b, shares, least_draw);
              },
          .entropy =
              [=](Builder& b, NodeId, const Slots& s) {
                const NodeId log = mean_log(b, no_node, s);
                return negative(b, expected_dirichlet(b, {no_node, log, no_node}, s));
              },
          .mean = [=](Builder& b, NodeId, const Slots& s) { return b.div(s.at(0), total(b, s)); },
          .variance = [=](Builder& b, NodeId,
                          const Slots& s) { return variance_of_share(b, s.at(0), total(b, s)); },
          .mean_log = mean_log};
}

/// The concentration m (1 - m) / v - 1, from 1/100 to 10^8.
NodeId concentration(Builder& b, NodeId spread, NodeId variance) {
  const NodeId v = at_least(b, b.binary(Op::maximum, variance, b.mul(b.constant(1e-8), spread)), 1e-300);
  return at_least(b, b.sub(b.div(spread, v), b.constant(1)), 1e-2);
}

NodeId inside(Builder& b, NodeId mean) {
  return b.binary(Op::minimum, at_least(b, mean, 1e-6), b.constant(1 - 1e-6));
}

std::vector<NodeId> start_of_beta(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const NodeId m = inside(b, mean), other = one_less(b, m);
  const NodeId n = concentration(b, b.mul(m, other), variance);
  return {b.mul(m, n), b.mul(other, n)};
}

/// Relative to the distance from the nearer bound.
Narrowness narrow_beta(Builder& b, const Slots& s) {
  const NodeId inverse = b.unary(Op::reciprocal, b.add(s.at(0), s.at(1)));
  const NodeId mean = b.mul(s.at(0), inverse), other = b.mul(s.at(1), inverse);
  const NodeId nearer = b.binary(Op::minimum, mean, other);
  const NodeId variance = b.mul(b.mul(mean, other), inverse);
  return {variance, b.div(variance, b.unary(Op::square, nearer))};
}

/// Each share is a Beta of its concentration and those of the others.
Narrowness narrow_dirichlet(Builder& b, const Slots& s) {
  const NodeId total = b.reduce(Op::sum, s.at(0), {event_axis(s)});
  return narrow_beta(b, {s.at(0), b.sub(total, s.at(0))});
}

/// One concentration from the sums over all shares.
std::vector<NodeId> start_of_dirichlet(Builder& b, NodeId mean, NodeId variance, const Slots& slots) {
  const AxisId axis = event_axis(slots);
  const NodeId m = inside(b, mean);
  const NodeId spread = b.reduce(Op::sum, b.mul(m, one_less(b, m)), {axis});
  return {b.mul(m, concentration(b, spread, b.reduce(Op::sum, variance, {axis})))};
}

}  // namespace

std::vector<Family> beta_families() {
  return {{.parameterisation = "Beta.a.b",
           .log_density = beta,
           .start = {.slots = start_of_beta},
           .narrowness = narrow_beta,
           .draw = drawn_beta(),
           .expected_by_logs = {.density = expected_beta, .with_rest = true}},
          {.parameterisation = "Dirichlet.alpha",
           .log_density = dirichlet,
           .start = {.slots = start_of_dirichlet},
           .narrowness = narrow_dirichlet,
           .draw = drawn_dirichlet(),
           .expected_by_logs = {.density = expected_dirichlet}}};
}

}  // namespace lvm::ir
