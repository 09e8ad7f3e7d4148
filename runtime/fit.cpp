#include "runtime/fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>

#include "runtime/moment_rows.h"
#include "runtime/run.h"

namespace lvm::runtime {
namespace {}  // namespace

std::vector<FittedParameter> to_parameters(const ir::Program& program, const std::vector<double>& values) {
  std::vector<FittedParameter> out;
  for (const ir::ParameterSlot& slot : program.parameters) {
    if (slot.internal) continue;
    FittedParameter p{slot.name, slot.domain, slot.fixed, slot.axes, {}, {}};
    for (const ir::AxisId axis : slot.axes) p.shape.push_back(program.module.axis(axis).size);
    p.values.assign(values.begin() + slot.offset, values.begin() + slot.offset + slot.size);
    out.push_back(std::move(p));
  }
  return out;
}

namespace {

/// "component 2 has collapsed (3 runs)", most frequent first; the place and the sizes in a message are those
/// of its first run.
std::string failures_text(const std::vector<RunOutcome>& runs) {
  constexpr size_t most = 3;
  std::vector<std::pair<std::string, int64_t>> reasons;
  for (const RunOutcome& run : runs) {
    if (run.stop != Stop::failed) continue;
    const auto known =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == run.message; });
    if (known == reasons.end()) {
      reasons.emplace_back(run.message, 1);
    } else {
      ++known->second;
    }
  }
  std::sort(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(most, reasons.size()); ++i) {
    const auto& [text, count] = reasons[i];
    out.push_back(count == 1 ? text : fmt::format("{} ({} runs)", text, count));
  }
  if (reasons.size() > most) out.push_back(fmt::format("and {} more reasons", reasons.size() - most));
  return fmt::format("{}", fmt::join(out, "; "));
}

void report_failures(const Fitted& fitted, Diagnostics& diagnostics) {
  const auto failed = std::count_if(fitted.runs.begin(), fitted.runs.end(),
                                    [](const auto& r) { return r.stop == Stop::failed; });
  if (failed == 0) return;
  const auto all = static_cast<int64_t>(fitted.runs.size());
  if (failed < all) {
    diagnostics.report(
        {Code::runs_failed, fmt::format("{} of {} runs ended early and {} not chosen: {}", failed, all,
                                        failed == 1 ? "was" : "were", failures_text(fitted.runs))});
  } else if (all == 1) {
    const RunOutcome& run = fitted.runs.front();
    diagnostics.report(
        {Code::every_run_failed, fmt::format("the run ended after {} iteration{}: {}", run.iterations,
                                             run.iterations == 1 ? "" : "s", run.message)});
  } else {
    diagnostics.report({Code::every_run_failed,
                        fmt::format("all {} runs ended early: {}", all, failures_text(fitted.runs))});
  }
}

void report_not_converged(const Fitted& fitted, double remaining, const FitOptions& options,
                          Diagnostics& diagnostics) {
  std::string_view what;
  switch (fitted.stop) {
    case Stop::converged:
    case Stop::epochs:
    case Stop::patience:
    case Stop::failed: return;
    case Stop::iterations:
      if (options.tolerance == 0) return;  // so many iterations were asked for
      what = "ended";
      break;
    case Stop::time_limit: what = "was ended by the time limit"; break;
    case Stop::stopped: what = "was stopped"; break;
  }
  Diagnostic d{Code::not_converged, fmt::format("the fit {} after {} iteration{}, before it converged", what,
                                                fitted.iterations, fitted.iterations == 1 ? "" : "s")};
  if (std::isfinite(remaining))
    d.message += fmt::format("; about {:.2g} nats remain to be gained", remaining);
  if (fitted.stop == Stop::iterations)
    d.hint = fmt::format("`--iterations {}`", std::max<int64_t>(fitted.iterations * 10, 1000));
  diagnostics.report(std::move(d));
}

/// Runs that would all be the same are made once.
int64_t useful_restarts(const ir::Program& program, const FitOptions& options) {
  const bool scores = std::ranges::any_of(program.start_values, &ir::StartValues::scores);
  if (!options.initial.empty() || (program.starts.empty() && !scores)) return 1;
  return std::max<int64_t>(options.restarts, 1);
}

