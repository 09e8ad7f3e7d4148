// M-step: for each parameter the one slot that holds it, through which class, and the solver that maximises Q
// over it.

#include <fmt/format.h>

#include <algorithm>

#include "ir/families/family.h"
#include "ir/families/members.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

std::vector<AxisId> without(std::vector<AxisId> axes, const std::vector<AxisId>& removed) {
  std::erase_if(
      axes, [&](AxisId axis) { return std::find(removed.begin(), removed.end(), axis) != removed.end(); });
  return axes;
}

constexpr int64_t most_in_order = 256;  // of one event: all ranges of it are averaged

struct ParameterPlanner {
  PlanContext& c;
  const Variable& v;
  std::vector<ParameterUse> uses;

  ParameterPlanner(PlanContext& context, const Variable& variable) : c(context), v(variable) {
    for (const FactorParts& parts : c.factors) {
      for (size_t slot = 0; slot < parts.slots.size(); ++slot) {
        Dependence d = classify(c.function(), parts.slots[slot], subject(v));
        if (d.form != Form::constant) uses.push_back({&parts, slot, std::move(d)});
      }
    }
  }

  static Subject subject(const Variable& variable) {
    const bool positive = variable.domain == Domain::positive || variable.domain == Domain::covariance ||
                          variable.domain == Domain::unit || variable.type.element == Element::positive;
    return {.node = variable.node, .positive = positive, .finite = false};
  }
  const SlotRule* rule(const ParameterUse& use) const { return use.parts->rule(use.slot); }
  SourceRange slot_range(const ParameterUse& use) const { return c.slot_range(*use.parts, use.slot); }

  void report(Code code, SourceRange range, std::string message, std::string label, std::string hint,
              std::vector<Label> labels = {}) {
    c.diagnostics.report({.code = code,
                          .message = std::move(message),
                          .range = range,
                          .label = std::move(label),
                          .labels = std::move(labels),
                          .hint = std::move(hint)});
  }
  std::string hold_hint() const { return fmt::format("hold it: `param {}: … = … fixed`", v.name); }

  /// A latent of the whole model: the closed form of a parameter in its place, with the prior's family for
  /// its posterior.
  void run_global() {
    for (const ParameterUse& use : uses)
      if (c.refused_factors.count(use.parts->index)) return;
    if (plan_shrinkage(c, v, uses)) return;
    const bool closed = !uses.empty() && is_closed() && has_posterior(*rule(uses.front())->solver),
               tied = closed && is_tied_to_spread(uses.front());
    const bool regression = !closed && linear_solver(c, v, uses) == Solver::least_squares;
    const auto solved = [&](const Variable& other) { return ParameterPlanner(c, other).is_closed(); };
    if (!global_is_exact(c, v, uses, {closed, regression, tied, tied && has_spread_of_its_kind(uses.front())},
                         solved))
      return;
    const size_t before = c.plan.blocks.size();
    regression ? add_linear(Solver::least_squares) : add_block(uses.front());
    if (c.plan.blocks.size() > before) make_exact(c, v, c.plan.blocks.back(), tied);
  }
  /// Mean and spread of a tied prior are both parameters, or both latents.
  bool has_spread_of_its_kind(const ParameterUse& use) const {
    return std::ranges::all_of(c.model.variables, [&](const Variable& other) {
      return other.role != Role::parameter || other.fixed || other.global == v.global ||
             !depends_on(c.function(), use.parts->slots.at(1), other.node);
    });
  }

