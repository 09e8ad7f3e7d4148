#include "ir/passes/plan_smoothing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/families/members.h"
#include "ir/passes/chain_rows.h"

namespace lvm::ir {
namespace {

constexpr int64_t most_states = 32;  // of the state of a chain: elements times the steps that it reaches back

bool holds_steps(const PlanContext& c, const FactorParts& parts, const std::vector<int>& steps) {
  const NodeId density = c.factor(parts).log_density;
  return std::ranges::any_of(
      steps, [&](int step) { return depends_on(c.function(), density, c.variable(step).node); });
}

}  // namespace

std::vector<int> steps_of(const Model& model, const Variable& variable) {
  const auto self = static_cast<int>(&variable - model.variables.data());
  std::vector<int> steps = {self};
  for (const Lag& lag : model.lags)
    if (lag.of == self) steps.push_back(lag.variable);
  return steps;
}

bool refuse_switching(PlanContext& c) {
  if (c.latents.empty()) return false;
  for (size_t i = 0; i < c.model.variables.size(); ++i) {
    const Variable& z = c.model.variables[i];
    const std::vector<int> steps = steps_of(c.model, z);
    if (z.role != Role::latent || z.states >= 0 || steps.size() < 2) continue;
    const FiniteLatent* chooses = nullptr;
    for (const FactorParts& parts : c.factors) {
      for (const FiniteLatent& latent : c.latents) {
        if (!is_lag(c.model, latent.variable) && holds_steps(c, parts, steps) &&
            depends_on(c.function(), c.factor(parts).log_density, c.variable(latent.variable).node))
          chooses = &latent;
      }
    }
    if (!chooses) {
      c.diagnostics.report(
          {.code = Code::not_compiled_yet,
           .message = fmt::format("`{}` beside the chain of `{}` is not compiled yet",
                                  c.variable(c.latents.front().variable).name, z.name),
           .range = c.variable(c.latents.front().variable).range,
           .hint = fmt::format("keep `{}`, or the finite latents, in a model of its own", z.name)});
      return true;
    }
    const Axis& states = c.model.module.axis(chooses->states);
    const std::string axis = states.name.substr(0, states.name.find('.'));
    const std::string sequence = c.model.sequence->name;
    std::string label = fmt::format("one of {}^T Gaussians", axis);
    if (states.size != unknown_size)
      label += fmt::format(", {:.2g} after 20 steps", std::pow(static_cast<double>(states.size), 20));
    c.diagnostics.report(
        {.code = Code::switching_dynamics,
         .message = fmt::format(
             "`{}` chooses among the laws of `{}`, whose posterior is then a mixture over all paths of `{}`",
             c.variable(chooses->variable).name, z.name, c.variable(chooses->variable).name),
         .range = c.variable(chooses->variable).range,
         .label = label,
         .labels = {{z.range, "a chain over `" + sequence + "`"}},
         .hint = fmt::format("let `{}` depend on the data of its step alone, or drop `{}[{}-1]`",
                             c.variable(chooses->variable).name, z.name, sequence)});
    return true;
  }
  return false;
}

std::string smoothing_not_compiled(const PlanContext& c, const Variable& z) {
  const auto self = static_cast<int>(&z - c.model.variables.data());
  const std::vector<int> steps = steps_of(c.model, z);
  int64_t order = 0;
  for (const Lag& lag : c.model.lags)
    if (lag.of == self) order = std::max<int64_t>(order, lag.steps);
  const int64_t size = z.type.axes.size() < 2 ? 1 : c.model.module.axis(z.type.axes.back()).size;
  if (size * order > most_states)
    return fmt::format("a chain whose state has {} elements, more than {},", size * order, most_states);
  for (const FactorParts& parts : c.factors) {
    const Variable& value = c.variable(c.factor(parts).variable.variable);
    if (value.node != z.node) {
      const std::vector<int> earlier(steps.begin() + 1, steps.end());
      if (holds_steps(c, parts, earlier))
        return fmt::format("`{}` given earlier steps of `{}`", value.name, z.name);
      continue;
    }
    const bool matrix =
        matrix_axes(c.model.module, c.function()[parts.slots.at(1)].type, c.function()[parts.value].type)
            .has_value();
    if (matrix && c.depends_on_cells(parts.slots[1]))
      return "a covariance of steps that differs from row to row";
  }
  return "";
}

}  // namespace lvm::ir
