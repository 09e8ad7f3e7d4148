// E-step: how the posterior of each latent is found. One `category` a row is enumerated. For a continuous
// latent the rules of exact posteriors (all means affine and Gaussian, or one conjugate family) decide
// whether `exact` is a broken contract or only not compiled.

#include <fmt/format.h>

#include <algorithm>

#include "ir/passes/enumerate.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

/// "q(z | y)"
std::string spelled(const PlanContext& c, const Posterior& posterior) {
  std::string left, right;
  for (const int variable : posterior.variables)
    left += (left.empty() ? "" : ", ") + c.variable(variable).name;
  for (const VariableUse& parent : posterior.parents)
    right += (right.empty() ? "" : ", ") + c.variable(parent.variable).name;
  return right.empty() ? fmt::format("q({})", left) : fmt::format("q({} | {})", left, right);
}

struct Obstacle {
  SourceRange range;
  std::string label;
  std::string hint;  // what to change in the model; may be empty
};

/// How one child's slot depends on the latent.
struct Child {
  const FactorParts* parts;
  size_t slot;
  Dependence dependence;
};

struct ContinuousLatent {
  PlanContext& c;
  const Posterior& posterior;
  const Variable& z;
  const FactorParts* prior = nullptr;
  std::vector<Child> children;

  ContinuousLatent(PlanContext& context, const Posterior& q, const Variable& variable)
      : c(context), posterior(q), z(variable) {
    const Subject subject{.node = z.node, .positive = z.type.element == Element::positive, .finite = false};
    for (const FactorParts& parts : c.factors) {
      const bool own = parts.value == z.node;
      if (own) prior = &parts;
      bool mentions = own;
      for (size_t slot = 0; slot < parts.slots.size(); ++slot) {
        Dependence d = classify(c.function(), parts.slots[slot], subject);
        if (d.form == Form::constant) continue;
        children.push_back({&parts, slot, std::move(d)});
        mentions = true;
      }
      if (mentions) c.refused_factors.insert(parts.index);
    }
  }

  SourceRange slot_range(const Child& child) const { return c.slot_range(*child.parts, child.slot); }

  std::optional<Obstacle> same_factor_twice() const {
    for (size_t i = 1; i < children.size(); ++i) {
      const Child &a = children[i - 1], &b = children[i];
      if (a.parts != b.parts) continue;
      const SlotRule *first = a.parts->rule(a.slot), *second = b.parts->rule(b.slot);
      return Obstacle{slot_range(b),
                      fmt::format("`{}` is in the {} and in the {} of one `{}`", z.name,
                                  first ? first->noun : "first slot", second ? second->noun : "second slot",
                                  a.parts->family),
                      ""};
    }
    return std::nullopt;
  }

  std::optional<Obstacle> outside_class() const {
    for (const Child& child : children) {
      const SlotRule* rule = child.parts->rule(child.slot);
      if (rule && allows(*rule, child.dependence)) continue;
      Obstacle obstacle{place(c, child.dependence, slot_range(child)),
                        reason(c, z.name, rule, child.dependence), ""};
      const NodeId culprit = child.dependence.culprit;
      if (rule && rule->statistics == Statistics::gaussian && culprit != no_node && is_gaussian() &&
          culprit_wraps_affine(culprit)) {
        obstacle.hint = fmt::format("drop {} for factor analysis", spelling(c.function()[culprit].op));
      }
      return obstacle;
    }
    return std::nullopt;
  }

  bool is_gaussian() const { return prior && prior->family == "Normal"; }

  /// True where taking the operator away would leave an affine mean.
  bool culprit_wraps_affine(NodeId culprit) const {
    const Node& node = c.function()[culprit];
    return node.inputs.size() == 1 &&
           is_affine(classify(c.function(), node.inputs.front(), {.node = z.node}));
  }

  /// The statistics that a child needs: those of its slot, with the sign of the power.
  Statistics needed(const Child& child) const {
    const SlotRule& rule = *child.parts->rule(child.slot);
    if (rule.allowed != Form::pos_power) return rule.statistics;
    double k = child.dependence.exponent;
    if (rule.statistics == Statistics::inverse_power) k = -k;
    if (rule.statistics == Statistics::inverse_square) k = -2 * k;
    if (k == 1) return Statistics::power;
    return k == -1 ? Statistics::inverse_power : Statistics::none;
  }