  void run() {
    if (v.posterior_of >= 0) return;
    if (v.global) return run_global();
    if (plan_shrinkage(c, v, uses)) return;
    if (v.fixed) {
      if (prior_has_free()) return report_held_prior();
      c.plan.blocks.push_back({.name = v.name,
                               .latent = false,
                               .solver = Solver::held,
                               .block_class = BlockClass::fixed,
                               .reason = "declared `fixed`"});
      return;
    }
    for (const ParameterUse& use : uses) {
      if (c.refused_factors.count(use.parts->index)) return;
    }
    if (uses.empty()) {
      // Analysis refuses parameters that nothing uses; one that q alone uses is refused with that q.
      if (is_of_a_prior()) return report_of_a_prior();
      if (!c.diagnostics.has_errors()) throw InternalError("no factor depends on parameter " + v.name);
      return;
    }
    if (v.domain == Domain::correlation) return plan_correlation();
    if (v.domain == Domain::ordered) return plan_ordered();
    if (is_closed() && keeps_zeros()) return add_block(uses.front());
    if (!v.mask.empty()) return report_mask();
    const std::optional<Solver> linear = linear_solver(c, v, uses);
    if (linear) return add_linear(*linear);
    if (newton_applies(c, v, uses)) return add_newton();
    if (uses.size() > 1) return report_shared();
    const ParameterUse& use = uses.front();
    if (is_bound(use)) return report_bound(use);
    if (!rule(use) || !allows(*rule(use), use.dependence)) return report_not_closed(use);
    if (!rule(use)->solver || !is_solvable(use)) return report_not_compiled(use);
    if (has_free_coefficient(use)) return report_coupled_coefficient(use);
    report_prior(use);
  }

  /// Values in order are pooled where the best ones do not ascend, which is exact where each has a mean of
  /// its own.
  void plan_ordered() {
    const ParameterUse& use = uses.front();
    const auto size = c.model.module.axis(v.declared_axes.back()).size;
    const bool simple = uses.size() == 1 && v.mask.empty() && !event(use) && size <= most_in_order;
    if (simple && is_closed() && *rule(use)->solver == Solver::moments) return add_block(use);
    if (simple && v.prior == no_node && has_link(use)) return add_block(use, Solver::isotonic);
    report_constrained();
  }
  /// Itself the covariance of a Normal: variances of 1.
  void plan_correlation() {
    const ParameterUse& use = uses.front();
    const bool itself = uses.size() == 1 && v.mask.empty() && v.prior == no_node &&
                        use.dependence.form == Form::view && selects_once(use.dependence);
    if (itself && use.parts->family == "Normal" && use.parts->slot_names[use.slot] == "cov")
      return add_block(use, Solver::correlation);
    report_constrained();
  }
  bool has_link(const ParameterUse& use) const {
    const Family* family = find_family(c.function()[c.factor(*use.parts).log_density].attributes.text);
    return use.dependence.form == Form::view && selects_once(use.dependence) && family &&
           std::ranges::any_of(family->links, [&](const LinkForm& form) { return form.slot == use.slot; });
  }

  /// Counts of what has probability zero are zero, so that a probability that starts there stays.
  bool keeps_zeros() const {
    const Solver solver = *rule(uses.front())->solver;
    return v.mask.empty() ||
           (v.prior == no_node && (solver == Solver::normalised_counts || solver == Solver::ratio));
  }
  void report_mask() {
    report(Code::not_compiled_yet, v.range, fmt::format("a `mask` of `{}` is not compiled yet", v.name),
           "its update does not keep zeros",
           "masks are compiled of probabilities without a prior that a `Categorical` or a `Bernoulli` takes "
           "as they are");
  }

  bool is_of_a_prior() const {
    return std::ranges::any_of(c.model.variables, [&](const Variable& other) {
      return other.prior != no_node && other.name != v.name && depends_on(c.function(), other.prior, v.node);
    });
  }

  void report_of_a_prior() {
    report(Code::update_not_compiled, v.range, fmt::format("the update of `{}` is not compiled yet", v.name),
           fmt::format("`{}` stands in the prior of another parameter alone", v.name), hold_hint());
  }

  /// The solvers would leave the set of its values.
  void report_constrained() {
    const bool ordered = v.domain == Domain::ordered;
    report(Code::update_not_compiled, v.range, fmt::format("the update of `{}` is not compiled yet", v.name),
           fmt::format("`{}` must stay {}", v.name, ordered ? "in order" : "a correlation matrix"),
           ordered ? fmt::format("up to {} values in order are compiled that are themselves the mean of a "
                                 "Normal (with `sd`, "
                                 "`var` or `precision`), or the `log_rate` or `logits` of counts, without a "
                                 "prior that is not "
                                 "conjugate; or declare `{}` as `real`",
                                 most_in_order, v.name)
                   : fmt::format("`cov: {}` of a Normal is compiled, without a prior: all variances are 1. "
                                 "With variances of its own a matrix "
                                 "is a `covariance`, which has a closed form; or {}",
                                 v.name, hold_hint()));
  }

