#include "backends/em/second_order.h"

#include <algorithm>

#include "ir/passes/predictor.h"

namespace lvm::em {

bool is_second_order(const Setting& setting, const std::vector<Emission>& emissions) {
  if (!setting.latents.empty() || setting.continuous.size() != 1 || setting.continuous.front().order() > 0)
    return false;
  const ir::Function& f = setting.function();
  std::vector<NodeId> cells;  // the leaf of the latent is one too
  for (size_t id = 0; id < f.nodes.size(); ++id)
    if (f.nodes[id].op == ir::Op::data) cells.push_back(static_cast<NodeId>(id));
  const auto free_of_cells = [&](NodeId node) {
    return std::ranges::none_of(cells, [&](NodeId cell) { return ir::depends_on(f, node, cell); });
  };
  return std::ranges::all_of(emissions, [&](const Emission& e) {
    if (e.family != "Normal" || e.absent != Absent::never || !e.selections.empty()) return false;
    return f[e.value].op == ir::Op::data && ir::is_jointly_affine(f, e.slots.at(0), cells) &&
           free_of_cells(e.slots.at(1));
  });
}

}  // namespace lvm::em
