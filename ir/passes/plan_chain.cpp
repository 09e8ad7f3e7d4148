// E-step of a model whose finite latents depend on earlier steps: forward-backward over the words of a chain.

#include <fmt/format.h>

#include <algorithm>

#include "ir/passes/chain_rows.h"
#include "ir/passes/finite_chain.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

constexpr int64_t most_pairs = 1 << 16;  // of a state and the letter that it forgets

struct ChainPlan {
  PlanContext& c;
  const FiniteChain& chain;

  std::string names() const {
    std::string text;
    for (const int v : chain.latents) text += (text.empty() ? "`" : ", `") + c.variable(v).name + "`";
    return text;
  }
  const Posterior* posterior() const {
    for (const Posterior& q : c.model.posteriors) {
      if (std::ranges::count(q.variables, chain.latents.front()) > 0) return &q;
    }
    return nullptr;
  }
  bool is_point() const { return posterior() && posterior()->form == PosteriorForm::point; }

  bool refuse(std::string what, SourceRange range, std::string way_out) const {
    c.diagnostics.report({.code = Code::not_compiled_yet,
                          .message = std::move(what) + " is not compiled yet",
                          .range = range,
                          .hint = std::move(way_out)});
    return false;
  }

  std::string sizes(const std::vector<AxisId>& axes) const {
    std::string text;
    for (const AxisId axis : axes) {
      const Axis& each = c.model.module.axis(axis);
      const std::string name =
          each.size == unknown_size ? each.name.substr(0, each.name.find('.')) : std::to_string(each.size);
      text += (text.empty() ? "" : " × ") + name;
    }
    return text;
  }

  bool affordable() const {
    const auto pairs = size_of(c.model.module, chain.pair());
    if (!pairs || *pairs <= most_pairs) return true;
    c.diagnostics.report(
        {.code = Code::too_many_states,
         .message = fmt::format("a step of the chain of {} has {} pairs of states, and at most {} are summed",
                                names(), sizes(chain.pair()), most_pairs),
         .range = c.variable(chain.latents.back()).range,
         .hint = "use fewer states, or depend on fewer earlier steps"});
    return false;
  }

  /// Latents of a step alone are summed out before the chain is walked: no factor may join them to earlier
  /// steps.
  bool local_latents() const {
    for (const FactorParts& parts : c.factors) {
      const std::vector<AxisId> axes = c.enumerated_axes(c.factor(parts).log_density);
      const auto has = [&](const std::vector<AxisId>& some) {
        return std::ranges::any_of(some, [&](AxisId axis) { return std::ranges::count(axes, axis) > 0; });
      };
      if (has(chain.local) && has(chain.before()))
        return refuse("a latent that depends on earlier steps of another one alone", c.factor(parts).range,
                      "let it depend on the same step, or on its own earlier steps");
      if (has(chain.local) && is_point())
        return refuse("`point` of a chain with latents of single steps", c.factor(parts).range,
                      "say `exact`");
      if (has(chain.oldest()) && c.factor(parts).steps.first < chain.order)
        return refuse("a factor of fewer steps than the chain reaches back", c.factor(parts).range,
                      "give the first steps distributions of their own");
    }
    return true;
  }

  bool patterns() const {
    for (const FactorParts& parts : c.factors) {
      const Factor& factor = c.factor(parts);
      const Variable& y = c.variable(factor.variable.variable);
      const auto& density = c.function()[factor.log_density].type;
      const bool vector = std::ranges::any_of(y.type.axes, [&](AxisId axis) { return !density.has(axis); });
      if (y.role == Role::data && y.missing && y.states < 0 && vector && !factor.steps.all())
        return refuse(
            fmt::format("absent cells of the vector `{}` with a distribution of its own for first steps",
                        y.name),
            factor.range, "give all steps one distribution");
    }
    return true;
  }

  void add_blocks() const {
    const bool point = is_point();
    for (const int v : chain.latents) {
      std::string reason = point ? "the most probable path: " : "a chain: ";
      reason += fmt::format("{} states, {} pairs a step", sizes(chain.state()), sizes(chain.pair()));
      if (chain.latents.size() > 1) reason += ", jointly " + names();
      if (c.variable(v).role == Role::data) reason += "; known where it is written";
      c.plan.blocks.push_back({.name = c.variable(v).name,
                               .latent = true,
                               .solver = point ? Solver::best_path : Solver::forward_backward,
                               .block_class = BlockClass::exact,
                               .reason = std::move(reason)});
    }
    for (const FiniteLatent& latent : c.latents) {
      if (std::ranges::count(chain.local, latent.states) == 0) continue;
      c.plan.blocks.push_back({.name = c.variable(latent.variable).name,
                               .latent = true,
                               .solver = Solver::enumerate,
                               .block_class = BlockClass::exact,
                               .reason = "finite, given each state of the chain"});
    }
    if (point) c.plan.objective_name = "complete_log_likelihood";
  }
};

}  // namespace

bool plan_chain(PlanContext& c) {
  const std::optional<FiniteChain> chain = finite_chain(c.model);
  const ChainPlan plan{c, *chain};
  const bool good = plan.affordable() && plan.local_latents() && plan.patterns();
  if (good) plan.add_blocks();
  return good;
}

}  // namespace lvm::ir
