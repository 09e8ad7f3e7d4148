// Wishart and InverseWishart of d x d matrices (Anderson 2003, sections 7.2 and 7.7). X ~ InverseWishart(df,
// S) where X^-1 ~ Wishart(df, S^-1). With A = S, M = X, l = ln|X| of a Wishart and A = S^-1, M = X^-1, l =
// -ln|X| of its inverse,
//
//   ln p = -(d + 1)/2 ln|X| + 1/2 [ df (l - ln|A|) - tr(A^-1 M) - df d ln 2 ] - ln Gamma_d(df/2),
//   ln Gamma_d(a) = d (d - 1)/4 ln pi + sum over j < d of lgamma(a - j/2).
//
// Terms of the size of df ln df would cancel. With a_j = (df - j)/2 and lgamma(a) = (a - 1/2) ln a - a + 1/2
// ln 2 pi + binet(a),
//
//   ln p = -(d + 1)/2 ln|X| + 1/2 [ df (l - ln|A| - d ln df) - tr(A^-1 M) + df d ] + c(df),
//   c(df) = d (d + 1)/4 ln(df/2) - sum [ (a_j - 1/2) ln(1 - j/df) + binet(a_j) ] - d (d - 1)/4 (1 + ln pi) -
//   d/2 ln 2 pi.

#include <limits>

#include "ir/families/members.h"
#include "ir/families/row_cholesky.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr double log_pi = 1.14472988584940017414;

/// c(df), -inf where df <= d - 1: there is no such density.
NodeId log_norm(Builder& b, NodeId df, NodeId d, AxisId row) {
  const NodeId one = b.constant(1), half = b.constant(0.5), quarter = b.constant(0.25);
  const NodeId j = b.make(Op::iota, {}, {.axes = {row}});
  const NodeId a = b.mul(half, b.sub(df, j));
  const NodeId share = b.unary(Op::log1p, negative(b, b.div(j, df)));
  const NodeId each = b.make(Op::fma, {b.sub(a, half), share, b.unary(Op::binet, a)});
  const NodeId pairs = b.mul(quarter, b.mul(d, b.sub(d, one)));
  const NodeId of_size = b.add(b.mul(b.constant(1 + log_pi), pairs), b.mul(b.constant(half_log_two_pi), d));
  const NodeId growth = b.mul(b.mul(quarter, b.mul(d, b.add(d, one))), log_of(b, b.mul(half, df)));
  const NodeId value = b.sub(b.sub(growth, b.reduce(Op::sum, each, {row})), of_size);
  return b.select(b.binary(Op::less, b.sub(d, one), df), value,
                  b.constant(-std::numeric_limits<double>::infinity()));
}

NodeId density(Builder& b, NodeId value, const Slots& slots, bool inverse) {
  const AxisId row = event_axis(slots, 0), column = event_axis(slots, 1);
  const NodeId df = slots.at(0), scale = slots.at(1), half = b.constant(0.5);
  const NodeId d = axis_length(b, row);
  const MatrixInverse of_value = matrix_inverse(b, value, row, column);
  const NodeId log_scale = b.matrix(Op::log_determinant, {scale}, row, column);
  // Both factors of the trace are symmetric.
  const NodeId trace = inverse
                           ? b.contract({scale, of_value.inverse}, {row, column})
                           : b.contract({b.matrix(Op::inverse, {scale}, row, column), value}, {row, column});
  const NodeId log_ratio =
      inverse ? b.sub(log_scale, of_value.log_determinant) : b.sub(of_value.log_determinant, log_scale);
  const NodeId centred = b.sub(log_ratio, b.mul(d, b.sub(log_of(b, df), b.constant(1))));
  const NodeId inner = b.sub(b.mul(df, centred), trace);
  const NodeId jacobian = b.mul(b.mul(half, b.add(d, b.constant(1))), of_value.log_determinant);
  return b.add(b.sub(b.mul(half, inner), jacobian), log_norm(b, df, d, row));
}

MatrixForm form(bool inverse) {
  return {.sign = inverse ? -1.0 : 1.0,
          .matrix =
              [=](Builder& b, NodeId value, const Slots& slots) {
                return inverse ? matrix_inverse(b, value, event_axis(slots, 0), event_axis(slots, 1)).inverse
                               : value;
              },
          .log_determinant =
              [=](Builder& b, NodeId value, const Slots& slots) {
                const NodeId log =
                    matrix_inverse(b, value, event_axis(slots, 0), event_axis(slots, 1)).log_determinant;
                return inverse ? negative(b, log) : log;
              }};
}

/// Of an element beside the square of its size (Anderson 2003, section 7.3.2): near 2 / df where df is large.
Narrowness narrow(Builder& b, const Slots& slots) {
  return {.variance = no_node, .relative = b.div(b.constant(2), slots.at(0))};
}

Family family(std::string_view parameterisation, bool inverse) {
  return {.parameterisation = parameterisation,
          .log_density = [=](Builder& b, NodeId value,
                             const Slots& slots) { return density(b, value, slots, inverse); },
          .narrowness = narrow,
          .matrix = form(inverse)};
}

}  // namespace

std::vector<Family> wishart_families() {
  return {family("Wishart.df.scale", false), family("InverseWishart.df.scale", true)};
}

}  // namespace lvm::ir
