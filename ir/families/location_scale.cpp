// LogNormal, StudentT, Laplace, Logistic and Uniform.
//
// StudentT, u = (y - location) / scale, h = df / 2:
//
//   ln p = lgamma(h + 1/2) - lgamma(h) - 1/2 ln(2 pi h) - ln scale - (h + 1/2) log1p(u^2 / (2 h))
//        = h log1p(1 / (2 h)) - 1/2 + binet(h + 1/2) - binet(h) - 1/2 ln 2 pi - ln scale - (h + 1/2)
//        log1p(...),
//
// which tends to the Normal as h grows.

#include <numbers>

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr double least_spread = 1e-150;  // its square is still a normal number

NodeId root(Builder& b, NodeId variance) {
  return at_least(b, b.unary(Op::sqrt, variance), least_spread);
}

NodeId log_normal(Builder& b, NodeId value, const Slots& slots) {
  const NodeId log_value = log_of(b, value), sd = slots.at(1);
  const NodeId u = b.mul(b.sub(log_value, slots.at(0)), b.unary(Op::reciprocal, sd));
  const NodeId log_norm = b.sub(b.constant(-half_log_two_pi), log_of(b, sd));
  return b.sub(b.make(Op::fma, {b.constant(-0.5), b.unary(Op::square, u), log_norm}), log_value);
}

Narrowness narrow_log(Builder& b, const Slots& s) {
  const NodeId relative = b.unary(Op::square, s.at(1));
  return {b.mul(relative, b.unary(Op::exp, b.mul(b.constant(2), s.at(0)))), relative};
}

NodeId half_square_of_log(Builder& b, NodeId value, const Slots& slots) {
  return b.mul(b.constant(0.5), b.unary(Op::square, b.sub(log_of(b, value), slots.at(0))));
}

NodeId student(Builder& b, NodeId value, const Slots& slots) {
  const NodeId half = b.constant(0.5), h = b.mul(half, slots.at(0)), scale = slots.at(2);
  const NodeId u = b.mul(b.sub(value, slots.at(1)), b.unary(Op::reciprocal, scale));
  const NodeId inverse = b.unary(Op::reciprocal, slots.at(0)), above = b.add(h, half);
  const NodeId steps = b.sub(b.unary(Op::binet, above), b.unary(Op::binet, h));
  const NodeId growth = b.sub(b.mul(h, b.unary(Op::log1p, inverse)), b.constant(0.5 + half_log_two_pi));
  const NodeId norm = b.sub(b.add(growth, steps), log_of(b, scale));
  const NodeId tail = b.unary(Op::log1p, b.mul(b.unary(Op::square, u), inverse));
  return b.make(Op::fma, {negative(b, above), tail, norm});
}

/// With 8 degrees of freedom: the variance is 8/6 of the squared scale.
std::vector<NodeId> start_of_student(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  return {b.constant(8), mean, root(b, b.mul(b.constant(0.75), variance))};
}

NodeId distance(Builder& b, NodeId value, const Slots& slots) {
  return b.unary(Op::abs, b.sub(value, slots.at(0)));
}

NodeId laplace(Builder& b, NodeId value, const Slots& slots) {
  const NodeId scale = slots.at(1);
  const NodeId log_norm = b.sub(b.constant(-0.69314718055994530942), log_of(b, scale));
  return b.sub(log_norm, b.mul(distance(b, value, slots), b.unary(Op::reciprocal, scale)));
}

/// -|u| - 2 ln(1 + e^-|u|) - ln scale, which is even in u.
NodeId logistic(Builder& b, NodeId value, const Slots& slots) {
  const NodeId u = b.mul(b.sub(value, slots.at(0)), b.unary(Op::reciprocal, slots.at(1)));
  const NodeId tails = b.add(b.unary(Op::softplus, u), b.unary(Op::softplus, negative(b, u)));
  return negative(b, b.add(tails, log_of(b, slots.at(1))));
}

constexpr double logistic_variance = std::numbers::pi * std::numbers::pi / 3;  // of scale 1

NodeId variance_of_logistic(Builder& b, const Slots& slots) {
  return b.mul(b.constant(logistic_variance), b.unary(Op::square, slots.at(1)));
}

NodeId uniform(Builder& b, NodeId value, const Slots& slots) {
  const NodeId low = slots.at(0), high = slots.at(1);
  const NodeId in =
      b.binary(Op::logical_and, b.binary(Op::less_equal, low, value), b.binary(Op::less_equal, value, high));
  return b.select(in, negative(b, log_of(b, b.sub(high, low))), b.constant(-__builtin_inf()));
}

/// e^(m + s^2 / 2)
NodeId mean_of_log_normal(Builder& b, const Slots& s) {
  return b.unary(Op::exp, b.make(Op::fma, {b.constant(0.5), b.unary(Op::square, s.at(1)), s.at(0)}));
}

