#pragma once
// The functions over rows of a batched Program, walked stage by stage on several threads. Which rows stand
// together, and which part of a product is computed by itself, is a function of the sizes alone: any number
// of threads gives the same bits.

#include <memory>

#include "ir/program/program.h"
#include "ir/program/stages.h"
#include "runtime/pool.h"

namespace lvm::runtime {

/// Copies in bfloat16 of the parameters that `optimise` wrote are read by the next `step` on them: between
/// the two nobody else writes them. `kernels` with each staged function as one callable more. `program` must
/// outlive the result; calls must not overlap.
ir::Executable with_stages(const ir::Program& program, ir::Executable kernels,
                           const ir::StagedFunctions& staged, std::shared_ptr<Pool> pool);

}  // namespace lvm::runtime
