#pragma once
// The chain of a model's finite latents: those that factors join to values of earlier steps
// (ir/passes/chain_rows.h).  The state of the chain at a step is a word of as many letters as the next step
// depends on: the values of its latents at the step, then at the step before, …

#include <optional>

#include "ir/passes/enumerate.h"

namespace lvm::ir {

struct FiniteChain {
  int order = 1;
  std::vector<int> latents;  // in Model::variables, by the axes of their values
  std::vector<std::vector<AxisId>>
      values;                 // of the latents 0, 1, … `order` steps before, sorted: ascending over all
  std::vector<AxisId> local;  // of latents that a factor joins to the chain, and to no earlier step: sorted
  std::vector<AxisId> state() const { return over(0, order - 1); }
  std::vector<AxisId> before() const { return over(1, order); }
  std::vector<AxisId> pair() const { return over(0, order); }
  const std::vector<AxisId>& oldest() const { return values.back(); }

 private:
  std::vector<AxisId> over(int first, int last) const;
};

/// None where no finite latent depends on an earlier step.
std::optional<FiniteChain> finite_chain(const Model& model);

/// The product of the sizes of axes; none where one is unknown.
std::optional<int64_t> size_of(const Module& module, const std::vector<AxisId>& axes);

/// "z", and of a factor that holds for one step alone "z[first+1]".
std::string factor_name(const Model& model, const Factor& factor);

}  // namespace lvm::ir
