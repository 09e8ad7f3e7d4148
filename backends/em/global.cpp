#include "backends/em/global.h"

#include <algorithm>
#include <cmath>

#include "backends/em/priors.h"
#include "ir/families/family.h"
#include "ir/families/members.h"
#include "ir/families/terms.h"
#include "ir/passes/differentiate.h"
#include "ir/passes/global_posteriors.h"

namespace lvm::em {

using ir::Op;
using ir::Solver;

namespace {

constexpr double log_two = 0.69314718055994530942;

/// The parameters of one q, in a function that is being built.
struct Posterior {
  Builder& b;
  const Setting& setting;
  const ir::Variable& v;

  std::string family() const {
    return ir::split_density(setting.model.function()[v.prior].attributes.text).family;
  }
  bool inverse() const { return family().starts_with("Inverse"); }
  bool is_tied() const { return ir::has_tied_spread(setting.model, v); }
  NodeId part(const char* suffix) const {
    const std::string name = v.name + "." + suffix;
    return b.leaf(Op::parameter, name, variable_of(setting, name).type);
  }
  AxisId event() const { return v.declared_axes.back(); }
  /// Of coefficients that a mean sums over one axis: the covariance over it.
  bool has_cov() const { return setting.model.find(v.name + ".cov").has_value(); }
  std::pair<AxisId, AxisId> cov_axes() const {
    const std::vector<AxisId>& axes = variable_of(setting, v.name + ".cov").declared_axes;
    return {axes.at(axes.size() - 2), axes.back()};
  }
  /// Of each element of v.
  NodeId variance() const {
    if (!has_cov()) return part("var");
    const auto [row, column] = cov_axes();
    return b.make(Op::diagonal, {part("cov")}, {.axes = {row, column}});
  }
  NodeId half(NodeId x) const { return b.mul(b.constant(0.5), x); }
  NodeId psi(NodeId x) const { return b.unary(Op::digamma, x); }
  NodeId log(NodeId x) const { return b.unary(Op::log, x); }

  /// E ln of the shares.
  NodeId log_shares() const {
    const NodeId alpha = part("alpha");
    return b.sub(psi(alpha), psi(b.reduce(Op::sum, alpha, {event()})));
  }
  NodeId log_odds() const { return b.sub(psi(part("a")), psi(part("b"))); }
  /// E ln v and E ln(1 - v) of a Beta.
  NodeId log_yes() const { return b.sub(psi(part("a")), psi(b.add(part("a"), part("b")))); }
  NodeId log_no() const { return b.sub(psi(part("b")), psi(b.add(part("a"), part("b")))); }
  /// E ln - ln E of a Gamma.
  NodeId log_gap() const {
    const NodeId shape = part("shape");
    return b.sub(psi(shape), log(shape));
  }

  std::pair<AxisId, AxisId> matrix() const {
    return {v.declared_axes.at(v.declared_axes.size() - 2), v.declared_axes.back()};
  }
  double dimensions() const { return static_cast<double>(b.module().axis(matrix().first).size); }
  NodeId sum_of(Op op, NodeId df) const {
    const AxisId row = matrix().first;
    const NodeId j = b.make(Op::iota, {}, {.axes = {row}});
    return b.reduce(Op::sum, b.unary(op, half(b.sub(df, j))), {row});
  }
  /// E ln|v| - ln|E v| of a Wishart.
  NodeId log_determinant_gap() const {
    const NodeId df = part("df");
    return b.add(sum_of(Op::digamma, df),
                 b.mul(b.constant(dimensions()), b.sub(b.constant(log_two), log(df))));
  }

  NodeId place() const {
    const std::string of = family();
    if (of == "Dirichlet") return b.unary(Op::exp, log_shares());
    if (of == "Beta") return b.unary(Op::sigmoid, log_odds());
    if (of == "InverseGamma") return b.div(part("scale"), part("shape"));
    if (of == "Wishart") return b.mul(part("df"), part("scale"));
    if (of == "InverseWishart") return b.div(part("scale"), part("df"));
    if (of == "Normal") return part("mean");
    return b.div(part("shape"), part("rate"));
  }
};

/// The variance of a Normal slot as a precision.
NodeId precision_in(Builder& b, NodeId spread, const std::string& slot) {
  return power(b, spread, -variance_exponent(slot));
}

struct Correction {
  Builder& b;
  Expansion& expand;
  const Setting& setting;
  const Emission& e;