  std::optional<Statistics> conjugate_statistics() const {
    if (!prior) return std::nullopt;
    if (prior->family == "Normal") return Statistics::gaussian;
    if (prior->family == "Gamma" || prior->family == "Exponential") return Statistics::power;
    if (prior->family == "InverseGamma") return Statistics::inverse_power;
    if (prior->family == "Beta") return Statistics::log_odds;
    if (prior->family == "Dirichlet") return Statistics::log_table;
    return std::nullopt;
  }

  std::optional<Obstacle> not_conjugate() const {
    const auto own = conjugate_statistics();
    for (const Child& child : children) {
      if (own && needed(child) == *own) continue;
      const SlotRule& rule = *child.parts->rule(child.slot);
      return Obstacle{slot_range(child),
                      fmt::format("the `{}` prior of `{}` is not conjugate to the {} of `{}`",
                                  prior ? prior->family : "", z.name, rule.noun, child.parts->family),
                      ""};
    }
    return std::nullopt;
  }

  std::optional<Obstacle> obstacle() const {
    if (auto found = same_factor_twice()) return found;
    if (auto found = outside_class()) return found;
    return not_conjugate();
  }

  void report() const {
    const bool automatic = posterior.form == PosteriorForm::automatic;
    const std::string q = spelled(c, posterior);
    if (const auto found = obstacle()) {
      const char* family = z.type.element == Element::real ? "Normal(...)" : "…";
      std::string hint = fmt::format("write `{} = {}` for an amortised posterior", q, family);
      if (!found->hint.empty()) hint += ", or " + found->hint;
      c.diagnostics.report(
          {.code = Code::posterior_not_exact,
           .message = automatic
                          ? fmt::format("`{}` has no exact posterior, and others are not compiled yet", q)
                          : fmt::format("`{}` cannot be exact", q),
           .range = found->range,
           .label = found->label,
           .hint = hint});
      return;
    }
    const bool gaussian = is_gaussian();
    c.diagnostics.report(
        {.code = Code::exact_not_compiled,
         .message = fmt::format("exact is possible but not yet compiled: {}",
                                gaussian ? "Gaussian conditioning" : "conjugate posteriors"),
         .range = posterior.range.empty() ? z.range : posterior.range,
         .label =
             gaussian
                 ? fmt::format("every mean is affine in `{}`, and every variance is free of it", z.name)
                 : fmt::format("the `{}` prior of `{}` is conjugate", prior ? prior->family : "", z.name),
         .hint = "only a `category` latent is compiled so far"});
  }
};

bool refuse_form(PlanContext& c, const Posterior& q) {
  std::string what;
  if (q.factored) what = "a factorised posterior";
  if (q.form == PosteriorForm::distribution) what = "a posterior that is given as a distribution";
  const auto endless = [&](int variable) { return c.variable(variable).states < 0; };
  if (q.form == PosteriorForm::point && std::any_of(q.variables.begin(), q.variables.end(), endless))
    what = "the posterior `point` of a latent that is not finite";
  if (what.empty()) return false;
  c.diagnostics.report({.code = Code::posterior_form_not_compiled,
                        .message = what + " is not compiled yet",
                        .range = q.range,
                        .hint = fmt::format("write `{} = exact`", spelled(c, q))});
  return true;
}

/// The factors that mention a latent are not looked at further once its posterior was refused.
void abandon_factors(PlanContext& c, const Posterior& q) {
  for (const FactorParts& parts : c.factors) {
    const NodeId density = c.factor(parts).log_density;
    for (const int variable : q.variables) {
      if (depends_on(c.function(), density, c.variable(variable).node)) c.refused_factors.insert(parts.index);
    }
  }
}

constexpr int64_t most_states = 4096;  // that latents of one block may have together

