// infer, sample and reconstruct: what a fitted model says of rows, as tables.

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "api/pictures.h"
#include "api/row_distributions.h"
#include "ir/passes/chain_rows.h"
#include "ir/passes/estimators.h"
#include "runtime/estimate.h"
#include "runtime/starts.h"

namespace lvm {
namespace {

using ir::AxisId;
using ir::Role;
using ir::Variable;

/// The columns of one variable, elements in the order of the declaration.
void add_columns(const Rows& rows, const Variable& v, const std::vector<double>& block,
                 const std::vector<std::string>& names, const std::vector<std::string>& levels,
                 std::vector<ResultColumn>& to) {
  const std::vector<AxisId> layout = without_row(v.type.axes);
  const int64_t width = elements(rows.model(), layout);
  std::vector<double> places(static_cast<size_t>(width));
  std::iota(places.begin(), places.end(), 0);
  const std::vector<double> order =
      v.declared_axes.empty() ? places
                              : runtime::permute(places, layout, v.declared_axes, rows.model().module);
  for (int64_t e = 0; e < width; ++e) {
    ResultColumn column{names[static_cast<size_t>(e)], {}, levels};
    for (int64_t row = 0; row < rows.count(); ++row)
      column.values.push_back(
          block[static_cast<size_t>(row * width) + static_cast<size_t>(order[static_cast<size_t>(e)])]);
    to.push_back(std::move(column));
  }
}

/// A latent whose posterior mean varies more than this over the rows is used (Burda, Grosse and Salakhutdinov
/// 2016, section 5.2).
constexpr double active_variance = 0.01;

/// Beside the column of the mean "z12".
std::string deviation_name(const std::string& mean) {
  return mean + "_sd";
}

std::vector<std::string> numbered(const std::string& name, int64_t width, const std::string& end = "") {
  if (width == 1) return {name + end};
  std::vector<std::string> names;
  for (int64_t i = 1; i <= width; ++i) names.push_back(fmt::format("{}{}{}", name, i, end));
  return names;
}

/// What the values of a finite variable are called.
std::vector<std::string> level_names(const FittedModel& fitted, const Variable& v, int64_t states) {
  const auto kept = fitted.state->content.levels.find(v.name);
  if (kept != fitted.state->content.levels.end()) return kept->second;
  if (v.type.element == ir::Element::boolean) return {};
  std::vector<std::string> names;
  for (int64_t i = 1; i <= states; ++i) names.push_back(std::to_string(i));
  return names;
}

void add_variable(const FittedModel& fitted, const Rows& rows, const Variable& v,
                  std::vector<ResultColumn>& to) {
  const int64_t width = elements(rows.model(), without_row(v.type.axes));
  const auto bound = fitted.state->content.columns.find(v.name);
  const std::vector<std::string> names =
      bound == fitted.state->content.columns.end() ? numbered(v.name, width) : bound->second;
  const std::vector<std::string> levels =
      v.type.element == ir::Element::category
          ? level_names(fitted, v, rows.model().module.axis(v.type.range).size)
          : std::vector<std::string>();
  add_columns(rows, v, rows.at(v.name), names, levels, to);
}

std::vector<ResultColumn> table_of(const FittedModel& fitted, const Rows& rows) {
  std::vector<ResultColumn> to;
  for (const Role role : {Role::data, Role::latent}) {
    for (const Variable& v : rows.model().variables) {
      if (v.role == role && rows.has(v.name)) add_variable(fitted, rows, v, to);
    }
  }
  return to;
}

/// A finite latent whose bound is summed over its values.
bool is_summed(const ir::Model& model, int variable) {
  const std::vector<ir::Estimated> latents = ir::estimators(model);
  const ir::Estimated* found = ir::find_estimated(latents, variable);
  return found && found->states >= 0;
}

bool has_drawn(const ir::Model& model) {
  return ir::has_given_posterior(model);
}

/// Of a posterior whose family has no closed mean and variance why it cannot be told; empty where all have.
std::string without_moments(const ir::Model& model) {
  for (const ir::Posterior& q : model.posteriors) {
    if (q.form != ir::PosteriorForm::distribution || is_summed(model, q.variables.front())) continue;
    const std::string& text = model.function()[q.log_density].attributes.text;
    const ir::Family* family = ir::find_family(text);
    if (family && family->draw && family->draw->mean && family->draw->variance) continue;
    return fmt::format("the posterior of `{}` is `{}`, whose mean and variance are not known yet",
                       model.variables[static_cast<size_t>(q.variables.front())].name,
                       text.substr(0, text.find('.')));
  }
  return "";
}

/// Why rows of a model with a plate, or with latents that rows share, cannot be made; empty without such.
std::string of_plates(const FittedModel& fitted) {
  if (const auto& sequence = fitted.state->model->compiled.model->sequence)
    return fmt::format("rows of a sequence (`{}`) cannot be made anew yet", sequence->name);
  const auto& plates = fitted.state->model->compiled.model->plates;
  if (!fitted.state->model->compiled.model->global_posteriors.empty())
    return "rows of a model with latents that rows share cannot be drawn yet";
  return plates.empty()
             ? ""
             : fmt::format("rows of the groups of a plate (`{}`) cannot be drawn yet", plates.front().name);
}

Diagnostics cannot(std::string why) {
  Diagnostics to;
  to.report({.code = Code::fit_cannot_answer, .message = std::move(why)});
  return to;
}

/// Means of drawn latents, and their deviations under "<name>.sd"; a q that depends on another latent is
/// taken at the mean of that one.
RowBlocks moments_of_drawn(Rows& rows) {
  RowBlocks deviations;
  std::vector<int> left;
  for (const ir::Estimated& latent : ir::estimators(rows.model())) {
    if (latent.states < 0) left.push_back(latent.variable);
  }
  while (!left.empty()) {
    const auto next = std::ranges::find_if(left, [&](int index) {
      const ir::Node& density =
          rows.model().function()[ir::drawn_posterior(rows.model(), index)->log_density];
      return rows.ready(ir::Slots(std::vector(density.inputs.begin() + 1, density.inputs.end())));
    });
    if (next == left.end()) throw ir::InternalError("the posteriors form a circle");
    const Variable& v = rows.model().variables[static_cast<size_t>(*next)];
    const ir::Node& density = rows.model().function()[ir::drawn_posterior(rows.model(), *next)->log_density];
    const ir::Slots slots(std::vector(density.inputs.begin() + 1, density.inputs.end()),
                          density.attributes.axes);
    const ir::Family& family = *ir::find_family(density.attributes.text);
    const std::vector<AxisId> axes = without_row(v.type.axes);
    RowBlocks made = rows.evaluate(
        {{"mean", slots, axes, family.draw->mean}, {"variance", slots, axes, family.draw->variance}});
    for (double& x : made.at("variance")) x = std::sqrt(x);
    rows.set(v.name, std::move(made.at("mean")));
    deviations[v.name] = std::move(made.at("variance"));
    left.erase(next);
  }
  return deviations;
}

/// Of exact posteriors.
struct ExactPosterior {
  RowBlocks probabilities;  // of the values of a finite latent
  RowBlocks deviations;     // of a continuous one
  RowBlocks path;           // of the latents of a chain: the values of the most probable path
};

/// The values with the greatest probability: [row].
std::vector<double> most_probable(const std::vector<double>& p, int64_t states) {
  std::vector<double> best;
  for (auto begin = p.begin(); begin != p.end(); begin += states)
    best.push_back(static_cast<double>(std::max_element(begin, begin + states) - begin));
  return best;
}

/// The most probable value of each finite latent and the mean of a continuous one become the rows' values.
ExactPosterior take_exact(const FittedModel& fitted, const BoundModel::State& bound, int threads,
                          Rows& rows) {
  ExactPosterior to;
  const CompiledCode& code = bound.compiled_code();
  Diagnostics ignored;  // `bind` has checked them
  std::vector<double> values = runtime::default_parameters(code.program);
  runtime::set_parameters(code.program, checked_start(bound, fitted.state->content.parameters, ignored),
                          values);
  runtime::RowOutputs outputs = runtime::posterior(code.program, code.functions, *bound.lowered.data,
                                                   runtime::to_parameters(code.program, values), threads);
  if (!outputs.failure.empty()) throw ir::InternalError("the posterior fails: " + outputs.failure);
  const auto& starts = code.program.starts;
  for (const ir::StartLatent& latent : starts) {
    std::vector<double>& p =
        outputs.values.at(starts.size() == 1 ? "responsibilities" : "responsibilities_" + latent.latent);
    rows.set(latent.latent, most_probable(p, latent.states));
    to.probabilities[latent.latent] = std::move(p);
  }
  if (code.program.chain)
    to.path = runtime::best_path(code.program, code.functions, *bound.lowered.data,
                                 runtime::to_parameters(code.program, values), threads)
                  .values;
  for (const ir::StartValues& latent : code.program.start_values) {
    if (latent.steps > 0) continue;
    rows.set(latent.latent, std::move(outputs.values.at(ir::posterior_mean_prefix + latent.latent)));
    to.deviations[latent.latent] = std::move(outputs.values.at(ir::posterior_sd_prefix + latent.latent));
  }
  return to;
}

/// The posteriors of finite latents beside a q that is given, means over draws of the others; the most
/// probable values become the rows'.
RowBlocks take_summed(const FittedModel& fitted, const BoundModel::State& bound, int threads, Rows& rows) {
  constexpr int64_t draws = 100;
  RowBlocks to;
  const std::vector<ir::Estimated> latents = ir::estimators(rows.model());
  if (std::ranges::none_of(latents, [](const ir::Estimated& e) { return e.states >= 0; })) return to;
  const bool drawn = std::ranges::any_of(latents, [](const ir::Estimated& e) { return e.states < 0; });
  const auto pool = std::make_shared<runtime::Pool>(threads);
  Diagnostics ignored;  // `bind` has checked them
  const CompiledCode& code = bound.compiled_code();
  runtime::Estimates found =
      runtime::estimate(code.program, runnable(code, pool), *bound.lowered.data,
                        checked_start(bound, fitted.state->content.parameters, ignored),
                        {.draws = drawn ? draws : 1, .seed = fitted.seed(), .pool = pool.get()});
  for (const ir::Estimated& latent : latents) {
    if (latent.states < 0) continue;
    const std::string& name = rows.model().variables[static_cast<size_t>(latent.variable)].name;
    std::vector<double>& p = found.q.at("q(" + name + ")");
    rows.set(name, most_probable(p, static_cast<int64_t>(p.size()) / rows.count()));
    to[name] = std::move(p);
  }
  return to;
}

void add_continuous(const Rows& rows, const Variable& v, const std::vector<double>& deviations,
                    std::vector<ResultColumn>& to) {
  const int64_t width = elements(rows.model(), without_row(v.type.axes));
  add_columns(rows, v, rows.at(v.name), numbered(v.name, width), {}, to);
  add_columns(rows, v, deviations, numbered(v.name, width, "_sd"), {}, to);
}

/// The most probable value, then the probability of each.
void add_finite(const FittedModel& fitted, const Rows& rows, const std::string& name,
                const std::vector<double>& probabilities, std::vector<ResultColumn>& to) {
  const Variable& v = rows.model().variables[static_cast<size_t>(*rows.model().find(name))];
  const int64_t states = static_cast<int64_t>(probabilities.size()) / rows.count();
  std::vector<std::string> levels = level_names(fitted, v, states);
  if (levels.empty()) levels = {"0", "1"};
  to.push_back({name, rows.at(name), levels});
  for (int64_t k = 0; k < states; ++k) {
    ResultColumn column{fmt::format("{}={}", name, levels[static_cast<size_t>(k)]), {}, {}};
    for (int64_t row = 0; row < rows.count(); ++row)
      column.values.push_back(probabilities[static_cast<size_t>(row * states + k)]);
    to.push_back(std::move(column));
  }
}

void add_path(const FittedModel& fitted, const Rows& rows, const Variable& v, const std::vector<double>& path,
              std::vector<ResultColumn>& to) {
  std::vector<std::string> levels = level_names(fitted, v, rows.model().module.axis(v.states).size);
  if (levels.empty()) levels = {"0", "1"};
  to.push_back({v.name + "_path", path, std::move(levels)});
}

Results refused(Report report) {
  Results to;
  to.report = std::move(report);
  return to;
}

/// Models of finite latents that were trained by gradients have their exact posterior by EM's code.
BoundModel with_posterior(const FittedModel& fitted, const BoundModel& bound) {
  const BoundModel::State& state = *bound.state;
  if (!state.lowered.program->batched || has_drawn(*state.lowered.model)) return bound;
  const driver::Compiled& compiled = state.model->compiled;
  CompileOptions options{.file_name = compiled.source->name(), .settings = compiled.settings};
  options.settings["fit.method"] = "em";
  auto by_em = std::make_shared<FittedModel::State>(*fitted.state);
  const Model model = compile(compiled.source->text(), options);
  by_em->model = model.state;
  by_em->codes = std::make_shared<RowCodes>();
  by_em->report = model.report();
  BindOptions columns;
  for (const BoundVariable& variable : bound.variables()) columns.columns[variable.name] = variable.columns;
  return bind(FittedModel{std::move(by_em)}, Data{state.data}, columns);
}

Report report_of(const BoundModel& bound, Diagnostics diagnostics) {
  return Report({std::move(diagnostics), bound.state->model->compiled.source});
}

}  // namespace

void set_fitted_sizes(const FittedModel& fitted, ir::Model& model) {
  const fit_file::Content& content = fitted.state->content;
  const auto set = [&](AxisId axis, int64_t size) {
    const std::string name = model.module.axis(axis).name;
    for (ir::Axis& each : model.module.axes) {
      const bool it = each.name == name || each.name == name + "'";
      if (it && each.size == ir::unknown_size) each.size = size;  // what is declared or set stands
    }
  };
  for (const Values& values : content.parameters) {
    const std::optional<int> index = model.find(values.name);
    if (!index) continue;
    const std::vector<AxisId>& axes = model.variables[static_cast<size_t>(*index)].declared_axes;
    for (size_t i = 0; i < axes.size() && i < values.shape.size(); ++i) set(axes[i], values.shape[i]);
  }
  for (const Variable& v : model.variables) {
    if (const auto levels = content.levels.find(v.name);
        levels != content.levels.end() && v.type.element == ir::Element::category &&
        model.module.axis(v.type.range).size == ir::unknown_size)
      set(v.type.range, std::ssize(levels->second));
    const auto columns = content.columns.find(v.name);
    const auto unknown = std::ranges::find_if(
        v.declared_axes, [&](AxisId axis) { return model.module.axis(axis).size == ir::unknown_size; });
    if (columns == content.columns.end() || unknown == v.declared_axes.end()) continue;
    int64_t others = 1;
    const AxisId last = v.declared_axes.back();  // of a matrix: the twin of the unknown one
    for (const AxisId axis : v.declared_axes) {
      const bool open = axis == *unknown || (v.domain == ir::Domain::covariance && axis == last);
      others *= open ? 1 : model.module.axis(axis).size;
    }
    const int64_t size = std::ssize(columns->second) / others;
    set(*unknown,
        v.domain == ir::Domain::covariance ? std::llround(std::sqrt(static_cast<double>(size))) : size);
  }
}

Results infer(const FittedModel& fitted, const BoundModel& given, int threads) {
  return guarded([&] {
    if (!given.ok()) return refused(given.report());
    const BoundModel bound = with_posterior(fitted, given);
    if (!bound.ok()) return refused(bound.report());
    const driver::Lowered& lowered = bound.state->lowered;
    const ir::Model& model = *lowered.model;
    Results to;
    Rows rows(fitted, model, lowered.data->rows, has_drawn(model), threads);
    rows.take(*lowered.data);
    if (!lowered.data->plate.empty()) {
      std::vector<double> numbers(lowered.data->group_names.size());
      std::iota(numbers.begin(), numbers.end(), 0.0);
      to.columns.push_back({lowered.data->plate, std::move(numbers), lowered.data->group_names});
    }
    if (has_drawn(model)) {
      if (const std::string fault = without_moments(model); !fault.empty())
        return refused(report_of(bound, cannot(fault)));
      const RowBlocks probabilities = take_summed(fitted, *bound.state, threads, rows),
                      deviations = moments_of_drawn(rows);
      for (const Variable& v : model.variables) {
        if (probabilities.contains(v.name))
          add_finite(fitted, rows, v.name, probabilities.at(v.name), to.columns);
        if (deviations.contains(v.name)) add_continuous(rows, v, deviations.at(v.name), to.columns);
      }
    } else {
      const auto [probabilities, deviations, path] = take_exact(fitted, *bound.state, threads, rows);
      for (const Variable& v : model.variables) {
        if (probabilities.contains(v.name))
          add_finite(fitted, rows, v.name, probabilities.at(v.name), to.columns);
        if (path.contains(v.name)) add_path(fitted, rows, v, path.at(v.name), to.columns);
        if (deviations.contains(v.name)) add_continuous(rows, v, deviations.at(v.name), to.columns);
      }
    }
    for (ResultColumn& column : to.columns)
      column.values = lowered.data->in_table_order(std::move(column.values));
    to.report = report_of(bound, lowered.diagnostics);
    return to;
  });
}

ActiveLatents active_latents(const Results& latents) {
  ActiveLatents to;
  for (const ResultColumn& mean : latents.columns) {
    if (std::ranges::find(latents.columns, deviation_name(mean.name), &ResultColumn::name) ==
        latents.columns.end())
      continue;
    ++to.all;
    double middle = 0, squares = 0, count = 0;
    for (const double value : mean.values) {
      const double step = value - middle;
      middle += step / ++count;
      squares += step * (value - middle);
    }
    if (squares / count > active_variance) to.names.push_back(mean.name);
  }
  return to;
}

namespace {

/// A series of as many steps as rows are asked for.
Results sample_series(const FittedModel& fitted, const SampleOptions& options) {
  ir::Model sized = *fitted.state->model->compiled.model;
  set_fitted_sizes(fitted, sized);
  const ir::Model model = ir::chain_rows(sized);
  Diagnostics diagnostics;
  for (const Variable& v : sized.variables) {
    if (v.role != Role::given) continue;
    diagnostics.report(
        {.code = Code::fit_cannot_answer,
         .message = fmt::format("`{}` is `given`: steps cannot be drawn without its values", v.name),
         .range = v.range});
  }
  if (options.mean)
    diagnostics.report({.code = Code::fit_cannot_answer,
                        .message = "the steps of a series are drawn, and have no mean of their own"});
  Results to;
  Rows one(fitted, model, 1, false, options.threads);
  RowBlocks drawn;
  if (!diagnostics.has_errors() && generate_series(one, options.rows, options.seed, drawn, diagnostics)) {
    Rows all(fitted, sized, options.rows, false, options.threads);
    for (const Variable& v : sized.variables) {
      if (drawn.contains(v.name)) all.set(v.name, std::move(drawn.at(v.name)));
    }
    if (!sized.sequence->order.empty()) {
      std::vector<double> order(static_cast<size_t>(options.rows));
      std::iota(order.begin(), order.end(), 1.0);
      to.columns.push_back({sized.sequence->order, std::move(order), {}});
    }
    for (ResultColumn& column : table_of(fitted, all)) to.columns.push_back(std::move(column));
  }
  to.report = Report({std::move(diagnostics), fitted.state->model->compiled.source});
  return to;
}

}  // namespace

Results sample(const FittedModel& fitted, const SampleOptions& options) {
  return guarded([&] {
    if (!fitted.ok()) return refused(fitted.report());
    if (fitted.state->model->compiled.model->sequence) return sample_series(fitted, options);
    if (const std::string fault = of_plates(fitted); !fault.empty())
      return refused(Report({cannot(fault), fitted.state->model->compiled.source}));
    ir::Model model = *fitted.state->model->compiled.model;
    set_fitted_sizes(fitted, model);
    Diagnostics diagnostics;
    for (const Variable& v : model.variables) {
      if (v.role != Role::given) continue;
      diagnostics.report(
          {.code = Code::fit_cannot_answer,
           .message = fmt::format("`{}` is `given`: rows cannot be drawn without its values", v.name),
           .range = v.range,
           .hint = "`--given FILE` takes rows of it from a table"});
    }
    Results to;
    Rows rows(fitted, model, options.rows, has_drawn(model), options.threads);
    bool made =
        !diagnostics.has_errors() && generate(rows, {Role::latent, What::draw}, options.seed, diagnostics);
    made = made &&
           generate(rows, {Role::data, options.mean ? What::mean : What::draw}, options.seed, diagnostics);
    if (made) to.columns = table_of(fitted, rows);
    to.report = Report({std::move(diagnostics), fitted.state->model->compiled.source});
    return to;
  });
}

Results decode(const FittedModel& fitted, const std::vector<double>& latents, const SampleOptions& options) {
  return guarded([&] {
    if (!fitted.ok()) return refused(fitted.report());
    if (const std::string fault = of_plates(fitted); !fault.empty())
      return refused(Report({cannot(fault), fitted.state->model->compiled.source}));
    ir::Model model = *fitted.state->model->compiled.model;
    set_fitted_sizes(fitted, model);
    Diagnostics diagnostics;
    int64_t width = 0;
    for (const Variable& v : model.variables) {
      if (v.role == Role::latent) width += elements(model, v.declared_axes);
      if (v.role == Role::given)
        diagnostics.report(
            {.code = Code::fit_cannot_answer,
             .message = fmt::format("`{}` is `given`: rows cannot be made without its values", v.name),
             .range = v.range});
    }
    if (width == 0 || latents.empty() || std::ssize(latents) % width != 0)
      diagnostics.report(
          {.code = Code::fit_cannot_answer,
           .message = fmt::format("{} numbers are given, and a row has {} latents", latents.size(), width)});
    Results to;
    if (!diagnostics.has_errors()) {
      Rows rows(fitted, model, std::ssize(latents) / width, has_drawn(model), options.threads);
      int64_t first = 0;
      for (const Variable& v : model.variables) {
        if (v.role != Role::latent) continue;
        const int64_t size = elements(model, v.declared_axes);
        std::vector<double> block;
        for (int64_t row = 0; row < rows.count(); ++row) {
          const auto begin = latents.begin() + row * width + first;
          const std::vector<double> place = runtime::permute({begin, begin + size}, v.declared_axes,
                                                             without_row(v.type.axes), model.module);
          block.insert(block.end(), place.begin(), place.end());
        }
        rows.set(v.name, std::move(block));
        first += size;
      }
      if (generate(rows, {Role::data, What::mean}, options.seed, diagnostics))
        to.columns = table_of(fitted, rows);
    }
    to.report = Report({std::move(diagnostics), fitted.state->model->compiled.source});
    return to;
  });
}

Results reconstruct(const FittedModel& fitted, const BoundModel& given, const SampleOptions& options) {
  return guarded([&] {
    if (!given.ok()) return refused(given.report());
    if (const std::string fault = of_plates(fitted); !fault.empty())
      return refused(Report({cannot(fault), fitted.state->model->compiled.source}));
    const BoundModel bound = with_posterior(fitted, given);
    if (!bound.ok()) return refused(bound.report());
    const driver::Lowered& lowered = bound.state->lowered;
    const ir::Model& model = *lowered.model;
    Rows posterior(fitted, model, lowered.data->rows, has_drawn(model), options.threads);
    posterior.take(*lowered.data);
    if (const std::string fault = without_moments(model); !fault.empty())
      return refused(report_of(bound, cannot(fault)));
    RowBlocks inferred;
    if (has_drawn(model)) {
      inferred = take_summed(fitted, *bound.state, options.threads, posterior);
      inferred.merge(moments_of_drawn(posterior));
    } else {
      ExactPosterior exact = take_exact(fitted, *bound.state, options.threads, posterior);
      inferred = std::move(exact.probabilities);
      inferred.merge(exact.deviations);
    }
    // The data are made anew from the latents and from what is given.
    Rows rows(fitted, model, lowered.data->rows, has_drawn(model), options.threads);
    for (const Variable& v : model.variables) {
      if ((v.role == Role::given || inferred.contains(v.name)) && posterior.has(v.name))
        rows.set(v.name, posterior.at(v.name));
    }
    Results to;
    Diagnostics diagnostics = lowered.diagnostics;
    if (generate(rows, {Role::data, options.mean ? What::mean : What::draw}, options.seed, diagnostics))
      to.columns = table_of(fitted, rows);
    to.report = report_of(bound, std::move(diagnostics));
    return to;
  });
}

}  // namespace lvm
