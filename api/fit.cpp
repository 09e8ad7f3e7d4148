// fit and what it returns, in the words and the order that the user declared.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "api/checkpoint.h"
#include "api/clock.h"
#include "api/state.h"
#include "runtime/bfloat16.h"
#include "runtime/entropy.h"
#include "runtime/standard_errors.h"
#include "runtime/train.h"

namespace lvm {
namespace {

SourceRange setting_range(const ir::FitSettings& settings, const std::string& name) {
  const auto found = settings.ranges.find(name);
  return found == settings.ranges.end() ? SourceRange{} : found->second;
}

void check_method(const FitOptions& options, const ir::FitSettings& settings, const std::string& compiled,
                  Diagnostics& diagnostics) {
  const std::string method = options.method.value_or(settings.method);
  if (method == "auto" || method == compiled) return;
  const SourceRange range = options.method ? SourceRange{} : setting_range(settings, "method");
  if (method == "gradient" || method == "em") {
    diagnostics.report({.code = Code::method_is_compiled,
                        .message = fmt::format("this model was compiled for the method `{}`, not for `{}`",
                                               compiled, method),
                        .range = range,
                        .hint = fmt::format("compile it with the setting `fit.method={}`", method)});
    return;
  }
  const std::optional<std::string> near = did_you_mean(method, {"auto", "em", "gradient"});
  diagnostics.report({.code = Code::method_unknown,
                      .message = fmt::format("there is no method `{}`", method),
                      .range = range,
                      .hint = near ? fmt::format("did you mean `{}`?", *near) : ""});
}

/// What cannot be trained as the model says is refused. The interpreter is the oracle: it computes everything
/// in double.
void check_precision(const driver::Lowered& lowered, Backend backend, Diagnostics& diagnostics) {
  if (!lowered.program->batched || backend == Backend::interpreter ||
      !ir::gradient_settings(lowered.model->fit).narrow)
    return;
  const auto refuse = [&](const char* message, const char* hint) {
    diagnostics.report({.code = Code::precision_unavailable,
                        .message = message,
                        .range = setting_range(lowered.model->fit, "precision"),
                        .hint = hint});
  };
  if (!lowered.program->single)
    return refuse(
        "`precision` is `bf16`, and the model has decompositions of matrices, which are computed in double",
        "take `precision = double`");
  if (!runtime::has_bfloat16())
    refuse(
        "`precision` is `bf16`, and this processor has no products of bfloat16 numbers, or lvm was built "
        "without oneDNN",
        "take `precision = single`");
}

/// The options over the model's own settings.
runtime::FitOptions merged(const FitOptions& options, const ir::FitSettings& settings,
                           const std::string& method, Diagnostics& diagnostics) {
  runtime::FitOptions to;
  to.iterations = options.iterations.value_or(settings.iterations);
  to.tolerance = options.tolerance.value_or(settings.tolerance);
  to.restarts = options.restarts.value_or(settings.restarts);
  to.accelerate = options.accelerate.value_or(settings.accelerate);
  to.seed = options.seed.value_or(settings.seed);
  to.threads = options.threads;
  check_method(options, settings, method, diagnostics);
  const auto check = [&](bool holds, const char* name, const std::string& value, bool from_options) {
    if (holds) return;
    diagnostics.report({.code = Code::fit_setting_range,
                        .message = fmt::format("`{}` is {}", name, value),
                        .range = from_options ? SourceRange{} : setting_range(settings, name)});
  };
  check(to.iterations >= 0, "iterations", fmt::format("{}", to.iterations), options.iterations.has_value());
  check(to.restarts >= 1, "restarts", fmt::format("{}", to.restarts), options.restarts.has_value());
  check(to.tolerance >= 0, "tolerance", fmt::format("{}", to.tolerance), options.tolerance.has_value());
  check(to.threads >= 0, "threads", fmt::format("{}", to.threads), true);
  return to;
}

runtime::FitOptions with_progress(runtime::FitOptions to, const FitOptions& options) {
  if (!options.progress) return to;
  to.progress = [&call = options.progress, restarts = to.restarts](const runtime::Progress& progress) {
    return call({progress.restart + 1, restarts, progress.iteration, progress.objective, progress.gain,
                 progress.remaining, progress.seconds});
  };
  return to;
}

std::vector<std::string> numbered(int64_t size) {
  std::vector<std::string> names;
  for (int64_t i = 1; i <= size; ++i) names.push_back(std::to_string(i));
  return names;
}

/// `written`: the model with the axes that its text has.
Parameter to_parameter(const driver::Lowered& lowered, const ir::Model& written,
                       const runtime::FittedParameter& fitted) {
  const ir::Variable& variable =
      lowered.model->variables[static_cast<size_t>(*lowered.model->find(fitted.name))];
  const ir::Variable& declared = written.variables[static_cast<size_t>(*written.find(fitted.name))];
  const ir::Module& module = lowered.program->module;
  Parameter to;
  to.name = fitted.name;
  to.domain = ir::name(fitted.domain);
  to.fixed = fitted.fixed;
  to.values = runtime::permute(fitted.values, fitted.axes, variable.declared_axes, module);
  for (const ir::AxisId& axis : variable.declared_axes) {
    to.shape.push_back(module.axis(axis).size);
    const auto at = static_cast<size_t>(&axis - variable.declared_axes.data());
    to.axes.push_back(written.module.axis(declared.declared_axes[at]).name);
  }
  to.labels = axis_labels(lowered, declared);
  return to;
}

/// By the method of the Program.
runtime::Fitted climb(const CompiledCode& code, const driver::Lowered& lowered, runtime::FitOptions options,
                      const FitOptions& asked, Diagnostics& diagnostics) {
  const auto refuse = [&](std::string fault, std::string hint) {
    diagnostics.report(
        {.code = Code::checkpoint_refused, .message = std::move(fault), .hint = std::move(hint)});
    return runtime::Fitted{};
  };
  if (!code.program.batched) {
    if (!asked.checkpoint.empty())
      return refuse("a fit by EM keeps no checkpoints", "start from its parameters: `--init`");
    return runtime::fit(code.program, code.functions, *lowered.data, options, diagnostics);
  }
  runtime::TrainOptions training{ir::gradient_settings(lowered.model->fit), std::move(options)};
  std::string fault;
  if (!asked.checkpoint.empty()) {
    const uint64_t identity = checkpoint::identity(lowered, training.fit.seed);
    if (asked.resume) {
      training.from = checkpoint::read(asked.checkpoint, identity,
                                       static_cast<size_t>(code.program.parameter_doubles()), fault);
      if (!training.from) return refuse(std::move(fault), "leave `--resume` out to begin anew");
    }
    training.keep = [&fault, &path = asked.checkpoint, identity](const runtime::TrainState& state) {
      fault = checkpoint::write(path, identity, state);
      return fault.empty();
    };
  }
  training.pool = std::make_shared<runtime::Pool>(training.fit.threads);
  if (const auto optimise = code.staged.find("optimise"); optimise != code.staged.end())
    training.in_place = optimise->second.in_place;
  const ir::Executable functions = runnable(code, training.pool);
  runtime::Fitted fitted = runtime::train(code.program, functions, *lowered.data, training, diagnostics);
  if (!fault.empty()) (void)refuse(std::move(fault), "");
  return fitted;
}

void describe(Fit& fit, const driver::Lowered& lowered, const ir::Model& written,
              const runtime::Fitted& fitted) {
  fit.objective_name = fitted.objective_name;
  // The bound of a model with latents that rows share has their divergence from the prior in it.
  if (fitted.objective_name != "elbo" || lowered.program->batched) fit.log_prior = fitted.log_prior;
  fit.objective = fitted.objective - fit.log_prior.value_or(0);
  fit.converged = fitted.converged;
  fit.stopped = fitted.stop == runtime::Stop::stopped;
  fit.stop = runtime::name(fitted.stop);
  fit.iterations = fitted.iterations;
  fit.rows = fitted.rows;
  fit.total_weight = fitted.total_weight;
  fit.plate = lowered.data->plate;
  fit.group_names = lowered.data->group_names;
  fit.held_out = fitted.held_out;
  fit.held_out_rows = fitted.held_out_rows;
  fit.free_parameters = fitted.free_parameters;
  fit.seed = fitted.seed;
  fit.aic = fitted.aic;
  fit.bic = fitted.bic;
  fit.best = static_cast<size_t>(fitted.best);
  for (const runtime::RunOutcome& run : fitted.runs) {
    fit.runs.push_back({run.restart + 1, std::string(runtime::name(run.stop)), run.message, run.iterations,
                        run.objective, run.leaps_tried, run.leaps_taken, run.begin, run.seconds});
  }
  for (const runtime::FittedParameter& parameter : fitted.parameters) {
    fit.parameters.push_back(to_parameter(lowered, written, parameter));
  }
  for (const runtime::TraceEntry& entry : fitted.trace) {
    fit.trace.push_back(entry.objective);
    fit.trace_seconds.push_back(entry.seconds);
    if (std::isfinite(entry.reconstruction)) {
      fit.trace_reconstruction.push_back(entry.reconstruction);
      fit.trace_divergence.push_back(entry.divergence);
    }
    if (std::isfinite(entry.held_out)) fit.trace_held_out.push_back(entry.held_out);
  }
  fit.plan = plan_blocks(*lowered.plan);
}

/// What the fit says of its own time.
void add_fit_times(Profile& profile, const Fit& fit, const runtime::FunctionTimes& times) {
  std::vector<std::string> names = {"start",   "begin",  "prepare",
                                    "pattern", "rows",   ir::origin_rows_function,
                                    "impute",  "reduce", ir::recentre_function,
                                    "update"};
  for (const auto& [name, time] : times) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names) {
    const auto found = times.find(name);
    if (found == times.end()) continue;
    const runtime::FunctionTime& time = found->second;
    profile.functions.push_back({name, time.calls, time.rows, time.seconds});
  }
  if (fit.trace_seconds.empty()) return;
  profile.start = std::max(0.0, fit.trace_seconds.front() - fit.runs[fit.best].begin);
  const double climbed = fit.trace_seconds.back() - fit.trace_seconds.front();
  if (fit.trace_seconds.size() > 1)
    profile.iteration = climbed / static_cast<double>(fit.trace_seconds.size() - 1);
}

double icl(const Fit& fit, const CompiledCode& code, const runtime::BoundData& data,
           const runtime::Fitted& fitted, int threads) {
  if (fitted.icl) return *fitted.icl;
  const std::optional<double> entropy =
      runtime::posterior_entropy(code.program, code.functions, data, fitted.parameters, threads);
  return entropy ? fit.bic + 2 * *entropy : std::numeric_limits<double>::quiet_NaN();
}

void add_standard_errors(Fit& fit, const driver::Lowered& lowered, const CompiledCode& code,
                         const runtime::Fitted& fitted, int threads, Diagnostics& diagnostics) {
  const auto none = [&](const std::string& reason) {
    diagnostics.report(
        {.code = Code::no_standard_errors, .message = "there are no standard errors: " + reason});
  };
  if (fit.objective_name != "log_likelihood")
    return none(fmt::format("the objective is `{}`, no log likelihood of the rows", fit.objective_name));
  const std::vector<double> parameters = runtime::to_program_layout(code.program, fitted.parameters);
  const runtime::StandardErrors errors =
      runtime::standard_errors(code.program, code.functions, *lowered.data, parameters, threads);
  if (!errors.reason.empty()) return none(errors.reason);
  for (Parameter& to : fit.parameters) {
    if (to.fixed) continue;
    const auto slot = std::ranges::find(code.program.parameters, to.name, &ir::ParameterSlot::name);
    const auto begin = errors.values.begin() + slot->offset;
    const ir::Variable& variable =
        lowered.model->variables[static_cast<size_t>(*lowered.model->find(to.name))];
    to.standard_errors = runtime::permute(std::vector<double>(begin, begin + slot->size), slot->axes,
                                          variable.declared_axes, code.program.module);
  }
}

}  // namespace

