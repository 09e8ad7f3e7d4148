// What `prepare` watches over: collapsing spreads, covariances that are none, and how far rounding may carry
// the objective down.

#include <algorithm>

#include "backends/em/global.h"
#include "backends/em/normal_blocks.h"
#include "ir/families/family.h"
#include "ir/families/members.h"

namespace lvm::em {

using ir::Check;
using ir::Op;
using ir::Type;

namespace {

constexpr double epsilon = 0x1p-52;
constexpr double least_relative_eigenvalue = 1e-10;
// Of values with a size both must be small. A shape starts at 10^8 at most, and Newton steps raise it slowly.
constexpr double least_of_size = 1e-7, least_of_column = 1e-6;

struct Guard {
  Builder& b;
  const Setting& setting;
  const Emission& e;
  std::vector<Check>& checks;
  Expansion tables;
  NodeId spread;
  std::optional<ir::MatrixAxes> matrix;
  std::vector<AxisId> elements;  // of the value, without row

  Guard(Builder& builder, const Setting& s, const Emission& emission, std::vector<Check>& list)
      : b(builder),
        setting(s),
        e(emission),
        checks(list),
        tables(builder, s, Expansion::Rows::tables),
        spread(tables(emission.slots.at(1))) {
    const Type value = setting.function()[e.value].type;
    elements = without(value.axes, {ir::row_axis});
    matrix = ir::matrix_axes(b.module(), b.type(spread), value);
  }

  NodeId per_component(NodeId ok) {
    const auto others = common(b.type(ok).axes, united(elements, {}));
    if (others.empty()) return ok;
    const NodeId failures = b.reduce(Op::sum, b.select(ok, b.constant(0), b.constant(1)), others);
    return b.binary(Op::equal, failures, b.constant(0));
  }

  /// The least eigenvalue of the spread where each data column has variance 1. A NaN (a constant column: 0 /
  /// 0) fails too.
  void check_collapse(const std::string& parameter) {
    const NodeId variance = b.leaf(Op::derived, e.variable + ".variance", {ir::Element::real, elements, -1});
    NodeId relative = ir::no_node;
    if (matrix) {
      const NodeId sd = b.unary(Op::sqrt, variance);
      const NodeId cov = covariance();
      const NodeId scaled = b.div(cov, b.mul(sd, b.rename(sd, matrix->row, matrix->column)));
      relative = b.matrix(Op::eigenvalues, {scaled}, matrix->row, matrix->column);
    } else {
      relative = b.div(power(b, spread, variance_exponent(e.slot_names.at(1))), variance);
    }
    const NodeId ok =
        per_component(b.binary(Op::less_equal, b.constant(least_relative_eigenvalue), relative));
    const std::string who = setting.has_states(b.type(ok).axes)
                                ? setting.component(b.type(ok).axes) + " has collapsed: `"
                                : "the fit has collapsed: `";
    add_check(b, checks, Check::Kind::collapse, "collapse_" + parameter,
              who + parameter + "` is singular beside the spread of `" + e.variable +
                  "` (too few distinct rows, or a column that is constant or a combination of others)",
              ok);
  }

  NodeId covariance() {
    return e.slot_names.at(1) == "precision_matrix"
               ? b.matrix(Op::inverse, {spread}, matrix->row, matrix->column)
               : spread;
  }
  NodeId whiten() {
    return b.matrix(Op::triangular_inverse,
                    {b.matrix(Op::cholesky, {covariance()}, matrix->row, matrix->column)}, matrix->row,
                    matrix->column);
  }

  /// A covariance that the user gave, or that is computed from one.
  void check_definite() {
    if (!matrix) return;
    const NodeId chol = b.matrix(Op::cholesky, {covariance()}, matrix->row, matrix->column);
    const NodeId diagonal = b.make(Op::diagonal, {chol}, {.axes = {matrix->row, matrix->column}});
    add_check(b, checks, Check::Kind::not_positive_definite, "definite_" + e.variable,
              "the covariance of `" + e.variable + "` is not positive definite (element {})",
              b.unary(Op::is_finite, b.reduce(Op::sum, diagonal, {matrix->row})));
  }