void refuse_several(PlanContext& c, const std::vector<int>& latents) {
  std::vector<Label> labels;
  for (size_t i = 0; i + 1 < latents.size(); ++i)
    labels.push_back({c.variable(latents[i]).range, "one latent"});
  c.diagnostics.report({.code = Code::latents_not_compiled,
                        .message = "several latent variables in each row are compiled where all are finite",
                        .range = c.variable(latents.back()).range,
                        .label = "another latent",
                        .labels = labels,
                        .hint = "declare them as `category` or `bool`, or keep one"});
}

/// E-step of a model whose latents are all finite.
struct Enumerating {
  PlanContext& c;
  std::vector<FiniteLatent> latents;

  const Variable& variable(const FiniteLatent& latent) const { return c.variable(latent.variable); }
  const Posterior* posterior_of(const FiniteLatent& latent) const {
    for (const Posterior& q : c.model.posteriors) {
      if (std::find(q.variables.begin(), q.variables.end(), latent.variable) != q.variables.end()) return &q;
    }
    return nullptr;
  }
  bool is_point(const FiniteLatent& latent) const {
    const Posterior* q = posterior_of(latent);
    return q && q->form == PosteriorForm::point;
  }

  void conflict(const FiniteLatent& latent, const FactorParts& parts, NodeId node) const {
    const Variable& z = variable(latent);
    const SourceRange range = c.range_of(node);
    const std::string& axis = c.model.module.axis(latent.states).name;
    c.diagnostics.report(
        {.code = Code::states_axis_in_use,
         .message = fmt::format("the axis `{}` of `{}` is used by more than its values", axis, z.name),
         .range = range.empty() ? c.factor(parts).distribution_range : range,
         .label = depends_on(c.function(), node, z.node)
                      ? fmt::format("depends on `{}` and has an axis `{}` of its own", z.name, axis)
                      : fmt::format("has the axis `{}` without `{}`", axis, z.name),
         .hint = "declare a second axis of the same size"});
  }

