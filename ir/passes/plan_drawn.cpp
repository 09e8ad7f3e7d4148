// Models in which some q is given as a distribution: how the bound is averaged over each latent, or why it
// cannot be.

#include <fmt/format.h>

#include <algorithm>

#include "ir/families/family.h"
#include "ir/passes/plan_context.h"
#include "ir/passes/reparameterise.h"

namespace lvm::ir {
namespace {

constexpr int64_t most_together = 4096;  // values of all latents that are summed over

struct Drawing {
  PlanContext& c;
  std::vector<Estimated> list;
  GradientSettings settings;

  explicit Drawing(PlanContext& context)
      : c(context), list(estimators(context.model)), settings(draw_settings(context.model)) {}

  const Variable& variable(const Estimated& e) const { return c.variable(e.variable); }
  bool holds(NodeId expression, const Estimated& e) const {
    return depends_on(c.function(), expression, variable(e).node);
  }
  static bool is_drawn(const Estimated& e) {
    return e.how == Estimator::pathwise || e.how == Estimator::score;
  }
  std::string left(const Estimated& e) const {
    std::string text;
    for (const VariableUse& parent : e.q->parents)
      text += (text.empty() ? "" : ", ") + c.variable(parent.variable).name;
    return text;
  }
  /// "c | y, z"
  std::string with_condition(const Estimated& e, const Estimated& more) const {
    const std::string conditions = left(e);
    return fmt::format("q({} | {}{}{})", variable(e).name, conditions, conditions.empty() ? "" : ", ",
                       variable(more).name);
  }
  void refuse(Code code, SourceRange range, std::string message, std::string hint) const {
    c.diagnostics.report(
        {.code = code, .message = std::move(message), .range = range, .hint = std::move(hint)});
  }

  std::string drawn_families(const Variable& z) const {
    if (z.domain == Domain::simplex) return "`Dirichlet` and `GumbelSoftmax` have";
    switch (z.type.element) {
      case Element::unit: return "`Beta` has";
      case Element::positive: return "`LogNormal`, `Gamma` and `Exponential` have";
      case Element::boolean: return "`Bernoulli` has";
      case Element::count: return "`Poisson` and `Geometric` have";
      case Element::category: return "`Categorical` has";
      case Element::real:
      case Element::integer: break;
    }
    return "`Normal`, `Laplace` and `Logistic` have";
  }

  /// The closed part of the bound: of which factor the expectation needs no draw.
  std::string divergence_text(const Estimated& e) const {
    for (const Factor& factor : c.model.factors) {
      if (factor.variable.variable != e.variable) continue;
      return !settings.importance && has_closed_expectation(c.model, factor)
                 ? "its divergence from P in closed form"
                 : "its divergence from P by the same draws";
    }
    return "";
  }

  /// What the bound is of where a draw stands in for a value that has no derivative.
  static std::string relaxed_text(std::string_view family) {
    return family == "GumbelSoftmax" ? "; the bound is that of the relaxed model, whose draws are points "
                                       "inside a simplex and no categories"
                                     : "";
  }

  std::string baseline_text() const {
    if (settings.samples < 2) return "no baseline: `samples` is 1";
    return settings.importance ? "less the bound that the other draws give"
                               : "less the mean of the other draws";
  }

  std::string values_text(const Estimated& e) const {
    const int64_t size = c.model.module.axis(e.states).size;
    return size == unknown_size ? "all of its values" : fmt::format("its {} values", size);
  }

