// infer, sample and reconstruct: distributions of the model evaluated row by row, their slots by compiled code (models trained by
// gradients) or by the interpreter, their draws and means on the host.

#include <algorithm>
#include <cmath>
#include <list>
#include <numeric>

#include <fmt/format.h>

#include "api/state.h"
#include "backends/values/lower.h"
#include "ir/model/gradient_settings.h"
#include "ir/passes/classify.h"
#include "ir/passes/reparameterise.h"
#include "runtime/random.h"
#include "runtime/row_values.h"
#include "runtime/samplers.h"
#include "runtime/starts.h"
#include "lvm/pictures.h"

namespace lvm {
namespace {

using ir::AxisId;
using ir::Role;
using ir::Variable;
using runtime::RowBlocks;

/// Values of some variables for rows, in layout order, and what else of the model can be computed from them.
class Rows {
 public:
  Rows(const FittedModel& fitted, const ir::Model& model, int64_t rows, bool compiled, int threads)
      : fitted_(fitted), model_(model), rows_(rows), compiled_(compiled), pool_(std::make_shared<runtime::Pool>(threads)) {}

  const ir::Model& model() const { return model_; }
  int64_t count() const { return rows_; }
  bool has(const std::string& name) const { return known_.contains(name); }
  const std::vector<double>& at(const std::string& name) const { return known_.at(name); }
  void set(const std::string& name, std::vector<double> values) { known_[name] = std::move(values); }

  /// All data variables of a bound table.
  void take(const runtime::BoundData& data) {
    for (const runtime::BoundVariable& variable : data.variables) {
      std::vector<double>& block = known_[variable.name];
      for (int64_t row = 0; row < rows_; ++row) {
        for (int64_t e = 0; e < variable.size; ++e) block.push_back(data.packed.column(variable.first + e)[row]);
      }
    }
  }

  /// Every variable of rows that these nodes read is known.
  bool ready(const ir::Slots& nodes) const {
    return std::ranges::all_of(model_.variables, [&](const Variable& v) {
      return v.role == Role::parameter || v.role == Role::constant || v.role == Role::weight || has(v.name) ||
             std::ranges::none_of(nodes, [&](ir::NodeId node) { return ir::depends_on(model_.function(), node, v.node); });
    });
  }

  RowBlocks evaluate(const std::vector<values::Wanted>& wanted) const {
    const ir::GradientSettings settings = ir::gradient_settings(model_.fit);
    const ir::Program program = values::lower_values(model_, wanted, compiled_ && settings.single);
    RowBlocks data;
    for (const ir::DataSlot& slot : program.data) data[slot.name] = known_.at(slot.name);
    std::optional<CompiledCode> code;
    make_code(program, compiled_ ? Backend::compiled : Backend::interpreter, code);
    return runtime::row_values(code->program, runnable(*code, pool_), values::rows_function, data, parameters(code->program), rows_);
  }

 private:
  std::vector<double> parameters(const ir::Program& program) const {
    std::vector<double> to(static_cast<size_t>(program.parameter_doubles()));
    for (const ir::ParameterSlot& slot : program.parameters) {
      const std::vector<Values>& all = fitted_.state->content.parameters;
      const auto found = std::ranges::find(all, slot.name, &Values::name);
      if (found == all.end() || static_cast<int64_t>(found->values.size()) != slot.size) throw ir::InternalError("the fit has no `" + slot.name + "` of this size");
      const Variable& variable = model_.variables[static_cast<size_t>(*model_.find(slot.name))];
      std::ranges::copy(runtime::permute(found->values, variable.declared_axes, slot.axes, program.module), to.begin() + slot.offset);
    }
    return to;
  }

  const FittedModel& fitted_;
  const ir::Model& model_;
  int64_t rows_;
  bool compiled_;
  std::shared_ptr<runtime::Pool> pool_;
  RowBlocks known_;
};

std::vector<AxisId> without_row(std::vector<AxisId> axes) {
  std::erase(axes, ir::row_axis);
  return axes;
}
int64_t elements(const ir::Model& model, const std::vector<AxisId>& axes) {
  int64_t count = 1;
  for (const AxisId axis : axes) count *= model.module.axis(axis).size;
  return count;
}

/// A factor P(v | …) as events: the axes of v that are drawn together, and of which slot which numbers belong to an event.
class Drawing {
 public:
  Drawing(const ir::Model& model, const ir::Factor& factor)
      : model_(model), variable_(model.variables[static_cast<size_t>(factor.variable.variable)]), density_(model.function()[factor.log_density]) {
    value_ = without_row(variable_.type.axes);
    for (size_t i = 1; i < density_.inputs.size(); ++i) slots_.push_back(density_.inputs[i]);
    // Elements that the density consumes are an event.
    for (const AxisId axis : value_) (density_.type.has(axis) ? outer_ : event_).push_back(axis);
  }
  const Variable& variable() const { return variable_; }
  const std::string& family() const { return density_.attributes.text; }
  const ir::Slots& slots() const { return slots_; }

