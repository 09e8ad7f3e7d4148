#pragma once
#include <cstdint>

#include "runtime/host_cells.h"

namespace lvm::runtime {

/// The mean of the squared distances to the mean. Two passes, with the correction for the rounding of the
/// mean (Chan, Golub & LeVeque 1983), partial sums in a fixed order.
double population_variance(const double* values, int64_t count);
/// The same where value i counts weights[i] times; the weights are not negative and have a positive sum.
double weighted_variance(const double* values, const double* weights, int64_t count);
/// Of those values that are not NaN; no weights: each counts once.
double column_variance(const CellColumn& values, const double* weights, int64_t count);

}  // namespace lvm::runtime
