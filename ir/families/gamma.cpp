// Exponential, Gamma and InverseGamma.
//
// Gamma with shape a and mean m = a / rate:
//
//   ln p = a ln rate - lgamma(a) + (a - 1) ln y - rate y
//        = a (t - (e^t - 1)) - ln y + 1/2 ln a - 1/2 ln 2 pi - binet(a),   t = ln(y / m),
//
// where terms of the size of a ln a would cancel. InverseGamma is the Gamma of 1 / y.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

NodeId of_shape(Builder& b, NodeId shape, NodeId t, NodeId log_value) {
  const NodeId half_log = b.mul(b.constant(0.5), log_of(b, shape));
  const NodeId norm = b.sub(b.sub(half_log, b.constant(half_log_two_pi)), b.unary(Op::binet, shape));
  return b.add(b.make(Op::fma, {shape, gap(b, t), norm}), negative(b, log_value));
}

NodeId gamma_by_rate(Builder& b, NodeId value, const Slots& slots) {
  const NodeId log_value = log_of(b, value);
  const NodeId log_mean = b.sub(log_of(b, slots.at(0)), log_of(b, slots.at(1)));
  return of_shape(b, slots.at(0), b.sub(log_value, log_mean), log_value);
}

NodeId gamma_by_scale(Builder& b, NodeId value, const Slots& slots) {
  const NodeId log_value = log_of(b, value);
  const NodeId log_mean = b.add(log_of(b, slots.at(0)), log_of(b, slots.at(1)));
  return of_shape(b, slots.at(0), b.sub(log_value, log_mean), log_value);
}

NodeId gamma_by_mean(Builder& b, NodeId value, const Slots& slots) {
  const NodeId log_value = log_of(b, value);
  return of_shape(b, slots.at(0), b.sub(log_value, log_of(b, slots.at(1))), log_value);
}

NodeId inverse_gamma(Builder& b, NodeId value, const Slots& slots) {
  const NodeId log_value = log_of(b, value);
  const NodeId log_mean = b.sub(log_of(b, slots.at(0)), log_of(b, slots.at(1)));  // of 1 / y
  return of_shape(b, slots.at(0), negative(b, b.add(log_value, log_mean)), log_value);
}

NodeId exponential_by_rate(Builder& b, NodeId value, const Slots& slots) {
  return b.sub(log_of(b, slots.at(0)), b.mul(slots.at(0), value));
}

NodeId exponential_by_scale(Builder& b, NodeId value, const Slots& slots) {
  const NodeId rate = b.unary(Op::reciprocal, slots.at(0));
  return b.sub(negative(b, log_of(b, slots.at(0))), b.mul(rate, value));
}

NodeId the_shape(Builder&, NodeId, const Slots& slots) {
  return slots.at(0);
}
NodeId shape_times_value(Builder& b, NodeId value, const Slots& slots) {
  return b.mul(slots.at(0), value);
}
NodeId inverse_value(Builder& b, NodeId value, const Slots&) {
  return b.unary(Op::reciprocal, value);
}

/// A variance of mean^2 / shape; that of InverseGamma tends to it.
Narrowness by_shape(Builder& b, NodeId shape, NodeId mean) {
  const NodeId relative = b.unary(Op::reciprocal, shape);
  return {b.mul(relative, b.unary(Op::square, mean)), relative};
}
Narrowness narrow_by_rate(Builder& b, const Slots& s) {
  return by_shape(b, s.at(0), b.div(s.at(0), s.at(1)));
}
Narrowness narrow_by_scale(Builder& b, const Slots& s) {
  return by_shape(b, s.at(0), b.mul(s.at(0), s.at(1)));
}
Narrowness narrow_by_mean(Builder& b, const Slots& s) {
  return by_shape(b, s.at(0), s.at(1));
}
Narrowness narrow_inverse(Builder& b, const Slots& s) {
  return by_shape(b, s.at(0), b.div(s.at(1), s.at(0)));
}

struct Moments {
  NodeId mean, shape;
};

/// The shape m^2 / v, at most 10^8.
Moments moments(Builder& b, NodeId mean, NodeId variance) {
  const NodeId m = at_least(b, mean, 1e-300), square = b.unary(Op::square, m);
  const NodeId least = b.mul(b.constant(1e-8), square);
  const NodeId v = at_least(b, b.binary(Op::maximum, variance, least), 1e-300);
  return {m, at_least(b, b.div(square, v), 1e-3)};
}

std::vector<NodeId> start_of_rate(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const auto [m, shape] = moments(b, mean, variance);
  return {shape, b.div(shape, m)};
}

std::vector<NodeId> start_of_scale(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const auto [m, shape] = moments(b, mean, variance);
  return {shape, b.div(m, shape)};
}

std::vector<NodeId> start_of_mean(Builder& b, NodeId mean, NodeId variance, const Slots&) {
  const auto [m, shape] = moments(b, mean, variance);
  return {shape, m};
}

std::vector<NodeId> start_of_one_rate(Builder& b, NodeId mean, NodeId, const Slots&) {
  return {b.unary(Op::reciprocal, at_least(b, mean, 1e-300))};
}

std::vector<NodeId> start_of_one_scale(Builder& b, NodeId mean, NodeId, const Slots&) {
  return {at_least(b, mean, 1e-300)};
}

}  // namespace

std::vector<Family> gamma_families() {
  return {{.parameterisation = "Exponential.rate",
           .log_density = exponential_by_rate,
           .rates = {{0, 1, the_one, the_value}},
           .start = {.slots = start_of_one_rate}},
          {.parameterisation = "Exponential.scale",
           .log_density = exponential_by_scale,
           .rates = {{0, -1, the_one, the_value}},
           .start = {.slots = start_of_one_scale}},
          {.parameterisation = "Gamma.shape.rate",
           .log_density = gamma_by_rate,
           .rates = {{1, 1, the_shape, the_value}},
           .start = {.slots = start_of_rate},
           .narrowness = narrow_by_rate},
          {.parameterisation = "Gamma.shape.scale",
           .log_density = gamma_by_scale,
           .rates = {{1, -1, the_shape, the_value}},
           .start = {.slots = start_of_scale},
           .narrowness = narrow_by_scale},
          {.parameterisation = "Gamma.shape.mean",
           .log_density = gamma_by_mean,
           .rates = {{1, -1, the_shape, shape_times_value}},
           .start = {.slots = start_of_mean},
           .narrowness = narrow_by_mean},
          {.parameterisation = "InverseGamma.shape.scale",
           .log_density = inverse_gamma,
           .rates = {{1, 1, the_shape, inverse_value}},
           .start = {.feature = [](Builder& b, NodeId value) { return b.unary(Op::reciprocal, value); },
                     .slots = start_of_rate},
           .narrowness = narrow_inverse}};
}

}  // namespace lvm::ir