  const ir::Family& family() const { return *ir::find_family(parameterisation_of(e)); }
  ir::Slots slots() {
    ir::Slots made({}, setting.function()[e.log_density].attributes.axes);
    for (const NodeId slot : e.slots) made.push_back(expand(slot));
    return made;
  }
  template <typename Form>
  static const Form& form_of(const std::vector<Form>& forms, const ir::Block& block) {
    const auto found = std::ranges::find(forms, block.slot, &Form::slot);
    if (found == forms.end())
      throw ir::InternalError("`" + block.name + "` has no closed form in its family");
    return *found;
  }
  bool is_matrix() const {
    return ir::matrix_axes(b.module(), setting.function()[e.slots.at(1)].type,
                           setting.function()[e.value].type)
        .has_value();
  }

  /// The variance of the mean of an element, c' Cov[v] c, where the mean is c' v and what is free of v.
  NodeId of_coefficients(const Posterior& q) {
    const ir::Function& f = setting.function();
    NodeId leaf = ir::no_node;
    for (size_t id = 0; id < f.nodes.size(); ++id)
      if (f.nodes[id].op == Op::parameter && f.nodes[id].attributes.text == q.v.name)
        leaf = static_cast<NodeId>(id);
    const NodeId mean = expand(e.slots.at(0));
    // With all axes of the mean, so that the derivative is one of each element.
    ir::Type type = q.v.type;
    type.axes = united(type.axes, b.type(mean).axes);
    const NodeId stand_in = b.leaf(Op::argument, q.v.name + ".any", type);
    Expansion moved = expand.with(leaf, stand_in);
    const NodeId eta = moved(e.slots.at(0));
    const NodeId c = ir::differentiate(b, b.reduce(Op::sum, eta, b.type(eta).axes), {stand_in}).front();
    if (!q.has_cov()) return b.mul(b.unary(Op::square, c), q.part("var"));
    const auto [row, column] = q.cov_axes();
    return b.contract({c, q.part("cov"), b.rename(c, row, column)}, {row, column});
  }

  NodeId of(const ir::Block& block, const Posterior& q) {
    const NodeId half = b.constant(0.5);
    switch (block.solver) {
      case Solver::normalised_counts: return ir::no_node;
      case Solver::ratio: return b.add(q.log_no(), b.unary(Op::softplus, q.log_odds()));
      case Solver::odds: {
        const ir::OddsForm& form = form_of(family().odds, block);
        const NodeId value = expand(e.value);
        const NodeId trials = b.add(form.a(b, value, slots()), form.b(b, value, slots()));
        return b.mul(trials, b.add(q.log_no(), b.unary(Op::softplus, q.log_odds())));
      }
      case Solver::rate:
        return b.mul(form_of(family().rates, block).a(b, expand(e.value), slots()), q.log_gap());
      case Solver::scatter: return b.mul(half, is_matrix() ? q.log_determinant_gap() : q.log_gap());
      case Solver::least_squares:
        return b.mul(b.constant(-0.5),
                     b.mul(of_coefficients(q), precision_in(b, expand(e.slots.at(1)), e.slot_names.at(1))));
      case Solver::moments: {
        if (!q.is_tied())
          return b.mul(b.constant(-0.5),
                       b.mul(q.part("var"), precision_in(b, expand(e.slots.at(1)), e.slot_names.at(1))));
        const double size = is_matrix() ? static_cast<double>(b.module().axis(q.event()).size) : 1;
        return b.div(b.constant(-0.5 * size), q.part("kappa"));
      }
      case Solver::enumerate:
      case Solver::most_probable:
      case Solver::forward_backward:
      case Solver::best_path:
      case Solver::smoothing:
      case Solver::conditioning:
      case Solver::conjugate:
      case Solver::reparameterised:
      case Solver::score_function:
      case Solver::correlation:
      case Solver::matrix_scale:
      case Solver::freedom:
      case Solver::isotonic:
      case Solver::median:
      case Solver::reweighted:
      case Solver::concentration:
      case Solver::newton:
      case Solver::gradient:
      case Solver::held: break;
    }
    throw ir::InternalError("`" + block.name + "` has no exact posterior");
  }
};

/// - KL(q || P), an element each.
struct Divergence {
  UpdateContext& c;
  const Posterior q;
  const Prior prior = *prior_of(c, q.v.name);
  Builder& b = c.update;