  bool is_closed() const {
    if (uses.size() != 1) return false;
    const ParameterUse& use = uses.front();
    return rule(use) && allows(*rule(use), use.dependence) && rule(use)->solver && is_solvable(use) &&
           !has_free_coefficient(use) &&
           (prior_is_conjugate(c, v, *rule(use)->solver, use) || is_tied_to_spread(use));
  }

  /// m ~ Normal(m0, V / κ), where V is the spread of the Normal whose mean is m: Normal-InverseWishart,
  /// Normal-InverseGamma. Mean and spread then have one joint mode.
  bool is_tied_to_spread(const ParameterUse& use) const {
    if (v.prior == no_node || rule(use)->solver != Solver::moments) return false;
    const Node& prior = c.function()[v.prior];
    const DensityText text = split_density(prior.attributes.text);
    if (text.family != "Normal" || is_free(prior.inputs[1]) || !varying_axes(use).empty()) return false;
    for (const Variable& spread : c.model.variables) {
      if (spread.role != Role::parameter || spread.fixed || spread.name == v.name) continue;
      const Dependence d = classify(c.function(), prior.inputs[2], subject(spread));
      if (d.form != Form::constant) return is_scaled(use, spread, d, text.slot_names.at(1));
    }
    return false;
  }

  /// The prior's variance is c times that of the factor.
  bool is_scaled(const ParameterUse& use, const Variable& spread, const Dependence& d,
                 std::string_view slot) const {
    const ParameterPlanner other(c, spread);
    if (!is_pos_power(d) || !d.selections.empty() || !other.is_closed()) return false;
    const ParameterUse& own = other.uses.front();
    if (own.parts != use.parts || own.slot != 1 || *other.rule(own)->solver != Solver::scatter) return false;
    const std::string& own_slot = own.parts->slot_names.at(1);
    const bool matrix = event(own).has_value();
    for (const auto& [node, power] : d.coefficients) {
      const std::vector<AxisId>& axes = c.function()[node].type.axes;
      if (is_free(node) || (matrix && !axes.empty())) return false;
    }
    if (matrix || slot == "cov" || slot == "precision_matrix" || slot == "cholesky")
      return slot == own_slot && d.exponent == 1;
    return d.exponent * variance_exponent(slot) == own.dependence.exponent * variance_exponent(own_slot);
  }

  bool prior_has_free() const {
    if (v.prior == no_node) return false;
    const std::vector<NodeId>& inputs = c.function()[v.prior].inputs;
    return std::any_of(inputs.begin() + 1, inputs.end(), [&](NodeId input) { return is_free(input); });
  }
  /// Updates know nothing of priors in which other parameters are held.
  void report_held_prior() {
    report(Code::update_not_compiled, v.prior_range,
           fmt::format("the prior of the held `{}` is not compiled yet", v.name),
           "it mentions a parameter that is fitted", "drop this prior, or hold what it mentions too");
  }

  /// A continuous one.
  bool depends_on_latent(NodeId node) const {
    return std::ranges::any_of(c.model.variables, [&](const Variable& other) {
      return other.role == Role::latent && other.states < 0 && depends_on(c.function(), node, other.node);
    });
  }

  bool is_free(NodeId node) const {
    return std::ranges::any_of(c.model.variables, [&](const Variable& other) {
      return other.role == Role::parameter && !other.fixed && depends_on(c.function(), node, other.node);
    });
  }

  /// Some coefficient of the predictor is one value where the spread has several: all are then weighted by
  /// the old spread.
  bool is_shared_by_spreads(const ParameterUse& use) const {
    const NodeId spread = use.parts->slots.at(1);
    std::vector<AxisId> axes = axes_of(spread);
    if (const auto matrix = event(use)) axes = without(axes, {matrix->column});
    return std::ranges::any_of(c.model.variables, [&](const Variable& other) {
      return other.role == Role::parameter && !other.fixed &&
             depends_on(c.function(), use.parts->slots.at(use.slot), other.node) &&
             !without(axes, other.type.axes).empty();
    });
  }

