#pragma once
// Variances of the families on the host, beside the means of runtime/samplers: one row of the table a
// parameterisation.

#include <string_view>

#include "runtime/samplers.h"

namespace lvm::runtime {

/// Of one number from the numbers of its slots; NaN or infinity where it has none.
using Variance = double (*)(const SlotValues& slots);

/// Null where lvm has none: vectors, categories, and families without a formula here.
Variance find_variance(std::string_view parameterisation);

}  // namespace lvm::runtime
