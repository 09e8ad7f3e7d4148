#pragma once
// start_assignments: the values that the latents of each row have when a run starts. k-means on the observed
// columns of each block of latents; the clusters of a block are the combinations of its latents' values.

#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/pool.h"

namespace lvm::runtime {

/// For each latent one state a row. A row that has a latent's value keeps it.
std::vector<std::vector<double>> start_assignments(const std::vector<ir::StartLatent>& latents,
                                                   const BoundData& data, uint64_t seed, uint32_t restart,
                                                   Pool& pool);

}  // namespace lvm::runtime