  /// A latent that is drawn.
  bool plan_draws(const Estimated& e) {
    const Variable& z = variable(e);
    const DensityText text = split_density(c.function()[e.q->log_density].attributes.text);
    const Family* family = find_family(c.function()[e.q->log_density].attributes.text);
    if (!family || !family->draw) {
      std::string slots;
      for (const std::string& slot : text.slot_names) slots += (slots.empty() ? "" : ", ") + slot;
      refuse(Code::posterior_form_not_compiled, e.q->range,
             fmt::format("`{}({})` as a posterior is not compiled yet: its draws have no gradient",
                         text.family, slots),
             drawn_families(z));
      return false;
    }
    if (e.how == Estimator::pathwise) {
      c.plan.blocks.push_back({.name = z.name,
                               .latent = true,
                               .solver = Solver::reparameterised,
                               .block_class = BlockClass::gradient,
                               .reason = fmt::format("draws from `{}`; {}{}", text.family, divergence_text(e),
                                                     relaxed_text(text.family))});
      return true;
    }
    for (const Estimated& other : list) {
      if (other.states < 0 || !holds(e.q->log_density, other)) continue;
      refuse(Code::posterior_form_not_compiled, e.q->range,
             fmt::format("draws of `{}` for each value of `{}` are not compiled yet", z.name,
                         variable(other).name),
             fmt::format("leave `{0}` out of the conditions of `q({1} | …)`, or condition it: `{2}`",
                         variable(other).name, z.name, with_condition(other, e)));
      return false;
    }
    if (z.role == Role::data) {
      refuse(Code::posterior_form_not_compiled, e.q->range,
             fmt::format("labels of more than {} values are not compiled yet where `q` is given",
                         most_enumerated),
             fmt::format("`q({} | …) = exact` has no such limit", z.name));
      return false;
    }
    c.plan.blocks.push_back(
        {.name = z.name,
         .latent = true,
         .solver = Solver::score_function,
         .block_class = BlockClass::gradient,
         .reason = fmt::format("draws from `{}` move in steps: (f - baseline) ∇ ln q, {}; {}", text.family,
                               baseline_text(), divergence_text(e))});
    return true;
  }

  /// q is optimal only if what it is proportional to is known without draws that it is not conditioned on.
  bool plan_sum(const Estimated& e) {
    const Variable& z = variable(e);
    if (e.q->form == PosteriorForm::point || e.states < 0) {
      refuse(
          Code::posterior_form_not_compiled, e.q->range,
          fmt::format("the posterior of `{}` beside one that is given as a distribution is not compiled yet",
                      z.name),
          e.states < 0 ? fmt::format("write `q({} | …) = Normal(…)`", z.name) : "write `exact`");
      return false;
    }
    for (const Estimated& other : list) {
      if (other.variable == e.variable) continue;
      if (posterior_depends(c.model, other.variable, e.variable) && is_drawn(other)) {
        refuse(Code::posterior_form_not_compiled, e.q->range,
               fmt::format("`{}` cannot be exact: it needs the bound for each of its values, and draws of "
                           "`{}` give no more than an estimate",
                           z.name, variable(other).name),
               fmt::format("give `q({} | …) = Categorical(logits: …)`, which is summed over too", z.name));
        return false;
      }
      if (posterior_depends(c.model, e.variable, other.variable) || other.q == e.q) continue;
      // What a third one that is conditioned on both leaves behind joins them like a factor.
      for (const Estimated& third : list) {
        const bool joined = third.how == Estimator::summed &&
                            posterior_depends(c.model, third.variable, e.variable) &&
                            posterior_depends(c.model, third.variable, other.variable);
        if (!joined || (other.how != Estimator::summed && !is_drawn(other)) ||
            posterior_depends(c.model, other.variable, e.variable))
          continue;
        refuse(
            Code::posterior_form_not_compiled, e.q->range,
            fmt::format("`{}` cannot be exact without `{}`: `{}`, which is exact too, is conditioned on both",
                        z.name, variable(other).name, variable(third).name),
            fmt::format("condition it: `{} = exact`", with_condition(e, other)));
        return false;
      }
      for (const Factor& factor : c.model.factors) {
        if (!holds(factor.log_density, e) || !holds(factor.log_density, other)) continue;
        const bool own =
            factor.variable.variable == other.variable && has_closed_expectation(c.model, factor);
        const bool both_exact =
            other.how == Estimator::summed && !posterior_depends(c.model, other.variable, e.variable);
        if (both_exact || (is_drawn(other) && !own && !settings.importance)) {
          refuse(Code::posterior_form_not_compiled, e.q->range,
                 both_exact
                     ? fmt::format("`{}` and `{}` depend on each other, and each factor is given as exact",
                                   z.name, variable(other).name)
                     : fmt::format(
                           "`{}` cannot be exact: the expectation over `{}` that it needs has no closed form",
                           z.name, variable(other).name),
                 fmt::format("condition it: `{} = exact`", with_condition(e, other)));
          return false;
        }
      }
    }
    std::string given;
    for (const Estimated& other : list) {
      if (is_drawn(other) && posterior_depends(c.model, e.variable, other.variable))
        given += (given.empty() ? ", given the draw of `" : "`, `") + variable(other).name;
    }
    c.plan.blocks.push_back(
        {.name = z.name,
         .latent = true,
         .solver = Solver::enumerate,
         .block_class = BlockClass::exact,
         .reason = fmt::format("summed over {}{}", values_text(e), given.empty() ? "" : given + "`")});
    return true;
  }

