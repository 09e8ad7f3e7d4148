// Posteriors of latents of the whole model: which of them are exact, and given what. Their updates are
// planned as those of parameters with priors (plan_parameters.cpp).

#include <fmt/format.h>

#include <algorithm>

#include "ir/passes/global_posteriors.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

std::string listed(const PlanContext& c, const std::vector<int>& variables) {
  std::string text;
  for (const int each : variables)
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", c.variable(each).name);
  return text;
}

void refuse(PlanContext& c, Code code, const Posterior& q, std::string label, std::string hint) {
  const SourceRange range = q.range.empty() ? c.variable(q.variables.front()).range : q.range;
  c.diagnostics.report(
      {.code = code,
       .message = code == Code::posterior_not_exact
                      ? fmt::format("the posterior of {} cannot be exact", listed(c, q.variables))
                      : fmt::format("`{}` is not compiled yet", spelled(c, q)),
       .range = range,
       .label = std::move(label),
       .hint = std::move(hint)});
}

/// Some density holds both.
bool meet(const PlanContext& c, int a, int b) {
  const auto holds = [&](NodeId density) {
    return density != no_node && depends_on(c.function(), density, c.variable(a).node) &&
           depends_on(c.function(), density, c.variable(b).node);
  };
  return holds(c.variable(a).prior) || holds(c.variable(b).prior) ||
         std::ranges::any_of(c.model.factors,
                             [&](const Factor& factor) { return holds(factor.log_density); });
}

bool is_tied(const PlanContext& c, int mean, int spread) {
  const NodeId prior = c.variable(mean).prior;
  return prior != no_node && has_tied_spread(c.model, c.variable(mean)) &&
         depends_on(c.function(), prior, c.variable(spread).node);
}

bool refuse_form(PlanContext& c, const Posterior& q) {
  if (q.form == PosteriorForm::exact || q.form == PosteriorForm::automatic) return false;
  const std::string form = q.form == PosteriorForm::point ? "the posterior `point`"
                                                          : "a posterior that is given as a distribution,";
  c.diagnostics.report({.code = Code::posterior_form_not_compiled,
                        .message = fmt::format("{} of a latent that rows share is not compiled yet", form),
                        .range = q.range,
                        .hint = fmt::format("write `{} = exact`", spelled(c, q))});
  return true;
}

bool refuse_joint(PlanContext& c, const Posterior& q) {
  if (q.form == PosteriorForm::automatic) return false;
  if (q.joins_rows) {
    refuse(c, Code::posterior_not_exact, q,
           fmt::format("{} would join the posteriors of all rows", listed(c, q.variables)),
           "write a factorisation, `q(a, b | y) = q(a | y) * q(b | y)`, and one line for each factor: the "
           "latents of rows, and those that rows share");
    return true;
  }
  for (size_t i = 0; i < q.variables.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const int a = q.variables[j], b = q.variables[i];
      if (!meet(c, a, b) || is_tied(c, a, b) || is_tied(c, b, a)) continue;
      refuse(c, Code::posterior_not_exact, q,
             fmt::format("{} meet in one density, and their joint posterior is of no known family",
                         listed(c, {a, b})),
             "give each a factor of its own, or let a mean's prior have the spread of the rows: `P(m | V) = "
             "Normal(m0, precision_matrix: kappa * V)`");
      return true;
    }
  }
  return false;
}

bool refuse_parted(PlanContext& c) {
  const auto& all = c.model.global_posteriors;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < all.size(); ++j) {
      for (const int a : all[i].variables) {
        for (const int b : all[j].variables) {
          if (i == j || !is_tied(c, a, b)) continue;
          refuse(
              c, Code::exact_not_compiled, all[i],
              fmt::format("the prior of `{}` has the spread `{}`, which has a factor of its own",
                          c.variable(a).name, c.variable(b).name),
              fmt::format("give them one: `q({}, {} | …) = exact`", c.variable(a).name, c.variable(b).name));
          return true;
        }
      }
    }
  }
  return false;
}

}  // namespace