std::string Fit::model_text() const {
  return state ? std::string(state->bound->model->compiled.source->text()) : "";
}

namespace {

/// Values that no row has keep their numbers, unless a level is called so.
void name_levels(std::vector<std::string>& names, const std::vector<std::string>& levels) {
  const auto unnamed = names.begin() + static_cast<std::ptrdiff_t>(std::min(levels.size(), names.size()));
  const bool clash = std::any_of(unnamed, names.end(), [&](const std::string& number) {
    return std::ranges::count(levels, number) > 0;
  });
  if (!clash && levels.size() <= names.size()) std::ranges::copy(levels, names.begin());
}

}  // namespace

std::vector<std::vector<std::string>> axis_labels(const driver::Lowered& lowered,
                                                  const ir::Variable& variable) {
  const ir::Module& module = lowered.program->module;
  std::vector<std::vector<std::string>> labels;
  for (const ir::AxisId id : variable.declared_axes) {
    const ir::Axis& axis = module.axis(id);
    std::vector<std::string> names = numbered(axis.size);
    for (const runtime::BoundVariable& bound : lowered.data->variables) {
      const ir::Variable& data =
          lowered.model->variables[static_cast<size_t>(*lowered.model->find(bound.name))];
      const auto is_axis = [&](ir::AxisId of) { return of == id || module.axis(of).name + "'" == axis.name; };
      const auto size = static_cast<size_t>(axis.size);
      if (data.declared_axes.size() == 1 && is_axis(data.declared_axes[0]) && bound.columns.size() == size) {
        names = bound.columns;
      } else if (data.type.range >= 0 && is_axis(data.type.range)) {
        name_levels(names, bound.levels);
      }
    }
    labels.push_back(std::move(names));
  }
  return labels;
}

