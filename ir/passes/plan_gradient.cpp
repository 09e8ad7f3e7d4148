// The gradient route: every latent is drawn from the q that the user gives, or enumerated where all are finite, and every free
// parameter takes the steps of the optimiser.

#include <fmt/format.h>

#include <algorithm>

#include "ir/families/family.h"
#include "ir/model/gradient_settings.h"
#include "ir/passes/plan_context.h"
#include "ir/passes/reparameterise.h"

namespace lvm::ir {
namespace {

void refuse(PlanContext& c, Code code, SourceRange range, std::string message, std::string hint) {
  c.diagnostics.report({.code = code, .message = std::move(message), .range = range, .hint = std::move(hint)});
}

std::string name_of(const PlanContext& c, int index) { return c.variable(index).name; }

/// The closed part of the bound: of which factor the expectation needs no draw.
std::string divergence_text(const PlanContext& c, int index) {
  for (const Factor& factor : c.model.factors) {
    if (factor.variable.variable != index) continue;
    const bool importance = gradient_settings(c.model.fit).importance;
    return !importance && has_closed_expectation(c.model, factor) ? "its divergence from P in closed form" : "its divergence from P by the same draws";
  }
  return "";
}

/// What the bound is of where a draw stands in for a value that has no derivative.
std::string relaxed_text(std::string_view family) {
  return family == "GumbelSoftmax" ? "; the bound is that of the relaxed model, whose draws are points inside a simplex and no categories" : "";
}

std::string drawn_families(const Variable& z) {
  if (z.domain == Domain::simplex) return "`Dirichlet` and `GumbelSoftmax` have";
  if (z.type.element == Element::unit) return "`Beta` has";
  return z.type.element == Element::positive ? "`LogNormal`, `Gamma` and `Exponential` have" : "`Normal`, `Laplace` and `Logistic` have";
}

void plan_draws(PlanContext& c, const Posterior& q) {
  const int index = q.variables.front();
  const Variable& z = c.variable(index);
  const DensityText text = split_density(c.function()[q.log_density].attributes.text);
  const Family* family = find_family(c.function()[q.log_density].attributes.text);
  if (!family || !family->draw) {
    std::string slots;
    for (const std::string& slot : text.slot_names) slots += (slots.empty() ? "" : ", ") + slot;
    refuse(c, Code::posterior_form_not_compiled, q.range,
           fmt::format("`{}({})` as a posterior is not compiled yet: it has no draws that can be differentiated", text.family, slots),
           drawn_families(z));
    return;
  }
  c.plan.blocks.push_back({.name = z.name,
                           .latent = true,
                           .solver = Solver::reparameterised,
                           .block_class = BlockClass::gradient,
                           .reason = fmt::format("draws from `{}`; {}{}", text.family, divergence_text(c, index), relaxed_text(text.family))});
}

bool plan_latents(PlanContext& c) {
  const bool drawn = std::ranges::any_of(c.model.posteriors, [](const Posterior& q) { return q.form == PosteriorForm::distribution; });
  if (!drawn) {
    const size_t before = c.diagnostics.error_count();
    plan_posteriors(c);  // finite latents, enumerated
    return c.diagnostics.error_count() == before;
  }
  for (const Posterior& q : c.model.posteriors) {
    if (q.form == PosteriorForm::distribution) {
      plan_draws(c, q);
      continue;
    }
    for (const int index : q.variables)
      refuse(c, Code::posterior_form_not_compiled, q.range,
             fmt::format("the posterior of `{}` beside one that is given as a distribution is not compiled yet", name_of(c, index)),
             fmt::format("write `q({} | …) = Normal(…)`", name_of(c, index)));
  }
  c.plan.objective_name = gradient_settings(c.model.fit).importance ? "importance_bound" : "elbo";
  return true;
}

void plan_parameter(PlanContext& c, const Variable& v) {
  if (v.follows != no_node) {
    c.plan.blocks.push_back({.name = v.name, .solver = Solver::gradient, .block_class = BlockClass::gradient, .reason = "follows the batches"});
    return;
  }
  if (v.fixed) {
    c.plan.blocks.push_back({.name = v.name, .solver = Solver::held, .block_class = BlockClass::fixed, .reason = "held at the value given"});
    return;
  }
  const bool coordinates = v.domain == Domain::real || v.domain == Domain::positive || v.domain == Domain::unit || v.domain == Domain::simplex;
  if (!coordinates || !v.mask.empty()) {
    refuse(c, Code::update_not_compiled, v.range,
           coordinates ? fmt::format("a mask on `{}` is not compiled yet in the method `gradient`", v.name)
                       : fmt::format("a `{}` parameter is not compiled yet in the method `gradient`", name(v.domain)),
           "`real`, `positive`, `unit` and `simplex` parameters are");
    return;
  }
  static constexpr std::string_view ways[] = {"", ", in its logarithm", ", in its log-odds", ", as a softmax"};
  c.plan.blocks.push_back({.name = v.name,
                           .solver = Solver::gradient,
                           .block_class = BlockClass::gradient,
                           .reason = fmt::format("{}{}", gradient_settings(c.model.fit).optimiser.row->name, ways[static_cast<size_t>(v.domain)])});
}

/// Absent cells: integrating them out needs their own posterior.
void refuse_absent(PlanContext& c) {
  for (const Variable& v : c.model.variables) {
    if (!v.missing) continue;
    refuse(c, Code::not_compiled_yet, v.range, fmt::format("`{}` with absent cells is not compiled yet in the method `gradient`", v.name),
           "drop `missing`, and leave out rows with absent cells");
  }
}

/// Moments of a batch are those of rows that stand in one tile, each with one value.
void refuse_running(PlanContext& c) {
  const auto running = std::ranges::find_if(c.model.variables, [](const Variable& v) { return v.follows != no_node; });
  if (running == c.model.variables.end()) return;
  const bool drawn = std::ranges::any_of(c.model.posteriors, [](const Posterior& q) { return q.form == PosteriorForm::distribution; });
  if (!drawn) {
    refuse(c, Code::not_compiled_yet, running->range, "`batch_norm` is not compiled yet in a model that draws no latent",
           "`layer_norm` needs no batch");
    return;
  }
  const int64_t batch = gradient_settings(c.model.fit).batch;
  if (batch <= LVM_TILE_ROWS) return;
  refuse(c, Code::not_compiled_yet, running->range, fmt::format("`batch_norm` over batches of {} rows is not compiled yet", batch),
         fmt::format("set `batch` to {} or less", LVM_TILE_ROWS));
}

}  // namespace

bool climbs_by_gradients(const Model& model) {
  return model.fit.method == "gradient" ||
         std::ranges::any_of(model.posteriors, [](const Posterior& q) { return q.form == PosteriorForm::distribution; });
}

void plan_gradients(PlanContext& c) {
  c.plan.method = "gradient";
  if (c.model.fit.method == "em") {
    const auto range = c.model.fit.ranges.find("method");
    refuse(c, Code::posterior_form_not_compiled, range == c.model.fit.ranges.end() ? c.model.posteriors.front().range : range->second,
           "EM needs exact posteriors, and here `q` is given as a distribution", "leave `method` out: this model is climbed by gradients");
    return;
  }
  refuse_absent(c);
  refuse_running(c);
  if (!plan_latents(c)) return;
  for (const bool running : {false, true}) {
    for (const Variable& v : c.model.variables) {
      if (v.role == Role::parameter && running == (v.follows != no_node)) plan_parameter(c, v);
    }
  }
}

}  // namespace lvm::ir
