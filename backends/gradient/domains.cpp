#include "backends/gradient/domains.h"

namespace lvm::gradient {

using ir::Builder;
using ir::Domain;
using ir::NodeId;
using ir::Op;

NodeId natural(Builder& b, const ir::Variable& parameter, NodeId u) {
  if (parameter.fixed) return u;
  switch (parameter.domain) {
    case Domain::real: return u;
    case Domain::positive: return b.unary(Op::exp, u);
    case Domain::unit: return b.unary(Op::sigmoid, u);
    case Domain::simplex: {
      const ir::AxisId event = parameter.declared_axes.back();
      return b.unary(Op::exp, b.sub(u, b.reduce(Op::logsumexp, u, {event})));
    }
    case Domain::ordered: {
      // u_0, then a step up of e^u_k for each value.
      const ir::AxisId event = parameter.declared_axes.back(), other = b.module().twin(event);
      const NodeId value = b.make(Op::iota, {}, {.axes = {event}}),
                   step = b.make(Op::iota, {}, {.axes = {other}});
      const NodeId across = b.rename(u, event, other);
      const NodeId rises =
          b.select(b.binary(Op::less, b.constant(0), step), b.unary(Op::exp, across), across);
      return b.reduce(Op::sum, b.select(b.binary(Op::less_equal, step, value), rises, b.constant(0)),
                      {other});
    }
    case Domain::covariance: {
      // L L', L lower triangular with e^u on its diagonal.
      const ir::AxisId column = parameter.declared_axes.back(),
                       row = parameter.declared_axes[parameter.declared_axes.size() - 2];
      const ir::AxisId inner = b.module().twin(column);
      const NodeId i = b.make(Op::iota, {}, {.axes = {row}}), j = b.make(Op::iota, {}, {.axes = {column}});
      const NodeId positive = b.select(b.binary(Op::equal, i, j), b.unary(Op::exp, u), u);
      const NodeId lower = b.select(b.binary(Op::less_equal, j, i), positive, b.constant(0));
      const NodeId left = b.rename(lower, column, inner);
      return b.contract({left, b.rename(left, row, column)}, {inner});
    }
    case Domain::correlation: break;
  }
  throw ir::InternalError("the plan let a domain without coordinates through");
}

}  // namespace lvm::gradient
