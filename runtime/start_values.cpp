#include "runtime/start_values.h"

#include <algorithm>
#include <cmath>

#include "runtime/linalg.h"
#include "runtime/random.h"

namespace lvm::runtime {
namespace {

constexpr int iterations = 12;     // of the subspace: a start needs no more digits
constexpr double most_work = 1e8;  // products of one iteration
constexpr double jitter = 1e-3;    // of standardised scores: there may be fewer directions than elements
constexpr int64_t stretch = 1024;  // rows that one task takes

/// (cell - mean) times a scale, 1 / sd where columns have their own; an absent cell is 0.
struct Column {
  CellColumn cells;
  double mean = 0, scale = 0;
  double at(int64_t row) const { return std::isnan(cells[row]) ? 0 : (cells[row] - mean) * scale; }
};

std::vector<Column> numeric_columns(const BoundData& data, bool one_scale) {
  std::vector<Column> columns;
  double most = 0;  // variance
  for (const BoundVariable& v : data.variables) {
    if (v.role != ir::Role::data || v.element == ir::Element::category) continue;
    for (int64_t e = 0; e < v.size; ++e) {
      Column c{data.packed.column(v.first + e)};
      double sum = 0, weight = 0;
      for (int64_t row = 0; row < data.rows; ++row) {
        if (!data.counts(row) || std::isnan(c.cells[row])) continue;
        const double w = data.weights ? data.weights[row] : 1;
        weight += w;
        sum += w * c.cells[row];
      }
      const double variance = v.variance[static_cast<size_t>(e)];
      if (!(weight > 0) || !(variance > 0)) continue;
      c.mean = sum / weight;
      c.scale = 1 / std::sqrt(variance);
      columns.push_back(c);
      most = std::max(most, variance);
    }
  }
  // In one scale the widest column has variance 1: the jitter is relative to it.
  for (Column& c : columns) c.scale = one_scale ? 1 / std::sqrt(most) : c.scale;
  return columns;
}

using Matrix = std::vector<double>;  // row-major

/// directions := an orthonormal basis of their span (Cholesky QR); false where they have none.
bool orthonormalise(Matrix& directions, int64_t count, int64_t width) {
  Matrix gram(static_cast<size_t>(width * width), 0), factor(gram.size()), inverse(gram.size());
  for (int64_t i = 0; i < count; ++i)
    for (int64_t a = 0; a < width; ++a)
      for (int64_t c = 0; c <= a; ++c)
        gram[static_cast<size_t>(a * width + c)] +=
            directions[static_cast<size_t>(i * width + a)] * directions[static_cast<size_t>(i * width + c)];
  lvm_cholesky(factor.data(), gram.data(), width);
  lvm_triangular_inverse(inverse.data(), factor.data(), width);
  if (!std::isfinite(inverse.front()) || !std::isfinite(inverse.back())) return false;
  for (int64_t i = 0; i < count; ++i) {
    double* row = directions.data() + i * width;
    for (int64_t a = width - 1; a >= 0; --a) {
      double s = 0;
      for (int64_t c = 0; c <= a; ++c) s += inverse[static_cast<size_t>(a * width + c)] * row[c];
      row[a] = s;
    }
  }
  return true;
}

struct Scores {
  const BoundData& data;
  std::vector<Column> columns;
  int64_t width;
  Random random;
  Pool& pool;

  int64_t count() const { return static_cast<int64_t>(columns.size()); }

  /// Principal directions by orthogonal iteration on some of the rows (Golub & Van Loan 2013, section 8.2.4).
  Matrix directions(bool principal) {
    Matrix q(static_cast<size_t>(count() * width));
    for (int64_t i = 0; i < count(); ++i)
      for (int64_t a = 0; a < width; ++a)
        q[static_cast<size_t>(i * width + a)] = random.normal(i, static_cast<uint32_t>(a));
    const auto some = static_cast<int64_t>(most_work / static_cast<double>(count() * width));
    const int64_t step = std::max<int64_t>(1, data.rows / std::max<int64_t>(some, 2 * width));
    for (int i = 0; principal && i < iterations && orthonormalise(q, count(), width); ++i)
      q = covariance_times(q, step);
    return q;
  }

  Matrix covariance_times(const Matrix& q, int64_t step) {
    const int64_t taken = (data.rows + step - 1) / step, tasks = (taken + stretch - 1) / stretch;
    std::vector<Matrix> parts(static_cast<size_t>(tasks));
    pool.run(tasks, [&](int64_t task, int) {
      Matrix& part = parts[static_cast<size_t>(task)];
      part.assign(q.size(), 0);
      std::vector<double> cells(static_cast<size_t>(count())), z(static_cast<size_t>(width));
      for (int64_t i = task * stretch; i < std::min(taken, (task + 1) * stretch); ++i) {
        project(i * step, q, cells, z);
        const double w = data.weights ? data.weights[i * step] : 1;
        for (int64_t c = 0; w > 0 && c < count(); ++c)
          for (int64_t a = 0; a < width; ++a)
            part[static_cast<size_t>(c * width + a)] +=
                w * cells[static_cast<size_t>(c)] * z[static_cast<size_t>(a)];
      }
    });
    for (size_t i = 1; i < parts.size(); ++i)
      for (size_t j = 0; j < q.size(); ++j) parts.front()[j] += parts[i][j];
    return std::move(parts.front());
  }

