#include "backends/em/absent.h"

#include <algorithm>

namespace lvm::em {

using ir::Block;
using ir::Check;
using ir::Op;

namespace {

/// "[K, D]"
std::string names_of(const ir::Module& module, const std::vector<AxisId>& axes) {
  std::string text;
  for (const AxisId axis : axes) text += (text.empty() ? "" : ", ") + module.axis(axis).name;
  return "[" + text + "]";
}

void check_block(UpdateContext& c, const Block& block, size_t at) {
  const Emission& e = c.emissions[at];
  const std::vector<AxisId> axes = common(variable_of(c.setting, block.name).type.axes, e.axes);
  const NodeId enough =
      c.update.binary(Op::less, c.update.constant(0), c.statistics.weight(c.update, at, axes));
  std::string message = "no observed cell of `" + e.variable + "` is left for `" + block.name + "`";
  if (axes == std::vector<AxisId>{c.setting.states}) {
    message = "component {} sees no observed cell of `" + e.variable + "`";
  } else if (!axes.empty()) {
    message += " at " + names_of(c.update.module(), axes) + " = [{}]";
  }
  add_check(c.update, c.checks, Check::Kind::empty, "cells_" + block.name, message, enough);
}

}  // namespace

void check_cells(UpdateContext& c) {
  for (const Block& block : c.setting.plan.blocks) {
    if (block.latent || block.solver == ir::Solver::held) continue;
    for (size_t at = 0; at < c.emissions.size(); ++at) {
      const Emission& e = c.emissions[at];
      const bool own = e.factor == block.factor ||
                       std::find(block.factors.begin(), block.factors.end(), e.factor) != block.factors.end();
      if (!own || e.absent != Absent::elements) continue;
      check_block(c, block, at);
      break;
    }
  }
}

}  // namespace lvm::em
