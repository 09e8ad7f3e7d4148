#pragma once
// moment_rows: few rows with the mean and the covariance of many. Where all that a Program sums over rows is
// quadratic in their cells (Program::second_order: factor analysis and its kin), they give the same sums, and
// an iteration costs two rows a column whatever the table has:
//
//   x = mean ± sqrt(D) (column k of L),  L L' = covariance,  for k = 1 … D        (the cubature of degree 3,
//   McNamee & Stenger 1967)

#include <optional>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/pool.h"

namespace lvm::runtime {

struct MomentRows {
  BoundData data;    // total_weight is that of all rows
  double scale = 1;  // how many rows each one stands for
};

/// None where the Program is of another kind, cells are absent, or the table is not much longer than it is
/// wide.
std::optional<MomentRows> moment_rows(const ir::Program& program, const BoundData& data, Pool& pool);

}  // namespace lvm::runtime
