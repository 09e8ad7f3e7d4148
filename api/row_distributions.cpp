#include "api/row_distributions.h"

#include <algorithm>
#include <list>

#include <fmt/format.h>

#include "api/factor_events.h"
#include "ir/model/gradient_settings.h"
#include "ir/passes/classify.h"
#include "runtime/random.h"

namespace lvm {

using ir::AxisId;
using ir::Role;
using ir::Variable;

void Rows::take(const runtime::BoundData& data) {
  for (const runtime::BoundVariable& variable : data.variables) {
    std::vector<double>& block = known_[variable.name];
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t e = 0; e < variable.size; ++e)
        block.push_back(data.packed.column(variable.first + e)[row]);
    }
  }
}

bool Rows::ready(const ir::Slots& nodes) const {
  return std::ranges::all_of(model_.variables, [&](const Variable& v) {
    return v.role == Role::parameter || v.role == Role::constant || v.role == Role::weight || has(v.name) ||
           std::ranges::none_of(
               nodes, [&](ir::NodeId node) { return ir::depends_on(model_.function(), node, v.node); });
  });
}

std::function<RowBlocks()> Rows::prepared(const std::vector<values::Wanted>& wanted) const {
  const ir::GradientSettings settings = ir::gradient_settings(model_.fit);
  const ir::Program program = values::lower_values(model_, wanted, compiled_ && settings.single);
  const auto code = std::make_shared<std::optional<CompiledCode>>();
  make_code(program, compiled_ ? Backend::compiled : Backend::interpreter, *code);
  return [this, code, functions = runnable(**code, pool_), values = parameters((*code)->program)] {
    RowBlocks data;
    for (const ir::DataSlot& slot : (*code)->program.data) data[slot.name] = known_.at(slot.name);
    return runtime::row_values((*code)->program, functions, values::rows_function, data, values, rows_);
  };
}

std::vector<double> Rows::parameters(const ir::Program& program) const {
  std::vector<double> to(static_cast<size_t>(program.parameter_doubles()));
  for (const ir::ParameterSlot& slot : program.parameters) {
    const std::vector<Values>& all = fitted_.state->content.parameters;
    const auto found = std::ranges::find(all, slot.name, &Values::name);
    if (found == all.end() || static_cast<int64_t>(found->values.size()) != slot.size)
      throw ir::InternalError("the fit has no `" + slot.name + "` of this size");
    const Variable& variable = model_.variables[static_cast<size_t>(*model_.find(slot.name))];
    std::ranges::copy(runtime::permute(found->values, variable.declared_axes, slot.axes, program.module),
                      to.begin() + slot.offset);
  }
  return to;
}

std::vector<AxisId> without_row(std::vector<AxisId> axes) {
  std::erase(axes, ir::row_axis);
  return axes;
}
int64_t elements(const ir::Model& model, const std::vector<AxisId>& axes) {
  int64_t count = 1;
  for (const AxisId axis : axes) count *= model.module.axis(axis).size;
  return count;
}

namespace {

/// Labels that latents depend on are drawn before them.
Role drawn_as(const ir::Model& model, const Variable& v) {
  const bool leads =
      v.role == Role::data && std::ranges::any_of(model.factors, [&](const ir::Factor& factor) {
        return model.variables[static_cast<size_t>(factor.variable.variable)].role == Role::latent &&
               ir::depends_on(model.function(), factor.log_density, v.node);
      });
  return leads ? Role::latent : v.role;
}

bool can_draw(const FactorEvents& drawing, const ir::Factor& factor, Diagnostics& diagnostics) {
  if (runtime::find_sampler(drawing.family())) return true;
  diagnostics.report(
      {.code = Code::fit_cannot_answer,
       .message = fmt::format("`{}` is `{}`, from which lvm cannot draw yet", drawing.variable().name,
                              drawing.family().substr(0, drawing.family().find('.'))),
       .range = factor.distribution_range});
  return false;
}

/// A factor of one row, drawn from as often as its step comes.
struct StepDraw {
  FactorEvents drawing;
  ir::Steps steps;
  std::function<RowBlocks()> slots;
  uint32_t variable;
  bool holds(int64_t step) const { return steps.alone ? step == steps.first : step >= steps.first; }
};

}  // namespace

