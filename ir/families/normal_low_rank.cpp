// Normal with the covariance W W' + diag(sd^2), W of a few columns: [D, R].
//
// With w = W / sd and u = (y - mean) / sd the determinant lemma and Woodbury's identity (Bishop 2006, eq. C.7
// and C.14) leave one R x R matrix, M = I + w' w:
//
//   ln det(W W' + diag(sd^2)) = ln det M + 2 sum of ln sd
//   u' (I + w w')^-1 u        = |u - w g|^2 + |g|^2,   M g = w' u
//
// The right side is the least value of a ridge regression: nothing cancels, and an error of g counts by its
// square. M is factorised element by element, so that W may differ from row to row.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

constexpr std::string_view name_of = "Normal.mean.factor.sd";

struct Parts {
  Builder& b;
  AxisId event, rank;
  int64_t size;  // of the rank

  Parts(Builder& builder, const Slots& s)
      : b(builder), event(event_axis(s, 0)), rank(event_axis(s, 1)), size(b.module().axis(rank).size) {
    if (size == unknown_size) throw InternalError("the rank of a covariance is not known");
  }
  NodeId column(NodeId w, int64_t i) {
    return b.make(Op::slice, {w}, {.number = static_cast<double>(i), .axes = {rank}});
  }
  NodeId dot(NodeId x, NodeId y) { return b.contract({x, y}, {event}); }
  NodeId less(NodeId x, NodeId p, NodeId q) { return b.make(Op::fma, {negative(b, p), q, x}); }
};

/// The Cholesky factor of I + w' w, its diagonal inverted (Golub & Van Loan 2013, algorithm 4.2.1).
struct Capacitance {
  Parts& p;
  std::vector<NodeId> l;
  NodeId& at(int64_t i, int64_t j) { return l[static_cast<size_t>(i * p.size + j)]; }

  Capacitance(Parts& parts, const std::vector<NodeId>& w)
      : p(parts), l(static_cast<size_t>(p.size * p.size), no_node) {
    for (int64_t j = 0; j < p.size; ++j) {
      for (int64_t i = j; i < p.size; ++i) {
        NodeId rest = p.dot(w[static_cast<size_t>(i)], w[static_cast<size_t>(j)]);
        if (i == j) rest = p.b.add(rest, p.b.constant(1));
        for (int64_t k = 0; k < j; ++k) rest = p.less(rest, at(i, k), at(j, k));
        at(i, j) = i == j ? p.b.unary(Op::reciprocal, p.b.unary(Op::sqrt, rest)) : p.b.mul(rest, at(j, j));
      }
    }
  }

  /// 1/2 ln det M.
  NodeId half_log_determinant() {
    NodeId sum = p.b.constant(0);
    for (int64_t i = 0; i < p.size; ++i) sum = p.b.sub(sum, log_of(p.b, at(i, i)));
    return sum;
  }

  /// M g = v.
  std::vector<NodeId> solve(std::vector<NodeId> g) {
    for (int64_t i = 0; i < p.size; ++i) {
      for (int64_t k = 0; k < i; ++k)
        g[static_cast<size_t>(i)] = p.less(g[static_cast<size_t>(i)], at(i, k), g[static_cast<size_t>(k)]);
      g[static_cast<size_t>(i)] = p.b.mul(g[static_cast<size_t>(i)], at(i, i));
    }
    for (int64_t i = p.size; i-- > 0;) {
      for (int64_t k = i + 1; k < p.size; ++k)
        g[static_cast<size_t>(i)] = p.less(g[static_cast<size_t>(i)], at(k, i), g[static_cast<size_t>(k)]);
      g[static_cast<size_t>(i)] = p.b.mul(g[static_cast<size_t>(i)], at(i, i));
    }
    return g;
  }
};

NodeId log_density(Builder& b, NodeId value, const Slots& s) {
  Parts p(b, s);
  const NodeId inverse = b.unary(Op::reciprocal, s.at(2));
  const NodeId u = b.mul(b.sub(value, s.at(0)), inverse), scaled = b.mul(s.at(1), inverse);
  std::vector<NodeId> w, v;
  for (int64_t i = 0; i < p.size; ++i) {
    w.push_back(p.column(scaled, i));
    v.push_back(p.dot(w.back(), u));
  }
  Capacitance m(p, w);
  const std::vector<NodeId> g = m.solve(std::move(v));
  NodeId rest = u, squares = b.constant(0);
  for (size_t i = 0; i < g.size(); ++i) {
    rest = p.less(rest, w[i], g[i]);
    squares = b.add(squares, b.unary(Op::square, g[i]));
  }
  squares = b.add(squares, b.reduce(Op::sum, b.unary(Op::square, rest), {p.event}));
  const NodeId logs = b.reduce(Op::sum, b.add(log_of(b, s.at(2)), b.constant(half_log_two_pi)), {p.event});
  return b.make(Op::fma, {b.constant(-0.5), squares, negative(b, b.add(logs, m.half_log_determinant()))});
}

/// z = mean + W e1 + sd e2; e1 stands behind the slots. H = D/2 - ln N(mean), which is expanded when the rank
/// is known.
Reparameterised drawn_low_rank() {
  return {.noise = Noise::normal,
          .equation = "mean + factor ε' + sd ε",
          .sample =
              [](Builder& b, NodeId noise, const Slots& s) {
                const NodeId shared = b.contract({s.at(1), s.at(3)}, {event_axis(s, 1)});
                return b.make(Op::fma, {s.at(2), noise, b.add(s.at(0), shared)});
              },
          .entropy =
              [](Builder& b, NodeId, const Slots& s) {
                const NodeId at_mean =
                    b.make(Op::logpdf, {s.at(0), s.at(0), s.at(1), s.at(2)},
                           {.text = std::string(name_of), .axes = {event_axis(s, 0), event_axis(s, 1)}});
                return b.sub(b.mul(b.constant(0.5), axis_length(b, event_axis(s, 0))), at_mean);
              },
          .mean = [](Builder&, NodeId, const Slots& s) { return s.at(0); },
          .variance =
              [](Builder& b, NodeId, const Slots& s) {
                const NodeId shared = b.reduce(Op::sum, b.unary(Op::square, s.at(1)), {event_axis(s, 1)});
                return b.add(shared, b.unary(Op::square, s.at(2)));
              },
          .shape = NoiseShape::rank};
}

}  // namespace

std::vector<Family> low_rank_normal_families() {
  return {{.parameterisation = name_of, .log_density = log_density, .draw = drawn_low_rank()}};
}

}  // namespace lvm::ir
