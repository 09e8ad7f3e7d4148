// Normal, element-wise by sd, var or precision, and multivariate by covariance or precision matrix.
//
//   ln p = -1/2 u^2 - ln sd - 1/2 ln 2 pi,             u = (y - mean) / sd
//   ln p = -1/2 |u|^2 - ln det chol - D/2 ln 2 pi,     u = chol^-1 (y - mean),  chol chol' = cov
//
// Both are written as fma(-1/2, square, log_norm), so that all but the difference, its scaling and the square
// depends on parameters alone.

#include "ir/families/members.h"
#include "ir/families/row_cholesky.h"
#include "ir/model/model.h"

namespace lvm::ir {
namespace {

const double half_log_two_pi = 0.91893853320467274178032973640562;

/// 1 / sd and ln sd from the second slot.
struct Scale {
  NodeId inverse, log;
};
using ScaleOf = Scale (*)(Builder& b, NodeId slot);

Scale of_sd(Builder& b, NodeId sd) {
  return {b.unary(Op::reciprocal, sd), b.unary(Op::log, sd)};
}

Scale of_var(Builder& b, NodeId var) {
  return {b.unary(Op::reciprocal, b.unary(Op::sqrt, var)), b.mul(b.constant(0.5), b.unary(Op::log, var))};
}

Scale of_precision(Builder& b, NodeId precision) {
  return {b.unary(Op::sqrt, precision), b.mul(b.constant(-0.5), b.unary(Op::log, precision))};
}

NodeId of_scaled(Builder& b, NodeId scaled, NodeId log_sd) {
  const NodeId log_norm = b.sub(b.constant(-half_log_two_pi), log_sd);
  return b.make(Op::fma, {b.constant(-0.5), b.unary(Op::square, scaled), log_norm});
}

LogDensity elementwise(ScaleOf scale_of) {
  return [=](Builder& b, NodeId value, const Slots& slots) {
    const Scale scale = scale_of(b, slots.at(1));
    return of_scaled(b, b.mul(b.sub(value, slots.at(0)), scale.inverse), scale.log);
  };
}

SeparatedDensity separated_elementwise(ScaleOf scale_of) {
  return [=](Builder& b, NodeId value, const Slots& slots) {
    const Scale scale = scale_of(b, slots.at(1));
    const NodeId mean = b.mul(slots.at(0), scale.inverse);
    const NodeId scaled = b.make(Op::fma, {value, scale.inverse, b.unary(Op::neg, mean)});
    return Separated{of_scaled(b, scaled, scale.log), b.unary(Op::square, mean)};
  };
}

MatrixAxes event_of(Builder& b, NodeId matrix, NodeId value) {
  const auto axes = matrix_axes(b.module(), b.type(matrix), b.type(value));
  if (!axes) throw InternalError("the covariance of a multivariate Normal has no pair of matrix axes");
  return *axes;
}

NodeId of_whitened(Builder& b, NodeId u, NodeId chol, MatrixAxes axes) {
  const auto [row, column] = axes;
  const NodeId log_diagonal = b.unary(Op::log, b.make(Op::diagonal, {chol}, {.axes = {row, column}}));
  // -(sum of (ln diag + 1/2 ln 2 pi)): the size of D need not be known here.
  const NodeId log_norm =
      b.unary(Op::neg, b.reduce(Op::sum, b.add(log_diagonal, b.constant(half_log_two_pi)), {row}));
  return b.make(Op::fma, {b.constant(-0.5), b.reduce(Op::sum, b.unary(Op::square, u), {row}), log_norm});
}

/// The Cholesky factor of the covariance from the second slot.
using FactorOf = NodeId (*)(Builder& b, NodeId slot, MatrixAxes axes);

NodeId factor_of_cov(Builder& b, NodeId cov, MatrixAxes axes) {
  return b.matrix(Op::cholesky, {cov}, axes.row, axes.column);
}

NodeId factor_of_precision_matrix(Builder& b, NodeId precision, MatrixAxes axes) {
  return factor_of_cov(b, b.matrix(Op::inverse, {precision}, axes.row, axes.column), axes);
}

/// Of the factor its lower triangle counts, with a diagonal above 0.
NodeId factor_itself(Builder&, NodeId chol, MatrixAxes) {
  return chol;
}

/// Of a matrix that differs from row to row, such as one that a network gives: W = L^-1 is written out, and
/// of a precision matrix P the square is d' P d.
NodeId of_rows(Builder& b, NodeId value, const Slots& slots, FactorOf factor_of, MatrixAxes axes) {
  const auto [row, column] = axes;
  const NodeId matrix = slots.at(1), d = b.sub(value, slots.at(0)), across = b.rename(d, row, column);
  NodeId square = no_node, log_diagonal = no_node;
  if (factor_of == factor_of_precision_matrix) {
    square = b.contract({matrix, d, across}, {row, column});
    log_diagonal = b.mul(b.constant(-0.5), matrix_inverse(b, matrix, row, column).log_determinant);
  } else {
    const CholeskyInverse l = factor_of == factor_itself ? factor_inverse(b, matrix, row, column)
                                                         : cholesky_inverse(b, matrix, row, column);
    square = b.reduce(Op::sum, b.unary(Op::square, b.contract({l.inverse, across}, {column})), {row});
    log_diagonal = l.log_diagonal;
  }
  const double constants = half_log_two_pi * static_cast<double>(b.module().axis(row).size);
  return b.make(Op::fma, {b.constant(-0.5), square, b.sub(b.constant(-constants), log_diagonal)});
}

LogDensity multivariate(FactorOf factor_of) {
  return [=](Builder& b, NodeId value, const Slots& slots) {
    const MatrixAxes axes = event_of(b, slots.at(1), value);
    if (b.type(slots.at(1)).has(row_axis)) return of_rows(b, value, slots, factor_of, axes);
    const NodeId chol = factor_of(b, slots.at(1), axes);
    const NodeId whiten = b.matrix(Op::triangular_inverse, {chol}, axes.row, axes.column);
    const NodeId d = b.sub(value, slots.at(0));
    return of_whitened(b, b.matrix(Op::triangular_apply, {whiten, d}, axes.row, axes.column), chol, axes);
  };
}

SeparatedDensity separated_multivariate(FactorOf factor_of) {
  return [=](Builder& b, NodeId value, const Slots& slots) {
    const MatrixAxes axes = event_of(b, slots.at(1), value);
    const auto [row, column] = axes;
    const NodeId chol = factor_of(b, slots.at(1), axes);
    const NodeId whiten = b.matrix(Op::triangular_inverse, {chol}, row, column);
    const auto apply = [&](NodeId matrix, NodeId vector) {
      return b.matrix(Op::triangular_apply, {matrix, vector}, row, column);
    };
    const NodeId mean = slots.at(0);
    const NodeId u = b.add(apply(whiten, value), b.unary(Op::neg, apply(whiten, mean)));
    const NodeId sizes = apply(b.unary(Op::abs, whiten), b.unary(Op::abs, mean));
    return Separated{of_whitened(b, u, chol, axes), b.reduce(Op::sum, b.unary(Op::square, sizes), {row})};
  };
}

/// The observed elements o of a vector, S = cov_oo padded with the identity, S = L L', W = L^-1 with zeros
/// where an element is absent:
///
///   ln p(y_o) = -1/2 |W d|^2 - ln det L - |o|/2 ln 2 pi,       d = y - mean, 0 where absent,
///   E[d | y_o] = A d,  A = cov_mo S^-1 = (W cov)' W for absent rows m, the identity for observed ones,
///   Cov[d | y_o] = cov_mm - (W cov)' (W cov)                   (Little & Rubin 2002, section 11.2.2)
///
/// cov_mm less that square is what a Cholesky factorisation leaves of cov behind its observed pivots: nothing
/// is inverted twice.
Marginal conditional(Builder& b, NodeId value, NodeId mean, NodeId cov, NodeId observed) {
  const auto [row, column] = event_of(b, cov, value);
  const AxisId third = b.module().twin(column);
  const NodeId zero = b.constant(0);
  const NodeId across = b.rename(observed, row, column);
  const NodeId both = b.binary(Op::logical_and, observed, across);
  const NodeId unit = b.make(Op::identity, {}, {.axes = {row, column}});
  const NodeId chol = b.matrix(Op::cholesky, {b.select(both, cov, unit)}, row, column);
  const NodeId whiten = b.select(both, b.matrix(Op::triangular_inverse, {chol}, row, column), zero);

  const NodeId d = b.sub(value, b.select(observed, mean, zero));
  const NodeId u = b.matrix(Op::triangular_apply, {whiten, d}, row, column);
  const NodeId log_diagonal = b.unary(Op::log, b.make(Op::diagonal, {chol}, {.axes = {row, column}}));
  const NodeId constants = b.add(log_diagonal, b.select(observed, b.constant(half_log_two_pi), zero));
  const NodeId log_norm = b.unary(Op::neg, b.reduce(Op::sum, constants, {row}));
  const NodeId square = b.reduce(Op::sum, b.unary(Op::square, u), {row});

  const NodeId w = b.rename(whiten, row, third);                  // [third, column]
  const NodeId projected = b.contract({w, cov}, {column});        // [row, third]: (W cov)'
  const NodeId regression = b.contract({projected, w}, {third});  // [row, column]
  const NodeId explained = b.contract({projected, b.rename(projected, row, column)}, {third});
  const NodeId either = b.binary(Op::logical_or, observed, across);
  return {.log_density = b.make(Op::fma, {b.constant(-0.5), square, log_norm}),
          .centred = d,
          .impute = b.select(observed, unit, regression),
          .spare = b.select(either, zero, b.sub(cov, explained))};
}

Marginal marginal_by_cov(Builder& b, NodeId value, const Slots& slots, NodeId observed) {
  return conditional(b, value, slots.at(0), slots.at(1), observed);
}

Marginal marginal_by_precision_matrix(Builder& b, NodeId value, const Slots& slots, NodeId observed) {
  const auto [row, column] = event_of(b, slots.at(1), value);
  return conditional(b, value, slots.at(0), b.matrix(Op::inverse, {slots.at(1)}, row, column), observed);
}

/// The mean, and the variance to a power.
MomentStart by_moments(double exponent) {
  return {.slots = [exponent](Builder& b, NodeId mean, NodeId variance, const std::vector<NodeId>&) {
    return std::vector<NodeId>{mean, b.binary(Op::pow, variance, b.constant(exponent))};
  }};
}

NarrownessOf power_of(double exponent) {
  return [=](Builder& b, const Slots& slots) {
    return Narrowness{b.binary(Op::pow, slots.at(1), b.constant(exponent))};
  };
}

/// 1 / variance, without a root.
NodeId precision_of(Builder& b, NodeId slot, double exponent) {
  return b.binary(Op::pow, slot, b.constant(-exponent));
}

/// ln p = 1/2 ln r - r (y - mean)^2 / 2,  r = 1 / variance.
RateForm rate_of(double exponent) {
  return {.slot = 1,
          .sign = -exponent,
          .a = [](Builder& b, NodeId, const Slots&) { return b.constant(0.5); },
          .b =
              [](Builder& b, NodeId value, const Slots& slots) {
                return b.mul(b.constant(0.5), b.unary(Op::square, b.sub(value, slots.at(0))));
              }};
}

/// z = mean + sd e,  H = ln sd + 1/2 ln 2 pi e;  slot^exponent is the variance.
Reparameterised drawn(ScaleOf scale_of, double exponent, std::string_view equation) {
  return {
      .noise = Noise::normal,
      .equation = equation,
      .sample =
          [=](Builder& b, NodeId noise, const Slots& slots) {
            const NodeId sd = b.binary(Op::pow, slots.at(1), b.constant(exponent / 2));
            return b.make(Op::fma, {sd, noise, slots.at(0)});
          },
      .entropy =
          [=](Builder& b, NodeId, const Slots& slots) {
            const NodeId log_sd = scale_of(b, slots.at(1)).log;
            return b.add(log_sd, b.constant(half_log_two_pi + 0.5));
          },
      .mean = [](Builder&, NodeId, const Slots& slots) { return slots.at(0); },
      .variance = [=](Builder& b, NodeId,
                      const Slots& slots) { return b.binary(Op::pow, slots.at(1), b.constant(exponent)); }};
}

/// The lower triangle alone.
NodeId lower_triangle(Builder& b, NodeId matrix, MatrixAxes axes) {
  const NodeId row = b.make(Op::iota, {}, {.axes = {axes.row}}),
               column = b.make(Op::iota, {}, {.axes = {axes.column}});
  return b.select(b.binary(Op::less_equal, column, row), matrix, b.constant(0));
}

NodeId log_diagonal_of(Builder& b, NodeId chol, MatrixAxes axes) {
  return b.unary(Op::log, b.make(Op::diagonal, {chol}, {.axes = {axes.row, axes.column}}));
}

/// z = mean + C e,  H = sum of (ln C_dd + 1/2 ln 2 pi e),  ln q(z) = -1/2 |e|^2 - sum of (ln C_dd + 1/2 ln 2
/// pi); Var z_d = sum over j of C_dj^2.
Reparameterised drawn_by_factor() {
  const auto axes_of = [](Builder& b, const Slots& s) { return event_of(b, s.at(1), s.at(0)); };
  return {
      .noise = Noise::normal,
      .equation = "mean + C ε, C the Cholesky factor",
      .sample =
          [=](Builder& b, NodeId noise, const Slots& s) {
            const MatrixAxes axes = axes_of(b, s);
            const NodeId across = b.rename(noise, axes.row, axes.column);
            return b.add(s.at(0), b.contract({lower_triangle(b, s.at(1), axes), across}, {axes.column}));
          },
      .entropy =
          [=](Builder& b, NodeId, const Slots& s) {
            const MatrixAxes axes = axes_of(b, s);
            const NodeId each = b.add(log_diagonal_of(b, s.at(1), axes), b.constant(half_log_two_pi + 0.5));
            return b.reduce(Op::sum, each, {axes.row});
          },
      .mean = [](Builder&, NodeId, const Slots& s) { return s.at(0); },
      .variance =
          [=](Builder& b, NodeId, const Slots& s) {
            const MatrixAxes axes = axes_of(b, s);
            return b.reduce(Op::sum, b.unary(Op::square, lower_triangle(b, s.at(1), axes)), {axes.column});
          },
      .density_of_noise =
          [=](Builder& b, NodeId noise, const Slots& s) {
            const MatrixAxes axes = axes_of(b, s);
            const NodeId norm = b.add(log_diagonal_of(b, s.at(1), axes), b.constant(half_log_two_pi));
            const NodeId each =
                b.make(Op::fma, {b.constant(-0.5), b.unary(Op::square, noise), b.unary(Op::neg, norm)});
            return b.reduce(Op::sum, each, {axes.row});
          }};
}

/// E ln N(z; m, s) = ln N(E z; m, s) - Var z / (2 s^2).
ExpectedDensity expected_elementwise(ScaleOf scale_of, double exponent) {
  return [=](Builder& b, NodeId mean, NodeId variance, const Slots& slots) {
    const NodeId at_mean = elementwise(scale_of)(b, mean, slots);
    const NodeId spread = b.mul(variance, precision_of(b, slots.at(1), exponent));
    return b.make(Op::fma, {b.constant(-0.5), spread, at_mean});
  };
}

}  // namespace

std::vector<Family> normal_families() {
  return {{.parameterisation = "Normal.mean.sd",
           .log_density = elementwise(of_sd),
           .rates = {rate_of(2)},
           .start = by_moments(0.5),
           .separated = separated_elementwise(of_sd),
           .narrowness = power_of(2),
           .draw = drawn(of_sd, 2, "mean + sd ε"),
           .expected = expected_elementwise(of_sd, 2)},
          {.parameterisation = "Normal.mean.var",
           .log_density = elementwise(of_var),
           .rates = {rate_of(1)},
           .start = by_moments(1),
           .separated = separated_elementwise(of_var),
           .narrowness = power_of(1),
           .draw = drawn(of_var, 1, "mean + √var ε"),
           .expected = expected_elementwise(of_var, 1)},
          {.parameterisation = "Normal.mean.precision",
           .log_density = elementwise(of_precision),
           .rates = {rate_of(-1)},
           .start = by_moments(-1),
           .separated = separated_elementwise(of_precision),
           .narrowness = power_of(-1),
           .draw = drawn(of_precision, -1, "mean + ε / √precision"),
           .expected = expected_elementwise(of_precision, -1)},
          {.parameterisation = "Normal.mean.cov",
           .log_density = multivariate(factor_of_cov),
           .marginal = marginal_by_cov,
           .separated = separated_multivariate(factor_of_cov)},
          {.parameterisation = "Normal.mean.cholesky",
           .log_density = multivariate(factor_itself),
           .separated = separated_multivariate(factor_itself),
           .draw = drawn_by_factor()},
          {.parameterisation = "Normal.mean.precision_matrix",
           .log_density = multivariate(factor_of_precision_matrix),
           .marginal = marginal_by_precision_matrix,
           .separated = separated_multivariate(factor_of_precision_matrix)}};
}

}  // namespace lvm::ir