  std::vector<values::Wanted> wanted() const {
    std::vector<values::Wanted> list;
    for (size_t i = 0; i < slots_.size(); ++i) {
      std::vector<AxisId> axes = outer_;
      // A mean that is one number for all elements of a vector.
      if (i == 0 && !event_.empty() && ir::find_family(family())->parameterisation.starts_with("Normal.")) axes = value_;
      list.push_back({fmt::format("slot.{}", i), {slots_[i]}, axes, {}});
    }
    return list;
  }

  /// `write` fills an event from its slots: [row][element in layout order].
  template <class Write>
  std::vector<double> events(const RowBlocks& values, int64_t rows, const Write& write) const {
    const int64_t width = elements(model_, value_), events = elements(model_, outer_), size = elements(model_, event_);
    std::vector<Gather> gathers;
    for (size_t i = 0; i < slots_.size(); ++i) gathers.push_back(gather(values.at(fmt::format("slot.{}", i)), i, rows));
    const std::vector<int64_t> places = offsets(value_, event_), starts = offsets(value_, outer_);
    std::vector<double> out(static_cast<size_t>(rows * width)), event(static_cast<size_t>(size));
    std::vector<std::vector<double>> numbers(slots_.size());
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t at = 0; at < events; ++at) {
        runtime::SlotValues spans;
        for (size_t i = 0; i < slots_.size(); ++i) {
          const Gather& from = gathers[i];
          numbers[i].clear();
          for (const int64_t place : from.places) numbers[i].push_back((*from.block)[static_cast<size_t>(row * from.width + from.starts[static_cast<size_t>(at)] + place)]);
          spans.emplace_back(numbers[i]);
        }
        write(row, spans, std::span(event));
        for (int64_t e = 0; e < size; ++e) out[static_cast<size_t>(row * width + starts[static_cast<size_t>(at)] + places[static_cast<size_t>(e)])] = event[static_cast<size_t>(e)];
      }
    }
    return out;
  }

 private:
  struct Gather {
    const std::vector<double>* block;
    int64_t width;
    std::vector<int64_t> starts, places;  // of an event, and of a number inside it
  };
  Gather gather(const std::vector<double>& block, size_t slot, int64_t rows) const {
    std::vector<AxisId> axes = model_.function()[slots_[slot]].type.axes;
    const std::vector<AxisId> added = wanted()[slot].axes;
    for (const AxisId axis : added) {
      if (std::ranges::count(axes, axis) == 0) axes.push_back(axis);
    }
    axes = without_row(axes);
    std::ranges::sort(axes);
    std::vector<AxisId> inner;
    for (const AxisId axis : axes) {
      if (std::ranges::count(outer_, axis) == 0) inner.push_back(axis);
    }
    return {&block, static_cast<int64_t>(block.size()) / rows, offsets(axes, outer_), offsets(axes, inner)};
  }
  /// Where each combination of `some` stands in a row-major layout of `all`, the other axes at 0.
  std::vector<int64_t> offsets(const std::vector<AxisId>& all, const std::vector<AxisId>& some) const {
    std::vector<int64_t> list = {0};
    for (const AxisId axis : some) {
      int64_t step = 1;
      bool behind = false;
      for (const AxisId other : all) {
        if (behind) step *= model_.module.axis(other).size;
        behind = behind || other == axis;
      }
      std::vector<int64_t> next;
      for (const int64_t base : list) {
        for (int64_t i = 0; i < model_.module.axis(axis).size; ++i) next.push_back(base + i * (behind ? step : 0));
      }
      list = std::move(next);
    }
    return list;
  }

  const ir::Model& model_;
  const Variable& variable_;
  const ir::Node& density_;
  ir::Slots slots_;
  std::vector<AxisId> value_, outer_, event_;
};

enum class What : uint8_t { draw, mean };
struct Asked {
  Role role;
  What what;
};

