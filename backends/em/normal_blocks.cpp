// Mean and spread of a Normal factor. With w the weights, d = y - mean about the old mean m, and n, s1, s2
// the sums of w, w d, w d d':
//
//   delta = s1 / n,   m' = m + delta,
//   scatter about m' = s2 - delta s1' - s1 delta' + n delta delta',   spread = pooled scatter / pooled n.
//
// The identity holds for any delta, so a held mean (delta = 0) and a tied one need no other formula (Bishop
// 2006, eq. 9.24-9.25). A spread that is tied over an axis of the mean sums the scatter over it. A mean that
// is tied over an axis of the spread is weighted by the old precisions: conditional maximisation (Meng &
// Rubin 1993).

#include "backends/em/normal_blocks.h"

#include <algorithm>
#include <optional>

#include "backends/em/global.h"
#include "backends/em/isotonic.h"
#include "backends/em/priors.h"
#include "backends/em/regression.h"
#include "ir/families/members.h"

namespace lvm::em {

using ir::Block;
using ir::Check;
using ir::Op;
using ir::Type;

NormalBlocks normal_blocks(const ir::Plan& plan, const Emission& emission) {
  NormalBlocks found;
  if (emission.family != "Normal") return found;
  for (const Block& block : plan.blocks) {
    if (block.latent || block.factor != emission.factor) continue;
    if (block.solver == ir::Solver::moments) found.mean = &block;
    if (block.solver == ir::Solver::least_squares && !found.regression) found.regression = &block;
    if (block.solver == ir::Solver::scatter || block.solver == ir::Solver::correlation) found.spread = &block;
  }
  return found;
}

namespace {

struct NormalSolver {
  UpdateContext& c;
  size_t at;
  const Emission& e;
  Builder& b;
  NormalBlocks blocks;
  std::optional<ir::MatrixAxes> matrix;
  std::vector<AxisId> mean_axes, spread_axes, joint_axes;  // of the slots; joint: what s1 keeps
  NodeId delta = ir::no_node;
  std::optional<Regression> regression;
  std::optional<TiedPrior> tied;       // the prior of the mean, where its variance is one of the spread's
  NodeId mean_variance = ir::no_node;  // under q of a mean that is a latent of the whole model, where the
                                       // spread does not give it

  NormalSolver(UpdateContext& context, size_t emission)
      : c(context),
        at(emission),
        e(context.emissions[emission]),
        b(context.update),
        blocks(normal_blocks(context.setting.plan, e)) {
    const ir::Function& f = c.setting.function();
    matrix = ir::matrix_axes(b.module(), f[e.slots.at(1)].type, f[e.value].type);
    spread_axes = slot_axes(f, e.slots.at(1));
    if (blocks.mean) mean_axes = read_type(blocks.mean->name).axes;
    joint_axes = united(mean_axes, scalar_axes(spread_axes));
    if (blocks.mean && blocks.spread) tied = tied_prior(c, blocks.mean->name, blocks.spread->name);
    if (blocks.regression) regression.emplace(c, *blocks.regression, scalar_axes(spread_axes), matrix);
  }
  const Type& read_type(const std::string& parameter) { return variable_of(c.setting, parameter).type; }
  /// The axes of a spread without those of its matrices.
  std::vector<AxisId> scalar_axes(const std::vector<AxisId>& axes) const {
    return matrix ? without(axes, {matrix->row, matrix->column}) : axes;
  }
  NodeId sum(NodeId node, const std::vector<AxisId>& axes) {
    return b.reduce(Op::sum, node, common(b.type(node).axes, axes));
  }

  void solve_regression() {
    const bool weighted = regression->weighted();
    regression->solve(weighted ? power(b, c.tables(e.slots.at(1)), -variance_exponent(e.slot_names.at(1)))
                               : ir::no_node);
  }

  /// x c^(sign e) of the factor's slot (c v^k)^e = V.
  NodeId times_coefficients(NodeId x, const ParameterForm& form, double sign) {
    const double exponent = sign * variance_exponent(e.slot_names.at(1));
    for (const auto& [node, p] : form.dependence.coefficients)
      x = b.mul(x, power(b, c.tables(node), p * exponent));
    return x;
  }

