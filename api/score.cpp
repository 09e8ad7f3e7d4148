// How probable rows are under a fitted model: exactly where its posterior is, else by draws.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/state.h"
#include "ir/passes/estimators.h"
#include "runtime/estimate.h"
#include "runtime/starts.h"

namespace lvm {
namespace {

constexpr int64_t bound_draws = 10;  // a row, of the bound: enough to say how much it varies

using Start = std::map<std::string, std::vector<double>>;

void fail(Diagnostics& diagnostics, std::string message, std::string hint = {}) {
  diagnostics.report(
      {.code = Code::fit_cannot_answer, .message = std::move(message), .hint = std::move(hint)});
}

void add_weights(Score& to, const runtime::BoundData& data) {
  to.total_weight = data.total_weight;
  if (data.weights != nullptr) to.weights.assign(data.weights, data.weights + data.rows);
}

/// The weighted sum, and by the weighted squares of independent errors the error of it. Rows of weight 0 may
/// hold anything.
double total_of(const Score& score, const std::vector<double>& values, bool errors) {
  double sum = 0;
  for (size_t row = 0; row < values.size(); ++row) {
    const double weight = score.weights.empty() ? 1 : score.weights[row];
    if (weight == 0) continue;
    const double term = weight * values[row];
    sum += errors ? term * term : term;
  }
  return errors ? std::sqrt(sum) : sum;
}

/// Of rows that count.
void check_numbers(const Score& score, Diagnostics& diagnostics) {
  for (size_t row = 0; row < score.values.size(); ++row) {
    if (!std::isnan(score.values[row]) || (!score.weights.empty() && score.weights[row] == 0)) continue;
    return fail(diagnostics, fmt::format("the `{}` of row {} is no number", score.name, row + 1));
  }
}

void score_exactly(Score& to, const BoundModel::State& bound, const Start& start, const ScoreOptions& options,
                   Diagnostics& diagnostics) {
  const CompiledCode& code =
      options.backend == Backend::compiled ? bound.compiled_code() : bound.interpreted_code();
  std::vector<double> values = runtime::default_parameters(code.program);
  runtime::set_parameters(code.program, start, values);
  runtime::RowOutputs outputs =
      runtime::posterior(code.program, code.functions, *bound.lowered.data,
                         runtime::to_parameters(code.program, values), options.threads);
  if (!outputs.failure.empty())
    return fail(diagnostics, "the fitted parameters do not hold on these rows: " + outputs.failure);
  const auto found = outputs.values.find("log_likelihood");
  if (found == outputs.values.end()) return fail(diagnostics, "this model gives no log likelihood of a row");
  to.name = code.program.objective_name;
  to.exact = true;
  to.values = bound.lowered.data->in_table_order(std::move(found->second));
}

void score_by_draws(Score& to, const BoundModel::State& bound, const Start& start,
                    const ScoreOptions& options, Diagnostics& diagnostics) {
  const driver::Lowered& lowered = bound.lowered;
  const bool given = ir::has_given_posterior(*lowered.model);
  const std::vector<ir::Estimated> latents =
      given ? ir::estimators(*lowered.model) : std::vector<ir::Estimated>();
  const bool drawn = std::ranges::any_of(latents, [](const ir::Estimated& e) { return e.states < 0; });
  if (options.importance > 0 && !given)
    return fail(diagnostics, "this model draws no latent: its log likelihood is exact",
                "leave `--importance` out");
  std::optional<CompiledCode> own;
  if (options.importance > 0) {
    const std::optional<ir::Program> program = driver::importance_program(lowered, diagnostics);
    if (!program) return;
    make_code(*program, options.backend, own);
  }
  const CompiledCode& code = own                                    ? *own
                             : options.backend == Backend::compiled ? bound.compiled_code()
                                                                    : bound.interpreted_code();
  const auto pool = std::make_shared<runtime::Pool>(options.threads);
  to.draws = options.importance > 0 ? options.importance : drawn ? bound_draws : 1;
  runtime::Estimates found = runtime::estimate(code.program, runnable(code, pool), *lowered.data, start,
                                               {.draws = to.draws, .seed = options.seed, .pool = pool.get()});
  to.exact = !given;
  to.name = lowered.program->objective_name;
  if (options.importance > 0) {
    to.name = to.name.starts_with("cross_entropy") ? "importance_cross_entropy" : "importance_log_likelihood";
    to.bound = total_of(to, found.mean, false);
    to.bound_error = total_of(to, found.mean_error, true);
    to.values = std::move(found.log_mean);
    to.errors = std::move(found.log_mean_error);
    to.effective = std::move(found.effective);
  } else {
    to.values = std::move(found.mean);
    if (drawn) to.errors = std::move(found.mean_error);
  }
  if (!to.exact) to.error = total_of(to, to.errors, true);
}

}  // namespace

void finish_score(Score& to, Diagnostics& diagnostics) {
  if (!diagnostics.has_errors()) check_numbers(to, diagnostics);
  to.total = total_of(to, to.values, false);
}

Score score(const FittedModel& fitted, const BoundModel& bound, const ScoreOptions& options) {
  return guarded([&] {
    Score to;
    if (!bound.ok()) {
      to.report = bound.report();
      return to;
    }
    Diagnostics diagnostics = bound.state->lowered.diagnostics;
    add_weights(to, *bound.state->lowered.data);
    const Start start = checked_start(*bound.state, fitted.state->content.parameters, diagnostics);
    const bool em = bound.state->lowered.program->method == "em";
    if (options.importance < 0) {
      fail(diagnostics,
           fmt::format("`importance` is {}, and at least one draw is needed", options.importance));
    } else if (em && options.importance > 0) {
      fail(diagnostics, "the log likelihood of a fit by EM is exact: no draws are needed",
           "leave `--importance` out");
    } else if (em) {
      score_exactly(to, *bound.state, start, options, diagnostics);
    } else {
      score_by_draws(to, *bound.state, start, options, diagnostics);
    }
    finish_score(to, diagnostics);
    to.report = Report({std::move(diagnostics), bound.state->model->compiled.source});
    return to;
  });
}

}  // namespace lvm
