#pragma once
// The parameterisations of each family's file, which the registry joins.

#include <optional>
#include <string>
#include <vector>

#include "ir/families/family.h"

namespace lvm::ir {

std::vector<Family> normal_families();
std::vector<Family> bernoulli_families();
std::vector<Family> categorical_families();
std::vector<Family> poisson_families();
std::vector<Family> binomial_families();
std::vector<Family> geometric_families();
std::vector<Family> negative_binomial_families();
std::vector<Family> gamma_families();
std::vector<Family> beta_families();
std::vector<Family> location_scale_families();
std::vector<Family> weibull_families();
std::vector<Family> von_mises_families();
std::vector<Family> continuous_bernoulli_families();
std::vector<Family> wishart_families();
std::vector<Family> gumbel_softmax_families();
std::vector<Family> low_rank_normal_families();

/// The wrapped forms of those of `plain` that have one.
std::vector<Family> zero_inflated_families(const std::vector<Family>& plain);
std::vector<Family> truncated_families(const std::vector<Family>& plain);

/// The text, kept for as long as the program runs: names of families are views.
std::string_view kept(std::string text);

/// The row and column axis of a matrix slot: D and D' of [.., D, D'] for a value that has D.
struct MatrixAxes {
  AxisId row, column;
};
std::optional<MatrixAxes> matrix_axes(const Module& module, const Type& matrix, const Type& value);

}  // namespace lvm::ir