bool plan_globals(PlanContext& c) {
  bool sound = true;
  for (const Variable& v : c.model.variables) {
    const bool left = v.role == Role::latent && v.global;  // a finite one
    const bool parts = std::ranges::any_of(c.model.variables, [&](const Variable& each) {
      return each.posterior_of >= 0 && &c.variable(each.posterior_of) == &v;
    });
    if (!left && (!v.global || parts)) continue;
    const bool has_prior = !left && v.prior != no_node;
    c.diagnostics.report(
        {.code = Code::exact_not_compiled,
         .message = fmt::format("the posterior of `{}` is not compiled yet", v.name),
         .range = has_prior ? v.prior_range : v.range,
         .label = left        ? "finite, and one for the whole model"
                  : has_prior ? fmt::format("no family of posteriors is known for this prior of `{}`", v.name)
                              : "it has no prior",
         .hint = "compiled are Dirichlet, Beta, Gamma, InverseGamma, Wishart and InverseWishart, Normal of "
                 "independent elements, and Normal with the spread of the rows"});
    sound = false;
  }
  if (!sound) return false;
  for (const Posterior& q : c.model.global_posteriors)
    if (refuse_form(c, q) || refuse_joint(c, q)) sound = false;
  if (!sound || refuse_parted(c)) return false;
  if (!c.model.global_posteriors.empty()) c.plan.objective_name = "elbo";
  return true;
}

namespace {

struct GlobalUse {
  PlanContext& c;
  const Variable& v;
  const std::vector<ParameterUse>& uses;

  static const SlotRule* rule(const ParameterUse& use) { return use.parts->rule(use.slot); }
  static std::string_view noun(const ParameterUse& use) {
    return rule(use) ? rule(use)->noun : std::string_view("slot");
  }
  static bool allowed(const ParameterUse& use) { return rule(use) && allows(*rule(use), use.dependence); }
  std::string family() const { return split_density(c.function()[v.prior].attributes.text).family; }

  /// Several densities, or a factor beside it, that its family would allow.
  bool is_possible() const {
    const bool apart = uses.size() > 1 && std::ranges::none_of(uses, [&](const ParameterUse& use) {
                         return &use != &uses.front() && use.parts == uses.front().parts;
                       });
    const bool scaled = uses.size() == 1 && !uses.front().dependence.coefficients.empty();
    const bool gaussian = uses.size() == 1 && rule(uses.front()) &&
                          rule(uses.front())->statistics == Statistics::gaussian && family() == "Normal";
    return std::ranges::all_of(uses, allowed) && (apart || scaled || gaussian);
  }
  SourceRange range() const {
    const ParameterUse& use = uses.size() > 1 ? uses[1] : uses.front();
    return uses.size() > 1 || allowed(use) ? c.slot_range(*use.parts, use.slot)
                                           : place(c, use.dependence, c.slot_range(*use.parts, use.slot));
  }
  std::string obstacle() const {
    const ParameterUse& use = uses.front();
    if (uses.size() > 1)
      return fmt::format("`{}` is in the {} of `{}` and in the {} of `{}`", v.name, noun(use),
                         c.name_of(*use.parts), noun(uses[1]), c.name_of(*uses[1].parts));
    if (!allowed(use)) return reason(c, v.name, rule(use), use.dependence);
    if (is_possible()) return fmt::format("`{}` is multiplied there", v.name);
    return fmt::format("the `{}` prior of `{}` is not conjugate to the {} of `{}` as `{}` stands there",
                       family(), v.name, noun(use), use.parts->family, v.name);
  }
  /// What is fitted in the same density, but for the mean and the spread of a Normal, of which each reads
  /// what it needs of the other, and coefficients of one regression.
  const Variable* coupled(bool regression, const std::function<bool(const Variable&)>& solved) const {
    const ParameterUse& use = uses.front();
    for (const Variable& other : c.model.variables) {
      if (other.role != Role::parameter || other.fixed || other.posterior_of >= 0 || other.name == v.name)
        continue;
      std::vector<ParameterUse> all;
      for (const FactorParts& parts : c.factors) {
        for (size_t slot = 0; slot < parts.slots.size(); ++slot) {
          Dependence d = classify(c.function(), parts.slots[slot],
                                  {.node = other.node, .positive = other.domain != Domain::real});
          if (d.form != Form::constant) all.push_back({&parts, slot, std::move(d)});
        }
      }
      for (const ParameterUse& each : all) {
        if (each.parts != use.parts) continue;
        const bool coefficient = each.slot == 0 && linear_solver(c, other, all) == Solver::least_squares;
        const bool together =
            each.slot == use.slot ? regression && coefficient : coefficient || solved(other);
        if (use.parts->family != "Normal" || !together) return &other;
      }
    }
    return nullptr;
  }
};

}  // namespace