  void add_linear(Solver solver) {
    const ParameterUse& use = uses.front();
    const bool closed = solver == Solver::least_squares;
    const std::string_view noun = rule(use) ? rule(use)->noun : "slot";
    c.plan.blocks.push_back(
        {.name = v.name,
         .latent = false,
         .solver = solver,
         .block_class = !closed                                            ? BlockClass::newton
                        : v.prior == no_node && !is_shared_by_spreads(use) ? BlockClass::closed
                                                                           : BlockClass::conditional,
         .reason =
             closed
                 ? fmt::format("{} of a {} through a linear predictor: regression", noun, use.parts->family)
                 : fmt::format(
                       "{} of a {} through a linear predictor: guarded Newton, all coefficients together",
                       noun, use.parts->family),
         .factor = use.parts->index,
         .slot = use.slot});
  }

  void add_newton() {
    Block block{.name = v.name,
                .latent = false,
                .solver = Solver::newton,
                .block_class = BlockClass::newton,
                .reason = fmt::format("{} of a {}: no closed form, a guarded Newton step each iteration",
                                      rule(uses.front()) ? rule(uses.front())->noun : "slot",
                                      uses.front().parts->family),
                .factor = uses.front().parts->index};
    for (const ParameterUse& use : uses) {
      if (block.factors.empty() || block.factors.back() != use.parts->index)
        block.factors.push_back(use.parts->index);
    }
    c.plan.blocks.push_back(std::move(block));
  }

  static bool is_bound(const ParameterUse& use) {
    const std::string& slot = use.parts->slot_names.at(use.slot);
    return (use.parts->family == "Uniform" || use.parts->family == "Truncated") &&
           (slot == "low" || slot == "high");
  }
  /// The best bound is the outermost row with a part in the state; a row beyond a bound never has one again.
  void report_bound(const ParameterUse& use) {
    report(Code::parameter_not_closed, slot_range(use), fmt::format("`{}` has no closed-form update", v.name),
           fmt::format(
               "`{}` is the {} of `{}`: its best value is the outermost row, and a row beyond it would never "
               "count again",
               v.name, rule(use)->noun, use.parts->family),
           hold_hint() + ", at the least or the greatest value of the column");
  }

  void report_prior(const ParameterUse& use) {
    report(Code::prior_not_conjugate, v.prior_range,
           fmt::format("the prior of `{}` has no closed-form mode with its likelihood", v.name),
           fmt::format("not conjugate to the {} of a `{}`", rule(use)->noun, use.parts->family),
           "use the conjugate family, or drop the prior");
  }

  void report_shared() {
    const ParameterUse &a = uses.front(), &b = uses[1];
    const bool same = a.parts == b.parts;
    const auto noun = [&](const ParameterUse& use) {
      return rule(use) ? std::string(rule(use)->noun) : std::string("slot");
    };
    if (same) {
      report(Code::parameter_in_two_slots, slot_range(b),
             fmt::format("`{}` has no closed-form update", v.name),
             fmt::format("`{}` is in the {} and in the {} of one `{}`", v.name, noun(a), noun(b),
                         a.parts->family),
             "give each slot a parameter of its own");
      return;
    }
    report(Code::parameter_in_two_factors, slot_range(b),
           fmt::format("`{}` is shared by two factors, which is not compiled yet", v.name),
           fmt::format("`{}` is in the {} of `{}`", v.name, noun(b), c.name_of(*b.parts)),
           "give each factor a parameter of its own",
           {{slot_range(a), fmt::format("and in the {} of `{}`", noun(a), c.name_of(*a.parts))}});
  }

  void report_not_closed(const ParameterUse& use) {
    report(Code::parameter_not_closed, place(c, use.dependence, slot_range(use)),
           fmt::format("`{}` has no closed-form update", v.name),
           reason(c, v.name, rule(use), use.dependence), hold_hint());
  }

