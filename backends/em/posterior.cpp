#include "backends/em/posterior.h"

#include <algorithm>

#include "backends/em/chain.h"
#include "backends/em/continuous.h"
#include "backends/em/smoothing.h"

namespace lvm::em {

using ir::Op;

namespace {

bool is_point(const Setting& setting) {
  return std::ranges::any_of(
      setting.plan.blocks, [](const ir::Block& block) { return block.solver == ir::Solver::most_probable; });
}

/// Those factors that mention a latent of the block; with no axes those that mention none.
std::vector<Emission> members(const Setting& setting, const std::vector<Emission>& emissions,
                              const std::vector<AxisId>& axes) {
  std::vector<Emission> found;
  for (const Emission& emission : emissions) {
    const std::vector<AxisId> own = common(emission.axes, setting.states);
    if (axes.empty() ? own.empty() : !common(own, axes).empty()) found.push_back(emission);
  }
  return found;
}

NodeId block_marginal(Builder& b, const std::vector<BlockPosterior>& blocks,
                      const std::vector<AxisId>& axes) {
  for (const BlockPosterior& block : blocks) {
    if (without(axes, block.axes).empty()) return b.reduce(Op::sum, block.made.q, without(block.axes, axes));
  }
  throw ir::InternalError("a statistic joins latents that no factor joins");
}

/// A continuous latent is integrated out for each combination of the finite ones, which are then enumerated
/// together.
RowPosterior with_continuous(Builder& b, Expansion& expand, const Setting& setting,
                             const std::vector<Emission>& emissions) {
  const ir::NodeLatent& latent = setting.continuous.front();
  const ir::Variable& z = setting.model.variables[static_cast<size_t>(latent.variable)];
  std::vector<Emission> holding, rest;
  for (const Emission& e : emissions) (contains(e.axes, latent.sides) ? holding : rest).push_back(e);
  const bool gaussian = setting.plan.find(z.name)->solver == ir::Solver::conditioning;
  const ContinuousPosterior q =
      gaussian ? conditioned(b, setting, holding, latent) : conjugate(b, setting, holding, latent);
  expand.place_latent(z.name, q.nodes);
  NodeId joint = rest.empty() ? q.log_evidence : b.add(q.log_evidence, expand.log_joint(rest));
  if (!b.type(joint).has(ir::row_axis)) joint = b.make(Op::broadcast, {joint}, {.axes = {ir::row_axis}});
  const std::vector<AxisId> finite = without(setting.states, latent.axes());
  RowPosterior made{joint, {}, {{z.name, q.mean, q.variance}}};
  NodeId states = ir::no_node;
  if (!finite.empty()) {
    const ir::EnumeratedPosterior enumerated =
        ir::exact_posterior(b, ir::where_possible(b, setting.model, setting.latents, joint), finite);
    made.evidence = enumerated.evidence;
    states = enumerated.q;
    // Over the states too: the mean of the means, and of the variances and their squared distances.
    const auto expected = [&](NodeId f) { return b.contract({states, f}, finite); };
    Moments& m = made.moments.front();
    m.mean = expected(q.mean);
    m.variance = expected(b.add(q.variance, b.unary(Op::square, b.sub(q.mean, m.mean))));
  }
  made.marginal = [&b, states, finite, latent](const std::vector<AxisId>& wanted) {
    double share = 1;
    for (const AxisId axis : common(latent.axes(), wanted))
      share /= static_cast<double>(b.module().axis(axis).size);
    const NodeId of_nodes = b.constant(share);
    const std::vector<AxisId> kept = common(finite, wanted);
    if (kept.empty()) return of_nodes;
    const NodeId of_states = b.reduce(Op::sum, states, without(finite, kept));
    return share == 1 ? of_states : b.mul(of_states, of_nodes);
  };
  return made;
}

}  // namespace

RowPosterior row_posterior(Builder& b, Expansion& expand, const Setting& setting,
                           const std::vector<Emission>& emissions) {
  if (setting.chain) return chain_posterior(b, expand, setting, emissions);
  if (smoothed_latent(setting)) return smoothing_posterior(b, expand, setting, emissions);
  std::vector<std::vector<AxisId>> axes;
  for (const std::vector<size_t>& block : ir::joint_blocks(setting.model, setting.latents)) {
    axes.emplace_back();
    for (const size_t i : block) axes.back() = united(axes.back(), {setting.latents[i].states});
  }
  if (!setting.continuous.empty()) return with_continuous(b, expand, setting, emissions);
  if (axes.empty()) return {expand.log_joint(emissions), {}, {}};
  NodeId evidence = ir::no_node;
  if (axes.size() > 1) {
    const std::vector<Emission> rest = members(setting, emissions, {});
    if (!rest.empty()) evidence = expand.log_joint(rest);
  }
  std::vector<BlockPosterior> blocks;
  for (const std::vector<AxisId>& block : axes) {
    NodeId joint = expand.log_joint(axes.size() > 1 ? members(setting, emissions, block) : emissions);
    joint = ir::where_possible(b, setting.model, setting.latents, joint);
    const ir::EnumeratedPosterior made =
        is_point(setting) ? ir::point_posterior(b, joint, block) : ir::exact_posterior(b, joint, block);
    evidence = evidence == ir::no_node ? made.evidence : b.add(evidence, made.evidence);
    blocks.push_back({block, made});
  }
  return {evidence,
          [&b, blocks](const std::vector<AxisId>& wanted) { return block_marginal(b, blocks, wanted); },
          {}};
}

Marginal assigned(Builder& b, const Setting& setting,
                  const std::function<std::string(const ir::FiniteLatent&)>& slot) {
  if (setting.states.empty()) return {};
  return [&b, &setting, slot](const std::vector<AxisId>& axes) {
    NodeId all = ir::no_node;
    for (const ir::NodeLatent& latent : setting.continuous) {
      double share = 1;
      for (const AxisId axis : common(latent.axes(), axes))
        share /= static_cast<double>(b.module().axis(axis).size);
      if (share != 1) all = b.constant(share);
    }
    for (const ir::FiniteLatent& latent : setting.latents) {
      if (!contains(axes, latent.states)) continue;
      const NodeId z = b.leaf(Op::data, slot(latent), {ir::Element::category, {ir::row_axis}, latent.states});
      const NodeId one_hot = b.make(Op::one_hot, {z}, {.axes = {latent.states}});
      all = all == ir::no_node ? one_hot : b.mul(all, one_hot);
    }
    return all;
  };
}

}  // namespace lvm::em
