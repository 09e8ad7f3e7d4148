// A slot h(v) meets its target s by Newton's rule on  ln h(v) = ln s  for positive slots, h(v) = s for
// others, in the coordinate of v (its logarithm, its log-odds, itself): one step is exact for v, c v^k and
// e^v.

#include "backends/em/moment_start.h"

#include <algorithm>

#include "ir/families/family.h"
#include "ir/passes/differentiate.h"

namespace lvm::em {

using ir::Domain;
using ir::Op;

namespace {

constexpr int steps = 4;
constexpr double least_relative_variance = 1e-10;

struct Placement {
  UpdateContext& c;
  const ir::Block& block;
  Builder& b;
  const ir::Variable& v;
  size_t at = 0;
  size_t slot = 0;
  NodeId leaf = ir::no_node;  // canonical

  Placement(UpdateContext& context, const ir::Block& newton)
      : c(context), block(newton), b(context.update), v(variable_of(context.setting, newton.name)) {}

  const Emission& emission() const { return c.emissions[at]; }

  /// Moments of a component say nothing of a slot that differs from row to row.
  bool slots_of_parameters() const {
    const ir::Function& f = c.setting.function();
    const auto& slots = emission().slots;
    return std::all_of(slots.begin(), slots.end(), [&](NodeId each) {
      if (f[each].type.has(ir::row_axis)) return false;
      const std::vector<bool> needed = needed_by(f, each);
      for (NodeId id = 0; id <= each; ++id) {
        if (needed[static_cast<size_t>(id)] && f[id].op == Op::data) return false;
      }
      return true;
    });
  }

  /// The first slot that holds the parameter.
  bool find_slot() {
    const ir::Function& f = c.setting.function();
    for (size_t id = 0; id < f.nodes.size() && leaf == ir::no_node; ++id) {
      const ir::Node& node = f.nodes[id];
      if (node.op == Op::parameter && node.attributes.text == v.name) leaf = static_cast<NodeId>(id);
    }
    for (at = 0; at < c.emissions.size(); ++at) {
      for (slot = 0; slot < emission().slots.size(); ++slot) {
        if (ir::depends_on(f, emission().slots[slot], leaf))
          return slots_of_parameters() && without(v.type.axes, slot_axes(f, emission().slots[slot])).empty();
      }
    }
    return false;
  }

  /// The slot as a function of a value of the parameter, with a value for each of its elements.
  NodeId slot_at(NodeId value) {
    Expansion tables(b, c.setting, Expansion::Rows::tables);
    // Effects that add up are placed one beside those before it.
    const ir::Function& f = c.setting.function();
    for (size_t id = 0; id < f.nodes.size(); ++id) {
      if (f.nodes[id].op != Op::parameter) continue;
      for (const ir::Output& output : b.function().outputs)
        if (output.kind == ir::OutputKind::parameter && output.name == f.nodes[id].attributes.text)
          tables.replace(static_cast<NodeId>(id), output.node);
    }
    tables.replace(leaf, value);
    return tables(emission().slots[slot]);
  }
  NodeId spread(NodeId value) {
    const std::vector<AxisId> missing =
        without(slot_axes(c.setting.function(), emission().slots[slot]), b.type(value).axes);
    return missing.empty() ? value : b.make(Op::broadcast, {value}, {.axes = missing});
  }
  /// The mean over the rows behind each element of the parameter: of effects that add up, each meets the mean
  /// of its own rows.
  NodeId averaged(NodeId x) {
    const std::vector<AxisId> others = without(b.type(x).axes, v.type.axes);
    if (others.empty()) return x;
    const std::vector<AxisId> all = united(v.type.axes, others);
    const NodeId n = c.statistics.weight(b, at, all);
    const auto total = [&](NodeId each) {
      return b.reduce(Op::sum, each, without(b.type(each).axes, v.type.axes));
    };
    return b.div(total(b.mul(n, x)), total(n));
  }

  /// The mean of the squared means of the states: what is between them is none of the spread that they share.
  NodeId squared_means(const RowTerm& feature, NodeId mean, NodeId n) {
    std::vector<AxisId> joint = v.type.axes;
    for (const ir::FiniteLatent& latent : c.setting.latents)
      joint = united(joint, common(emission().axes, {latent.states}));
    if (joint == v.type.axes) return b.unary(Op::square, mean);
    const NodeId rows = c.statistics.weight(b, at, joint);
    const NodeId sum = c.statistics.expected(
        b, at, joint, "start_states_" + emission().variable + "_" + v.name, feature, true);
    const NodeId some = b.binary(Op::less, b.constant(0), rows);
    const NodeId each = b.select(some, b.div(b.unary(Op::square, sum), rows), b.constant(0));
    return b.div(b.reduce(Op::sum, each, without(b.type(each).axes, v.type.axes)), n);
  }

