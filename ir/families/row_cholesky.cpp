#include "ir/families/row_cholesky.h"

#include <algorithm>
#include <vector>

#include "ir/model/model.h"

namespace lvm::ir {

namespace {

/// All of one shape, as `stack` wants them.
NodeId stacked(Builder& b, std::vector<NodeId> nodes, AxisId axis) {
  std::vector<AxisId> axes;
  for (const NodeId node : nodes)
    for (const AxisId each : b.type(node).axes) axes.push_back(each);
  std::ranges::sort(axes);
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  for (NodeId& node : nodes) {
    std::vector<AxisId> missing = axes;
    std::erase_if(missing, [&](AxisId each) { return b.type(node).has(each); });
    if (!missing.empty()) node = b.make(Op::broadcast, {node}, {.axes = std::move(missing)});
  }
  return b.make(Op::stack, std::move(nodes), {.axes = {axis}});
}

/// Golub & Van Loan 2013, algorithm 4.2.1, and the inverse of the factor column by column.
struct Elements {
  Builder& b;
  AxisId row, column;
  int64_t n;
  std::vector<NodeId> l, w;  // the factor, and its inverse
  NodeId log_pivots = no_node;

  enum class Of : uint8_t { matrix, factor };

  Elements(Builder& builder, NodeId from, AxisId r, AxisId c, Of of = Of::matrix)
      : b(builder), row(r), column(c), n(b.module().axis(r).size) {
    if (n == unknown_size) throw InternalError("a matrix of each row is factorised before its size is known");
    l.resize(static_cast<size_t>(n * n));
    w.assign(static_cast<size_t>(n * n), b.constant(0));
    if (of == Of::matrix)
      factorise(from);
    else
      read_factor(from);
    invert();
  }

  NodeId& at(std::vector<NodeId>& of, int64_t i, int64_t j) { return of[static_cast<size_t>(i * n + j)]; }
  NodeId less(NodeId x, NodeId p, NodeId q) { return b.make(Op::fma, {b.unary(Op::neg, p), q, x}); }

  NodeId element(NodeId matrix, int64_t i, int64_t j) {
    const NodeId line = b.make(Op::slice, {matrix}, {.number = static_cast<double>(i), .axes = {row}});
    return b.make(Op::slice, {line}, {.number = static_cast<double>(j), .axes = {column}});
  }

  void read_factor(NodeId factor) {
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) at(l, i, j) = element(factor, i, j);
      at(w, i, i) = b.unary(Op::reciprocal, at(l, i, i));
      const NodeId log = b.unary(Op::log, at(l, i, i));
      log_pivots = log_pivots == no_node ? log : b.add(log_pivots, log);
    }
    log_pivots = b.mul(b.constant(2), log_pivots);
  }

  /// ln of three pivots at a time: their product is a double as long as each lies within 10^±102.
  void factorise(NodeId matrix) {
    NodeId pivots = no_node;
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = j; i < n; ++i) {
        NodeId rest = element(matrix, i, j);
        for (int64_t k = 0; k < j; ++k) rest = less(rest, at(l, i, k), at(l, j, k));
        if (i == j) pivots = j % 3 == 0 ? rest : b.mul(pivots, rest);
        at(l, i, j) = i == j ? b.unary(Op::sqrt, rest) : b.mul(rest, at(w, j, j));
        if (i == j) at(w, j, j) = b.unary(Op::reciprocal, at(l, j, j));
      }
      if (j % 3 != 2 && j + 1 != n) continue;
      const NodeId log = b.unary(Op::log, pivots);
      log_pivots = log_pivots == no_node ? log : b.add(log_pivots, log);
    }
  }

  void invert() {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = j + 1; i < n; ++i) {
        NodeId sum = b.constant(0);
        for (int64_t k = j; k < i; ++k) sum = less(sum, at(l, i, k), at(w, k, j));
        at(w, i, j) = b.mul(sum, at(w, i, i));
      }
    }
  }

  NodeId matrix_of(const std::vector<NodeId>& elements) {
    std::vector<NodeId> rows;
    for (int64_t i = 0; i < n; ++i)
      rows.push_back(stacked(b, {elements.begin() + i * n, elements.begin() + (i + 1) * n}, column));
    return stacked(b, std::move(rows), row);
  }

  /// W' W.
  NodeId product() {
    std::vector<NodeId> elements(w.size());
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        NodeId sum = b.mul(at(w, i, i), at(w, i, j));
        for (int64_t k = i + 1; k < n; ++k) sum = b.make(Op::fma, {at(w, k, i), at(w, k, j), sum});
        at(elements, i, j) = at(elements, j, i) = sum;
      }
    }
    return matrix_of(elements);
  }
};

}  // namespace

CholeskyInverse cholesky_inverse(Builder& b, NodeId matrix, AxisId row, AxisId column) {
  if (!b.type(matrix).has(row_axis))
    return factor_inverse(b, b.matrix(Op::cholesky, {matrix}, row, column), row, column);
  Elements e(b, matrix, row, column);
  return {e.matrix_of(e.w), b.mul(b.constant(0.5), e.log_pivots)};
}

CholeskyInverse factor_inverse(Builder& b, NodeId factor, AxisId row, AxisId column) {
  if (!b.type(factor).has(row_axis)) {
    const NodeId diagonal = b.make(Op::diagonal, {factor}, {.axes = {row, column}});
    return {b.matrix(Op::triangular_inverse, {factor}, row, column),
            b.reduce(Op::sum, b.unary(Op::log, diagonal), {row})};
  }
  Elements e(b, factor, row, column, Elements::Of::factor);
  return {e.matrix_of(e.w), b.mul(b.constant(0.5), e.log_pivots)};
}

MatrixInverse matrix_inverse(Builder& b, NodeId matrix, AxisId row, AxisId column) {
  if (!b.type(matrix).has(row_axis))
    return {b.matrix(Op::inverse, {matrix}, row, column),
            b.matrix(Op::log_determinant, {matrix}, row, column)};
  Elements e(b, matrix, row, column);
  return {e.product(), e.log_pivots};
}

}  // namespace lvm::ir
