#pragma once
// start_values: the values that continuous latents have when a run starts. Those of Gaussian latents are
// standardised, uncorrelated scores of the data columns along their principal directions (in later restarts
// along random ones).

#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/pool.h"

namespace lvm::runtime {

/// For each element of each of Program::start_values a number a row.
std::vector<std::vector<double>> start_values(const ir::Program& program, const BoundData& data,
                                              uint64_t seed, uint32_t restart, Pool& pool);

}  // namespace lvm::runtime