  /// The solvers that are compiled take the parameter itself (moments, counts, ratios) or c v^k (scatter).
  bool is_solvable(const ParameterUse& use) const {
    const Dependence& d = use.dependence;
    if (rule(use)->solver == Solver::rate) return selects_once(d);
    // A mean by its rows' own precisions is a weighted one.
    if (rule(use)->solver == Solver::moments && depends_on_latent(use.parts->slots.at(1))) return false;
    if (rule(use)->solver == Solver::median && !has_cells(use)) return false;
    if (rule(use)->solver == Solver::concentration && !has_event_axis(use)) return false;
    if (rule(use)->solver == Solver::normalised_counts && v.global) return d.form == Form::view;
    if (rule(use)->solver == Solver::freedom && v.domain != Domain::positive) return false;
    const bool matrix_scale = rule(use)->solver == Solver::matrix_scale;
    if (rule(use)->solver != Solver::scatter && !matrix_scale) return d.form == Form::view && selects_once(d);
    const bool matrix_slot = matrix_scale || event(use).has_value();
    if (matrix_slot && (d.exponent != 1 || v.domain != Domain::covariance)) return false;
    for (const auto& [node, power] : d.coefficients) {
      if (c.function()[node].type.has(row_axis)) return false;
      if (matrix_slot && !c.function()[node].type.axes.empty()) return false;
    }
    return selects_once(d);
  }

  /// Each value has cells that weigh alike but for the probability of one latent's state: no scale or row
  /// differs between them.
  bool has_cells(const ParameterUse& use) const {
    const Node& value = c.function()[use.parts->value];
    const NodeId scale = use.parts->slots.at(1);
    std::vector<AxisId> states;
    for (const FiniteLatent& latent : c.latents) {
      if (v.type.has(latent.states)) states.push_back(latent.states);
    }
    const bool complete = without(v.type.axes, enumerated_and(value.type.axes)).empty();
    return v.domain == Domain::real && value.op == Op::data && states.size() <= 1 && complete &&
           !c.depends_on_cells(scale) && without(axes_of(scale), v.type.axes).empty();
  }
  std::vector<AxisId> enumerated_and(std::vector<AxisId> axes) const {
    for (const FiniteLatent& latent : c.latents) axes.push_back(latent.states);
    return axes;
  }

  /// A value of its own for each element of an event.
  bool has_event_axis(const ParameterUse& use) const {
    const Node& density = c.function()[c.factor(*use.parts).log_density];
    return v.domain == Domain::positive && v.type.has(density.attributes.axes.at(0));
  }

  /// What is enumerated selects; a data column does not.
  bool selects_once(const Dependence& d) const {
    return std::all_of(d.selections.begin(), d.selections.end(),
                       [&](const Selection& selection) { return c.is_enumerated(selection.index); });
  }

  void report_not_compiled(const ParameterUse& use) {
    if (rule(use)->solver == Solver::median && use.dependence.form == Form::view &&
        selects_once(use.dependence)) {
      report(Code::update_not_compiled, slot_range(use),
             fmt::format("the update of `{}` is not compiled yet", v.name),
             fmt::format("the cells of `{}` weigh differently, by their scale or by several latents", v.name),
             fmt::format("let `{}` be `real` with all axes of the scale, and of one latent, or {}", v.name,
                         hold_hint()));
      return;
    }
    const bool by_data = !selects_once(use.dependence);
    const bool regression = rule(use)->statistics == Statistics::gaussian;
    const std::string what = by_data      ? "is selected by a data column"
                             : regression ? "needs a regression"
                                          : "needs a weighted update";
    report(Code::update_not_compiled, by_data ? slot_range(use) : place(c, use.dependence, slot_range(use)),
           fmt::format("the update of `{}` is not compiled yet", v.name),
           fmt::format("`{}` {}", v.name, what),
           fmt::format("use `{}` itself as the {}, or {}", v.name, rule(use)->noun, hold_hint()));
  }

  bool has_free_coefficient(const ParameterUse& use) const {
    for (const auto& [node, power] : use.dependence.coefficients) {
      if (is_free(node)) return true;
    }
    return false;
  }

  void report_coupled_coefficient(const ParameterUse& use) {
    report(Code::parameters_coupled, slot_range(use),
           fmt::format("`{}` and its factor cannot be solved together", v.name),
           fmt::format("`{}` is multiplied by another free parameter", v.name),
           "hold one of them with `fixed`");
  }

  /// D and D' of a matrix slot.
  std::optional<MatrixAxes> event(const ParameterUse& use) const {
    const FactorParts& parts = *use.parts;
    if (parts.family != "Normal") return std::nullopt;
    return matrix_axes(c.model.module, c.function()[parts.slots.at(1)].type, c.function()[parts.value].type);
  }