  NodeId target() {
    std::string text = emission().family;
    for (const std::string& name : emission().slot_names) text += "." + name;
    const ir::Family* family = ir::find_family(text);
    if (!family || !family->start.slots) return ir::no_node;
    TermWriter writer(b.module(), c.setting, emission());
    const NodeId value = writer.value();
    const NodeId feature = family->start.feature ? family->start.feature(writer.builder(), value) : value;
    writer.output(feature);
    writer.output(family->start.other ? family->start.other(writer.builder(), value)
                                      : writer.builder().unary(Op::square, feature));
    const std::vector<RowTerm> terms = writer.take();
    const std::vector<AxisId>& axes = v.type.axes;
    // Sums over the same axes are the same.
    const std::string what = emission().variable + (axes == emission().axes ? "" : "_" + v.name);
    const NodeId n = c.statistics.weight(b, at, axes);
    const NodeId mean = b.div(c.statistics.expected(b, at, axes, "start_" + what, terms[0], true), n);
    const NodeId square = b.div(c.statistics.expected(b, at, axes, "start2_" + what, terms[1], true), n);
    const NodeId least = b.add(b.mul(b.constant(least_relative_variance), square), b.constant(1e-300));
    const NodeId variance =
        family->start.other ? square
                            : b.binary(Op::maximum, b.sub(square, squared_means(terms[0], mean, n)), least);
    ir::Slots slots({}, c.setting.function()[emission().log_density].attributes.axes);
    Expansion tables(b, c.setting, Expansion::Rows::tables);
    for (const NodeId each : emission().slots) slots.push_back(tables(each));
    const NodeId wanted = family->start.slots(b, mean, variance, slots).at(slot);
    return wanted == ir::no_node ? wanted : averaged(wanted);
  }

  bool positive_slot(NodeId node) const { return b.type(node).element == ir::Element::positive; }

  /// v moved by `by` in its coordinate, and dv of a unit of it.
  NodeId moved(NodeId value, NodeId by) {
    if (v.domain == Domain::real) return b.add(value, by);
    const NodeId factor = b.unary(Op::exp, by);
    const NodeId odds = b.mul(value, factor);
    if (v.domain == Domain::positive) return odds;
    return b.div(odds, b.add(odds, b.sub(b.constant(1), value)));
  }
  NodeId jacobian(NodeId value) {
    if (v.domain == Domain::real) return b.constant(1);
    return v.domain == Domain::positive ? value : b.mul(value, b.sub(b.constant(1), value));
  }

  NodeId solve(NodeId wanted) {
    NodeId value = read_parameter(c, v.name);
    const bool direct = slot_at(value) == value;
    const bool logarithms = v.domain == Domain::positive || (!direct && positive_slot(slot_at(value)));
    if (direct && v.domain == Domain::real) return wanted;
    for (int step = 0; step < (direct ? 1 : steps); ++step) {
      if (direct && v.domain == Domain::unit) return wanted;
      const NodeId wide = spread(value), each = slot_at(wide), now = averaged(each);
      NodeId slope = b.mul(averaged(ir::differentiate_elements(b, each, {wide}).front()), jacobian(value));
      NodeId gap = b.sub(wanted, now);
      if (logarithms) {
        gap = b.unary(Op::log, b.div(wanted, now));
        slope = b.div(slope, now);
      }
      const NodeId next = moved(value, b.div(gap, slope));
      value = b.select(b.unary(Op::is_finite, next), next, value);
    }
    return value;
  }

  void write() {
    const NodeId old = read_parameter(c, v.name);
    const NodeId wanted = find_slot() ? target() : ir::no_node;
    NodeId value = wanted == ir::no_node ? old : solve(wanted);
    const std::vector<AxisId> missing = without(v.type.axes, b.type(value).axes);
    if (!missing.empty()) value = b.make(Op::broadcast, {value}, {.axes = missing});
    b.output(ir::OutputKind::parameter, v.name, b.select(b.unary(Op::is_finite, value), value, old));
  }
};

}  // namespace

void place_by_moments(UpdateContext& context, const ir::Block& block) {
  Placement(context, block).write();
}

}  // namespace lvm::em
