#include "backends/em/shared_origin.h"

#include <algorithm>

#include "ir/families/members.h"

namespace lvm::em {

using ir::Op;
using ir::Type;

namespace {

constexpr int64_t most_elements = 16;

bool is_moment_of(const Statistic& s, size_t at) {
  return s.emission == at &&
         (s.moment == Moment::first || s.moment == Moment::second || s.moment == Moment::outer);
}

bool has_shared_origin(const Setting& setting, const Emission& e, size_t at, const StatisticTable& table) {
  const ir::Family* family = ir::find_family(parameterisation_of(e));
  if (!family || !family->separated || e.of_latent || e.absent != Absent::never || !e.selections.empty() ||
      !setting.continuous.empty())
    return false;
  const Type& mean = setting.function()[e.slots.front()].type;
  const std::vector<AxisId> elements = elements_of(setting, e), states = common(mean.axes, setting.states);
  if (mean.has(ir::row_axis) || states.empty() || united(elements, states) != mean.axes) return false;
  int64_t size = 1;
  for (const AxisId axis : elements) size *= setting.canonical.axis(axis).size;
  if (size > most_elements) return false;
  bool any = false;
  for (const Statistic& s : table.list()) {
    if (!is_moment_of(s, at)) continue;
    any = true;
    if (!without(states, s.axes).empty()) return false;
  }
  return any;
}

struct Recentring {
  Builder& b;
  const Setting& setting;
  const Emission& e;
  size_t at;
  StatisticTable& statistics;
  Expansion tables;
  NodeId m;  // mean - origin

  Recentring(Builder& builder, const Setting& s, const Emission& emission, size_t index,
             StatisticTable& table)
      : b(builder),
        setting(s),
        e(emission),
        at(index),
        statistics(table),
        tables(builder, s, Expansion::Rows::tables),
        m(b.sub(tables(e.slots.front()), origin_leaf(b, s, e))) {}

  /// The axes of the means with the states of `axes`.
  std::vector<AxisId> joint(const std::vector<AxisId>& axes) const {
    return united(b.type(m).axes, common(axes, setting.states));
  }
  NodeId sum_to(NodeId node, const std::vector<AxisId>& axes) {
    return b.reduce(Op::sum, node, without(b.type(node).axes, axes));
  }
  NodeId first(const std::vector<AxisId>& axes) { return statistics.read(b, Moment::first, at, axes); }
  NodeId count(const std::vector<AxisId>& axes) { return statistics.weight(b, at, joint(axes)); }

  NodeId recentred(const Statistic& s) {
    const NodeId sums = statistics.read(b, s.moment, at, s.axes);
    if (s.moment == Moment::first) return b.sub(sums, sum_to(b.mul(count(s.axes), m), s.axes));
    const std::vector<AxisId> axes = joint(s.axes);
    const NodeId t1 = first(axes), n = count(axes);
    if (s.moment == Moment::second) {
      const NodeId change = b.mul(m, b.sub(b.mul(n, m), b.mul(b.constant(2), t1)));
      return b.add(sums, sum_to(change, s.axes));
    }
    const auto event = ir::matrix_axes(b.module(), {ir::Element::real, s.axes, -1}, b.type(m));
    if (!event) throw ir::InternalError("an outer product without matrix axes");
    const auto across = [&](NodeId node) { return b.rename(node, event->row, event->column); };
    const NodeId cross = b.add(b.mul(m, across(t1)), b.mul(t1, across(m)));
    return b.add(sums, b.sub(b.mul(n, b.mul(m, across(m))), cross));
  }
};

}  // namespace

std::vector<size_t> with_shared_origin(const Setting& setting, const std::vector<Emission>& emissions,
                                       const StatisticTable& statistics) {
  std::vector<size_t> found;
  for (size_t at = 0; at < emissions.size(); ++at) {
    if (emissions[at].absent == Absent::patterns) return {};  // whose sums are completed otherwise
    if (has_shared_origin(setting, emissions[at], at, statistics)) found.push_back(at);
  }
  return found;
}

ir::Function recentre(ir::Module& module, const Setting& setting, const std::vector<Emission>& emissions,
                      StatisticTable& statistics, const std::vector<size_t>& shared) {
  ir::Function function{.name = ir::recentre_function, .time = ir::BindingTime::update};
  Builder b(module, function);
  for (const size_t at : shared) {
    Recentring centre(b, setting, emissions[at], at, statistics);
    // Second moments may ask for a first one that no update reads.
    for (size_t i = 0; i < statistics.list().size(); ++i) {
      const Statistic s = statistics.list()[i];
      if (is_moment_of(s, at)) b.output(ir::OutputKind::statistic, s.name, centre.recentred(s));
    }
  }
  return function;
}

}  // namespace lvm::em
