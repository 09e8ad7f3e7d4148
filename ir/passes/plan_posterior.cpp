// E-step: how the posterior of each latent is found. Finite latents are enumerated; what becomes of a
// continuous one is said in plan_continuous.cpp.

#include <fmt/format.h>

#include <algorithm>

#include "ir/passes/chain_rows.h"
#include "ir/passes/finite_chain.h"
#include "ir/passes/plan_context.h"
#include "ir/passes/plan_smoothing.h"

namespace lvm::ir {

/// "q(z | y)", as it is written: without the earlier steps of a sequence.
std::string spelled(const PlanContext& c, const Posterior& posterior) {
  std::string left, right;
  for (const int variable : posterior.variables)
    if (std::ranges::find(c.model.lags, variable, &Lag::variable) == c.model.lags.end())
      left += (left.empty() ? "" : ", ") + c.variable(variable).name;
  for (const VariableUse& parent : posterior.parents)
    right += (right.empty() ? "" : ", ") + c.variable(parent.variable).name;
  return right.empty() ? fmt::format("q({})", left) : fmt::format("q({} | {})", left, right);
}

namespace {

bool refuse_form(PlanContext& c, const Posterior& q) {
  std::string what;
  // Latents that rows share are parameters by now: what is left may be one factor.
  if (q.factored && c.model.posteriors.size() > 1) what = "a posterior of each row that is factorised";
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
  c.diagnostics.report(
      {.code = Code::latents_not_compiled,
       .message = "several latent variables in each row are compiled where all but one are finite",
       .range = c.variable(latents.back()).range,
       .label = "another latent",
       .labels = labels,
       .hint = "declare them as `category` or `bool`, make one vector of them, or keep one"});
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
        const std::string given = c.model.global_posteriors.empty() ? "" : given_of(c, variable(latents[i]));
        if (!given.empty()) reason += "; exact" + given;
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
    auto blocks = joint_blocks(c.model, latents);
    if (const auto chain = finite_chain(c.model)) {
      if (!axes_are_free() || !one_form() || !plan_chain(c)) return false;
      const std::vector<AxisId> pair = chain->pair();
      std::erase_if(blocks, [&](const std::vector<size_t>& block) {
        return std::ranges::any_of(block, [&](size_t i) {
          return std::ranges::count(pair, latents[i].states) +
                     std::ranges::count(chain->local, latents[i].states) >
                 0;
        });
      });
      if (!std::ranges::all_of(blocks, [&](const auto& b) { return affordable(b); })) return false;
      if (!blocks.empty()) add_blocks(blocks);
      return true;
    }
    const bool fit = axes_are_free() && one_form() &&
                     std::all_of(blocks.begin(), blocks.end(), [&](const auto& b) { return affordable(b); });
    if (fit && !latents.empty()) add_blocks(blocks);
    return fit;
  }
};

bool is_finite(const Variable& z) {
  return z.type.element == Element::category || z.type.element == Element::boolean;
}

void refuse_enumeration(PlanContext& c, const Posterior& q, const Variable& z) {
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
  // One continuous latent, whose law the finite ones may choose.
  const auto continuous = [&](int variable) {
    return c.variable(variable).states < 0 && !is_lag(c.model, variable);
  };
  if (refuse_switching(c)) {
    for (const Posterior& q : c.model.posteriors) abandon_factors(c, q);
    return;
  }
  const Enumerating finite{c, c.latents};
  const bool one_block = joint_blocks(c.model, c.latents).size() <= 1;
  const bool points =
      std::ranges::any_of(c.latents, [&](const FiniteLatent& latent) { return finite.is_point(latent); });
  if (std::ranges::count_if(latents, continuous) > 1 || !one_block || points) {
    refuse_several(c, latents);
    for (const Posterior& q : c.model.posteriors) abandon_factors(c, q);
    return;
  }
  if (!finite.plan()) {
    for (const Posterior& q : c.model.posteriors) abandon_factors(c, q);
    return;
  }
  for (const Posterior& q : c.model.posteriors) {
    for (const int variable : q.variables) {
      const Variable& z = c.variable(variable);
      if (z.role != Role::latent || z.states >= 0 || is_lag(c.model, variable)) continue;
      is_finite(z) ? refuse_enumeration(c, q, z) : plan_continuous(c, q, z);
    }
  }
}

}  // namespace lvm::ir
