#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Factor;
using ir::VariableUse;

// Within one step a parent must come first; earlier steps cannot close a circle.
bool same_step(const Factor& factor, const VariableUse& parent) {
  switch (parent.place) {
    case VariableUse::Place::row: return true;
    case VariableUse::Place::step: return parent.offset == 0;
    case VariableUse::Place::first:
      return factor.variable.place == VariableUse::Place::first && factor.variable.offset == parent.offset;
  }
  return true;
}

const Factor* edge_factor(const Context& context, int child, int parent) {
  for (const Factor& factor : context.model.factors) {
    if (factor.variable.variable != child) continue;
    for (const VariableUse& each : factor.parents)
      if (each.variable == parent && same_step(factor, each)) return &factor;
  }
  return nullptr;
}

int root(std::vector<int>& parents, int i) {
  while (parents[static_cast<size_t>(i)] != i)
    i = parents[static_cast<size_t>(i)] = parents[static_cast<size_t>(parents[static_cast<size_t>(i)])];
  return i;
}

}  // namespace

void check_acyclic(Context& context) {
  Edges edges(context.variables.size());
  for (const Factor& factor : context.model.factors)
    for (const VariableUse& parent : factor.parents)
      if (same_step(factor, parent))
        edges[static_cast<size_t>(factor.variable.variable)].push_back(parent.variable);
  const std::vector<int> circle = find_circle(edges);
  if (circle.empty()) return;
  std::vector<Label> labels;
  for (size_t i = 0; i + 1 < circle.size(); ++i) {
    const Factor* factor = edge_factor(context, circle[i], circle[i + 1]);
    const auto name = [&](size_t at) {
      return context.model.variables[static_cast<size_t>(circle[at])].name;
    };
    if (factor) labels.push_back({factor->range, fmt::format("`{}` depends on `{}`", name(i), name(i + 1))});
  }
  const Factor* last = edge_factor(context, circle.back(), circle.front());
  report(context, Code::cyclic_dependence, last->range, "the variables depend on each other in a circle",
         fmt::format("`{}` depends on `{}`", context.model.variables[static_cast<size_t>(circle.back())].name,
                     context.model.variables[static_cast<size_t>(circle.front())].name),
         "a model is built from its first causes: no variable may lead back to itself", std::move(labels));
}

std::vector<int> connected_blocks(const ir::Model& model, const std::vector<int>& latents) {
  std::vector<int> parents(model.variables.size());
  std::iota(parents.begin(), parents.end(), 0);
  for (const Factor& factor : model.factors) {
    std::vector<int> mentioned = {factor.variable.variable};
    for (const VariableUse& parent : factor.parents) mentioned.push_back(parent.variable);
    std::erase_if(mentioned,
                  [&](int each) { return !std::binary_search(latents.begin(), latents.end(), each); });
    for (size_t i = 1; i < mentioned.size(); ++i)
      parents[static_cast<size_t>(root(parents, mentioned[i]))] = root(parents, mentioned[0]);
  }
  std::vector<int> blocks;
  for (const int latent : latents) blocks.push_back(root(parents, latent));
  return blocks;
}

}  // namespace lvm::analysis