  bool plan_given(const Estimated& e) {
    const DensityText text = split_density(c.function()[e.q->log_density].attributes.text);
    c.plan.blocks.push_back(
        {.name = variable(e).name,
         .latent = true,
         .solver = Solver::enumerate,
         .block_class = BlockClass::gradient,
         .reason =
             settings.importance
                 ? fmt::format("importance weights are summed over {}: `q` plays no part", values_text(e))
                 : fmt::format("`{}` over {}: the sum over all of them, no draws", text.family,
                               values_text(e))});
    return true;
  }

  /// Axes along which values are summed belong to these values alone.
  bool axes_are_free() const {
    std::vector<std::pair<NodeId, SourceRange>> densities;
    for (const Factor& factor : c.model.factors)
      densities.emplace_back(factor.log_density, factor.distribution_range);
    for (const Estimated& e : list) {
      if (e.q->log_density != no_node) densities.emplace_back(e.q->log_density, e.q->range);
    }
    int64_t together = 1;
    for (const Estimated& e : list) {
      if (e.states < 0) continue;
      const std::string& axis = c.model.module.axis(e.states).name;
      const int64_t size = c.model.module.axis(e.states).size;
      together = std::min(together, most_together + 1) * std::max<int64_t>(size, 1);
      for (const Estimated& other : list) {
        if (&other == &e || other.states != e.states) continue;
        refuse(Code::states_axis_in_use, variable(e).range,
               fmt::format("`{}` and `{}` have their values along one axis `{}`", variable(other).name,
                           variable(e).name, axis),
               "declare a second axis of the same size");
        return false;
      }
      for (const auto& [density, range] : densities) {
        const Node& node = c.function()[density];
        const Node& value = c.function()[node.inputs.front()];
        const bool own = node.inputs.front() == variable(e).node;
        const bool taken = !own && (value.type.has(e.states) || (value.type.element == Element::category &&
                                                                 value.type.range == e.states));
        if (!taken && enumeration_conflict(c.function(), density, variable(e).node, e.states) == no_node)
          continue;
        refuse(Code::states_axis_in_use, range,
               fmt::format("the axis `{}` of `{}` is used by more than its values", axis, variable(e).name),
               "declare a second axis of the same size");
        return false;
      }
    }
    if (together <= most_together) return true;
    refuse(Code::latents_not_compiled, list.back().q->range,
           fmt::format("the finite latents of a row have more than {} values together", most_together),
           "fewer latents, or fewer values");
    return false;
  }

  bool run() {
    if (list.empty()) return true;
    bool sound = true;
    for (const Variable& v : c.model.variables) {  // in the order of the declarations
      const Estimated* e = find_estimated(list, static_cast<int>(&v - c.model.variables.data()));
      if (!e) continue;
      sound = (is_drawn(*e)                  ? plan_draws(*e)
               : e->how == Estimator::summed ? plan_sum(*e)
                                             : plan_given(*e)) &&
              sound;
    }
    return sound && axes_are_free();
  }
};

}  // namespace

bool plan_drawn(PlanContext& c) {
  Drawing drawing(c);
  c.plan.objective_name = drawing.settings.importance ? "importance_bound" : "elbo";
  return drawing.run();
}

}  // namespace lvm::ir