bool has_posterior(Solver solver) {
  constexpr Solver known[] = {Solver::normalised_counts, Solver::ratio,  Solver::odds, Solver::rate,
                              Solver::moments,           Solver::scatter};
  return std::ranges::find(known, solver) != std::end(known);
}

bool global_is_exact(PlanContext& c, const Variable& v, const std::vector<ParameterUse>& uses,
                     const GlobalFacts& facts, const std::function<bool(const Variable&)>& solved) {
  const auto report = [&](Code code, SourceRange range, std::string message, std::string label) {
    c.diagnostics.report(
        {.code = code,
         .message = std::move(message),
         .range = range,
         .label = std::move(label),
         .hint = fmt::format("declare it as `param {}`, with a prior if it needs one", v.name)});
    return false;
  };
  const std::string lacking = fmt::format("the exact posterior of `{}` is not compiled yet", v.name);
  if (uses.empty()) return report(Code::exact_not_compiled, v.range, lacking, "it stands in priors alone");
  const GlobalUse use{c, v, uses};
  const bool sound = (facts.closed || facts.regression) && !c.function()[v.prior].type.has(row_axis) &&
                     facts.tied == facts.alike;
  const Variable* other = sound ? use.coupled(facts.regression, solved) : nullptr;
  if (sound && !other) return true;
  if (other) {
    return report(Code::posterior_not_exact, use.range(),
                  fmt::format("the posterior of `{}` cannot be exact", v.name),
                  fmt::format("`{}` and `{}` meet in one `{}`, where the best of one does not follow from "
                              "expectations of the other",
                              v.name, other->name, uses.front().parts->family));
  }
  if (use.is_possible()) return report(Code::exact_not_compiled, use.range(), lacking, use.obstacle());
  return report(Code::posterior_not_exact, use.range(),
                fmt::format("the posterior of `{}` cannot be exact", v.name), use.obstacle());
}

void make_exact(const PlanContext& c, const Variable& v, Block& block, bool tied) {
  const std::string family = split_density(c.function()[v.prior].attributes.text).family;
  const std::string how = tied ? fmt::format("{} with the spread of the rows, jointly", family)
                               : fmt::format("{}: the prior's parameters and the expected statistics",
                                             family == "Exponential" ? "Gamma" : family);
  block.block_class = BlockClass::exact;
  block.reason = fmt::format("{}; exact{}", how, given_of(c, v));
}

bool plan_shrinkage(PlanContext& c, const Variable& v, const std::vector<ParameterUse>& uses) {
  const auto of = uses.empty() ? shrunk_by(c.model, v) : std::nullopt;
  if (!of || v.fixed) return false;
  const Variable& shrunk = c.variable(*of);
  const DensityText text = split_density(c.function()[shrunk.prior].attributes.text);
  const bool precision = text.slot_names.at(1) == "precision";
  const std::string own =
      v.prior == no_node ? "" : split_density(c.function()[v.prior].attributes.text).family;
  const bool conjugate = precision ? own == "Gamma" || own == "Exponential" : own == "InverseGamma";
  if (v.global ? !conjugate : v.prior != no_node) return false;
  Block block{.name = v.name,
              .solver = Solver::scatter,
              .block_class = BlockClass::closed,
              .reason = fmt::format("{} of the prior of `{}`: its expected squares are sufficient",
                                    text.slot_names.at(1), shrunk.name)};
  if (v.global) make_exact(c, v, block, false);
  c.plan.blocks.push_back(std::move(block));
  return true;
}

std::string given_of(const PlanContext& c, const Variable& v) {
  std::vector<int> others;
  const auto own = static_cast<int>(&v - c.model.variables.data());
  for (size_t i = 0; i < c.model.variables.size(); ++i) {
    const Variable& other = c.model.variables[i];
    const auto at = static_cast<int>(i);
    const bool random = other.global || other.role == Role::latent || c.is_enumerated(other.node);
    const bool joint = is_tied(c, own, at) || is_tied(c, at, own);
    if (at != own && random && !joint && meet(c, own, at)) others.push_back(at);
  }
  return others.empty() ? "" : " given " + listed(c, others);
}

}  // namespace lvm::ir