/// Records how a run ended, and takes its parameters if it is the best so far.
bool take(Fitted& fitted, const ir::Program& program, RunResult& run) {
  const RunOutcome& outcome = run.outcome;
  const bool better = outcome.stop != Stop::failed && (!fitted.ok || outcome.objective > fitted.objective);
  fitted.runs.push_back(outcome);
  if (!better) return false;
  fitted.ok = true;
  fitted.best = static_cast<int64_t>(fitted.runs.size()) - 1;
  fitted.objective = outcome.objective;
  fitted.log_prior = run.log_prior;
  fitted.stop = outcome.stop;
  fitted.converged = outcome.stop == Stop::converged;
  fitted.iterations = outcome.iterations;
  fitted.parameters = to_parameters(program, run.parameters);
  fitted.trace = std::move(run.trace);
  return true;
}

/// The runs side by side, each on a thread of its own; one run, or one thread, has all threads to itself.
/// What a run finds depends on its number alone. A run is none where an interruption came before it.
std::vector<std::optional<RunResult>> all_runs(const ir::Program& program, const ir::Executable& functions,
                                               const BoundData& table, const FitOptions& options,
                                               const Clock& clock, FunctionTimes& times) {
  std::optional<MomentRows> moments;
  if (program.second_order) {
    Pool all(options.threads);
    moments = moment_rows(program, table, all);
  }
  const BoundData& data = moments ? moments->data : table;
  const int64_t restarts = useful_restarts(program, options);
  Pool pool(restarts > 1 ? options.threads : 1);
  const bool beside = pool.threads() > 1;
  std::atomic<bool> interrupted = false;
  std::mutex reporting;
  FitOptions own = options;
  if (options.progress && beside) {
    own.progress = [&](const Progress& progress) {
      const std::scoped_lock lock(reporting);
      if (!interrupted && !options.progress(progress)) interrupted = true;
      return !interrupted;  // who has said stop is not asked again
    };
  }
  std::vector<std::unique_ptr<Walker>> walkers(static_cast<size_t>(pool.threads()));
  std::vector<std::optional<RunResult>> runs(static_cast<size_t>(restarts));
  pool.run(restarts, [&](int64_t restart, int worker) {
    if (interrupted) return;
    std::unique_ptr<Walker>& walker = walkers[static_cast<size_t>(worker)];
    if (!walker)
      walker = std::make_unique<Walker>(program, functions, data, beside ? 1 : options.threads,
                                        moments ? moments->scale : 1);
    std::optional<RunResult>& run = runs[static_cast<size_t>(restart)];
    run = Run(program, data, own, *walker, clock, restart).go();
    if (run->interrupted) interrupted = true;
  });
  for (const std::unique_ptr<Walker>& walker : walkers) {
    if (walker) add(times, walker->times());
  }
  return runs;
}

void add_information(Fitted& fitted, const ir::Program& program) {
  for (const ir::ParameterSlot& slot : program.parameters) {
    if (!slot.fixed) fitted.free_parameters += slot.free_dimensions;
  }
  const auto k = static_cast<double>(fitted.free_parameters);
  const double log_likelihood = fitted.objective - fitted.log_prior.value_or(0);
  fitted.aic = 2 * k - 2 * log_likelihood;
  fitted.bic = k * std::log(fitted.total_weight) - 2 * log_likelihood;
  if (program.objective_name == "elbo")
    fitted.aic = fitted.bic = std::numeric_limits<double>::quiet_NaN();  // a bound
  if (program.objective_name != "complete_log_likelihood") return;
  // ICL is BIC with the complete log likelihood; AIC and BIC need that of the data, which was not climbed.
  fitted.icl = fitted.bic;
  fitted.aic = fitted.bic = std::numeric_limits<double>::quiet_NaN();
}

/// A row of weight 3 is three rows; weights that only say how much to trust rows may all be small.
double counted_rows(const BoundData& data) {
  int64_t rows = 0;
  for (int64_t i = 0; i < data.rows; ++i) rows += data.counts(i) ? 1 : 0;
  return std::max(data.total_weight, static_cast<double>(rows));
}

}  // namespace

std::vector<double> to_program_layout(const ir::Program& program,
                                      const std::vector<FittedParameter>& parameters) {
  std::vector<double> out(static_cast<size_t>(program.parameter_doubles()), 0);
  for (const ir::ParameterSlot& slot : program.parameters) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& p) { return p.name == slot.name; });
    if (found == parameters.end() || static_cast<int64_t>(found->values.size()) != slot.size) {
      throw ir::InternalError("the values of parameter `" + slot.name + "` do not fit the program");
    }
    std::copy(found->values.begin(), found->values.end(), out.begin() + slot.offset);
  }
  return out;
}

