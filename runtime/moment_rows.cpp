#include "runtime/moment_rows.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lvm::runtime {
namespace {

constexpr int64_t most_columns = 512;
constexpr int64_t least_ratio = 4;     // of rows to those that would stand for them
constexpr int64_t stretch = 2048;      // rows that one task takes
constexpr double least_pivot = 1e-14;  // of columns of variance 1: what is left is rounding

using Matrix = std::vector<double>;  // row-major

struct Columns {
  const BoundData& data;
  std::vector<CellColumn> cells = {};
  std::vector<double> mean = {}, sd = {};

  int64_t count() const { return static_cast<int64_t>(cells.size()); }
  double weight(int64_t row) const { return data.weights ? data.weights[row] : 1; }
};

bool is_complete(const BoundData& data) {
  return std::ranges::all_of(data.variables, [](const BoundVariable& v) {
    return v.absent == 0 && v.element != ir::Element::category;
  });
}

Columns columns_of(const BoundData& data, Pool& pool) {
  Columns to{data};
  for (const BoundVariable& v : data.variables) {
    if (v.role == ir::Role::weight) continue;
    for (int64_t e = 0; e < v.size; ++e) to.cells.push_back(data.packed.column(v.first + e));
  }
  to.mean.resize(to.cells.size());
  to.sd.resize(to.cells.size());
  pool.run(to.count(), [&](int64_t c, int) {
    const CellColumn x = to.cells[static_cast<size_t>(c)];
    double sum = 0, squares = 0;
    for (int64_t row = 0; row < data.rows; ++row)
      if (data.counts(row)) sum += to.weight(row) * (x[row] - x[0]);
    const double shift = sum / data.total_weight, mean = x[0] + shift;
    sum = 0;
    for (int64_t row = 0; row < data.rows; ++row) {
      if (!data.counts(row)) continue;
      const double d = x[row] - mean;
      sum += to.weight(row) * d;
      squares += to.weight(row) * d * d;
    }
    to.mean[static_cast<size_t>(c)] = mean + sum / data.total_weight;
    to.sd[static_cast<size_t>(c)] = std::sqrt(std::max(0.0, squares / data.total_weight));
  });
  return to;
}

/// Of the standardised columns: what is on and below the diagonal. Added up stretch by stretch, in order.
Matrix correlation(const Columns& columns, Pool& pool) {
  const int64_t d = columns.count(), rows = columns.data.rows, tasks = (rows + stretch - 1) / stretch;
  constexpr int64_t together = 64;  // partial sums that are kept at once
  Matrix total(static_cast<size_t>(d * d), 0);
  std::vector<Matrix> parts(together);
  for (int64_t first = 0; first < tasks; first += together) {
    const int64_t now = std::min(together, tasks - first);
    pool.run(now, [&](int64_t part, int) {
      Matrix& c = parts[static_cast<size_t>(part)];
      c.assign(total.size(), 0);
      std::vector<double> x(static_cast<size_t>(d));
      const int64_t from = (first + part) * stretch, to = std::min(rows, from + stretch);
      for (int64_t row = from; row < to; ++row) {
        if (!columns.data.counts(row)) continue;
        for (int64_t i = 0; i < d; ++i) {
          const auto at = static_cast<size_t>(i);
          x[at] = columns.sd[at] > 0 ? (columns.cells[at][row] - columns.mean[at]) / columns.sd[at] : 0;
        }
        const double w = columns.weight(row) / columns.data.total_weight;
        for (int64_t i = 0; i < d; ++i) {
          const double xi = w * x[static_cast<size_t>(i)];
          double* out = c.data() + i * d;
          for (int64_t j = 0; j <= i; ++j) out[j] += xi * x[static_cast<size_t>(j)];
        }
      }
    });
    for (int64_t part = 0; part < now; ++part)
      for (size_t i = 0; i < total.size(); ++i) total[i] += parts[static_cast<size_t>(part)][i];
  }
  return total;
}

/// The lower factor of a positive semidefinite matrix, in place; a pivot that is 0 but for rounding ends its
/// column (Higham 2002, section 10.3).
void semidefinite_cholesky(Matrix& a, int64_t d) {
  const auto at = [&](int64_t i, int64_t j) -> double& { return a[static_cast<size_t>(i * d + j)]; };
  for (int64_t j = 0; j < d; ++j) {
    for (int64_t k = 0; k < j; ++k)
      for (int64_t i = j; i < d; ++i) at(i, j) -= at(i, k) * at(j, k);
    const double pivot = at(j, j) > least_pivot * static_cast<double>(d) ? std::sqrt(at(j, j)) : 0;
    for (int64_t i = j; i < d; ++i) at(i, j) = pivot > 0 ? (i == j ? pivot : at(i, j) / pivot) : 0;
    for (int64_t i = 0; i < j; ++i) at(i, j) = 0;
  }
}

}  // namespace

std::optional<MomentRows> moment_rows(const ir::Program& program, const BoundData& data, Pool& pool) {
  if (!program.second_order || !is_complete(data) || !(data.total_weight > 0)) return {};
  int64_t d = 0;
  for (const BoundVariable& v : data.variables) d += v.role == ir::Role::weight ? 0 : v.size;
  if (d == 0 || d > most_columns || data.rows < least_ratio * 2 * d) return {};
  const Columns columns = columns_of(data, pool);
  Matrix factor = correlation(columns, pool);
  semidefinite_cholesky(factor, d);

  MomentRows to;
  to.data.rows = 2 * d;
  to.data.variables = data.variables;
  to.data.sizes = data.sizes;
  to.data.total_weight = data.total_weight;
  to.scale = static_cast<double>(data.rows) / static_cast<double>(2 * d);
  to.data.packed = PackedColumns(2 * d, data.packed.columns());
  const double width = std::sqrt(static_cast<double>(d));
  int64_t column = 0;
  for (const BoundVariable& v : data.variables) {
    for (int64_t e = 0; e < v.size; ++e) {
      double* cells = to.data.packed.column(v.first + e);
      if (v.role == ir::Role::weight) {
        std::fill_n(cells, 2 * d, data.total_weight / static_cast<double>(data.rows));
        to.data.weights = cells;
      } else {
        const auto at = static_cast<size_t>(column);
        for (int64_t k = 0; k < d; ++k) {
          const double away = width * columns.sd[at] * factor[static_cast<size_t>(column * d + k)];
          cells[2 * k] = columns.mean[at] + away;
          cells[2 * k + 1] = columns.mean[at] - away;
        }
        ++column;
      }
      to.data.packed.pad(v.first + e);
    }
  }
  return to;
}

}  // namespace lvm::runtime