bool generate_series(Rows& rows, int64_t steps, uint64_t seed, RowBlocks& to, Diagnostics& diagnostics) {
  const ir::Model& model = rows.model();
  std::vector<StepDraw> draws;
  for (const ir::Factor& factor : model.factors) {
    FactorEvents drawing(model, factor);
    if (!can_draw(drawing, factor, diagnostics)) return false;
    const auto wanted = drawing.wanted();
    draws.push_back({std::move(drawing), factor.steps, rows.prepared(wanted),
                     static_cast<uint32_t>(factor.variable.variable)});
  }
  const auto name = [&](int variable) -> const std::string& {
    return model.variables[static_cast<size_t>(variable)].name;
  };
  for (int64_t step = 0; step < steps; ++step) {
    rows.set(model.sequence->name, {static_cast<double>(step)});
    for (const StepDraw& each : draws) rows.forget(each.drawing.variable().name);
    for (const ir::Lag& lag : model.lags) {
      const auto width = elements(model, without_row(model.variables[static_cast<size_t>(lag.of)].type.axes));
      const std::vector<double>& past = to[name(lag.of)];
      const int64_t at = (step - lag.steps) * width;
      rows.set(name(lag.variable),
               at < 0 ? std::vector<double>(static_cast<size_t>(width),
                                            model.variables[static_cast<size_t>(lag.of)].states >= 0 ? 0 : 1)
                      : std::vector<double>(past.begin() + at, past.begin() + at + width));
    }
    std::list<const StepDraw*> left;
    for (const StepDraw& each : draws) {
      if (each.holds(step)) left.push_back(&each);
    }
    while (!left.empty()) {
      const auto next =
          std::ranges::find_if(left, [&](const StepDraw* each) { return rows.ready(each->drawing.slots()); });
      if (next == left.end()) throw ir::InternalError("the factors of the model form a circle");
      const StepDraw& each = **next;
      runtime::Generator generator;
      generator.seed(runtime::Random(seed, runtime::Site::user, each.variable).bits(step));
      const runtime::Sampler& sampler = *runtime::find_sampler(each.drawing.family());
      const std::vector<double> drawn =
          each.drawing.events(each.slots(), 1,
                              [&](int64_t, const runtime::SlotValues& of, std::span<double> event,
                                  std::span<const int64_t>) { sampler.draw(of, event, generator); });
      std::vector<double>& all = to[each.drawing.variable().name];
      all.insert(all.end(), drawn.begin(), drawn.end());
      rows.set(each.drawing.variable().name, drawn);
      left.erase(next);
    }
  }
  return true;
}

bool generate(Rows& rows, Asked asked, uint64_t seed, Diagnostics& diagnostics) {
  std::list<FactorEvents> left;
  for (const ir::Factor& factor : rows.model().factors) {
    FactorEvents drawing(rows.model(), factor);
    if (rows.has(drawing.variable().name) || drawn_as(rows.model(), drawing.variable()) != asked.role)
      continue;
    if (!can_draw(drawing, factor, diagnostics)) return false;
    left.push_back(std::move(drawing));
  }
  while (!left.empty()) {
    const auto next =
        std::ranges::find_if(left, [&](const FactorEvents& d) { return rows.ready(d.slots()); });
    if (next == left.end()) throw ir::InternalError("the factors of the model form a circle");
    const RowBlocks slots = rows.evaluate(next->wanted());
    const runtime::Sampler& sampler = *runtime::find_sampler(next->family());
    const auto index = static_cast<uint32_t>(*rows.model().find(next->variable().name));
    const runtime::Random random(seed, runtime::Site::user, index);
    runtime::Generator generator;
    int64_t current = -1;
    rows.set(next->variable().name, next->events(slots, rows.count(),
                                                 [&](int64_t row, const runtime::SlotValues& of,
                                                     std::span<double> event, std::span<const int64_t>) {
                                                   if (asked.what == What::mean)
                                                     return sampler.mean(of, event);
                                                   if (row != current) generator.seed(random.bits(row));
                                                   current = row;
                                                   sampler.draw(of, event, generator);
                                                 }));
    left.erase(next);
  }
  return true;
}

}  // namespace lvm
