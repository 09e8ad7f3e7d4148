// Normal, element-wise by sd, var or precision, and multivariate by covariance or precision matrix.
//
//   ln p = -1/2 u^2 - ln sd - 1/2 ln 2 pi,             u = (y - mean) / sd
//   ln p = -1/2 |u|^2 - ln det chol - D/2 ln 2 pi,     u = chol^-1 (y - mean),  chol chol' = cov
//
// Both are written as fma(-1/2, square, log_norm), so that all but the difference, its scaling and the square
// depends on parameters alone.

#include "ir/families/members.h"

namespace lvm::ir {
namespace {

const double half_log_two_pi = 0.91893853320467274178032973640562;

NodeId elementwise(Builder& b, NodeId value, NodeId mean, NodeId inverse_sd, NodeId log_sd) {
  const NodeId scaled = b.mul(b.sub(value, mean), inverse_sd);
  const NodeId log_norm = b.sub(b.constant(-half_log_two_pi), log_sd);
  return b.make(Op::fma, {b.constant(-0.5), b.unary(Op::square, scaled), log_norm});
}

NodeId by_sd(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const NodeId sd = slots.at(1);
  return elementwise(b, value, slots.at(0), b.unary(Op::reciprocal, sd), b.unary(Op::log, sd));
}

NodeId by_var(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const NodeId var = slots.at(1);
  return elementwise(b, value, slots.at(0), b.unary(Op::reciprocal, b.unary(Op::sqrt, var)),
                     b.mul(b.constant(0.5), b.unary(Op::log, var)));
}

NodeId by_precision(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const NodeId precision = slots.at(1);
  return elementwise(b, value, slots.at(0), b.unary(Op::sqrt, precision),
                     b.mul(b.constant(-0.5), b.unary(Op::log, precision)));
}

MatrixAxes event_of(Builder& b, NodeId matrix, NodeId value) {
  const auto axes = matrix_axes(b.module(), b.type(matrix), b.type(value));
  if (!axes) throw InternalError("the covariance of a multivariate Normal has no pair of matrix axes");
  return *axes;
}

NodeId by_factor(Builder& b, NodeId value, NodeId mean, NodeId chol, MatrixAxes axes) {
  const auto [row, column] = axes;
  const NodeId whiten = b.matrix(Op::triangular_inverse, {chol}, row, column);
  const NodeId u = b.matrix(Op::triangular_apply, {whiten, b.sub(value, mean)}, row, column);
  const NodeId log_diagonal = b.unary(Op::log, b.make(Op::diagonal, {chol}, {.axes = {row, column}}));
  // -(sum of (ln diag + 1/2 ln 2 pi)): the size of D need not be known here.
  const NodeId log_norm =
      b.unary(Op::neg, b.reduce(Op::sum, b.add(log_diagonal, b.constant(half_log_two_pi)), {row}));
  return b.make(Op::fma, {b.constant(-0.5), b.reduce(Op::sum, b.unary(Op::square, u), {row}), log_norm});
}

NodeId multivariate(Builder& b, NodeId value, NodeId mean, NodeId cov) {
  const MatrixAxes axes = event_of(b, cov, value);
  return by_factor(b, value, mean, b.matrix(Op::cholesky, {cov}, axes.row, axes.column), axes);
}

/// Of the factor its lower triangle counts, with a diagonal above 0.
NodeId by_cholesky(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  return by_factor(b, value, slots.at(0), slots.at(1), event_of(b, slots.at(1), value));
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

  const NodeId w = b.rename(whiten, row, third);                 // [third, column]
  const NodeId projected = b.contract({w, cov}, {column});       // [row, third]: (W cov)'
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

NodeId by_cov(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  return multivariate(b, value, slots.at(0), slots.at(1));
}

NodeId by_precision_matrix(Builder& b, NodeId value, const std::vector<NodeId>& slots) {
  const auto [row, column] = event_of(b, slots.at(1), value);
  return multivariate(b, value, slots.at(0), b.matrix(Op::inverse, {slots.at(1)}, row, column));
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

}  // namespace

std::vector<Family> normal_families() {
  return {{.parameterisation = "Normal.mean.sd",
           .log_density = by_sd,
           .start = by_moments(0.5),
           .narrowness = power_of(2)},
          {.parameterisation = "Normal.mean.var",
           .log_density = by_var,
           .start = by_moments(1),
           .narrowness = power_of(1)},
          {.parameterisation = "Normal.mean.precision",
           .log_density = by_precision,
           .start = by_moments(-1),
           .narrowness = power_of(-1)},
          {.parameterisation = "Normal.mean.cov", .log_density = by_cov, .marginal = marginal_by_cov},
          {.parameterisation = "Normal.mean.cholesky", .log_density = by_cholesky},
          {.parameterisation = "Normal.mean.precision_matrix",
           .log_density = by_precision_matrix,
           .marginal = marginal_by_precision_matrix}};
}

}  // namespace lvm::ir