  bool axes_are_free() const {
    for (size_t i = 0; i < latents.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (latents[i].states != latents[j].states) continue;
        const std::string& axis = c.model.module.axis(latents[i].states).name;
        c.diagnostics.report(
            {.code = Code::states_axis_in_use,
             .message = fmt::format("`{}` and `{}` have their values along one axis `{}`",
                                    variable(latents[j]).name, variable(latents[i]).name, axis),
             .range = variable(latents[i]).range,
             .label = "enumerated along it too",
             .labels = {{variable(latents[j]).range, "enumerated along it"}},
             .hint = "declare a second axis of the same size"});
        return false;
      }
    }
    for (const FactorParts& parts : c.factors) {
      for (const FiniteLatent& latent : latents) {
        const NodeId node = enumeration_conflict(c.function(), c.factor(parts).log_density,
                                                 variable(latent).node, latent.states);
        const Type& value = c.function()[parts.value].type;
        const bool taken = parts.value != variable(latent).node &&
                           (value.has(latent.states) ||
                            (value.element == Element::category && value.range == latent.states));
        if (node == no_node && !taken) continue;
        conflict(latent, parts, node == no_node ? parts.value : node);
        return false;
      }
    }
    return true;
  }

  std::string names(const std::vector<size_t>& block) const {
    std::string text;
    for (const size_t i : block) text += (text.empty() ? "`" : ", `") + variable(latents[i]).name + "`";
    return text;
  }

  /// "A × B", or "2 × 3", and the product where the table has said all sizes (else none). It stops growing
  /// beyond the budget.
  std::pair<std::string, std::optional<int64_t>> joint_states(const std::vector<size_t>& block) const {
    std::optional<int64_t> product = 1;
    std::string sizes;
    for (const size_t i : block) {
      const Axis& axis = c.model.module.axis(latents[i].states);
      const bool known = axis.size != unknown_size;
      if (!known) product = std::nullopt;
      if (product && *product <= most_states) *product *= axis.size;
      sizes += (sizes.empty() ? "" : " × ") + (known ? std::to_string(axis.size) : axis.name);
    }
    return {sizes, product};
  }

  bool affordable(const std::vector<size_t>& block) const {
    const auto [sizes, product] = joint_states(block);
    if (block.size() < 2 || !product || *product <= most_states) return true;
    c.diagnostics.report(
        {.code = Code::too_many_states,
         .message = fmt::format("{} have {} joint states a row, and at most {} are enumerated", names(block),
                                sizes, most_states),
         .range = variable(latents[block.back()]).range,
         .hint = "use fewer states, or keep them in factors of their own: latents that no factor joins are "
                 "enumerated one by one"});
    return false;
  }

  bool one_form() const {
    for (const FiniteLatent& latent : latents) {
      if (is_point(latent) == is_point(latents.front())) continue;
      const Posterior* point = posterior_of(is_point(latent) ? latent : latents.front());
      c.diagnostics.report({.code = Code::posterior_form_not_compiled,
                            .message = "`point` beside another form of posterior is not compiled yet",
                            .range = point->range,
                            .hint = "give all latents `point`, or all `exact`"});
      return false;
    }
    return true;
  }

  void add_blocks(const std::vector<std::vector<size_t>>& blocks) const {
    const bool point = is_point(latents.front());
    for (const std::vector<size_t>& block : blocks) {
      for (const size_t i : block) {
        std::string reason = point ? "the most probable value" : "finite";
        if (latents[i].observed) reason += " where it is missing";
        std::vector<size_t> others = block;
        std::erase(others, i);
        if (!others.empty()) reason += ", jointly with " + names(others);
        if (!others.empty() && i == block.front()) {
          const auto [sizes, product] = joint_states(block);
          reason += fmt::format(": {} states a row of at most {}",
                                product ? fmt::format("{} = {}", sizes, *product) : sizes, most_states);
        }
        c.plan.blocks.push_back({.name = variable(latents[i]).name,
                                 .latent = true,
                                 .solver = point ? Solver::most_probable : Solver::enumerate,
                                 .block_class = BlockClass::exact,
                                 .reason = std::move(reason)});
      }
    }
    if (point) c.plan.objective_name = "complete_log_likelihood";
  }

  bool plan() const {
    const auto blocks = joint_blocks(c.model, latents);
    const bool fit = axes_are_free() && one_form() &&
                     std::all_of(blocks.begin(), blocks.end(), [&](const auto& b) { return affordable(b); });
    if (fit && !latents.empty()) add_blocks(blocks);
    return fit;
  }
};

bool is_finite(const Variable& z) {
  return z.type.element == Element::category || z.type.element == Element::boolean;
}

void plan_continuous(PlanContext& c, const Posterior& q, const Variable& z) {
  if (!is_finite(z)) return ContinuousLatent(c, q, z).report();
  c.diagnostics.report(
      {.code = Code::latents_not_compiled,
       .message = fmt::format("the latent `{}` is finite, but its enumeration is not compiled yet", z.name),
       .range = z.range,
       .hint = "declare it as a single `category`"});
  abandon_factors(c, q);
}

}  // namespace

void plan_posteriors(PlanContext& c) {
  bool refused = false;
  for (const Posterior& q : c.model.posteriors) {
    if (!refuse_form(c, q)) continue;
    abandon_factors(c, q);
    refused = true;
  }
  if (refused) return;
  std::vector<int> latents;
  bool all_finite = true;
  for (size_t i = 0; i < c.model.variables.size(); ++i) {
    const Variable& v = c.model.variables[i];
    if (v.role == Role::latent || c.is_enumerated(v.node)) latents.push_back(static_cast<int>(i));
    all_finite = all_finite && (v.role != Role::latent || v.states >= 0);
  }
  if (all_finite) {
    if (Enumerating{c, c.latents}.plan()) return;
    for (const Posterior& q : c.model.posteriors) abandon_factors(c, q);
    return;
  }
  if (latents.size() > 1) {
    refuse_several(c, latents);
    for (const Posterior& q : c.model.posteriors) abandon_factors(c, q);
    return;
  }
  for (const Posterior& q : c.model.posteriors) {
    const Variable& z = c.variable(q.variables.front());
    if (z.role == Role::latent) plan_continuous(c, q, z);
  }
}

}  // namespace lvm::ir