  /// What the mean's prior adds to the scatter and to the weight of the rows: a row about m0 for each mean.
  PseudoCounts tied_scatter(const std::vector<AxisId>& own) {
    const NodeId off = b.sub(b.add(read_parameter(c, blocks.mean->name), delta), tied->mean);
    const NodeId square =
        matrix ? b.mul(off, b.rename(off, matrix->row, matrix->column)) : b.unary(Op::square, off);
    double means = 1;
    for (const AxisId axis : without(scalar_axes(mean_axes), own))
      means *= static_cast<double>(b.module().axis(axis).size);
    return {sum(b.mul(tied->weight, square), without(mean_axes, own)), b.constant(means)};
  }

  /// With a tied prior of κ rows about m0,  delta = (s1 + κ (m0 - m)) / (n + κ)  whatever the spread is
  /// (Murphy 2012, section 4.6.3.3; Gelman et al. 2013, section 3.6).
  void solve_mean() {
    const ir::Variable& mean = variable_of(c.setting, blocks.mean->name);
    const bool in_order = mean.domain == ir::Domain::ordered;
    const std::vector<AxisId> pooled = without(joint_axes, mean_axes);
    const NodeId old = read_parameter(c, mean.name);
    NodeId right = c.statistics.read(b, Moment::first, at, joint_axes);
    NodeId left = c.statistics.weight(b, at, joint_axes);
    if (tied) {
      const NodeId scale = times_coefficients(b.constant(1), parameter_form(c.setting, e, *blocks.spread), 1);
      const NodeId rows = b.mul(tied->weight, scale);
      right = b.add(right, b.mul(rows, b.sub(tied->mean, old)));
      left = b.add(left, rows);
    }
    const auto prior = tied ? std::nullopt : prior_derivatives(c, mean.name);
    if (!pooled.empty() || prior || in_order) {
      const NodeId precision = power(b, c.tables(e.slots.at(1)), -variance_exponent(e.slot_names.at(1)));
      right = sum(b.mul(right, precision), pooled);
      left = sum(b.mul(left, precision), pooled);
    }
    if (prior) {
      right = b.add(right, prior->first);
      left = b.sub(left, prior->second);
    }
    delta = b.div(right, left);
    NodeId next = b.add(old, delta);
    if (in_order) {
      next = isotonic(b, next, left, mean.declared_axes.back());  // equal values stay equal to the last bit
      delta = b.sub(next, old);
    }
    if (!mean.global) return b.output(ir::OutputKind::parameter, mean.name, next);
    // What left weighs: the precision of q(m), or rows of the spread.
    if (!tied) {
      mean_variance = b.unary(Op::reciprocal, left);
      const std::vector<AxisId> alike = without(mean_axes, b.type(mean_variance).axes);
      if (!alike.empty())
        mean_variance = b.make(Op::broadcast, {mean_variance}, {.axes = alike});  // each element varies
      return write_posterior(c, mean, {{"mean", next}, {"var", mean_variance}});
    }
    const NodeId kappa =
        matrix ? b.add(c.statistics.weight(b, at, scalar_axes(joint_axes)), tied->weight) : left;
    write_posterior(c, mean, {{"mean", next}, {"kappa", kappa}});
  }

  /// n delta^2 - 2 delta s1, summed to the axes of the spread; no_node where the mean is held.
  NodeId correction() {
    if (regression) return sum(regression->correction(), without(regression->joint_axes(), spread_axes));
    if (delta == ir::no_node) return ir::no_node;
    const NodeId s1 = c.statistics.read(b, Moment::first, at, joint_axes);
    const NodeId n = c.statistics.weight(b, at, joint_axes);
    const NodeId cross = b.mul(b.constant(-2), b.mul(delta, s1));
    return sum(b.add(b.mul(n, b.unary(Op::square, delta)), cross), without(joint_axes, spread_axes));
  }

  NodeId transposed(NodeId node) {
    return b.make(Op::rename, {node}, {.axes = {matrix->row, matrix->column, matrix->column, matrix->row}});
  }

