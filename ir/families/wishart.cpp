// Wishart and InverseWishart of d x d matrices, with the multivariate gamma function (Anderson 2003,
// section 7.2):
//
//   Wishart         ln p = (df - d - 1)/2 ln|X| - 1/2 tr(S^-1 X) - df d/2 ln 2 - df/2 ln|S| - ln
//   Gamma_d(df/2) InverseWishart  ln p = -(df + d + 1)/2 ln|X| - 1/2 tr(S X^-1) - df d/2 ln 2 + df/2 ln|S| -
//   ln Gamma_d(df/2)
//
//   ln Gamma_d(a) = d (d - 1)/4 ln pi + sum over j < d of lgamma(a - j/2)

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr double log_two = 0.69314718055994530942, log_pi = 1.14472988584940017414;

/// df d/2 ln 2 + ln Gamma_d(df/2).
NodeId log_norm(Builder& b, NodeId df, NodeId d, AxisId row) {
  const NodeId half = b.constant(0.5), j = b.make(Op::iota, {}, {.axes = {row}});
  const NodeId each = b.unary(Op::lgamma, b.mul(half, b.sub(df, j)));
  const NodeId pairs = b.mul(b.constant(log_pi / 4), b.mul(d, b.sub(d, b.constant(1))));
  return b.add(b.add(b.mul(b.constant(log_two / 2), b.mul(df, d)), pairs), b.reduce(Op::sum, each, {row}));
}

NodeId trace_of_product(Builder& b, NodeId left, NodeId right, AxisId row, AxisId column) {
  return b.contract({left, right}, {row, column});  // both are symmetric
}

NodeId density(Builder& b, NodeId value, const Slots& slots, bool inverse) {
  const AxisId row = event_axis(slots, 0), column = event_axis(slots, 1);
  const NodeId df = slots.at(0), scale = slots.at(1), half = b.constant(0.5);
  const NodeId d = axis_length(b, row), one = b.constant(1);
  const NodeId log_value = b.matrix(Op::log_determinant, {value}, row, column);
  const NodeId log_scale = b.matrix(Op::log_determinant, {scale}, row, column);
  const NodeId trace =
      inverse ? trace_of_product(b, scale, b.matrix(Op::inverse, {value}, row, column), row, column)
              : trace_of_product(b, b.matrix(Op::inverse, {scale}, row, column), value, row, column);
  const NodeId wide = b.add(d, one);
  const NodeId power = inverse ? negative(b, b.add(df, wide)) : b.sub(df, wide);
  const NodeId of_scale = b.mul(inverse ? df : negative(b, df), log_scale);
  const NodeId twice = b.sub(b.add(b.mul(power, log_value), of_scale), trace);
  return b.sub(b.mul(half, twice), log_norm(b, df, d, row));
}

}  // namespace

std::vector<Family> wishart_families() {
  return {{.parameterisation = "Wishart.df.scale",
           .log_density = [](Builder& b, NodeId value,
                             const Slots& slots) { return density(b, value, slots, false); }},
          {.parameterisation = "InverseWishart.df.scale",
           .log_density = [](Builder& b, NodeId value, const Slots& slots) {
             return density(b, value, slots, true);
           }}};
}

}  // namespace lvm::ir
