#include "backends/em/statistics.h"

#include <algorithm>

#include "ir/families/members.h"
#include "ir/passes/build_elbo.h"

namespace lvm::em {

using ir::Element;
using ir::Op;
using ir::row_axis;
using ir::Type;

namespace {

/// With every axis that it lacks: a sum counts it once for each element.
NodeId spread_over(Builder& b, NodeId node, const std::vector<AxisId>& axes) {
  const std::vector<AxisId> missing = without(axes, b.type(node).axes);
  return missing.empty() ? node : b.make(Op::broadcast, {node}, {.axes = missing});
}

}  // namespace

StatisticTable::StatisticTable(const Setting& setting, const std::vector<Emission>& emissions)
    : setting_(setting), emissions_(emissions) {}

std::string StatisticTable::name_of(Moment moment, size_t emission, const std::vector<AxisId>& axes) const {
  const auto observed =
      std::count_if(emissions_.begin(), emissions_.end(), [](const Emission& e) { return !e.of_latent; });
  const std::string suffix = observed > 1 ? "_" + emissions_[emission].name : "";
  std::string base;
  switch (moment) {
    case Moment::rows: return "rows";
    case Moment::counted_rows: return "counted_rows";
    case Moment::count:
      base = setting_.one_latent(axes) && setting_.latents.size() == 1 ? "n" : "n" + suffix;
      if (setting_.latents.size() > 1 && setting_.all_states(axes)) {
        base = "n";
        for (const AxisId axis : axes) base += "_" + setting_.latent_of(axis);
      }
      if (counts_cells({moment, emission, axes, ""})) base = "cells" + suffix;
      break;
    case Moment::occurrences: base = "occurrences" + suffix; break;
    case Moment::first: base = "s1" + suffix; break;
    case Moment::second: base = "s2" + suffix; break;
    case Moment::outer: base = "s2" + suffix; break;
    case Moment::term: throw ir::InternalError("a term has a name of its own");
  }
  const auto taken = [&](const std::string& name) {
    return std::any_of(list_.begin(), list_.end(), [&](const Statistic& s) { return s.name == name; });
  };
  std::string name = base;
  for (int n = 2; taken(name); ++n) name = base + "_" + std::to_string(n);
  return name;
}

/// Of the axes of a statistic those along which rows are counted apart: the latent's and those that data
/// select.
std::vector<AxisId> StatisticTable::counted_axes(size_t emission, const std::vector<AxisId>& axes) const {
  std::vector<AxisId> counted;
  for (const AxisId axis : axes) {
    const auto& selections = emissions_[emission].selections;
    const bool selected =
        std::any_of(selections.begin(), selections.end(), [&](const auto& s) { return s.axis == axis; });
    if (contains(setting_.states, axis) || selected) counted.push_back(axis);
  }
  return counted;
}

bool StatisticTable::counts_cells(const Statistic& s) const {
  if (s.moment != Moment::count) return false;
  const Emission& e = emissions_[s.emission];
  const auto elements = elements_of(setting_, e);
  const bool has_elements = !common(s.axes, elements).empty();
  return e.absent == Absent::elements || (e.absent == Absent::patterns && has_elements);
}

NodeId StatisticTable::cells(Builder& update, size_t emission, const std::vector<AxisId>& axes) {
  const auto elements = elements_of(setting_, emissions_[emission]);
  return read(update, Moment::count, emission, united(counted_axes(emission, axes), elements));
}

std::vector<AxisId> StatisticTable::cell_axes(size_t emission) const {
  const Emission& e = emissions_[emission];
  if (e.absent != Absent::elements) return {};
  return elements_of(setting_, e);
}

NodeId StatisticTable::read(Builder& update, Moment moment, size_t emission, std::vector<AxisId> axes) {
  const bool cells = emissions_[emission].absent == Absent::elements;
  const bool everywhere = emissions_[emission].steps.all();
  if (moment == Moment::count && axes.empty() && !cells && everywhere) moment = Moment::rows;
  const bool shared_by_all = moment == Moment::rows || moment == Moment::counted_rows ||
                             (moment == Moment::count && !cells && everywhere && setting_.all_states(axes));
  if (shared_by_all) {
    const auto complete = std::find_if(emissions_.begin(), emissions_.end(), [](const Emission& e) {
      return e.absent == Absent::never && e.steps.all();
    });
    if (complete != emissions_.end()) {
      emission = static_cast<size_t>(complete - emissions_.begin());
    } else if (everywhere) {
      emission = static_cast<size_t>(
          std::ranges::find_if(emissions_, [](const Emission& e) { return e.steps.all(); }) -
          emissions_.begin());
    }
  }
  const Type type{Element::real, axes, -1};
  for (const Statistic& s : list_) {
    if (s.moment == moment && s.emission == emission && s.axes == axes)
      return update.leaf(Op::statistic, s.name, type);
  }
  list_.push_back({moment, emission, axes, name_of(moment, emission, axes)});
  return update.leaf(Op::statistic, list_.back().name, type);
}

NodeId StatisticTable::expected(Builder& update, size_t emission, const std::vector<AxisId>& axes,
                                const std::string& name, const RowTerm& term, bool of_start) {
  if (term.is_zero()) return update.constant(0);
  if (!term.of_rows()) {
    const NodeId value = term.place(update);
    const std::vector<AxisId> own = update.type(value).axes;
    const NodeId n = weight(update, emission, united(own, axes));
    const NodeId all = update.mul(n, value);
    return update.reduce(Op::sum, all, without(update.type(all).axes, axes));
  }
  const auto observed =
      std::count_if(emissions_.begin(), emissions_.end(), [](const Emission& e) { return !e.of_latent; });
  const std::string full = observed > 1 ? name + "_" + emissions_[emission].name : name;
  const Type type{Element::real, axes, -1};
  const bool known =
      std::any_of(list_.begin(), list_.end(), [&](const Statistic& s) { return s.name == full; });
  if (!known) list_.push_back({Moment::term, emission, axes, full, term, of_start});
  return update.leaf(Op::statistic, full, type);
}

NodeId StatisticTable::row_count(Builder& update, size_t emission, const std::vector<AxisId>& axes) {
  const std::vector<AxisId> cells = cell_axes(emission);
  const NodeId n = read(update, Moment::count, emission, united(counted_axes(emission, axes), cells));
  return update.reduce(Op::reduce_max, n, without(cells, axes));
}

NodeId StatisticTable::least_rows(Builder& update, double rows) {
  const NodeId least = update.constant(rows);
  if (!setting_.model.row_weight()) return least;
  const NodeId counted = read(update, Moment::counted_rows, 0, {});
  const NodeId mean = update.div(read(update, Moment::rows, 0, {}), counted);
  return update.mul(least, update.binary(Op::minimum, mean, update.constant(1)));
}

NodeId StatisticTable::weight(Builder& update, size_t emission, const std::vector<AxisId>& axes) {
  const std::vector<AxisId> cells = cell_axes(emission);
  const NodeId n = read(update, Moment::count, emission, united(counted_axes(emission, axes), cells));
  const NodeId weight = update.reduce(Op::sum, n, without(cells, axes));
  double pooled = 1;
  for (const AxisId axis : without(emissions_[emission].axes, united(axes, cells))) {
    if (counted_axes(emission, {axis}).empty())
      pooled *= static_cast<double>(update.module().axis(axis).size);
  }
  return pooled == 1 ? weight : update.mul(weight, update.constant(pooled));
}

void StatisticTable::write(Builder& rows, Expansion& expand, const Marginal& responsibilities, For use,
                           const std::string& prefix) const {
  const ir::Variable* weight = setting_.model.row_weight();
  const RowWeights weights{
      .row = weight ? rows.leaf(Op::data, weight->name, weight->type, weight->range) : ir::no_node,
      .states = responsibilities};
  for (const Statistic& statistic : list_) {
    const bool start = use == For::start;
    if (statistic.of_start && !start) continue;
    // The rows of one pattern have the same cells: `impute` counts them.
    const bool of_pattern =
        emissions_[statistic.emission].absent == Absent::patterns && counts_cells(statistic);
    if (of_pattern && !start) continue;
    rows.output(ir::OutputKind::statistic, prefix + statistic.name,
                written(rows, expand, weights, statistic, use));
  }
}

NodeId StatisticTable::written(Builder& b, Expansion& expand, const RowWeights& weights, const Statistic& s,
                               For use) const {
  if (s.moment == Moment::counted_rows) {
    return b.reduce(Op::sum, b.binary(Op::less, b.constant(0), weights.row), {row_axis});
  }
  if (s.moment == Moment::rows) {
    if (weights.row != ir::no_node) return b.reduce(Op::sum, weights.row, {row_axis});
    return b.reduce(Op::sum, b.make(Op::broadcast, {b.constant(1)}, {.axes = {row_axis}}), {row_axis});
  }
  const Emission& e = emissions_[s.emission];
  const NodeId observed = e.absent == Absent::elements ? expand.observed(e) : ir::no_node;
  const auto where_observed = [&](NodeId node) {
    return observed == ir::no_node ? node : b.select(observed, node, b.constant(0));
  };
  std::vector<NodeId> factors;
  std::vector<AxisId> states = common(s.axes, setting_.states);
  if (s.moment == Moment::count && observed != ir::no_node) factors.push_back(observed);
  if (e.absent == Absent::patterns && counts_cells(s)) {
    // A start has a value in every cell.
    const auto elements = without(s.axes, setting_.states);
    factors.push_back(b.make(Op::broadcast, {b.constant(1)}, {.axes = united(elements, {row_axis})}));
  }
  if (s.moment == Moment::occurrences) {
    const NodeId value = expand(e.value);
    if (b.type(value).element == Element::category) {
      const auto event = without(s.axes, e.axes);
      const AxisId along = event.empty() ? b.type(value).range : event.front();
      // Of the enumerated latent 1[z = k] is the responsibility itself.
      if (b.function()[value].op != Op::iota)
        factors.push_back(b.make(Op::one_hot, {value}, {.axes = {along}}));
    } else {
      factors.push_back(where_observed(value));
    }
  } else if (s.moment == Moment::term) {
    NodeId term = s.term->place(b, expand.latents());
    // A row that does not count may lie outside of the support, where terms are infinite.
    if (weights.row != ir::no_node)
      term = b.select(b.binary(Op::less, b.constant(0), weights.row), term, b.constant(0));
    if (const NodeId where = expand.holds(e); where != ir::no_node)
      term = b.select(where, term, b.constant(0));
    const auto elements = without(united(united(s.axes, e.axes), {row_axis}), setting_.states);
    factors.push_back(where_observed(spread_over(b, term, elements)));
  } else if (s.moment != Moment::count) {
    const bool by_pattern = e.absent == Absent::patterns && use == For::iterations;
    const auto* shared = expand.about_origin(e);
    const NodeId d = by_pattern ? expand.marginal(e).centred
                     : shared   ? shared->value
                                : where_observed(b.sub(expand(e.value), expand(e.slots.front())));
    factors.push_back(d);
    if (s.moment == Moment::second) factors.push_back(d);
    if (s.moment == Moment::outer) {
      const auto event = ir::matrix_axes(b.module(), {Element::real, s.axes, -1}, b.type(d));
      if (!event) throw ir::InternalError("an outer product without matrix axes");
      factors.push_back(b.rename(d, event->row, event->column));
    }
  }
  for (const ir::Selection& selection : e.selections) {
    if (contains(s.axes, selection.axis)) {
      factors.insert(factors.begin(),
                     b.make(Op::one_hot, {expand(selection.index)}, {.axes = {selection.axis}}));
    }
  }
  for (const NodeId factor : factors) states = united(states, common(b.type(factor).axes, setting_.states));
  // In the first rows of a series the pairs with earlier steps have no weight anyway.
  const bool of_pairs = use == For::iterations && setting_.chain && e.steps.first == setting_.chain->order &&
                        !e.steps.alone && !common(states, setting_.chain->oldest()).empty();
  const NodeId where = of_pairs ? ir::no_node : expand.holds(e);
  const auto where_it_holds = [&](NodeId weight) {
    return where == ir::no_node ? weight : b.select(where, weight, b.constant(0));
  };
  if (!states.empty()) {
    factors.insert(factors.begin(),
                   where_it_holds(ir::times_row_weight(b, setting_.model, weights.states(states))));
  } else if (where != ir::no_node) {
    factors.insert(factors.begin(), where_it_holds(b.constant(1)));
  } else if (weights.row != ir::no_node) {
    factors.insert(factors.begin(), weights.row);
  }

  std::vector<AxisId> axes;
  for (const NodeId factor : factors) axes = united(axes, b.type(factor).axes);
  const std::vector<AxisId> summed = without(axes, s.axes);
  return factors.size() == 1 ? b.reduce(Op::sum, factors.front(), summed) : b.contract(factors, summed);
}

}  // namespace lvm::em