  /// E_q[ln P - ln q] of densities that are linear in logarithms.
  NodeId by_logs(std::string_view family, const ir::LogMeans& means, const ir::Slots& of_prior,
                 const ir::Slots& of_q) {
    const auto& density = ir::find_family(family)->expected_by_logs.density;
    return b.sub(density(b, means, of_prior), density(b, means, of_q));
  }

  NodeId of_gamma() {
    const bool exponential = prior.family == "Exponential";
    const NodeId shape = exponential ? b.constant(1) : prior.slots.at(0);
    NodeId rate = prior.slots.back();
    const std::string& slot = prior.slot_names.back();
    // 1 / v of an InverseGamma is a Gamma, and the divergence the same.
    if (!q.inverse() && slot == "scale") rate = b.unary(Op::reciprocal, rate);
    if (slot == "mean") rate = b.div(shape, rate);
    const NodeId own = q.part("shape"), by = q.part(q.inverse() ? "scale" : "rate");
    const ir::LogMeans means{b.div(own, by), b.sub(q.psi(own), q.log(by)), ir::no_node};
    return by_logs("Gamma.shape.rate", means, {shape, rate}, {own, by});
  }

  NodeId of_dirichlet() {
    NodeId alpha = prior.slots.at(0);
    if (!b.type(alpha).has(q.event())) alpha = b.make(Op::broadcast, {alpha}, {.axes = {q.event()}});
    const auto slots = [&](NodeId x) { return ir::Slots(std::vector<NodeId>{x}, {q.event()}); };
    return by_logs("Dirichlet.alpha", {ir::no_node, q.log_shares(), ir::no_node}, slots(alpha),
                   slots(q.part("alpha")));
  }

  /// E over q(m | V) and q(V) of  ln N(m; m0, V / κ0) - ln N(m; mean, V / κ),  for D elements at once:
  ///   1/2 [ D ln(κ0 / κ) + D - D κ0 / κ - κ0 (mean - m0)' E[V^-1] (mean - m0) ].
  NodeId of_tied_normal() {
    const ir::Block& block = *c.setting.plan.find(q.v.name);
    const Emission& e = c.emissions[emission_of(c, block)];
    const ir::Variable* spread = nullptr;
    for (const ir::Block& other : c.setting.plan.blocks)
      if (other.solver == Solver::scatter && other.factor == block.factor)
        spread = global_named(c.setting, other.name);
    const TiedPrior tied = *tied_prior(c, q.v.name, spread->name);
    const NodeId kappa = q.part("kappa"), off = b.sub(q.part("mean"), tied.mean);
    const NodeId slot = c.tables(e.slots.at(1));
    const auto matrix = ir::matrix_axes(b.module(), b.type(slot), c.setting.function()[e.value].type);
    double size = 1;
    NodeId square = ir::no_node;
    if (matrix) {
      size = static_cast<double>(b.module().axis(matrix->row).size);
      const NodeId precision = e.slot_names.at(1) == "precision_matrix"
                                   ? slot
                                   : b.matrix(Op::inverse, {slot}, matrix->row, matrix->column);
      square = b.contract({off, precision, b.rename(off, matrix->row, matrix->column)},
                          {matrix->row, matrix->column});
    } else {
      square = b.mul(b.unary(Op::square, off), precision_in(b, slot, e.slot_names.at(1)));
    }
    const NodeId share = b.div(tied.weight, kappa);
    const NodeId spreads = b.sub(b.add(q.log(share), b.constant(1)), share);
    return q.half(b.sub(b.mul(b.constant(size), spreads), b.mul(tied.weight, square)));
  }

