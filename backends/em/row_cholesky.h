#pragma once
// The Cholesky factor of a matrix of each row, element by element: what is of parameters alone goes through the ops of linear algebra.

#include "ir/tensor/tensor.h"

namespace lvm::em {

struct CholeskyInverse {
  ir::NodeId inverse;       // of the lower factor: [.., D, D']
  ir::NodeId log_diagonal;  // the sum of ln of the factor's diagonal
};

/// NaN where the matrix is not positive definite.
CholeskyInverse cholesky_inverse(ir::Builder& b, ir::NodeId matrix, ir::AxisId row, ir::AxisId column);

}  // namespace lvm::em