  NodeId matrix_correction() {
    if (regression)
      return sum(regression->matrix_correction(), without(regression->joint_axes(), spread_axes));
    if (delta == ir::no_node) return ir::no_node;
    const NodeId s1 = c.statistics.read(b, Moment::first, at, joint_axes);
    const NodeId n = c.statistics.weight(b, at, scalar_axes(joint_axes));
    const NodeId cross = b.mul(delta, b.rename(s1, matrix->row, matrix->column));
    const NodeId square = b.mul(delta, b.rename(delta, matrix->row, matrix->column));
    const NodeId all = b.sub(b.mul(n, square), b.add(cross, transposed(cross)));
    return sum(all, without(joint_axes, spread_axes));
  }

  /// The expected scatter about the new mean, with the axes of the spread.
  NodeId scatter() {
    const NodeId s2 = c.statistics.read(b, matrix ? Moment::outer : Moment::second, at, spread_axes);
    const NodeId change = matrix ? matrix_correction() : correction();
    const NodeId about = change == ir::no_node ? s2 : b.add(s2, change);
    return matrix ? b.mul(b.constant(0.5), b.add(about, transposed(about))) : about;
  }

  /// (c v^k)^e = V:  v^(k e) = pooled (scatter / c^e) / pooled n.
  void solve_spread() {
    const ParameterForm form = parameter_form(c.setting, e, *blocks.spread);
    const double exponent = variance_exponent(e.slot_names.at(1));
    const std::vector<AxisId> own = read_type(blocks.spread->name).axes;
    NodeId total = times_coefficients(scatter(), form, -1);
    NodeId n = c.statistics.weight(b, at, own);
    total = sum(total, without(spread_axes, own));
    const ir::Variable* global = global_named(c.setting, blocks.spread->name);
    if (tied) {
      const PseudoCounts more = tied_scatter(own);
      total = b.add(total, more.a);
      if (!global) n = b.add(n, more.b);  // P(m | V) is one row more for the mode; q(V) has integrated m out
    }
    if (regression && regression->spare() != ir::no_node) {
      NodeId spare = regression->spare();
      const std::vector<AxisId> alike = without(without(regression->joint_axes(), own), b.type(spare).axes);
      if (!alike.empty()) spare = b.make(Op::broadcast, {spare}, {.axes = alike});
      total = b.add(total, sum(spare, without(regression->joint_axes(), own)));
    }
    if (mean_variance != ir::no_node) {
      const NodeId about_mean = b.mul(c.statistics.weight(b, at, joint_axes), mean_variance);
      total = b.add(total, sum(about_mean, without(joint_axes, own)));
    }
    if (const auto prior = spread_prior(c, blocks.spread->name, matrix)) {
      total = b.add(total, prior->a);
      n = b.add(n, prior->b);
    }
    if (global) return write_spread(*global, total, n);
    const NodeId solved = b.div(total, n);
    const double root = 1 / (form.dependence.exponent * exponent);
    NodeId value = ir::no_node;
    if (matrix && own.size() >= 2 && contains(own, matrix->column)) {
      value = root == -1 ? b.matrix(Op::inverse, {solved}, matrix->row, matrix->column) : solved;
    } else {
      value = power(b, solved, root);
    }
    b.output(ir::OutputKind::parameter, blocks.spread->name, value);
    check_freedom(own);
  }

  /// q(V) from the scatter and the weight that the prior's mode would divide (spread_prior): what its density
  /// has there of its own is taken out again.
  void write_spread(const ir::Variable& global, NodeId total, NodeId n) {
    const bool inverse = prior_of(c, global.name)->family.starts_with("Inverse");
    if (matrix) {
      const double freedom =
          (inverse ? -1 : 1) * (static_cast<double>(b.module().axis(matrix->row).size) + 1);
      const NodeId scale = inverse ? total : b.matrix(Op::inverse, {total}, matrix->row, matrix->column);
      return write_posterior(c, global, {{"df", b.add(n, b.constant(freedom))}, {"scale", scale}});
    }
    const NodeId half = b.constant(0.5);
    const NodeId shape = b.add(b.mul(half, n), b.constant(inverse ? -1 : 1));
    write_posterior(c, global, {{"shape", shape}, {inverse ? "scale" : "rate", b.mul(half, total)}});
  }

