// E-step of a continuous latent: Gaussian conditioning, or a conjugate posterior. Slots say through which
// classes they keep the log density linear in which statistics of the latent; all factors together must ask
// for those of one family.

#include <fmt/format.h>

#include <algorithm>

#include "ir/families/family.h"
#include "ir/families/row_cholesky.h"
#include "ir/passes/affine_parts.h"
#include "ir/passes/plan_context.h"
#include "ir/passes/plan_smoothing.h"
#include "ir/passes/predictor.h"

namespace lvm::ir {
namespace {

struct Obstacle {
  SourceRange range;
  std::string label;
  std::string hint;  // what to change in the model; may be empty
};

/// How one child's slot depends on the latent, or on an earlier step of it.
struct Child {
  const FactorParts* parts;
  size_t slot;
  const Variable* step;
  Dependence dependence;
};

struct ContinuousLatent {
  PlanContext& c;
  const Posterior& posterior;
  const Variable& z;
  const FactorParts* prior = nullptr;  // of a chain the last of several
  std::vector<const Variable*> steps;  // itself, and what it is at earlier steps
  std::vector<Child> children;
  std::vector<int> mine;  // factors that mention it

  ContinuousLatent(PlanContext& context, const Posterior& q, const Variable& variable)
      : c(context), posterior(q), z(variable) {
    for (const int step : steps_of(c.model, variable)) steps.push_back(&c.variable(step));
    for (const FactorParts& parts : c.factors) {
      const bool own = parts.value == z.node;
      if (own) prior = &parts;
      bool mentions = own;
      for (size_t slot = 0; slot < parts.slots.size(); ++slot) {
        for (const Variable* step : steps) {
          const Subject subject{
              .node = step->node, .positive = z.type.element == Element::positive, .finite = false};
          Dependence d = classify(c.function(), parts.slots[slot], subject);
          if (d.form == Form::constant) continue;
          children.push_back({&parts, slot, step, std::move(d)});
          mentions = true;
        }
      }
      if (mentions) mine.push_back(parts.index);
    }
  }

  /// Nothing more is said of them.
  void refuse_factors() const { c.refused_factors.insert(mine.begin(), mine.end()); }

  SourceRange slot_range(const Child& child) const { return c.slot_range(*child.parts, child.slot); }