/// Draws, or takes the mean of, the variables of a role that are not known yet, parents first. Labels, which are latents that some rows
/// have, count as data. False: a diagnostic says why not.
bool generate(Rows& rows, Asked asked, uint64_t seed, Diagnostics& diagnostics) {
  std::list<Drawing> left;
  for (const ir::Factor& factor : rows.model().factors) {
    Drawing drawing(rows.model(), factor);
    if (rows.has(drawing.variable().name) || drawing.variable().role != asked.role) continue;
    if (!runtime::find_sampler(drawing.family())) {
      diagnostics.report({.code = Code::fit_cannot_answer,
                          .message = fmt::format("`{}` is `{}`, from which lvm cannot draw yet", drawing.variable().name, drawing.family().substr(0, drawing.family().find('.'))),
                          .range = factor.distribution_range});
      return false;
    }
    left.push_back(std::move(drawing));
  }
  while (!left.empty()) {
    const auto next = std::ranges::find_if(left, [&](const Drawing& d) { return rows.ready(d.slots()); });
    if (next == left.end()) throw ir::InternalError("the factors of the model form a circle");
    const RowBlocks slots = rows.evaluate(next->wanted());
    const runtime::Sampler& sampler = *runtime::find_sampler(next->family());
    const auto index = static_cast<uint32_t>(*rows.model().find(next->variable().name));
    const runtime::Random random(seed, runtime::Site::user, index);
    runtime::Generator generator;
    int64_t current = -1;
    rows.set(next->variable().name, next->events(slots, rows.count(), [&](int64_t row, const runtime::SlotValues& of, std::span<double> event) {
      if (asked.what == What::mean) return sampler.mean(of, event);
      if (row != current) generator.seed(random.bits(row));
      current = row;
      sampler.draw(of, event, generator);
    }));
    left.erase(next);
  }
  return true;
}