  /// How many nats a row the objective may lose because parameters are stored as doubles.
  /// A mean m is stored within eps |m|. Q is quadratic about its maximum, so this costs at most
  ///   n_k/2 |whiten_k dm|^2 <= n eps^2 | |whiten_k| |m_k| |^2.
  /// A covariance is stored (and factored) within D eps of sqrt(cov_ii cov_jj); tr(cov^-1 dcov) bounds the
  /// change of ln p by
  ///   D eps max_i cov_ii (cov^-1)_ii     (Higham 2002, theorem 10.5: the error is relative to the scaled
  ///   matrix).
  NodeId rounding() {
    const NodeId mean = mean_or_none();
    NodeId loss = b.constant(0);
    if (matrix) {
      const NodeId w = whiten();
      if (mean != ir::no_node) {
        const NodeId size = b.rename(b.unary(Op::abs, mean), matrix->row, matrix->column);
        loss = squares(b.contract({b.unary(Op::abs, w), with_axis(size, matrix->column)}, {matrix->column}));
      }
      const NodeId cov_diagonal =
          b.make(Op::diagonal, {covariance()}, {.axes = {matrix->row, matrix->column}});
      const NodeId inverse_diagonal =
          b.rename(b.reduce(Op::sum, b.unary(Op::square, w), {matrix->row}), matrix->column, matrix->row);
      const NodeId worst = b.reduce(Op::reduce_max, b.mul(cov_diagonal, inverse_diagonal), {matrix->row});
      return b.add(loss, scaled_sum(worst, epsilon * size_of(matrix->row)));
    }
    if (mean != ir::no_node)
      loss = squares(b.mul(mean, power(b, spread, -variance_exponent(e.slot_names.at(1)) / 2)));
    double conditioning = epsilon;
    for (const AxisId axis : elements) conditioning *= size_of(axis);
    return b.add(loss, b.constant(conditioning));
  }

