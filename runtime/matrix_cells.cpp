#include "runtime/matrix_cells.h"

#include <fmt/format.h>

#include <cmath>

namespace lvm::runtime {
namespace {

constexpr double symmetry_tolerance = 1e-9;  // of sqrt(a_ii a_jj)
constexpr double least_pivot = 1e-13;        // of a_ii: below, ln det has lost its digits

struct Matrix {
  const std::vector<double*>& cells;
  int64_t first, size, row;

  int64_t element(int64_t i, int64_t j) const { return first + i * size + j; }
  double& at(int64_t i, int64_t j) const { return cells[static_cast<size_t>(element(i, j))][row]; }

  std::optional<MatrixFault> symmetric() const {
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < i; ++j) {
        double &low = at(i, j), &high = at(j, i);
        if (low == high) continue;
        if (!(std::abs(low - high) <= symmetry_tolerance * std::sqrt(std::abs(at(i, i) * at(j, j)))))
          return MatrixFault{row, element(i, j),
                             fmt::format("is not symmetric: it has {} in ({}, {}) and {} in ({}, {})", low,
                                         i + 1, j + 1, high, j + 1, i + 1)};
        low = high = low / 2 + high / 2;
      }
    }
    return std::nullopt;
  }

  /// A pivot of Cholesky's algorithm beside its diagonal element is what the columns before it leave
  /// unexplained of that column.
  std::optional<MatrixFault> definite() const {
    std::vector<double> lower(static_cast<size_t>(size * size));
    const auto l = [&](int64_t i, int64_t j) -> double& { return lower[static_cast<size_t>(i * size + j)]; };
    for (int64_t j = 0; j < size; ++j) {
      for (int64_t i = j; i < size; ++i) {
        double rest = at(i, j);
        for (int64_t k = 0; k < j; ++k) rest -= l(i, k) * l(j, k);
        if (i == j && !(rest > least_pivot * at(j, j))) {
          std::string place;
          if (!(at(j, j) > 0)) {
            place = fmt::format(": it has {} in ({}, {})", at(j, j), j + 1, j + 1);
          } else if (rest > -least_pivot * at(j, j)) {
            place = fmt::format(": column {} is a combination of those before it", j + 1);
          } else {
            place = fmt::format(": the first {} rows and columns have a determinant below 0", j + 1);
          }
          return MatrixFault{row, element(j, j), "is not positive definite" + place};
        }
        l(i, j) = i == j ? std::sqrt(rest) : rest / l(j, j);
      }
    }
    return std::nullopt;
  }
};

}  // namespace

std::optional<MatrixFault> make_symmetric(const std::vector<double*>& cells, int64_t size,
                                          const std::function<bool(int64_t)>& counts, int64_t rows) {
  const auto all = static_cast<int64_t>(cells.size());
  for (int64_t row = 0; row < rows; ++row) {
    if (!counts(row)) continue;
    for (int64_t first = 0; first < all; first += size * size) {
      const Matrix matrix{cells, first, size, row};
      if (auto fault = matrix.symmetric()) return fault;
      if (auto fault = matrix.definite()) return fault;
    }
  }
  return std::nullopt;
}

}  // namespace lvm::runtime