  void project(int64_t row, const Matrix& q, std::vector<double>& cells, std::vector<double>& z) const {
    std::ranges::fill(z, 0.0);
    for (int64_t c = 0; c < count(); ++c) {
      const double x = cells[static_cast<size_t>(c)] = columns[static_cast<size_t>(c)].at(row);
      for (int64_t a = 0; a < width; ++a)
        z[static_cast<size_t>(a)] += x * q[static_cast<size_t>(c * width + a)];
    }
  }

  /// One vector of all rows for each element, uncorrelated and of variance 1.
  std::vector<std::vector<double>> values(bool principal) {
    Matrix all(static_cast<size_t>(data.rows * width), 0);
    const Matrix q = columns.empty() ? Matrix() : directions(principal);
    pool.run((data.rows + stretch - 1) / stretch, [&](int64_t task, int) {
      std::vector<double> cells(columns.size()), z(static_cast<size_t>(width), 0);
      for (int64_t row = task * stretch; row < std::min(data.rows, (task + 1) * stretch); ++row) {
        if (!columns.empty()) project(row, q, cells, z);
        for (int64_t a = 0; a < width; ++a)
          all[static_cast<size_t>(row * width + a)] =
              data.counts(row) ? z[static_cast<size_t>(a)] +
                                     jitter * random.normal(count() + row, static_cast<uint32_t>(a))
                               : 0;
      }
    });
    if (!orthonormalise(all, data.rows, width)) std::ranges::fill(all, 0.0);
    const double scale = std::sqrt(static_cast<double>(data.rows));
    std::vector<std::vector<double>> columns_of(static_cast<size_t>(width));
    for (int64_t a = 0; a < width; ++a)
      for (int64_t row = 0; row < data.rows; ++row)
        columns_of[static_cast<size_t>(a)].push_back(scale * all[static_cast<size_t>(row * width + a)]);
    return columns_of;
  }
};

/// The cells of one column without part of their noise: the mean over some steps on either side, absent ones
/// left out. Where none of these is there, that of the step before.
std::vector<double> levels(const BoundData& data, const CellColumn& cells) {
  constexpr int64_t reach = 2;
  std::vector<double> values(static_cast<size_t>(data.rows), 0);
  for (size_t s = 0; s + 1 < data.series.size(); ++s) {
    const int64_t first = data.series[s], end = data.series[s + 1];
    double last = std::nan("");
    for (int64_t row = first; row < end; ++row) {
      double sum = 0, count = 0;
      for (int64_t i = std::max(first, row - reach); i < std::min(end, row + reach + 1); ++i) {
        if (std::isnan(cells[i])) continue;
        sum += cells[i];
        ++count;
      }
      if (count > 0) last = sum / count;
      values[static_cast<size_t>(row)] = last;
    }
    // A series may begin with steps of which nothing is known, or have no others.
    for (int64_t row = end; row-- > first;) {
      double& value = values[static_cast<size_t>(row)];
      if (std::isnan(value)) value = row + 1 < end ? values[static_cast<size_t>(row + 1)] : 0;
    }
  }
  return values;
}

/// What the rows `steps` before have, and in the first ones of a series the first.
std::vector<double> earlier(const BoundData& data, const std::vector<double>& values, int64_t steps) {
  std::vector<double> moved(values.size());
  for (size_t s = 0; s + 1 < data.series.size(); ++s)
    for (int64_t row = data.series[s]; row < data.series[s + 1]; ++row)
      moved[static_cast<size_t>(row)] = values[static_cast<size_t>(std::max(data.series[s], row - steps))];
  return moved;
}

}  // namespace

std::vector<std::vector<double>> start_values(const ir::Program& program, const BoundData& data,
                                              uint64_t seed, uint32_t restart, Pool& pool) {
  std::vector<std::vector<double>> all;
  size_t of_latent = 0;  // where those of the last latent begin
  for (const ir::StartValues& start : program.start_values) {
    const auto slot = std::ranges::find(program.data, start.slot, &ir::DataSlot::name);
    if (start.steps > 0) {
      for (size_t e = 0; e < static_cast<size_t>(slot->size); ++e)
        all.push_back(earlier(data, all[of_latent + e], start.steps));
      continue;
    }
    of_latent = all.size();
    if (!start.cells.empty()) {
      const BoundVariable& v = *data.find(start.cells);
      for (int64_t e = 0; e < v.size; ++e) all.push_back(levels(data, data.packed.column(v.first + e)));
      continue;
    }
    if (!start.scores) {
      all.insert(all.end(), static_cast<size_t>(slot->size),
                 std::vector<double>(static_cast<size_t>(data.rows), start.value));
      continue;
    }
    Scores scores{data, numeric_columns(data, start.one_scale), slot->size,
                  Random(seed, Site::random_assignment, restart), pool};
    for (auto& column : scores.values(restart == 0)) all.push_back(std::move(column));
  }
  return all;
}

}  // namespace lvm::runtime