  double size_of(AxisId axis) const { return static_cast<double>(b.module().axis(axis).size); }
  NodeId squares(NodeId x) { return scaled_sum(b.unary(Op::square, x), epsilon * epsilon); }
  NodeId scaled_sum(NodeId x, double factor) {
    return b.mul(b.constant(factor), b.reduce(Op::sum, x, b.type(x).axes));
  }
  NodeId with_axis(NodeId x, AxisId axis) {
    return b.type(x).has(axis) ? x : b.make(Op::broadcast, {x}, {.axes = {axis}});
  }
  /// The mean where parameters alone give it.
  NodeId mean_or_none() {
    const NodeId mean = tables(e.slots.at(0));
    return b.type(mean).has(ir::row_axis) ? ir::no_node : mean;
  }
};

/// The expression holds a parameter that the fit moves.
bool is_free(Builder& b, const Setting& setting, NodeId node) {
  const ir::Function& f = b.function();
  const std::vector<bool> needed = needed_by(f, node);
  for (NodeId id = 0; id <= node; ++id) {
    if (!needed[static_cast<size_t>(id)] || f[id].op != Op::parameter) continue;
    const ir::Block* block =
        setting.plan.find(f[id].attributes.text);  // none: of a posterior, which does not close in
    if (block && block->solver != ir::Solver::held) return true;
  }
  return false;
}

/// Other families than the Normal: the variance of an element beside that of its column or, where values have
/// a size, beside its square. Components on scales of their own are narrow in one of the two alone.
bool check_narrow(Builder& b, const Setting& setting, const Emission& e, std::vector<Check>& checks) {
  const ir::Family* family = ir::find_family(parameterisation_of(e));
  if (!family || !family->narrowness) return false;
  Expansion tables(b, setting, Expansion::Rows::tables);
  ir::Slots slots({}, setting.function()[e.log_density].attributes.axes);
  for (const NodeId slot : e.slots) slots.push_back(tables(slot));
  const ir::Narrowness narrow = family->narrowness(b, slots);
  const auto usable = [&](NodeId node) {
    return node != ir::no_node && is_free(b, setting, node) && !b.type(node).has(ir::row_axis);
  };
  const auto at_least = [&](double least, NodeId measure) {
    return b.binary(Op::less_equal, b.constant(least), measure);
  };
  const bool sized = usable(narrow.relative), read = usable(narrow.variance);
  if (!sized && !read) return false;
  NodeId ok = ir::no_node;
  if (read) {
    const std::vector<AxisId> elements = elements_of(setting, e);
    const NodeId column = b.leaf(Op::derived, e.variable + ".variance", {ir::Element::real, elements, -1});
    ok = at_least(sized ? least_of_column : least_relative_eigenvalue, b.div(narrow.variance, column));
  }
  if (sized) {
    const NodeId own = at_least(read ? least_of_size : least_relative_eigenvalue, narrow.relative);
    ok = read ? b.binary(Op::logical_or, ok, own) : own;
  }
  const std::vector<AxisId> others = without(b.type(ok).axes, setting.states);
  if (!others.empty()) {
    const NodeId failures = b.reduce(Op::sum, b.select(ok, b.constant(0), b.constant(1)), others);
    ok = b.binary(Op::equal, failures, b.constant(0));
  }
  const std::string who = setting.has_states(b.type(ok).axes)
                              ? setting.component(b.type(ok).axes) + " has collapsed: "
                              : "the fit has collapsed: ";
  add_check(b, checks, Check::Kind::collapse, "collapse_" + e.variable,
            who + "the " + e.family + " of `" + e.variable + "` has closed in on one value", ok);
  return read;
}

bool is_wishart(const Emission& e) {
  return e.family == "Wishart" || e.family == "InverseWishart";
}

/// There is no such density of d x d matrices where df <= d - 1.
void check_freedom(Builder& b, const Setting& setting, const Emission& e, std::vector<Check>& checks) {
  Expansion tables(b, setting, Expansion::Rows::tables);
  const NodeId df = tables(e.slots.at(0));
  if (b.type(df).has(ir::row_axis)) return;
  const int64_t size = b.module().axis(setting.function()[e.log_density].attributes.axes.at(0)).size;
  add_check(b, checks, Check::Kind::not_finite, "freedom_" + e.variable,
            "the degrees of freedom of `" + e.variable + "` are not above " + std::to_string(size - 1) +
                ", as " + e.family + " of " + std::to_string(size) + " x " + std::to_string(size) +
                " matrices needs (element {})",
            b.binary(Op::less, b.constant(static_cast<double>(size - 1)), df));
}

/// The scale is stored (and factored) within D eps of sqrt(S_ii S_jj), as a covariance of df rows is.
NodeId rounding_of_scale(Builder& b, const Setting& setting, const Emission& e) {
  const std::vector<AxisId>& event = setting.function()[e.log_density].attributes.axes;
  Expansion tables(b, setting, Expansion::Rows::tables);
  const NodeId df = tables(e.slots.at(0)), scale = tables(e.slots.at(1));
  if (b.type(df).has(ir::row_axis) || b.type(scale).has(ir::row_axis)) return ir::no_node;
  const NodeId inverse = b.matrix(Op::inverse, {scale}, event.at(0), event.at(1));
  const auto diagonal = [&](NodeId matrix) { return b.make(Op::diagonal, {matrix}, {.axes = event}); };
  const NodeId worst = b.reduce(Op::reduce_max, b.mul(diagonal(scale), diagonal(inverse)), {event.at(0)});
  const NodeId loss =
      b.mul(b.constant(epsilon * static_cast<double>(b.module().axis(event.at(0)).size)), b.mul(df, worst));
  return b.reduce(Op::sum, loss, b.type(loss).axes);
}

}  // namespace

std::vector<std::string> write_guards(Builder& b, const Setting& setting,
                                      const std::vector<Emission>& emissions, std::vector<Check>& checks) {
  std::vector<std::string> read;
  NodeId rounding = ir::no_node;
  for (const Emission& e : emissions) {
    // A spread of a latent may well be 0: the likelihood is bounded there.
    if (e.of_continuous) continue;
    if (e.family != "Normal") {
      if (check_narrow(b, setting, e, checks)) read.push_back(e.variable);
      if (!is_wishart(e)) continue;
      check_freedom(b, setting, e, checks);
      const NodeId loss = rounding_of_scale(b, setting, e);
      if (loss != ir::no_node) rounding = rounding == ir::no_node ? loss : b.add(rounding, loss);
      continue;
    }
    const NormalBlocks blocks = normal_blocks(setting.plan, e);
    Guard guard(b, setting, e, checks);
    if (blocks.spread && !global_named(setting, blocks.spread->name)) {
      guard.check_collapse(blocks.spread->name);
      read.push_back(e.variable);
    } else {
      guard.check_definite();
    }
    if (!blocks.mean && !blocks.spread) continue;
    const NodeId loss = guard.rounding();
    rounding = rounding == ir::no_node ? loss : b.add(rounding, loss);
  }
  if (rounding != ir::no_node) b.output(ir::OutputKind::derived, "rounding", rounding);
  return read;
}

}  // namespace lvm::em