/// The columns of one variable, elements in the order of the declaration.
void add_columns(const Rows& rows, const Variable& v, const std::vector<double>& block, const std::vector<std::string>& names, const std::vector<std::string>& levels,
                 std::vector<ResultColumn>& to) {
  const std::vector<AxisId> layout = without_row(v.type.axes);
  const int64_t width = elements(rows.model(), layout);
  std::vector<double> places(static_cast<size_t>(width));
  std::iota(places.begin(), places.end(), 0);
  const std::vector<double> order = v.declared_axes.empty() ? places : runtime::permute(places, layout, v.declared_axes, rows.model().module);
  for (int64_t e = 0; e < width; ++e) {
    ResultColumn column{names[static_cast<size_t>(e)], {}, levels};
    for (int64_t row = 0; row < rows.count(); ++row) column.values.push_back(block[static_cast<size_t>(row * width) + static_cast<size_t>(order[static_cast<size_t>(e)])]);
    to.push_back(std::move(column));
  }
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

void add_variable(const FittedModel& fitted, const Rows& rows, const Variable& v, std::vector<ResultColumn>& to) {
  const int64_t width = elements(rows.model(), without_row(v.type.axes));
  const auto bound = fitted.state->content.columns.find(v.name);
  const std::vector<std::string> names = bound == fitted.state->content.columns.end() ? numbered(v.name, width) : bound->second;
  const std::vector<std::string> levels = v.type.element == ir::Element::category ? level_names(fitted, v, rows.model().module.axis(v.type.range).size) : std::vector<std::string>();
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

bool has_drawn(const ir::Model& model) {
  return std::ranges::any_of(model.posteriors, [](const ir::Posterior& q) { return q.form == ir::PosteriorForm::distribution; });
}

/// Means of drawn latents, and their deviations under "<name>.sd"; a q that depends on another latent is taken at the mean of that one.
RowBlocks moments_of_drawn(Rows& rows) {
  RowBlocks deviations;
  std::vector<int> left;
  for (const ir::Posterior& q : rows.model().posteriors) left.push_back(q.variables.front());
  while (!left.empty()) {
    const auto next = std::ranges::find_if(left, [&](int index) {
      const ir::Node& density = rows.model().function()[ir::drawn_posterior(rows.model(), index)->log_density];
      return rows.ready(ir::Slots(std::vector(density.inputs.begin() + 1, density.inputs.end())));
    });
    if (next == left.end()) throw ir::InternalError("the posteriors form a circle");
    const Variable& v = rows.model().variables[static_cast<size_t>(*next)];
    const ir::Node& density = rows.model().function()[ir::drawn_posterior(rows.model(), *next)->log_density];
    const ir::Slots slots(std::vector(density.inputs.begin() + 1, density.inputs.end()), density.attributes.axes);
    const ir::Family& family = *ir::find_family(density.attributes.text);
    const std::vector<AxisId> axes = without_row(v.type.axes);
    RowBlocks made = rows.evaluate({{"mean", slots, axes, family.draw->mean}, {"variance", slots, axes, family.draw->variance}});
    for (double& x : made.at("variance")) x = std::sqrt(x);
    rows.set(v.name, std::move(made.at("mean")));
    deviations[v.name] = std::move(made.at("variance"));
    left.erase(next);
  }
  return deviations;
}

/// The most probable value of each finite latent; what the posterior gives each value goes to `probabilities`.
void most_probable(const FittedModel& fitted, const BoundModel::State& bound, int threads, Rows& rows, RowBlocks& probabilities) {
  const CompiledCode& code = bound.compiled_code();
  Diagnostics ignored;  // `bind` has checked them
  std::vector<double> values = runtime::default_parameters(code.program);
  runtime::set_parameters(code.program, checked_start(bound, fitted.state->content.parameters, ignored), values);
  runtime::RowOutputs outputs = runtime::posterior(code.program, code.functions, *bound.lowered.data, runtime::to_parameters(code.program, values), threads);
  if (!outputs.failure.empty()) throw ir::InternalError("the posterior fails: " + outputs.failure);
  const auto& starts = code.program.starts;
  for (const ir::StartLatent& latent : starts) {
    std::vector<double>& p = outputs.values.at(starts.size() == 1 ? "responsibilities" : "responsibilities_" + latent.latent);
    std::vector<double> best;
    for (int64_t row = 0; row < rows.count(); ++row) {
      const auto begin = p.begin() + row * latent.states;
      best.push_back(static_cast<double>(std::max_element(begin, begin + latent.states) - begin));
    }
    rows.set(latent.latent, std::move(best));
    probabilities[latent.latent] = std::move(p);
  }
}

/// The most probable value, then the probability of each.
void add_finite(const FittedModel& fitted, const Rows& rows, const std::string& name, const std::vector<double>& probabilities, std::vector<ResultColumn>& to) {
  const Variable& v = rows.model().variables[static_cast<size_t>(*rows.model().find(name))];
  const int64_t states = static_cast<int64_t>(probabilities.size()) / rows.count();
  std::vector<std::string> levels = level_names(fitted, v, states);
  if (levels.empty()) levels = {"0", "1"};
  to.push_back({name, rows.at(name), levels});
  for (int64_t k = 0; k < states; ++k) {
    ResultColumn column{fmt::format("{}={}", name, levels[static_cast<size_t>(k)]), {}, {}};
    for (int64_t row = 0; row < rows.count(); ++row) column.values.push_back(probabilities[static_cast<size_t>(row * states + k)]);
    to.push_back(std::move(column));
  }
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
  by_em->report = model.report();
  BindOptions columns;
  for (const BoundVariable& variable : bound.variables()) columns.columns[variable.name] = variable.columns;
  return bind(FittedModel{std::move(by_em)}, Data{state.data}, columns);
}

/// The sizes that the data of the fit had.
void set_fitted_sizes(const FittedModel& fitted, ir::Model& model) {
  const fit_file::Content& content = fitted.state->content;
  const auto set = [&](AxisId axis, int64_t size) {
    const std::string name = model.module.axis(axis).name;
    for (ir::Axis& each : model.module.axes) {
      if (each.name == name || each.name == name + "'") each.size = size;
    }
  };
  for (const Values& values : content.parameters) {
    const std::optional<int> index = model.find(values.name);
    if (!index) continue;
    const std::vector<AxisId>& axes = model.variables[static_cast<size_t>(*index)].declared_axes;
    for (size_t i = 0; i < axes.size() && i < values.shape.size(); ++i) set(axes[i], values.shape[i]);
  }
  for (const Variable& v : model.variables) {
    if (const auto levels = content.levels.find(v.name); levels != content.levels.end() && model.module.axis(v.type.range).size == ir::unknown_size)
      set(v.type.range, std::ssize(levels->second));
    const auto columns = content.columns.find(v.name);
    const auto unknown = std::ranges::find_if(v.declared_axes, [&](AxisId axis) { return model.module.axis(axis).size == ir::unknown_size; });
    if (columns == content.columns.end() || unknown == v.declared_axes.end()) continue;
    int64_t others = 1;
    for (const AxisId axis : v.declared_axes) others *= axis == *unknown ? 1 : model.module.axis(axis).size;
    set(*unknown, std::ssize(columns->second) / others);
  }
}

Report report_of(const BoundModel& bound, Diagnostics diagnostics) { return Report({std::move(diagnostics), bound.state->model->compiled.source}); }

}  // namespace

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
    if (has_drawn(model)) {
      for (const auto& [name, block] : moments_of_drawn(rows)) {
        const Variable& v = model.variables[static_cast<size_t>(*model.find(name))];
        const int64_t width = elements(model, without_row(v.type.axes));
        add_columns(rows, v, rows.at(name), numbered(name, width), {}, to.columns);
        add_columns(rows, v, block, numbered(name, width, "_sd"), {}, to.columns);
      }
    } else {
      RowBlocks probabilities;
      most_probable(fitted, *bound.state, threads, rows, probabilities);
      for (const auto& [name, block] : probabilities) add_finite(fitted, rows, name, block, to.columns);
    }
    to.report = report_of(bound, lowered.diagnostics);
    return to;
  });
}

