#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Factor;
using ir::VariableUse;

enum class Visit : uint8_t { unseen, open, done };

// Edges from a variable to its parents at the same step; earlier steps cannot close a circle.
struct CircleSearch {
  Context& context;
  std::vector<Visit> visits;
  bool found = false;

  std::vector<const Factor*> factors_of(int variable) const {
    std::vector<const Factor*> own;
    for (const Factor& factor : context.model.factors)
      if (factor.variable.variable == variable) own.push_back(&factor);
    return own;
  }

  void visit(int variable) {
    visits[static_cast<size_t>(variable)] = Visit::open;
    for (const Factor* factor : factors_of(variable)) {
      for (const VariableUse& parent : factor->parents) {
        const bool same_step = parent.place != VariableUse::Place::step || parent.offset == 0;
        const bool earlier = parent.place == VariableUse::Place::first && (factor->variable.place != VariableUse::Place::first || parent.offset < factor->variable.offset);
        if (!same_step || earlier || found) continue;
        if (visits[static_cast<size_t>(parent.variable)] == Visit::open)
          report_circle(*factor, parent);
        else if (visits[static_cast<size_t>(parent.variable)] == Visit::unseen)
          visit(parent.variable);
      }
    }
    visits[static_cast<size_t>(variable)] = Visit::done;
  }

  void report_circle(const Factor& factor, const VariableUse& parent) {
    found = true;
    std::vector<Label> labels;
    for (const Factor* other : factors_of(parent.variable))
      if (other != &factor) labels.push_back({other->range, fmt::format("on which `{}` depends here", describe_use(context, other->variable))});
    report(context, Code::cyclic_dependence, factor.range, "the variables depend on each other in a circle",
           fmt::format("`{}` depends on `{}`", describe_use(context, factor.variable), describe_use(context, parent)),
           "a model is built from its first causes: no variable may lead back to itself", std::move(labels));
  }
};

int root(std::vector<int>& parents, int i) {
  while (parents[static_cast<size_t>(i)] != i) i = parents[static_cast<size_t>(i)];
  return i;
}

}  // namespace

void check_acyclic(Context& context) {
  CircleSearch search{context, std::vector<Visit>(context.variables.size(), Visit::unseen)};
  for (size_t i = 0; i < context.variables.size() && !search.found; ++i)
    if (search.visits[i] == Visit::unseen) search.visit(static_cast<int>(i));
}

std::vector<int> connected_blocks(const ir::Model& model, const std::vector<int>& latents) {
  std::vector<int> parents(model.variables.size());
  std::iota(parents.begin(), parents.end(), 0);
  for (const Factor& factor : model.factors) {
    std::vector<int> mentioned = {factor.variable.variable};
    for (const VariableUse& parent : factor.parents) mentioned.push_back(parent.variable);
    std::erase_if(mentioned, [&](int each) { return std::find(latents.begin(), latents.end(), each) == latents.end(); });
    for (size_t i = 1; i < mentioned.size(); ++i) parents[static_cast<size_t>(root(parents, mentioned[i]))] = root(parents, mentioned[0]);
  }
  std::vector<int> blocks;
  for (const int latent : latents) blocks.push_back(root(parents, latent));
  return blocks;
}

}  // namespace lvm::analysis