  std::optional<Obstacle> same_factor_twice() const {
    for (size_t i = 1; i < children.size(); ++i) {
      const Child &a = children[i - 1], &b = children[i];
      if (a.parts != b.parts || a.slot == b.slot) continue;
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
                        reason(c, child.step->name, rule, child.dependence), ""};
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
  bool is_chain() const { return steps.size() > 1; }

  /// True where taking the operator away would leave an affine mean.
  bool culprit_wraps_affine(NodeId culprit) const {
    const Node& node = c.function()[culprit];
    return node.inputs.size() == 1 && std::ranges::all_of(steps, [&](const Variable* step) {
             return is_affine(classify(c.function(), node.inputs.front(), {.node = step->node}));
           });
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

  /// Each step of a chain alone may be affine, and the product of two is not.
  std::optional<Obstacle> not_jointly_affine() const {
    std::vector<NodeId> leaves;
    for (const Variable* step : steps) leaves.push_back(step->node);
    for (const Child& child : children) {
      if (!is_chain() || is_jointly_affine(c.function(), child.parts->slots[child.slot], leaves)) continue;
      return Obstacle{slot_range(child),
                      fmt::format("the {} of `{}` multiplies steps of `{}`",
                                  child.parts->rule(child.slot)->noun, child.parts->family, z.name),
                      ""};
    }
    return std::nullopt;
  }

  std::optional<Obstacle> obstacle() const {
    if (auto found = same_factor_twice()) return found;
    if (auto found = outside_class()) return found;
    if (auto found = not_conjugate()) return found;
    return not_jointly_affine();
  }

  void decide() const {
    const bool automatic = posterior.form == PosteriorForm::automatic;
    const std::string q = spelled(c, posterior);
    if (const auto found = obstacle()) {
      refuse_factors();
      const char* family = z.type.element == Element::real ? "Normal(...)" : "…";
      std::string hint = fmt::format("write `{} = {}` for an amortised posterior", q, family);
      if (!found->hint.empty()) hint += ", or " + found->hint;
      // Gradients fit no sequences.
      if (is_chain())
        hint = fmt::format(
            "write means that are affine in `{}` and its earlier steps, with spreads free of them: of such "
            "chains the posterior is Gaussian",
            z.name);
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
    if (const std::string lacking = not_compiled(); !lacking.empty()) {
      refuse_factors();
      c.diagnostics.report({.code = Code::exact_not_compiled,
                            .message = "exact is possible but not yet compiled: " + lacking,
                            .range = posterior.range.empty() ? z.range : posterior.range,
                            .label = why()});
      return;
    }
    c.plan.blocks.push_back({.name = z.name,
                             .latent = true,
                             .solver = !is_gaussian() ? Solver::conjugate
                                       : is_chain()   ? Solver::smoothing
                                                      : Solver::conditioning,
                             .block_class = BlockClass::exact,
                             .reason = why()});
  }

  std::string why() const {
    if (is_gaussian() && is_chain())
      return fmt::format(
          "a chain: every mean is affine in `{0}` and its earlier steps, and every variance is free of them",
          z.name);
    return is_gaussian()
               ? fmt::format("every mean is affine in `{}`, and every variance is free of it", z.name)
               : fmt::format("the `{}` prior of `{}` is conjugate", prior->family, z.name);
  }

  /// What stands between an exact posterior and its code; empty: nothing.
  std::string not_compiled() const {
    if (z.global) return "a latent of the whole model";
    if (z.type.axes.size() > 2) return "a latent with several axes";
    for (const FactorParts& parts : c.factors) {
      const Variable& value = c.variable(c.factor(parts).variable.variable);
      if (has_absent_cells(parts) &&
          value.type.axes.size() > c.function()[c.factor(parts).log_density].type.axes.size())
        return fmt::format("a vector `{}` with absent elements beside a continuous latent", value.name);
    }
    if (is_chain())
      return is_gaussian() ? smoothing_not_compiled(c, z) : "a chain whose steps are not Gaussian";
    return is_gaussian() ? gaussian_not_compiled() : conjugate_not_compiled();
  }

  static constexpr int64_t most_of_a_row = most_of_a_row_matrix;

  std::string gaussian_not_compiled() const {
    const auto size = z.type.axes.size() < 2 ? 1 : c.model.module.axis(z.type.axes.back()).size;
    if (size <= most_of_a_row ||
        !std::ranges::any_of(children, [&](const Child& child) { return varies(child); }))
      return "";
    return fmt::format("the covariance of a latent of {} elements that differs from row to row", size);
  }
  bool has_absent_cells(const FactorParts& parts) const {
    const Variable& value = c.variable(c.factor(parts).variable.variable);
    return value.role == Role::data && value.missing &&
           depends_on(c.function(), c.factor(parts).log_density, z.node);
  }
  /// Data multiply the latent, stand in a variance beside it, or are absent.
  bool varies(const Child& child) const {
    if (has_absent_cells(*child.parts)) return true;
    for (size_t slot = 0; slot < child.parts->slots.size(); ++slot)
      if (slot != child.slot && c.depends_on_cells(child.parts->slots[slot])) return true;
    Module scratch{.name = "scratch", .level = Level::elbo, .axes = c.model.module.axes};
    scratch.functions.push_back({.name = "scratch"});
    Builder b(scratch, scratch.functions.front());
    const AffineParts parts =
        affine_parts(b, c.function(), child.parts->slots[child.slot], z.node, b.constant(1));
    const Function& f = b.function();
    for (NodeId id = 0; id <= parts.linear; ++id)
      if (f[id].op == Op::data && depends_on(f, parts.linear, id)) return true;
    return false;
  }

  std::string conjugate_not_compiled() const {
    if (conjugate_statistics() == Statistics::log_table) return "";
    for (const Child& child : children) {
      const Node& density = c.function()[c.factor(*child.parts).log_density];
      const Family* family = find_family(density.attributes.text);
      const auto has = [&](const auto& forms) {
        return std::ranges::any_of(forms, [&](const auto& form) { return form.slot == child.slot; });
      };
      if (!family || !(has(family->rates) || has(family->odds)))
        return fmt::format("a conjugate posterior through the {} of `{}`",
                           child.parts->rule(child.slot)->noun, child.parts->family);
    }
    return "";
  }
};

}  // namespace

void plan_continuous(PlanContext& c, const Posterior& q, const Variable& z) {
  ContinuousLatent(c, q, z).decide();
}

}  // namespace lvm::ir