Results sample(const FittedModel& fitted, const SampleOptions& options) {
  return guarded([&] {
    if (!fitted.ok()) return refused(fitted.report());
    ir::Model model = *fitted.state->model->compiled.model;
    set_fitted_sizes(fitted, model);
    Diagnostics diagnostics;
    for (const Variable& v : model.variables) {
      if (v.role != Role::given) continue;
      diagnostics.report({.code = Code::fit_cannot_answer, .message = fmt::format("`{}` is `given`: rows cannot be drawn without its values", v.name), .range = v.range,
                          .hint = "`--given FILE` takes rows of it from a table"});
    }
    Results to;
    Rows rows(fitted, model, options.rows, has_drawn(model), options.threads);
    bool made = !diagnostics.has_errors() && generate(rows, {Role::latent, What::draw}, options.seed, diagnostics);
    made = made && generate(rows, {Role::data, options.mean ? What::mean : What::draw}, options.seed, diagnostics);
    if (made) to.columns = table_of(fitted, rows);
    to.report = Report({std::move(diagnostics), fitted.state->model->compiled.source});
    return to;
  });
}

Results decode(const FittedModel& fitted, const std::vector<double>& latents, const SampleOptions& options) {
  return guarded([&] {
    if (!fitted.ok()) return refused(fitted.report());
    ir::Model model = *fitted.state->model->compiled.model;
    set_fitted_sizes(fitted, model);
    Diagnostics diagnostics;
    int64_t width = 0;
    for (const Variable& v : model.variables) {
      if (v.role == Role::latent) width += elements(model, v.declared_axes);
      if (v.role == Role::given) diagnostics.report({.code = Code::fit_cannot_answer, .message = fmt::format("`{}` is `given`: rows cannot be made without its values", v.name), .range = v.range});
    }
    if (width == 0 || latents.empty() || std::ssize(latents) % width != 0)
      diagnostics.report({.code = Code::fit_cannot_answer, .message = fmt::format("{} numbers are given, and a row has {} latents", latents.size(), width)});
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
          const std::vector<double> place = runtime::permute({begin, begin + size}, v.declared_axes, without_row(v.type.axes), model.module);
          block.insert(block.end(), place.begin(), place.end());
        }
        rows.set(v.name, std::move(block));
        first += size;
      }
      if (generate(rows, {Role::data, What::mean}, options.seed, diagnostics)) to.columns = table_of(fitted, rows);
    }
    to.report = Report({std::move(diagnostics), fitted.state->model->compiled.source});
    return to;
  });
}

Results reconstruct(const FittedModel& fitted, const BoundModel& given, const SampleOptions& options) {
  return guarded([&] {
    if (!given.ok()) return refused(given.report());
    const BoundModel bound = with_posterior(fitted, given);
    if (!bound.ok()) return refused(bound.report());
    const driver::Lowered& lowered = bound.state->lowered;
    const ir::Model& model = *lowered.model;
    Rows posterior(fitted, model, lowered.data->rows, has_drawn(model), options.threads);
    posterior.take(*lowered.data);
    RowBlocks inferred;
    if (has_drawn(model)) inferred = moments_of_drawn(posterior);
    else most_probable(fitted, *bound.state, options.threads, posterior, inferred);
    // The data are made anew from the latents and from what is given.
    Rows rows(fitted, model, lowered.data->rows, has_drawn(model), options.threads);
    for (const Variable& v : model.variables) {
      if ((v.role == Role::given || inferred.contains(v.name)) && posterior.has(v.name)) rows.set(v.name, posterior.at(v.name));
    }
    Results to;
    Diagnostics diagnostics = lowered.diagnostics;
    if (generate(rows, {Role::data, options.mean ? What::mean : What::draw}, options.seed, diagnostics)) to.columns = table_of(fitted, rows);
    to.report = report_of(bound, std::move(diagnostics));
    return to;
  });
}

}  // namespace lvm