  NodeId of_normal() {
    if (q.is_tied()) return of_tied_normal();
    const std::string text = "Normal." + prior.slot_names.at(0) + "." + prior.slot_names.at(1);
    const NodeId mean = q.part("mean"), var = q.variance();
    NodeId of_prior = ir::find_family(text)->expected(b, mean, var, ir::Slots(prior.slots));
    for (const ir::Variable& spread : c.setting.model.variables) {
      const bool random = global_named(c.setting, spread.name) &&
                          ir::shrunk_by(c.setting.model, spread) == c.setting.model.find(q.v.name);
      if (random) of_prior = b.add(of_prior, q.half(Posterior{b, c.setting, spread}.log_gap()));
    }
    // H[Normal] = 1/2 ln(2 pi e var)
    const NodeId unit = b.constant(2 * ir::half_log_two_pi + 1);
    if (!q.has_cov()) return b.add(of_prior, q.half(b.add(unit, q.log(var))));
    const auto [row, column] = q.cov_axes();
    const double size = static_cast<double>(b.module().axis(row).size);
    const NodeId log_det = b.matrix(Op::log_determinant, {q.part("cov")}, row, column);
    return b.add(b.reduce(Op::sum, of_prior, {row}), q.half(b.add(b.mul(b.constant(size), unit), log_det)));
  }

  /// Of X ~ Wishart(ν, W), with Ψ its inverse scale where the family is the inverse one (Bishop 2006, eq.
  /// B.79; Penny 2001):
  ///   KL = 1/2 [ ν0 (ln|W0| - ln|W|) + ν (tr(W0^-1 W) - D) + (ν - ν0) sum psi((ν - j)/2) ] + ln Γ_D(ν0/2) -
  ///   ln Γ_D(ν/2).
  NodeId of_wishart() {
    const auto [row, column] = q.matrix();
    const NodeId df = q.part("df"), scale = q.part("scale"), df0 = prior.slots.at(0),
                 scale0 = prior.slots.at(1);
    const auto log_det = [&](NodeId x) { return b.matrix(Op::log_determinant, {x}, row, column); };
    const auto inverse = [&](NodeId x) { return b.matrix(Op::inverse, {x}, row, column); };
    NodeId logs = b.sub(log_det(scale0), log_det(scale));
    if (q.inverse()) logs = b.unary(Op::neg, logs);
    const NodeId trace = q.inverse() ? b.contract({scale0, inverse(scale)}, {row, column})
                                     : b.contract({inverse(scale0), scale}, {row, column});
    const NodeId near = b.mul(df, b.sub(trace, b.constant(q.dimensions())));
    const NodeId digammas = b.mul(b.sub(df, df0), q.sum_of(Op::digamma, df));
    const NodeId twice = b.add(b.add(b.mul(df0, logs), near), digammas);
    const NodeId gammas = b.sub(q.sum_of(Op::lgamma, df), q.sum_of(Op::lgamma, df0));
    return b.sub(gammas, q.half(twice));
  }

