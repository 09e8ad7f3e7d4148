#pragma once
// Whether everything that a Program sums over rows is quadratic in their cells: then their mean and
// covariance are sufficient.

#include "backends/em/emission.h"

namespace lvm::em {

/// One Gaussian latent and nothing else that rows differ in: every factor a Normal whose mean is affine in
/// data and latent together and whose spread is of parameters alone.
bool is_second_order(const Setting& setting, const std::vector<Emission>& emissions);

}  // namespace lvm::em
