#include "backends/gradient/domains.h"

namespace lvm::gradient {

using ir::Builder;
using ir::Domain;
using ir::NodeId;
using ir::Op;

NodeId natural(Builder& b, const ir::Variable& parameter, NodeId u) {
  if (parameter.fixed) return u;
  switch (parameter.domain) {
    case Domain::real:
      return u;
    case Domain::positive:
      return b.unary(Op::exp, u);
    case Domain::unit:
      return b.unary(Op::sigmoid, u);
    case Domain::simplex: {
      const ir::AxisId event = parameter.declared_axes.back();
      return b.unary(Op::exp, b.sub(u, b.reduce(Op::logsumexp, u, {event})));
    }
    case Domain::ordered:
    case Domain::covariance:
    case Domain::correlation:
      break;
  }
  throw ir::InternalError("the plan let a domain without coordinates through");
}

}  // namespace lvm::gradient