  NodeId made() {
    const std::string family = q.family();
    if (family == "Dirichlet") return of_dirichlet();
    if (family == "Beta") {
      const ir::LogMeans means{ir::no_node, q.log_yes(), q.log_no()};
      return by_logs("Beta.a.b", means, ir::Slots(prior.slots), {q.part("a"), q.part("b")});
    }
    if (family == "Normal") return of_normal();
    if (family == "Wishart" || family == "InverseWishart") return of_wishart();
    return of_gamma();
  }
};

NodeId with_axes(Builder& b, NodeId node, const std::vector<AxisId>& axes) {
  const std::vector<AxisId> missing = without(axes, b.type(node).axes);
  return missing.empty() ? node : b.make(Op::broadcast, {node}, {.axes = missing});
}

}  // namespace

const ir::Variable* global_named(const Setting& setting, const std::string& name) {
  const auto at = setting.model.find(name);
  if (!at) return nullptr;
  const ir::Variable& v = setting.model.variables[static_cast<size_t>(*at)];
  return v.global && v.role == ir::Role::parameter ? &v : nullptr;
}

bool has_globals(const Setting& setting) {
  return std::ranges::any_of(setting.model.variables,
                             [](const ir::Variable& v) { return v.global && v.role == ir::Role::parameter; });
}

NodeId place_of(Builder& b, const Setting& setting, const ir::Variable& global) {
  return Posterior{b, setting, global}.place();
}

NodeId correction(Builder& b, Expansion& expand, const Setting& setting, const Emission& e) {
  NodeId sum = ir::no_node;
  for (const ir::Block& block : setting.plan.blocks) {
    if (block.factor != e.factor) continue;
    const ir::Variable* v = global_named(setting, block.name);
    if (!v) continue;
    const NodeId term = Correction{b, expand, setting, e}.of(block, Posterior{b, setting, *v});
    if (term != ir::no_node) sum = sum == ir::no_node ? term : b.add(sum, term);
  }
  return sum;
}

void write_posterior(UpdateContext& c, const ir::Variable& global,
                     const std::vector<std::pair<const char*, NodeId>>& parts) {
  for (const auto& [suffix, node] : parts) {
    const std::string name = global.name + "." + suffix;
    c.update.output(ir::OutputKind::parameter, name,
                    with_axes(c.update, node, variable_of(c.setting, name).type.axes));
  }
}

void solve_shrinkage(UpdateContext& c, const ir::Block& block) {
  Builder& b = c.update;
  const ir::Variable& spread = variable_of(c.setting, block.name);
  const ir::Variable& v =
      c.setting.model.variables[static_cast<size_t>(*ir::shrunk_by(c.setting.model, spread))];
  const Prior of_v = *prior_of(c, v.name);
  const bool precision = of_v.slot_names.at(1) == "precision";
  // q(v) has moved already.
  const auto moved = [&](const char* suffix) {
    for (const ir::Output& output : c.update.function().outputs)
      if (output.kind == ir::OutputKind::parameter && output.name == v.name + "." + suffix)
        return output.node;
    throw ir::InternalError("no update of `" + v.name + "." + suffix + "`");
  };
  const Posterior q{b, c.setting, v};
  NodeId variance = ir::no_node;
  if (q.has_cov()) {
    const auto [row, column] = q.cov_axes();
    variance = b.make(Op::diagonal, {moved("cov")}, {.axes = {row, column}});
  } else {
    variance = moved("var");
  }
  const NodeId squares =
      with_axes(b, b.add(b.unary(Op::square, b.sub(moved("mean"), of_v.slots.at(0))), variance), v.type.axes);
  const std::vector<AxisId> pooled = without(v.type.axes, spread.type.axes);
  double elements = 1;
  for (const AxisId axis : pooled) elements *= static_cast<double>(b.module().axis(axis).size);
  const NodeId total = b.reduce(Op::sum, squares, pooled), half = b.constant(0.5);
  if (!spread.global) {
    const NodeId mean_square = b.div(total, b.constant(elements));
    return b.output(ir::OutputKind::parameter, spread.name,
                    precision ? b.unary(Op::reciprocal, mean_square) : mean_square);
  }
  const Prior own = *prior_of(c, spread.name);
  const bool exponential = own.family == "Exponential";
  const NodeId shape = exponential ? b.constant(1) : own.slots.at(0);
  NodeId rate = own.slots.back();
  if (precision && own.slot_names.back() == "scale") rate = b.unary(Op::reciprocal, rate);
  if (precision && own.slot_names.back() == "mean") rate = b.div(shape, rate);
  write_posterior(c, spread,
                  {{"shape", b.add(shape, b.constant(elements / 2))},
                   {precision ? "rate" : "scale", b.add(rate, b.mul(half, total))}});
}

NodeId minus_divergence(UpdateContext& c) {
  Builder& b = c.update;
  NodeId total = ir::no_node;
  for (const ir::Variable& v : c.setting.model.variables) {
    if (!global_named(c.setting, v.name)) continue;
    NodeId each = Divergence{c, Posterior{b, c.setting, v}}.made();
    // One for each event: elements that P has in common count one by one.
    const Posterior q{b, c.setting, v};
    const std::vector<AxisId> events = c.setting.model.function()[v.prior].type.axes;
    each = with_axes(b, each, q.has_cov() ? without(events, {q.cov_axes().first}) : events);
    const NodeId sum = b.reduce(Op::sum, each, b.type(each).axes);
    total = total == ir::no_node ? sum : b.add(total, sum);
  }
  return total;
}

}  // namespace lvm::em
