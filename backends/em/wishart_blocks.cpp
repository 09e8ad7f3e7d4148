// With w the weights, M and l of a row (ir/families/family.h: MatrixForm), T = sum w M and N = sum w df,
//
//   Q = -1/2 tr(A^-1 T) - N/2 ln|A| + 1/2 sum w df l - sum w [ df d/2 ln 2 + ln Gamma_d(df/2) ],   A* = T /
//   N.
//
// The degrees of freedom step towards the top of Q beside the scale that is then best: by the envelope
// theorem
//
//   G = dQ/d df = 1/2 sum w (l - ln|A*|) - n/2 [ d ln 2 + psi_d(df/2) ],   psi_d(a) = sum over j < d of
//   digamma(a - j/2), H = d/2 n^2 / N - n/4 psi_d'(df/2) < 0,   since psi_d'(df/2) > 2 d / df and N >= n df,
//
// where of a scale that several df share the terms between them are left out of H: the direction climbs all
// the same. Without a free scale A is as it stands and H lacks its first term. The step is one in ln(df - d +
// 1), so that df stays above d - 1; in those coordinates of G t, t = df - d + 1, only what keeps H negative
// is kept. d ln 2 + psi_d(df/2) is written as d ln df and small terms.

#include "backends/em/wishart_blocks.h"

#include <algorithm>

#include "backends/em/priors.h"

namespace lvm::em {

using ir::Op;

WishartBlocks wishart_blocks(const ir::Plan& plan, const Emission& emission) {
  WishartBlocks found;
  for (const ir::Block& block : plan.blocks) {
    if (block.latent || block.factor != emission.factor) continue;
    if (block.solver == ir::Solver::matrix_scale) found.scale = &block;
    if (block.solver == ir::Solver::freedom) found.freedom = &block;
  }
  return found;
}

namespace {

constexpr double longest_step = 2;                        // in the logarithm
constexpr double least_excess = 1e-3, least_gap = 1e-12;  // of a start

struct WishartSolver {
  UpdateContext& c;
  size_t at;
  const Emission& e;
  Builder& b;
  WishartBlocks blocks;
  ir::MatrixAxes matrix;
  double d;
  double sign = 1;                               // A = scale^sign
  std::vector<AxisId> freedom_axes, scale_axes;  // of the parameters, without the matrix
  std::vector<RowTerm> terms;                    // M, l, ln|A|, df

  WishartSolver(UpdateContext& context, size_t emission)
      : c(context),
        at(emission),
        e(context.emissions[emission]),
        b(context.update),
        blocks(wishart_blocks(context.setting.plan, e)) {
    const std::vector<AxisId>& event = c.setting.function()[e.log_density].attributes.axes;
    matrix = {event.at(0), event.at(1)};
    d = static_cast<double>(b.module().axis(matrix.row).size);
    if (blocks.freedom) freedom_axes = variable_of(c.setting, blocks.freedom->name).type.axes;
    if (blocks.scale) scale_axes = without(variable_of(c.setting, blocks.scale->name).type.axes, event);
    write_terms(event);
  }

  void write_terms(const std::vector<AxisId>& event) {
    const ir::Family* family = ir::find_family(parameterisation_of(e));
    if (!family || !family->matrix) throw ir::InternalError("no matrix form of " + e.family);
    sign = family->matrix->sign;
    TermWriter writer(b.module(), c.setting, e);
    const NodeId value = writer.value();
    const ir::Slots slots(writer.slots(), event);
    writer.output(family->matrix->matrix(writer.builder(), value, slots));
    writer.output(family->matrix->log_determinant(writer.builder(), value, slots));
    const NodeId log_scale =
        writer.builder().matrix(Op::log_determinant, {slots.at(1)}, matrix.row, matrix.column);
    writer.output(sign > 0 ? log_scale : writer.builder().unary(Op::neg, log_scale));
    writer.output(slots.at(0));
    terms = writer.take();
  }

  NodeId sum(NodeId node, const std::vector<AxisId>& axes) {
    return b.reduce(Op::sum, node, common(b.type(node).axes, axes));
  }
  NodeId number(double x) { return b.constant(x); }

  /// T over the axes of the scale, with what its prior adds.
  NodeId total() {
    const std::vector<AxisId> axes = united(scale_axes, {matrix.row, matrix.column});
    const NodeId t = c.statistics.expected(b, at, axes, "matrix_" + e.variable, terms[0]);
    const auto prior = spread_prior(c, blocks.scale->name, matrix);
    return prior ? b.add(t, prior->a) : t;
  }
  /// N over the axes of the scale, at these degrees of freedom (no_node: those of the slot, which are held).
  NodeId rows(NodeId df) {
    NodeId n = ir::no_node;
    if (df == ir::no_node) {
      n = c.statistics.expected(b, at, scale_axes, "freedom_" + e.variable, terms[3]);
    } else {
      const std::vector<AxisId> joint = united(scale_axes, freedom_axes);
      n = sum(b.mul(c.statistics.weight(b, at, joint), df), without(joint, scale_axes));
    }
    const auto prior = spread_prior(c, blocks.scale->name, matrix);
    return prior ? b.add(n, prior->b) : n;
  }

  /// n ln|A| summed to the axes of df: of the best scale beside `df`, or as it stands.
  NodeId log_scale(NodeId df) {
    if (!blocks.scale) return c.statistics.expected(b, at, freedom_axes, "log_scale_" + e.variable, terms[2]);
    const std::vector<AxisId> joint = united(scale_axes, freedom_axes);
    const NodeId best = b.sub(b.matrix(Op::log_determinant, {total()}, matrix.row, matrix.column),
                              b.mul(number(d), b.unary(Op::log, rows(df))));
    return sum(b.mul(c.statistics.weight(b, at, joint), best), without(joint, freedom_axes));
  }
  NodeId log_values() { return c.statistics.expected(b, at, freedom_axes, "log_" + e.variable, terms[1]); }

