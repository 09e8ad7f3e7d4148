#include "backends/em/regression.h"

#include <algorithm>

#include "backends/em/global.h"
#include "backends/em/priors.h"
#include "ir/families/family.h"

namespace lvm::em {

using ir::Block;
using ir::Check;
using ir::Op;

namespace {

void write_moved(UpdateContext& c, const std::string& parameter, NodeId next) {
  Builder& b = c.update;
  const std::vector<AxisId> missing = without(variable_of(c.setting, parameter).type.axes, b.type(next).axes);
  if (!missing.empty()) next = b.make(Op::broadcast, {next}, {.axes = missing});
  b.output(ir::OutputKind::parameter, parameter, next);
}

}  // namespace

Regression::Regression(UpdateContext& context, const Block& first, std::vector<AxisId> spread_axes,
                       std::optional<ir::MatrixAxes> matrix)
    : c_(context),
      b_(context.update),
      design_(context, design_group(context, first)),
      joint_(united(design_.batch(), spread_axes)),
      matrix_(matrix) {
  const std::vector<AxisId> h_axes = matrix ? without(joint_, {matrix->row}) : joint_;
  sums_ = design_.sums(DesignKind::residual, joint_, h_axes);
}

bool Regression::weighted() const {
  const bool pools = !without(joint_, design_.batch()).empty();
  return pools ||
         std::any_of(design_.group().blocks.begin(), design_.group().blocks.end(), [&](const Block* block) {
           return variable_of(c_.setting, block->name).prior != ir::no_node;
         });
}

void Regression::solve(NodeId precision) {
  Design::Sums equations = precision == ir::no_node ? sums_ : design_.pooled(sums_, precision);
  design_.add_priors(equations);
  deltas_ = design_.solve(equations);
  const std::vector<const Block*>& blocks = design_.group().blocks;
  NodeId finite = ir::no_node;
  for (size_t p = 0; p < blocks.size(); ++p) {
    const NodeId next = b_.add(read_parameter(c_, blocks[p]->name), deltas_[p]);
    if (const ir::Variable* global = global_named(c_.setting, blocks[p]->name)) {
      write_coefficients(p, *global, next, equations.h[p][p]);
    } else {
      write_moved(c_, blocks[p]->name, next);
    }
    NodeId total = deltas_[p];
    if (design_.extra(p) >= 0) total = b_.reduce(Op::sum, total, {design_.extra(p)});
    finite = finite == ir::no_node ? total : b_.add(finite, total);
  }
  add_check(b_, c_.checks, Check::Kind::collapse, "regression_" + blocks.front()->name,
            "the regression of element {} has no single solution: its covariates are collinear, or it has "
            "too few rows",
            b_.unary(Op::is_finite, finite));
}

/// q of coefficients that are latents: its precision is the curvature in them alone.
void Regression::write_coefficients(size_t p, const ir::Variable& global, NodeId mean, NodeId precision) {
  const AxisId extra = design_.extra(p);
  const bool vector = extra >= 0;
  const std::vector<AxisId> square =
      vector ? united(design_.batch(), {extra, design_.twin_of_extra(p)}) : design_.batch();
  const std::vector<AxisId> missing = without(square, b_.type(precision).axes);
  if (!missing.empty()) precision = b_.make(Op::broadcast, {precision}, {.axes = missing});
  const NodeId covariance = vector ? b_.matrix(Op::inverse, {precision}, extra, design_.twin_of_extra(p))
                                   : b_.unary(Op::reciprocal, precision);
  write_posterior(c_, global, {{"mean", mean}, {vector ? "cov" : "var", covariance}});
  const NodeId each = b_.mul(sums_.h[p][p], covariance);
  const NodeId spread = vector ? b_.reduce(Op::sum, each, {extra, design_.twin_of_extra(p)}) : each;
  spare_ = spare_ == ir::no_node ? spread : b_.add(spare_, spread);
}

/// An axis of a parameter's own that is the column of the matrix, as that of `a` in Normal(a * z, cov: q) is
/// where a: real[S, S], under a name that no other axis here has.
AxisId Regression::own_axis(size_t p) {
  const AxisId own = design_.extra(p);
  return matrix_ && own == matrix_->column ? b_.module().twin(design_.twin_of_extra(p)) : own;
}

NodeId Regression::by_own_axis(size_t p, NodeId node) {
  return own_axis(p) == design_.extra(p) ? node : b_.rename(node, design_.extra(p), own_axis(p));
}

/// delta_p h delta_q, summed over the axes of their own.
NodeId Regression::moved(size_t p, size_t q, NodeId h) {
  std::vector<AxisId> over;
  NodeId other = deltas_[q];
  if (design_.extra(p) >= 0) over.push_back(own_axis(p));
  if (design_.extra(q) >= 0) {
    other = b_.rename(other, design_.extra(q), design_.twin_of_extra(q));
    over.push_back(design_.twin_of_extra(q));
  }
  if (matrix_) other = b_.rename(other, matrix_->row, matrix_->column);
  std::sort(over.begin(), over.end());
  const NodeId first = by_own_axis(p, deltas_[p]), middle = by_own_axis(p, h);
  if (over.empty()) return b_.mul(b_.mul(first, middle), other);
  return b_.contract({first, middle, other}, over);
}

NodeId Regression::correction() {
  NodeId total = ir::no_node;
  const auto add = [&](NodeId node) { total = total == ir::no_node ? node : b_.add(total, node); };
  for (size_t p = 0; p < deltas_.size(); ++p) {
    const NodeId cross = design_.extra(p) < 0 ? b_.mul(deltas_[p], sums_.g[p])
                                              : b_.contract({deltas_[p], sums_.g[p]}, {design_.extra(p)});
    add(b_.mul(b_.constant(-2), cross));
    for (size_t q = 0; q <= p; ++q) {
      const NodeId square = moved(p, q, sums_.h[p][q]);
      add(p == q ? square : b_.mul(b_.constant(2), square));
    }
  }
  return total;
}

NodeId Regression::matrix_correction() {
  NodeId total = ir::no_node;
  const auto add = [&](NodeId node) { total = total == ir::no_node ? node : b_.add(total, node); };
  const auto transposed = [&](NodeId node) {
    return b_.make(Op::rename, {node},
                   {.axes = {matrix_->row, matrix_->column, matrix_->column, matrix_->row}});
  };
  for (size_t p = 0; p < deltas_.size(); ++p) {
    const NodeId left = by_own_axis(p, deltas_[p]),
                 right = b_.rename(by_own_axis(p, sums_.g[p]), matrix_->row, matrix_->column);
    const NodeId cross =
        design_.extra(p) < 0 ? b_.mul(left, right) : b_.contract({left, right}, {own_axis(p)});
    add(b_.unary(Op::neg, b_.add(cross, transposed(cross))));
    for (size_t q = 0; q <= p; ++q) {
      const NodeId square = moved(p, q, sums_.h[p][q]);
      add(p == q ? square : b_.add(square, transposed(square)));
    }
  }
  return total;
}

void solve_reweighted(UpdateContext& c, const Block& first, Moves moves) {
  Builder& b = c.update;
  Design design(c, design_group(c, first));
  const std::vector<const Block*> blocks = design.group().blocks;
  const Emission& e = c.emissions[design.group().emission];
  std::string text = e.family;
  for (const std::string& name : e.slot_names) text += "." + name;
  const ir::Family* family = ir::find_family(text);
  const bool linked = family && family->link && family->link_slot == first.slot;
  if (moves == Moves::start && !linked) {
    for (const Block* block : blocks) write_moved(c, block->name, read_parameter(c, block->name));
    return;
  }
  const DesignKind kind = moves == Moves::start ? DesignKind::link : DesignKind::likelihood;
  Design::Sums sums = design.sums(kind, design.batch(), design.batch());
  if (moves == Moves::iteration) design.add_priors(sums);
  const std::vector<NodeId> newton = design.solve(sums), apart = design.solve_apart(sums);
  const NodeId step = moves == Moves::start
                          ? b.constant(1)
                          : b.leaf(Op::derived, ir::newton_step_slot, {ir::Element::real, {}, -1});
  for (size_t p = 0; p < blocks.size(); ++p) {
    const NodeId old = read_parameter(c, blocks[p]->name);
    NodeId delta = b.select(b.unary(Op::is_finite, newton[p]), newton[p], apart[p]);
    delta = b.select(b.unary(Op::is_finite, delta), delta, b.constant(0));
    write_moved(c, blocks[p]->name, b.add(old, b.mul(step, delta)));
  }
}

}  // namespace lvm::em