bool Fit::ok() const {
  return state && state->ok;
}

const Report& Fit::report() const {
  return state->report;
}

const Parameter* Fit::find(std::string_view name) const {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

std::vector<double> Fit::responsibilities(std::string_view latent) const {
  if (!ok()) return {};
  return guarded([&] {
    const BoundModel::State& bound = *state->bound;
    const CompiledCode& code =
        state->backend == Backend::compiled ? bound.compiled_code() : bound.interpreted_code();
    runtime::RowOutputs outputs =
        runtime::posterior(code.program, code.functions, *bound.lowered.data, state->fitted, state->threads);
    const auto& starts = code.program.starts;
    const bool known =
        latent.empty() ? starts.size() == 1
                       : std::ranges::any_of(starts, [&](const auto& each) { return each.latent == latent; });
    if (!known) return std::vector<double>();
    return bound.lowered.data->in_table_order(std::move(outputs.values.at(
        starts.size() == 1 ? "responsibilities" : "responsibilities_" + std::string(latent))));
  });
}

LatentMoments Fit::moments(std::string_view latent) const {
  if (!ok()) return {};
  return guarded([&] {
    const BoundModel::State& bound = *state->bound;
    const CompiledCode& code =
        state->backend == Backend::compiled ? bound.compiled_code() : bound.interpreted_code();
    runtime::RowOutputs outputs =
        runtime::posterior(code.program, code.functions, *bound.lowered.data, state->fitted, state->threads);
    const auto mean = outputs.values.find(ir::posterior_mean_prefix + std::string(latent));
    const auto sd = outputs.values.find(ir::posterior_sd_prefix + std::string(latent));
    if (mean == outputs.values.end() || sd == outputs.values.end()) return LatentMoments{};
    const runtime::BoundData& data = *bound.lowered.data;
    return LatentMoments{data.in_table_order(std::move(mean->second)),
                         data.in_table_order(std::move(sd->second))};
  });
}

Fit fit(const BoundModel& bound, const FitOptions& options) {
  return guarded([&] {
    Fit to;
    auto state = std::make_shared<Fit::State>();
    const driver::Lowered& lowered = bound.state->lowered;
    Diagnostics diagnostics = lowered.diagnostics;
    to.model_name = Model{bound.state->model}.name();
    to.variables = bound.variables();
    to.read_seconds = bound.state->data->seconds;
    to.profile.read = to.read_seconds;
    to.profile.compile = bound.state->model->compiled.seconds;
    to.profile.bind = lowered.bind_seconds;
    to.profile.lower = lowered.seconds;
    if (bound.ok()) {
      to.method = lowered.program->method;
      runtime::FitOptions merged_options = merged(options, lowered.model->fit, to.method, diagnostics);
      merged_options.initial = checked_start(*bound.state, options.init, diagnostics);
      check_precision(lowered, options.backend, diagnostics);
      if (!diagnostics.has_errors()) {
        Clock compile_clock;
        const bool compiled = options.backend == Backend::compiled;
        const CompiledCode& code = compiled ? bound.state->compiled_code() : bound.state->interpreted_code();
        to.profile.code = compile_clock.seconds();
        to.compile_seconds = bound.state->model->compiled.seconds + lowered.seconds + compile_clock.seconds();
        Clock fit_clock;
        runtime::Fitted fitted =
            climb(code, lowered, with_progress(std::move(merged_options), options), options, diagnostics);
        to.fit_seconds = fit_clock.seconds();
        describe(to, lowered, *bound.state->model->compiled.model, fitted);
        add_fit_times(to.profile, to, fitted.times);
        to.icl = std::numeric_limits<double>::quiet_NaN();
        const bool em = lowered.program->method == "em";
        if (fitted.ok && em) to.icl = icl(to, code, *lowered.data, fitted, options.threads);
        if (fitted.ok && options.standard_errors)
          add_standard_errors(to, lowered, code, fitted, options.threads, diagnostics);
        state->ok = fitted.ok && !diagnostics.has_errors();
        state->fitted = std::move(fitted.parameters);
      }
    }
    state->bound = bound.state;
    state->backend = options.backend;
    state->threads = options.threads;
    state->report = Report({std::move(diagnostics), bound.state->model->compiled.source});
    to.state = std::move(state);
    return to;
  });
}

}  // namespace lvm
