#include "backends/em/chain.h"

#include <algorithm>
#include <memory>

#include "backends/em/slots.h"
#include "ir/passes/build_elbo.h"

namespace lvm::em {

using ir::Element;
using ir::Op;
using ir::row_axis;

namespace {

struct ChainWriter {
  Builder& b;
  Expansion& expand;
  const Setting& setting;
  const ir::FiniteChain& chain;
  std::vector<Emission> transitions, local, emitted, rest;  // `rest`: of no latent of the chain

  ChainWriter(Builder& builder, Expansion& e, const Setting& s, const std::vector<Emission>& emissions)
      : b(builder), expand(e), setting(s), chain(*s.chain) {
    const std::vector<AxisId> pair = chain.pair();
    for (const Emission& each : emissions) {
      const bool oldest = !common(each.axes, chain.oldest()).empty(),
                 of_local = !common(each.axes, chain.local).empty();
      const bool any = !common(each.axes, pair).empty();
      (oldest ? transitions : of_local ? local : any ? emitted : rest).push_back(each);
    }
  }

  NodeId over(NodeId node, const std::vector<AxisId>& axes) {
    const std::vector<AxisId> missing = without(axes, b.type(node).axes);
    return missing.empty() ? node : b.make(Op::broadcast, {node}, {.axes = missing});
  }
  NodeId column(const char* name, const std::vector<AxisId>& axes) {
    return b.leaf(Op::data, name, {Element::real, united({row_axis}, axes), -1});
  }
  NodeId sum_of(const std::vector<Emission>& list, bool where_they_hold) {
    NodeId sum = ir::no_node;
    for (const Emission& e : list) {
      const NodeId term = where_they_hold && e.steps.first == chain.order && !e.steps.alone
                              ? expand.term_where_it_holds(e)
                              : expand.term(e);
      sum = sum == ir::no_node ? term : b.add(sum, term);
    }
    return sum;
  }

  /// ln P(data, local latents | state) of the factors that hold these latents: [row, state…, local…].
  NodeId local_joint() {
    return local.empty() ? ir::no_node
                         : ir::where_possible(b, setting.model, of_axes(chain.local), sum_of(local, false));
  }
  std::vector<ir::FiniteLatent> of_axes(const std::vector<AxisId>& axes) const {
    std::vector<ir::FiniteLatent> found;
    for (const ir::FiniteLatent& latent : setting.latents) {
      if (contains(axes, latent.states)) found.push_back(latent);
    }
    return found;
  }

  /// ln P(data | state): [row, state…].
  NodeId log_emission() {
    NodeId sum = sum_of(emitted, false);
    if (const NodeId joint = local_joint(); joint != ir::no_node) {
      const NodeId each = b.reduce(Op::logsumexp, joint, chain.local);
      sum = sum == ir::no_node ? each : b.add(sum, each);
    }
    if (sum == ir::no_node) sum = b.constant(0);
    sum = ir::where_possible(b, setting.model, of_axes(chain.values.front()), sum);
    return over(sum, united({row_axis}, chain.state()));
  }
  /// ln P(own letter | earlier ones), in rows that have them: [pair…], with the row where rows differ in it.
  NodeId log_transition() { return over(sum_of(transitions, true), chain.pair()); }
  bool of_rows(NodeId transition) const { return !expand.of_parameters(transition); }

  /// exp(x - peak), 0 where nothing is possible.
  NodeId weight(NodeId x, NodeId peak) {
    return b.select(b.unary(Op::is_finite, peak), b.unary(Op::exp, b.sub(x, peak)), b.constant(0));
  }
  NodeId transition_weight(NodeId log_transition) {
    if (!of_rows(log_transition)) return b.unary(Op::exp, log_transition);
    return weight(log_transition, transition_peak(log_transition));
  }
  NodeId transition_peak(NodeId log_transition) {
    return b.reduce(Op::reduce_max, log_transition, chain.pair());
  }

  NodeId pairs() {
    const NodeId before = column(ir::chain_before_slot, chain.before());
    const NodeId states = column(ir::chain_states_slot, chain.state());
    const NodeId transition = transition_weight(log_transition());
    const NodeId joint = b.mul(before, transition);
    const NodeId predicted = b.reduce(Op::sum, joint, chain.oldest());
    const NodeId ratio =
        b.select(b.binary(Op::less, b.constant(0), predicted), b.div(states, predicted), b.constant(0));
    return b.mul(joint, ratio);
  }

