#pragma once
// Small dense linear algebra of the reference interpreter: textbook loops, independent of what compiled code
// calls. Matrices are row-major n x n. A matrix that is not positive definite gives NaN everywhere.

#include <cstdint>
#include <vector>

namespace lvm::interpreter {

using Matrix = std::vector<double>;

Matrix cholesky(const Matrix& a, int64_t n);
Matrix triangular_inverse(const Matrix& lower, int64_t n);
/// Solves L u = x for lower L.
std::vector<double> triangular_solve(const Matrix& lower, const std::vector<double>& x, int64_t n);
/// Solves A u = x for symmetric positive definite A.
std::vector<double> solve(const Matrix& a, const std::vector<double>& x, int64_t n);
Matrix inverse(const Matrix& a, int64_t n);
double log_determinant(const Matrix& a, int64_t n);
/// Ascending eigenvalues of a symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan 2013, sec. 8.5).
std::vector<double> eigenvalues(Matrix a, int64_t n);

}  // namespace lvm::interpreter
