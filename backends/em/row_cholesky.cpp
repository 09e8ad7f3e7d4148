#include "backends/em/row_cholesky.h"

#include <algorithm>
#include <vector>

#include "ir/model/model.h"

namespace lvm::em {

using ir::Builder;
using ir::NodeId;
using ir::Op;

namespace {

/// All of one shape, as `stack` wants them.
NodeId stacked(Builder& b, std::vector<NodeId> nodes, ir::AxisId axis) {
  std::vector<ir::AxisId> axes;
  for (const NodeId node : nodes)
    for (const ir::AxisId each : b.type(node).axes) axes.push_back(each);
  std::ranges::sort(axes);
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  for (NodeId& node : nodes) {
    std::vector<ir::AxisId> missing = axes;
    std::erase_if(missing, [&](ir::AxisId each) { return b.type(node).has(each); });
    if (!missing.empty()) node = b.make(Op::broadcast, {node}, {.axes = std::move(missing)});
  }
  return b.make(Op::stack, std::move(nodes), {.axes = {axis}});
}

/// Golub & Van Loan 2013, algorithm 4.2.1, and the inverse of the factor column by column.
struct Elements {
  Builder& b;
  int64_t n;
  std::vector<NodeId> l, w;

  NodeId& at(std::vector<NodeId>& of, int64_t i, int64_t j) { return of[static_cast<size_t>(i * n + j)]; }
  NodeId less(NodeId x, NodeId p, NodeId q) { return b.make(Op::fma, {b.unary(Op::neg, p), q, x}); }
};

}  // namespace

CholeskyInverse cholesky_inverse(Builder& b, NodeId matrix, ir::AxisId row, ir::AxisId column) {
  if (!b.type(matrix).has(ir::row_axis)) {
    const NodeId factor = b.matrix(Op::cholesky, {matrix}, row, column);
    const NodeId diagonal = b.make(Op::diagonal, {factor}, {.axes = {row, column}});
    return {b.matrix(Op::triangular_inverse, {factor}, row, column), b.reduce(Op::sum, b.unary(Op::log, diagonal), {row})};
  }
  const int64_t n = b.module().axis(row).size;
  Elements e{b, n, std::vector<NodeId>(static_cast<size_t>(n * n)), std::vector<NodeId>(static_cast<size_t>(n * n), b.constant(0))};
  const auto slice = [&](NodeId node, ir::AxisId axis, int64_t i) {
    return b.make(Op::slice, {node}, {.number = static_cast<double>(i), .axes = {axis}});
  };
  NodeId pivots = ir::no_node;
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = j; i < n; ++i) {
      NodeId rest = slice(slice(matrix, row, i), column, j);
      for (int64_t k = 0; k < j; ++k) rest = e.less(rest, e.at(e.l, i, k), e.at(e.l, j, k));
      if (i == j) pivots = j == 0 ? rest : b.mul(pivots, rest);
      e.at(e.l, i, j) = i == j ? b.unary(Op::sqrt, rest) : b.mul(rest, e.at(e.w, j, j));
      if (i == j) e.at(e.w, j, j) = b.unary(Op::reciprocal, e.at(e.l, j, j));
    }
  }
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = j + 1; i < n; ++i) {
      NodeId sum = b.constant(0);
      for (int64_t k = j; k < i; ++k) sum = e.less(sum, e.at(e.l, i, k), e.at(e.w, k, j));
      e.at(e.w, i, j) = b.mul(sum, e.at(e.w, i, i));
    }
  }
  std::vector<NodeId> rows;
  for (int64_t i = 0; i < n; ++i)
    rows.push_back(stacked(b, {e.w.begin() + i * n, e.w.begin() + (i + 1) * n}, column));
  return {stacked(b, std::move(rows), row), b.mul(b.constant(0.5), b.unary(Op::log, pivots))};
}

}  // namespace lvm::em
