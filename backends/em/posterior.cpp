#include "backends/em/posterior.h"

#include <algorithm>

namespace lvm::em {

using ir::Op;

namespace {

struct BlockPosterior {
  std::vector<AxisId> axes;
  ir::EnumeratedPosterior made;
};

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

}  // namespace

RowPosterior row_posterior(Builder& b, Expansion& expand, const Setting& setting,
                           const std::vector<Emission>& emissions) {
  std::vector<std::vector<AxisId>> axes;
  for (const std::vector<size_t>& block : ir::joint_blocks(setting.model, setting.latents)) {
    axes.emplace_back();
    for (const size_t i : block) axes.back() = united(axes.back(), {setting.latents[i].states});
  }
  if (axes.empty()) return {expand.log_joint(emissions), {}};
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
          [&b, blocks](const std::vector<AxisId>& wanted) { return block_marginal(b, blocks, wanted); }};
}

Marginal assigned(Builder& b, const Setting& setting,
                  const std::function<std::string(const ir::FiniteLatent&)>& slot) {
  if (setting.latents.empty()) return {};
  return [&b, &setting, slot](const std::vector<AxisId>& axes) {
    NodeId all = ir::no_node;
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