  /// Q = -n/2 [ ln|R| + tr(R^-1 A) ], A the scatter over n. In the metric of the expected information,
  /// tr(R^-1 D R^-1 D) n/2 for a change D, the best change of a covariance is A - R, and of a matrix whose
  /// diagonal is held
  ///
  ///   D = A - R - R diag(mu) R,   (R o R) mu = diag(A) - 1,
  ///
  /// with Lagrange's mu; R o R is positive definite (Schur). It climbs; a run begins at the correlations of
  /// A.
  void step_correlation(Moves moves) {
    const std::vector<AxisId> own = read_type(blocks.spread->name).axes;
    const auto [row, column] = *matrix;
    const auto diagonal = [&](NodeId x) { return b.make(Op::diagonal, {x}, {.axes = {row, column}}); };
    const NodeId a = b.div(sum(scatter(), without(spread_axes, own)), c.statistics.weight(b, at, own));
    NodeId next = ir::no_node;
    if (moves == Moves::start) {
      const NodeId sd = b.unary(Op::sqrt, diagonal(a));
      next = b.div(a, b.mul(sd, b.rename(sd, row, column)));
    } else {
      const NodeId r = read_parameter(c, blocks.spread->name);
      const NodeId mu =
          b.matrix(Op::solve, {b.unary(Op::square, r), b.sub(diagonal(a), b.constant(1))}, row, column);
      const AxisId inner = b.module().twin(column);
      const NodeId left = b.rename(r, column, inner), right = b.rename(r, row, inner);
      const NodeId held = b.contract({left, b.rename(mu, row, inner), right}, {inner});
      const NodeId step = b.leaf(Op::derived, ir::newton_step_slot, {ir::Element::real, {}, -1});
      next = b.add(r, b.mul(step, b.sub(b.sub(a, r), held)));
    }
    next = b.mul(b.constant(0.5), b.add(next, transposed(next)));
    const NodeId one = b.make(Op::identity, {}, {.axes = {row, column}});
    next = b.add(one, b.mul(b.sub(b.constant(1), one), next));  // to the last bit
    b.output(ir::OutputKind::parameter, blocks.spread->name, next);
  }

  /// A spread of its own needs more rows than dimensions (as many about a held mean): with fewer the
  /// likelihood has no maximum. A prior that is 0 where the spread is gives it one.
  void check_freedom(const std::vector<AxisId>& own) {
    if (const auto prior = prior_of(c, blocks.spread->name); prior && prior->family.starts_with("Inverse"))
      return;
    const double dimensions = matrix ? static_cast<double>(b.module().axis(matrix->row).size) : 1;
    const double taken = regression ? regression->columns() : blocks.mean ? 1 : 0;
    const double least = dimensions - 1 + taken;
    const std::string who =
        c.setting.has_states(own) ? c.setting.component(own) + " has collapsed: it has" : "there are";
    add_check(b, c.checks, Check::Kind::collapse, "enough_rows_" + blocks.spread->name,
              who + " too few rows for `" + blocks.spread->name + "`, whose likelihood then has no maximum",
              b.binary(Op::less, c.statistics.least_rows(b, least), c.statistics.row_count(b, at, own)));
  }
};

}  // namespace

void solve_normal(UpdateContext& context, size_t emission, Moves moves) {
  const NormalBlocks blocks = normal_blocks(context.setting.plan, context.emissions[emission]);
  if (!blocks.mean && !blocks.spread && !blocks.regression) return;
  NormalSolver solver(context, emission);
  if (blocks.mean) solver.solve_mean();
  if (blocks.regression) solver.solve_regression();
  if (!blocks.spread) return;
  if (blocks.spread->solver == ir::Solver::correlation) {
    solver.step_correlation(moves);
  } else {
    solver.solve_spread();
  }
}

}  // namespace lvm::em
