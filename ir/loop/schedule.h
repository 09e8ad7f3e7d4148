#pragma once
// schedule: Program (Tensor@step) -> Loop.  Purpose: choose what is kept in scratch, the order of the loops,
// and the register blocks. Before: level step, sizes of all fixed axes known, slots laid out.  After: one
// Loop function for each Tensor function of the Program; `program.scratch_bytes` is what the greatest of them
// needs.

#include "ir/loop/loop.h"
#include "ir/program/program.h"

namespace lvm::loop {

struct Target {
  std::string name = "generic";
  /// Vectors of eight doubles that sums over rows may hold in registers at once. The bits of a sum do not
  /// depend on it.
  int accumulators = 6;
  /// Doubles that the rows at work may take of the first-level cache. The bits do not depend on it either.
  int cache_doubles = 3072;
};

Unit schedule(ir::Program& program, const Target& target);

/// The C functions of the run time that scheduled code may call (`runtime/linalg.h`): row-major n x n
/// contiguous matrices.
inline constexpr std::string_view runtime_symbols[] = {
    "lvm_cholesky", "lvm_triangular_inverse", "lvm_triangular_solve", "lvm_solve",
    "lvm_inverse",  "lvm_log_determinant",    "lvm_eigenvalues",
};

}  // namespace lvm::loop