  NodeId of_chain(const std::vector<AxisId>& axes) {
    const bool paired = !common(axes, chain.oldest()).empty();
    const NodeId q = paired ? pairs() : column(ir::chain_states_slot, chain.state());
    return b.reduce(Op::sum, q, without(paired ? chain.pair() : chain.state(), axes));
  }
  NodeId marginal(const std::vector<AxisId>& axes) {
    const std::vector<AxisId> own = common(axes, chain.pair()), locals = common(axes, chain.local);
    if (locals.empty()) return of_chain(own);
    const NodeId joint = local_joint();
    const NodeId given = b.unary(Op::exp, b.sub(joint, b.reduce(Op::logsumexp, joint, chain.local)));
    const std::vector<AxisId> needed = united(own, common(b.type(joint).axes, chain.pair()));
    const NodeId q = of_chain(needed);
    return b.contract({q, given}, united(without(needed, own), without(chain.local, locals)));
  }
};

}  // namespace

RowPosterior chain_posterior(Builder& b, Expansion& expand, const Setting& setting,
                             const std::vector<Emission>& emissions) {
  const auto writer = std::make_shared<ChainWriter>(b, expand, setting, emissions);
  const ir::FiniteChain& chain = *setting.chain;
  RowPosterior made;
  const NodeId scale = writer->column(ir::chain_scale_slot, {});
  made.evidence = b.add(b.unary(Op::log, scale), writer->column(ir::chain_peak_slot, {}));
  const std::vector<AxisId> own = united(chain.pair(), chain.local);
  std::vector<BlockPosterior> blocks;
  std::vector<Emission> alone;
  for (const std::vector<size_t>& block : ir::joint_blocks(setting.model, setting.latents)) {
    std::vector<AxisId> axes;
    for (const size_t i : block) axes = united(axes, {setting.latents[i].states});
    if (!common(axes, own).empty()) continue;
    std::vector<Emission> members;
    for (const Emission& e : writer->rest) {
      if (!common(e.axes, axes).empty()) members.push_back(e);
    }
    const NodeId joint =
        ir::where_possible(b, setting.model, writer->of_axes(axes), expand.log_joint(members));
    blocks.push_back({axes, ir::exact_posterior(b, joint, axes)});
    made.evidence = b.add(made.evidence, blocks.back().made.evidence);
  }
  for (const Emission& e : writer->rest) {
    if (common(e.axes, setting.states).empty()) alone.push_back(e);
  }
  if (!alone.empty()) made.evidence = b.add(made.evidence, expand.log_joint(alone));
  made.marginal = [writer, blocks, own](const std::vector<AxisId>& wanted) {
    if (!common(wanted, own).empty()) return writer->marginal(wanted);
    for (const BlockPosterior& block : blocks) {
      if (without(wanted, block.axes).empty())
        return writer->b.reduce(Op::sum, block.made.q, without(block.axes, wanted));
    }
    throw ir::InternalError("a statistic joins latents that no factor joins");
  };
  return made;
}

ir::Chain write_chain(Builder& b, Expansion& expand, const Setting& setting,
                      const std::vector<Emission>& emissions) {
  ChainWriter writer(b, expand, setting, emissions);
  const ir::FiniteChain& chain = *setting.chain;
  ir::Chain made;
  for (const int v : chain.latents)
    made.latents.push_back(setting.model.variables[static_cast<size_t>(v)].name);
  for (const AxisId axis : chain.values.front()) made.values.push_back(b.module().axis(axis).size);
  made.letters = element_count(b.module(), chain.values.front());
  made.order = chain.order;
  made.point =
      setting.plan.find(setting.model.variables[static_cast<size_t>(chain.latents.front())].name)->solver ==
      ir::Solver::best_path;
  const NodeId log = writer.log_emission();
  NodeId peak = b.reduce(Op::reduce_max, log, chain.state());
  b.output(ir::OutputKind::row, ir::chain_log_slot, log);
  b.output(ir::OutputKind::row, ir::chain_weight_slot, writer.weight(log, peak));
  const NodeId transition = writer.log_transition();
  made.of_rows = writer.of_rows(transition);
  const ir::OutputKind kind = made.of_rows ? ir::OutputKind::row : ir::OutputKind::derived;
  b.output(kind, ir::chain_log_transition_slot, transition);
  b.output(kind, ir::chain_transition_slot, writer.transition_weight(transition));
  if (made.of_rows) {
    const NodeId holds = ir::holds_in_row(b, setting.model, {.first = chain.order});
    peak = b.add(peak, b.select(holds, writer.transition_peak(transition), b.constant(0)));
  }
  b.output(ir::OutputKind::row, ir::chain_peak_slot, peak);
  return made;
}

std::vector<ir::DataSlot> chain_slots(const ir::Module& module, const ir::FiniteChain& chain) {
  std::vector<ir::DataSlot> slots;
  const auto add = [&](const char* name, const std::vector<AxisId>& axes) {
    ir::DataSlot slot;
    slot.name = name;
    slot.axes = axes;
    slot.size = element_count(module, axes);
    slots.push_back(std::move(slot));
  };
  add(ir::chain_states_slot, chain.state());
  add(ir::chain_before_slot, chain.before());
  add(ir::chain_scale_slot, {});
  add(ir::chain_peak_slot, {});
  return slots;
}

}  // namespace lvm::em