/// z = e^(m + s e),  H = m + ln s + 1/2 ln 2 pi e.
Reparameterised drawn_log_normal() {
  return {
      .noise = Noise::normal,
      .equation = "exp(log_mean + log_sd ε)",
      .sample = [](Builder& b, NodeId noise,
                   const Slots& s) { return b.unary(Op::exp, b.make(Op::fma, {s.at(1), noise, s.at(0)})); },
      .entropy =
          [](Builder& b, NodeId, const Slots& s) {
            return b.add(b.add(s.at(0), log_of(b, s.at(1))), b.constant(half_log_two_pi + 0.5));
          },
      .mean = [](Builder& b, NodeId, const Slots& s) { return mean_of_log_normal(b, s); },
      .variance =
          [](Builder& b, NodeId, const Slots& s) {
            const NodeId relative = b.unary(Op::expm1, b.unary(Op::square, s.at(1)));
            return b.mul(relative, b.unary(Op::square, mean_of_log_normal(b, s)));
          },
      .mean_log = [](Builder&, NodeId, const Slots& s) { return s.at(0); }};
}

/// z = location - scale sign(v) ln(1 - 2 |v|), v = u - 1/2;  H = 1 + ln 2 scale; the variance is 2 scale^2.
Reparameterised drawn_laplace() {
  return {
      .noise = Noise::uniform,
      .equation = "location - scale sign(v) ln(1 - 2 |v|), v = ε - 1/2",
      .sample =
          [](Builder& b, NodeId noise, const Slots& s) {
            const NodeId v = b.sub(noise, b.constant(0.5)), zero = b.constant(0);
            const NodeId size = b.unary(Op::log1p, b.mul(b.constant(-2), b.unary(Op::abs, v)));
            const NodeId signed_size = b.select(b.binary(Op::less, v, zero), size, negative(b, size));
            return b.make(Op::fma, {s.at(1), signed_size, s.at(0)});
          },
      .entropy = [](Builder& b, NodeId,
                    const Slots& s) { return b.add(log_of(b, s.at(1)), b.constant(1 + std::numbers::ln2)); },
      .mean = [](Builder&, NodeId, const Slots& s) { return s.at(0); },
      .variance = [](Builder& b, NodeId,
                     const Slots& s) { return b.mul(b.constant(2), b.unary(Op::square, s.at(1))); }};
}

/// z = location + scale ln(u / (1 - u));  H = 2 + ln scale.
Reparameterised drawn_logistic() {
  return {
      .noise = Noise::uniform,
      .equation = "location + scale ln(ε / (1 - ε))",
      .sample = [](Builder& b, NodeId noise,
                   const Slots& s) { return b.make(Op::fma, {s.at(1), log_odds(b, noise), s.at(0)}); },
      .entropy = [](Builder& b, NodeId, const Slots& s) { return b.add(log_of(b, s.at(1)), b.constant(2)); },
      .mean = [](Builder&, NodeId, const Slots& s) { return s.at(0); },
      .variance = [](Builder& b, NodeId, const Slots& s) { return variance_of_logistic(b, s); }};
}

}  // namespace

std::vector<Family> location_scale_families() {
  return {{.parameterisation = "LogNormal.log_mean.log_sd",
           .log_density = log_normal,
           .rates = {{1, -2, [](Builder& b, NodeId, const Slots&) { return b.constant(0.5); },
                      half_square_of_log}},
           .start = {.feature = log_of,
                     .slots = [](Builder& b, NodeId mean, NodeId variance,
                                 const Slots&) { return std::vector<NodeId>{mean, root(b, variance)}; }},
           .narrowness = narrow_log,
           .draw = drawn_log_normal()},
          {.parameterisation = "StudentT.df.location.scale",
           .log_density = student,
           .start = {.slots = start_of_student},
           .narrowness = [](Builder& b, const Slots& s) { return Narrowness{b.unary(Op::square, s.at(2))}; }},
          {.parameterisation = "Laplace.location.scale",
           .log_density = laplace,
           .rates = {{1, -1, the_one, distance}},
           .start = {.slots =
                         [](Builder& b, NodeId mean, NodeId variance, const Slots&) {
                           return std::vector<NodeId>{mean, root(b, b.mul(b.constant(0.5), variance))};
                         }},
           .narrowness =
               [](Builder& b, const Slots& s) {
                 return Narrowness{b.mul(b.constant(2), b.unary(Op::square, s.at(1)))};
               },
           .draw = drawn_laplace()},
          {.parameterisation = "Logistic.location.scale",
           .log_density = logistic,
           .start = {.slots =
                         [](Builder& b, NodeId mean, NodeId variance, const Slots&) {
                           return std::vector<NodeId>{
                               mean, root(b, b.mul(b.constant(1 / logistic_variance), variance))};
                         }},
           .narrowness = [](Builder& b, const Slots& s) { return Narrowness{variance_of_logistic(b, s)}; },
           .draw = drawn_logistic()},
          {.parameterisation = "Uniform.low.high", .log_density = uniform}};
}

}  // namespace lvm::ir
