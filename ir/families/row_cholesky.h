#pragma once
// The Cholesky factor and the inverse of a matrix of each row, element by element: what is of parameters
// alone goes through the ops of linear algebra.

#include "ir/tensor/tensor.h"

namespace lvm::ir {

struct CholeskyInverse {
  NodeId inverse;       // of the lower factor: [.., D, D']
  NodeId log_diagonal;  // the sum of ln of the factor's diagonal
};

/// NaN where the matrix is not positive definite.
CholeskyInverse cholesky_inverse(Builder& b, NodeId matrix, AxisId row, AxisId column);

/// The same of a lower factor with a positive diagonal; what lies above the diagonal is not read.
CholeskyInverse factor_inverse(Builder& b, NodeId factor, AxisId row, AxisId column);

struct MatrixInverse {
  NodeId inverse;  // [.., D, D']
  NodeId log_determinant;
};

/// Of a symmetric positive definite matrix; NaN where it is none.
MatrixInverse matrix_inverse(Builder& b, NodeId matrix, AxisId row, AxisId column);

/// Elements of a matrix of each row: the arithmetic is written out.
inline constexpr int64_t most_of_a_row_matrix = 8;

}  // namespace lvm::ir
