#pragma once
// Small dense linear algebra for compiled code and the interpreter: plain C calls over row-major, contiguous
// n x n doubles. A NaN anywhere in the input gives NaN output; nothing here throws, hangs or traps. `out` may
// not overlap the inputs.

#include <cstdint>
#include <map>
#include <string>

extern "C" {
/// The lower factor, zeros above the diagonal; all NaN if `a` is not positive definite. Reads the lower
/// triangle.
void lvm_cholesky(double* out, const double* a, int64_t n);
/// The inverse of the lower triangular `l`, zeros above the diagonal.
void lvm_triangular_inverse(double* out, const double* l, int64_t n);
/// Solves L u = x.
void lvm_triangular_solve(double* out, const double* l, const double* x, int64_t n);
/// Solves A u = b for a symmetric positive definite A; NaN where it is not.
void lvm_solve(double* out, const double* a, const double* b, int64_t n);
/// The inverse of a symmetric positive definite matrix, exactly symmetric; NaN where it is not positive
/// definite.
void lvm_inverse(double* out, const double* a, int64_t n);
/// ln det of a symmetric positive definite matrix; NaN where it is not.
double lvm_log_determinant(const double* a, int64_t n);
/// The eigenvalues of a symmetric matrix, ascending.
void lvm_eigenvalues(double* out, const double* a, int64_t n);
}

namespace lvm::runtime {

/// The addresses that compiled code may call, by symbol name.
std::map<std::string, void*> runtime_symbols();

}  // namespace lvm::runtime
