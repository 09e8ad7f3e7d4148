#include "ir/passes/finite_chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/passes/chain_rows.h"
#include "ir/passes/classify.h"

namespace lvm::ir {

std::vector<AxisId> FiniteChain::over(int first, int last) const {
  std::vector<AxisId> axes;
  for (int lag = first; lag <= last; ++lag) {
    const std::vector<AxisId>& each = values[static_cast<size_t>(lag)];
    axes.insert(axes.end(), each.begin(), each.end());
  }
  return axes;
}

std::optional<FiniteChain> finite_chain(const Model& model) {
  const auto variable = [&](int v) -> const Variable& { return model.variables[static_cast<size_t>(v)]; };
  FiniteChain chain{.order = 0, .latents = {}, .values = {}, .local = {}};
  for (const Lag& lag : model.lags) {
    const Variable& v = variable(lag.variable);
    if (v.role != Role::latent || v.states < 0) continue;
    chain.order = std::max(chain.order, lag.steps);
    if (lag.steps == 1) chain.latents.push_back(lag.of);
  }
  if (chain.order == 0) return {};
  std::ranges::sort(chain.latents, {}, [&](int v) { return variable(v).states; });
  for (int lag = 0; lag <= chain.order; ++lag) {
    chain.values.emplace_back();
    for (const int v : chain.latents) chain.values.back().push_back(variable(lagged(model, v, lag)).states);
  }
  const std::vector<FiniteLatent> latents = finite_latents(model);
  const auto of_chain = [&](size_t i) { return std::ranges::count(chain.latents, latents[i].variable) > 0; };
  for (const std::vector<size_t>& block : joint_blocks(model, latents)) {
    if (std::ranges::none_of(block, of_chain)) continue;
    for (const size_t i : block) {
      if (!of_chain(i) && !is_lag(model, latents[i].variable)) chain.local.push_back(latents[i].states);
    }
  }
  std::ranges::sort(chain.local);
  return chain;
}

std::optional<int64_t> size_of(const Module& module, const std::vector<AxisId>& axes) {
  int64_t product = 1;
  for (const AxisId axis : axes) {
    if (module.axis(axis).size == unknown_size) return {};
    product = std::min(product * module.axis(axis).size, int64_t{1} << 40);
  }
  return product;
}

std::string factor_name(const Model& model, const Factor& factor) {
  const std::string& name = model.variables[static_cast<size_t>(factor.variable.variable)].name;
  if (!factor.steps.alone) return name;
  return factor.steps.first == 0 ? name + "[first]" : fmt::format("{}[first+{}]", name, factor.steps.first);
}

}  // namespace lvm::ir