  std::vector<AxisId> axes_of(NodeId slot) const { return without(c.enumerated_axes(slot), {row_axis}); }

  void add_block(const ParameterUse& use) { add_block(use, *rule(use)->solver); }

  void add_block(const ParameterUse& use, Solver solver) {
    Block block{.name = v.name,
                .latent = false,
                .solver = solver,
                .block_class = BlockClass::closed,
                .reason = reason_of(solver, rule(use)->noun, use.parts->family),
                .factor = use.parts->index,
                .slot = use.slot};
    if (solver == Solver::moments && !plan_mean(use, block)) return;
    if (solver == Solver::scatter) block.reason = scatter_reason(use);
    if (solver == Solver::concentration || solver == Solver::freedom || solver == Solver::correlation)
      block.block_class = BlockClass::newton;
    if (use.parts->family == "Laplace" && solver == Solver::rate && is_free(use.parts->slots.front())) {
      block.block_class = BlockClass::conditional;
      block.reason += ", given the old location";
    }
    c.plan.blocks.push_back(std::move(block));
  }

  std::string scatter_reason(const ParameterUse& use) const {
    const auto matrix = event(use);
    std::vector<AxisId> all = axes_of(c.factor(*use.parts).log_density);
    std::vector<AxisId> pooled = without(all, v.type.axes);
    if (matrix) pooled = without(pooled, {matrix->row, matrix->column});
    std::string over;
    for (const AxisId axis : pooled) over += (over.empty() ? "" : ", ") + c.model.module.axis(axis).name;
    const std::string what =
        fmt::format("{} of a Normal: the expected scatter about the mean is sufficient", rule(use)->noun);
    return over.empty() ? what : fmt::format("{}, pooled over {}", what, over);
  }

  /// Along which the spread varies, and the mean does not.
  std::vector<AxisId> varying_axes(const ParameterUse& use) const {
    const std::vector<AxisId> varying = without(axes_of(use.parts->slots.at(1)), v.type.axes);
    const auto matrix = event(use);
    return matrix ? without(varying, {matrix->column}) : varying;
  }

  /// A mean that is tied over an axis along which the spread varies is a weighted mean: closed only given the
  /// spread.
  bool plan_mean(const ParameterUse& use, Block& block) {
    const auto matrix = event(use);
    const NodeId spread = use.parts->slots.at(1);
    const std::vector<AxisId> varying = varying_axes(use);
    block.reason = "mean of a Normal: the expected sum is sufficient";
    if (is_tied_to_spread(use)) {
      block.reason = "mean of a Normal with a prior of the same spread: the joint mode of both";
    } else if (v.prior != no_node) {
      block.block_class = BlockClass::conditional;
      block.reason = "mean of a Normal with a prior: the expected sum, weighted by the old spread";
    }
    if (v.domain == Domain::ordered) {
      const auto axes = axes_of(spread);
      if (std::ranges::find(axes, v.declared_axes.back()) != axes.end())
        block.block_class = BlockClass::conditional;
      block.reason += ", pooled where the means do not ascend";
    }
    if (c.function()[spread].type.has(row_axis) && c.depends_on_cells(spread)) {
      report_not_compiled(use);
      return false;
    }
    if (varying.empty()) return true;
    if (!matrix) {
      block.block_class = BlockClass::conditional;
      block.reason = fmt::format(
          "mean of a Normal, tied over {}, along which the {} varies: weighted by the old precisions",
          c.model.module.axis(varying.front()).name, c.find_noun(*use.parts, 1));
      return true;
    }
    report(Code::parameters_coupled, slot_range(use),
           fmt::format("`{}` cannot be solved together with the covariance", v.name),
           fmt::format("`{}` is one value along `{}`, where the covariance is not", v.name,
                       c.model.module.axis(varying.front()).name),
           "give the mean the axes of the covariance, tie the covariance, or use `var:`");
    return false;
  }
};

}  // namespace

void plan_parameters(PlanContext& c) {
  std::vector<std::vector<ParameterUse>> uses;
  for (const Variable& variable : c.model.variables) {
    if (variable.role != Role::parameter) continue;
    ParameterPlanner planner(c, variable);
    planner.run();
    uses.push_back(std::move(planner.uses));
  }
  group_newton_blocks(c, uses);
}

}  // namespace lvm::ir
