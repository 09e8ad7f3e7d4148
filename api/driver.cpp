#include "api/driver.h"

#include <algorithm>

#include "api/clock.h"
#include "backends/em/lower.h"
#include "backends/gradient/lower.h"
#include "frontend/parse/parse.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/chain_rows.h"
#include "ir/passes/global_posteriors.h"
#include "ir/passes/group_rows.h"
#include "ir/passes/push_expectations.h"
#include "ir/passes/reparameterise.h"

namespace lvm::driver {

namespace {

/// Where some q is given its bound is written; else all latents are integrated out.
ir::Module canonical(const ir::Model& model, const ir::Module& elbo, const ir::Plan& plan) {
  return ir::has_given_posterior(model) ? ir::reparameterise(model, plan)
                                        : ir::push_expectations(model, elbo, plan);
}

}  // namespace

Compiled compile(std::string name, std::string text, const Settings& settings) {
  Clock clock;
  Compiled to;
  to.source = std::make_shared<SourceFile>(std::move(name), std::move(text));
  to.settings = settings;

  to.syntax = parse(*to.source, to.diagnostics);
  if (!to.syntax) return to;
  ir::Model model = analyse(*to.syntax, settings, to.diagnostics);
  if (to.diagnostics.has_errors()) return to;
  to.model = ir::global_posteriors(std::move(model));
  if (to.model->sequence) to.steps = ir::chain_rows(*to.model);
  to.elbo = ir::build_elbo(to.planned());
  to.plan = ir::plan(to.planned(), *to.elbo, to.diagnostics);
  if (to.diagnostics.has_errors()) return to;
  to.canonical = canonical(to.planned(), *to.elbo, *to.plan);

  to.seconds = clock.seconds();
  return to;
}

void lower_sized(Lowered& to) {
  Clock clock;
  Diagnostics again;
  to.elbo = ir::build_elbo(*to.model);
  to.plan = ir::plan(*to.model, *to.elbo, again);
  for (const Diagnostic& diagnostic : again.sorted()) to.diagnostics.report(diagnostic);
  if (again.has_errors()) return;
  to.canonical = canonical(*to.model, *to.elbo, *to.plan);
  to.program = to.plan->method == "gradient" ? gradient::lower_gradient(*to.model, *to.canonical, *to.plan)
                                             : em::lower_em(*to.model, *to.canonical, *to.plan);
  to.seconds = clock.seconds();
}

namespace {

/// `table` is const, or may be used up.
template <typename Table>
Lowered lower_with(const Compiled& compiled, Table&& table, const runtime::BindOptions& options) {
  Lowered to;
  to.diagnostics = compiled.diagnostics;
  if (to.diagnostics.has_errors() || !compiled.model) return to;

  const Clock bind_clock;
  const bool plates = !compiled.model->plates.empty();
  const bool sequence = compiled.model->sequence.has_value();
  runtime::Series series =
      sequence ? runtime::find_series(*compiled.model, table, options, to.diagnostics) : runtime::Series();
  const runtime::Groups groups =
      plates ? runtime::find_groups(*compiled.model, table, to.diagnostics) : runtime::Groups();
  runtime::BoundData data =
      runtime::bind(*compiled.model, std::forward<Table>(table), options, to.diagnostics);
  if (to.diagnostics.has_errors()) return to;
  to.model = *compiled.model;
  runtime::set_sizes(*to.model, data);
  if (plates) {
    data = runtime::grouped(*to.model, data, groups, to.diagnostics);
    to.model = ir::group_rows(*to.model, groups.longest(), groups.ragged());
  }
  if (sequence) {
    to.model = ir::chain_rows(*to.model);
    data = runtime::sequenced(*to.model, data, std::move(series));
  }
  to.bind_seconds = bind_clock.seconds();
  if (to.diagnostics.has_errors()) return to;
  to.data = std::move(data);

  // The axes have their sizes now: the stages after analysis run again.
  lower_sized(to);
  return to;
}

}  // namespace

Lowered lower(const Compiled& compiled, const runtime::Table& table, const runtime::BindOptions& options) {
  return lower_with(compiled, table, options);
}

Lowered lower(const Compiled& compiled, runtime::Table&& table, const runtime::BindOptions& options) {
  return lower_with(compiled, std::move(table), options);
}

Scheduled schedule(const ir::Program& program) {
  Scheduled to{program, {}};
  to.unit = loop::schedule(to.program, jit::host_target());
  return to;
}

ir::Program plain_gradient(const Lowered& lowered) {
  ir::Model model = *lowered.model;
  model.fit.others["optimizer"] = "sgd(rate: 1)";
  model.fit.others["precision"] = "double";
  return gradient::lower_gradient(model, *lowered.canonical, *lowered.plan);
}

std::optional<ir::Program> importance_program(const Lowered& lowered, Diagnostics& diagnostics) {
  ir::Model model = *lowered.model;
  model.fit.others["objective"] = "iwae(k: 1)";
  model.fit.others["batch"] = std::to_string(LVM_TILE_ROWS);
  const ir::Module elbo = ir::build_elbo(model);
  const size_t before = diagnostics.error_count();
  const ir::Plan plan = ir::plan(model, elbo, diagnostics);
  if (diagnostics.error_count() > before) return {};
  return gradient::lower_gradient(model, canonical(model, elbo, plan), plan);
}

std::string explain(const ir::Model& model, const ir::Module& elbo, const ir::Plan& plan,
                    const ir::Program* program) {
  return plan.method == "gradient" ? gradient::explain(model, plan, program) : em::explain(model, elbo, plan);
}

}  // namespace lvm::driver