  /// a_j = (df - j)/2 along the rows of the matrix, and j.
  struct Halves {
    NodeId a, j;
  };
  Halves halves(NodeId df) {
    const NodeId j = b.make(Op::iota, {}, {.axes = {matrix.row}});
    return {b.mul(number(0.5), b.sub(df, j)), j};
  }

  /// d ln 2 + psi_d(df/2) = d ln df + sum [ ln(1 - j/df) + (psi(a_j) - ln a_j) ].
  NodeId slope(NodeId df) {
    const auto [a, j] = halves(df);
    const NodeId share = b.unary(Op::log1p, b.unary(Op::neg, b.div(j, df)));
    const NodeId rest = b.sub(b.unary(Op::binet_slope, a), b.div(number(0.5), a));
    return b.add(b.mul(number(d), b.unary(Op::log, df)), b.reduce(Op::sum, b.add(share, rest), {matrix.row}));
  }

  NodeId stepped(NodeId df) {
    const NodeId n = c.statistics.weight(b, at, freedom_axes), t = b.sub(df, number(d - 1)),
                 half = number(0.5);
    NodeId gradient = b.mul(half, b.sub(b.sub(log_values(), log_scale(df)), b.mul(n, slope(df))));
    const NodeId own =
        b.mul(n, b.mul(number(0.25), b.reduce(Op::sum, b.unary(Op::trigamma, halves(df).a), {matrix.row})));
    NodeId curvature = own;  // -H
    if (blocks.scale) {
      const std::vector<AxisId> joint = united(scale_axes, freedom_axes);
      const NodeId square = b.unary(Op::square, c.statistics.weight(b, at, joint));
      const NodeId shared = sum(b.div(square, rows(df)), without(joint, freedom_axes));
      const NodeId both = b.sub(own, b.mul(number(d / 2), shared));
      // The prior of a scale may count as fewer rows than none.
      curvature = b.select(b.binary(Op::less, number(0), both), both, own);
    }
    NodeId spare = number(0);
    if (const auto prior = prior_derivatives(c, blocks.freedom->name)) {
      gradient = b.add(gradient, prior->first);
      spare = b.mul(prior->second, b.unary(Op::square, t));
    }
    gradient = b.mul(gradient, t);
    spare = b.binary(Op::maximum, b.unary(Op::neg, b.add(spare, gradient)), number(0));
    const NodeId direction = b.div(gradient, b.add(b.mul(curvature, b.unary(Op::square, t)), spare));
    const NodeId short_enough =
        b.binary(Op::maximum, b.binary(Op::minimum, direction, number(longest_step)), number(-longest_step));
    const NodeId step = b.leaf(Op::derived, ir::newton_step_slot, {ir::Element::real, {}, -1});
    return b.add(number(d - 1), b.mul(t, b.unary(Op::exp, b.mul(step, short_enough))));
  }

  /// Near the root of G: d ln df - d ln 2 - psi_d(df/2) tends to d (d + 1)/(2 df) where df is large, and
  /// beside a scale that is held d ln 2 + psi_d(df/2) to d ln df.
  NodeId placed() {
    const NodeId n = c.statistics.weight(b, at, freedom_axes);
    const NodeId gap = b.div(b.sub(log_scale(number(1)), log_values()), n);
    const NodeId far = blocks.scale
                           ? b.div(number(d * (d + 1) / 2), b.binary(Op::maximum, gap, number(least_gap)))
                           : b.unary(Op::exp, b.div(gap, number(-d)));
    return b.add(number(d - 1), b.binary(Op::maximum, far, number(least_excess)));
  }

  void write(Moves moves) {
    NodeId df = ir::no_node;
    if (blocks.freedom) {
      const NodeId old = read_parameter(c, blocks.freedom->name);
      const NodeId next = moves == Moves::start ? placed() : stepped(old);
      // Where a component has lost its rows there is no direction: the checks name it.
      df = over(b.select(b.unary(Op::is_finite, next), next, old), freedom_axes);
      b.output(ir::OutputKind::parameter, blocks.freedom->name, df);
    }
    if (!blocks.scale) return;
    NodeId value = sign > 0 ? b.div(total(), rows(df))
                            : b.mul(rows(df), b.matrix(Op::inverse, {total()}, matrix.row, matrix.column));
    const ParameterForm form = parameter_form(c.setting, e, *blocks.scale);
    for (const auto& [node, p] : form.dependence.coefficients)
      value = b.mul(value, power(b, c.tables(node), -p));
    b.output(ir::OutputKind::parameter, blocks.scale->name,
             over(value, variable_of(c.setting, blocks.scale->name).type.axes));
  }
  NodeId over(NodeId value, const std::vector<AxisId>& axes) {
    const std::vector<AxisId> missing = without(axes, b.type(value).axes);
    return missing.empty() ? value : b.make(Op::broadcast, {value}, {.axes = missing});
  }
};

}  // namespace

void solve_wishart(UpdateContext& context, size_t emission, Moves moves) {
  const WishartBlocks blocks = wishart_blocks(context.setting.plan, context.emissions[emission]);
  if (blocks.scale || blocks.freedom) WishartSolver(context, emission).write(moves);
}

}  // namespace lvm::em