std::string_view name(Stop stop) {
  switch (stop) {
    case Stop::converged: return "converged";
    case Stop::iterations: return "iterations";
    case Stop::epochs: return "epochs";
    case Stop::patience: return "patience";
    case Stop::time_limit: return "time limit";
    case Stop::stopped: return "stopped";
    case Stop::failed: return "failed";
  }
  return "";
}

const FittedParameter* Fitted::find(const std::string& name) const {
  for (const FittedParameter& p : parameters) {
    if (p.name == name) return &p;
  }
  return nullptr;
}

Fitted fit(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
           const FitOptions& options, Diagnostics& diagnostics) {
  Fitted fitted;
  fitted.objective_name = program.objective_name;
  fitted.rows = data.rows;
  fitted.total_weight = data.observations > 0 ? data.observations : data.total_weight;
  fitted.seed = options.seed;
  const auto most = std::max_element(program.starts.begin(), program.starts.end(),
                                     [](const auto& a, const auto& b) { return a.states < b.states; });
  const double counted = counted_rows(data);
  if (most != program.starts.end() && counted < static_cast<double>(most->states)) {
    diagnostics.report(
        {Code::too_few_rows,
         fmt::format("the table has {} row{}{}, and `{}` has {} states", counted, counted == 1 ? "" : "s",
                     data.weights ? " by weight" : "", most->latent, most->states)});
    return fitted;
  }
  const Clock clock;
  double remaining = std::numeric_limits<double>::quiet_NaN();
  for (std::optional<RunResult>& run : all_runs(program, functions, data, options, clock, fitted.times)) {
    if (run && take(fitted, program, *run)) remaining = run->remaining;
  }
  fitted.seconds = clock.seconds();
  report_failures(fitted, diagnostics);
  if (!fitted.ok) return fitted;
  add_information(fitted, program);
  report_not_converged(fitted, remaining, options, diagnostics);
  return fitted;
}

Evaluation evaluate(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                    const std::vector<FittedParameter>& parameters, int threads) {
  Walker walker(program, functions, data, threads);
  const std::vector<double> values = to_program_layout(program, parameters);
  Evaluation out;
  out.failure = walker.prepare(values);
  if (out.failure.empty()) out.failure = walker.rows("rows", values);
  if (out.failure.empty()) out.objective = walker.objective();
  return out;
}

RowOutputs posterior(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                     const std::vector<FittedParameter>& parameters, int threads) {
  Walker walker(program, functions, data, threads);
  const std::vector<double> values = to_program_layout(program, parameters);
  RowOutputs out;
  out.failure = walker.prepare(values);
  const std::string function = walker.has("posterior") ? "posterior" : "rows";
  if (out.failure.empty()) out.failure = walker.row_outputs(function, values, out.values);
  return out;
}

RowOutputs best_path(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                     const std::vector<FittedParameter>& parameters, int threads) {
  Walker walker(program, functions, data, threads);
  const std::vector<double> values = to_program_layout(program, parameters);
  RowOutputs out;
  std::vector<int64_t> letters;
  out.failure = walker.prepare(values);
  if (out.failure.empty()) out.failure = walker.best_path(values, letters);
  int64_t inner = 1;
  for (size_t i = program.chain->latents.size(); i-- > 0; inner *= program.chain->values[i]) {
    std::vector<double>& path = out.values[program.chain->latents[i]];
    for (const int64_t letter : letters)
      path.push_back(static_cast<double>(letter / inner % program.chain->values[i]));
  }
  return out;
}

std::vector<double> permute(const std::vector<double>& values, const std::vector<ir::AxisId>& from,
                            const std::vector<ir::AxisId>& to, const ir::Module& module) {
  std::vector<int64_t> step(to.size(), 1);  // in `from` layout, of each axis of `to`
  for (size_t i = 0; i < to.size(); ++i) {
    const auto at = std::find(from.begin(), from.end(), to[i]);
    if (at == from.end() || from.size() != to.size())
      throw ir::InternalError("permute: the axes are not the same");
    for (auto behind = at + 1; behind != from.end(); ++behind) step[i] *= module.axis(*behind).size;
  }
  std::vector<double> out(values.size());
  for (size_t index = 0; index < out.size(); ++index) {
    auto rest = static_cast<int64_t>(index);
    int64_t source = 0;
    for (size_t i = to.size(); i-- > 0;) {
      source += rest % module.axis(to[i]).size * step[i];
      rest /= module.axis(to[i]).size;
    }
    out[index] = values[static_cast<size_t>(source)];
  }
  return out;
}

}  // namespace lvm::runtime
