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

/// ln of the rate from the slots.
using LogRate = NodeId (*)(Builder& b, const Slots& slots);

NodeId log_rate_by_rate(Builder& b, const Slots& s) {
  return log_of(b, s.at(1));
}
NodeId log_rate_by_scale(Builder& b, const Slots& s) {
  return negative(b, log_of(b, s.at(1)));
}
NodeId log_rate_by_mean(Builder& b, const Slots& s) {
  return b.sub(log_of(b, s.at(0)), log_of(b, s.at(1)));
}

/// psi(a) - ln a
NodeId digamma_gap(Builder& b, NodeId shape) {
  return b.sub(b.unary(Op::binet_slope, shape), b.div(b.constant(0.5), shape));
}

/// a (E t - (E e^t - 1)) - E ln z + 1/2 ln a - 1/2 ln 2 pi - binet(a),  with e^t = z / mean.
NodeId expected_density(Builder& b, NodeId shape, NodeId mean_t, NodeId mean_growth, NodeId mean_log) {
  const NodeId norm = b.sub(b.mul(b.constant(0.5), log_of(b, shape)),
                            b.add(b.unary(Op::binet, shape), b.constant(half_log_two_pi)));
  return b.sub(b.make(Op::fma, {shape, b.sub(mean_t, mean_growth), norm}), mean_log);
}

ExpectedByLogs expected_gamma(LogRate log_rate) {
  return {.density = [=](Builder& b, const LogMeans& of, const Slots& s) {
    const NodeId log_mean = b.sub(log_of(b, s.at(0)), log_rate(b, s));
    const NodeId growth = b.sub(b.mul(of.mean, b.unary(Op::exp, negative(b, log_mean))), b.constant(1));
    return expected_density(b, s.at(0), b.sub(of.log, log_mean), growth, of.log);
  }};
}

constexpr double least_draw = 1e-37;  // a normal number in single precision too: its logarithm is finite

/// z = the quantile of Gamma(a) / rate at that of a standard normal number;  H = -E ln q with E ln z = psi(a)
/// - ln rate.
Reparameterised drawn_gamma(LogRate log_rate) {
  const auto log_draw = [=](Builder& b, NodeId noise, const Slots& s) {
    return b.binary(Op::log_gamma_draw, s.at(0), noise);
  };
  const auto mean_log = [=](Builder& b, NodeId, const Slots& s) {
    return b.sub(b.add(log_of(b, s.at(0)), digamma_gap(b, s.at(0))), log_rate(b, s));
  };
  const auto mean = [=](Builder& b, NodeId, const Slots& s) {
    return b.mul(s.at(0), b.unary(Op::exp, negative(b, log_rate(b, s))));
  };
  return {.noise = Noise::normal,
          .equation = "F⁻¹(Φ(ε); shape) / rate, F of Gamma(shape, 1)",
          .sample =
              [=](Builder& b, NodeId noise, const Slots& s) {
                const NodeId log_value = b.sub(log_draw(b, noise, s), log_rate(b, s));
                return at_least(b, b.unary(Op::exp, log_value), least_draw);
              },
          .entropy =
              [=](Builder& b, NodeId, const Slots& s) {
                const NodeId log_mean = mean_log(b, no_node, s);
                return negative(
                    b, expected_density(b, s.at(0), digamma_gap(b, s.at(0)), b.constant(0), log_mean));
              },
          .mean = mean,
          .variance =
              [=](Builder& b, NodeId, const Slots& s) {
                return b.mul(mean(b, no_node, s), b.unary(Op::exp, negative(b, log_rate(b, s))));
              },
          .density_of_noise =
              [=](Builder& b, NodeId noise, const Slots& s) {
                const NodeId log_value = log_draw(b, noise, s);
                return of_shape(b, s.at(0), b.sub(log_value, log_of(b, s.at(0))),
                                b.sub(log_value, log_rate(b, s)));
              },
          .mean_log = mean_log};
}

ExpectedByLogs expected_exponential(LogDensity density) {
  return {.density = [=](Builder& b, const LogMeans& of, const Slots& s) { return density(b, of.mean, s); }};
}

/// z = -ln(1 - u) / rate, `power` -1 of a slot that is the rate, 1 of a scale;  H = 1 - ln rate,  E ln z =
/// -gamma - ln rate.
Reparameterised drawn_exponential(double power) {
  constexpr double euler = 0.57721566490153286061;
  const auto scale = [=](Builder& b, const Slots& s) {
    return power > 0 ? s.at(0) : b.unary(Op::reciprocal, s.at(0));
  };
  const auto log_scale = [=](Builder& b, const Slots& s) {
    return b.mul(b.constant(power), log_of(b, s.at(0)));
  };
  return {
      .noise = Noise::uniform,
      .equation = "-ln(1 - ε) / rate",
      .sample =
          [=](Builder& b, NodeId noise, const Slots& s) {
            return b.mul(negative(b, b.unary(Op::log1p, negative(b, noise))), scale(b, s));
          },
      .entropy = [=](Builder& b, NodeId, const Slots& s) { return b.add(log_scale(b, s), b.constant(1)); },
      .mean = [=](Builder& b, NodeId, const Slots& s) { return scale(b, s); },
      .variance = [=](Builder& b, NodeId, const Slots& s) { return b.unary(Op::square, scale(b, s)); },
      .mean_log = [=](Builder& b, NodeId,
                      const Slots& s) { return b.sub(log_scale(b, s), b.constant(euler)); }};
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
           .start = {.slots = start_of_one_rate},
           .draw = drawn_exponential(-1),
           .expected_by_logs = expected_exponential(exponential_by_rate)},
          {.parameterisation = "Exponential.scale",
           .log_density = exponential_by_scale,
           .rates = {{0, -1, the_one, the_value}},
           .start = {.slots = start_of_one_scale},
           .draw = drawn_exponential(1),
           .expected_by_logs = expected_exponential(exponential_by_scale)},
          {.parameterisation = "Gamma.shape.rate",
           .log_density = gamma_by_rate,
           .rates = {{1, 1, the_shape, the_value}},
           .start = {.slots = start_of_rate},
           .narrowness = narrow_by_rate,
           .draw = drawn_gamma(log_rate_by_rate),
           .expected_by_logs = expected_gamma(log_rate_by_rate)},
          {.parameterisation = "Gamma.shape.scale",
           .log_density = gamma_by_scale,
           .rates = {{1, -1, the_shape, the_value}},
           .start = {.slots = start_of_scale},
           .narrowness = narrow_by_scale,
           .draw = drawn_gamma(log_rate_by_scale),
           .expected_by_logs = expected_gamma(log_rate_by_scale)},
          {.parameterisation = "Gamma.shape.mean",
           .log_density = gamma_by_mean,
           .rates = {{1, -1, the_shape, shape_times_value}},
           .start = {.slots = start_of_mean},
           .narrowness = narrow_by_mean,
           .draw = drawn_gamma(log_rate_by_mean),
           .expected_by_logs = expected_gamma(log_rate_by_mean)},
          {.parameterisation = "InverseGamma.shape.scale",
           .log_density = inverse_gamma,
           .rates = {{1, 1, the_shape, inverse_value}},
           .start = {.feature = [](Builder& b, NodeId value) { return b.unary(Op::reciprocal, value); },
                     .slots = start_of_rate},
           .narrowness = narrow_inverse}};
}

}  // namespace lvm::ir
