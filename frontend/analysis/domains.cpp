#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Domain;
using ir::Element;
using Values = std::vector<double>;

// Of the written numbers: sums and symmetry hold to the digits that people write.
constexpr double written_tolerance = 1e-6;

std::string element_fault(Element element, double value) {
  const Facts facts = facts_of(value);
  const Facts wanted = facts_of(element);
  if (wanted.positive && !facts.positive) return fmt::format("{} is not positive", value);
  if (wanted.nonnegative && !facts.nonnegative) return fmt::format("{} is negative", value);
  if (wanted.at_most_one && !facts.at_most_one) return fmt::format("{} is above 1", value);
  if (wanted.integer && !facts.integer) return fmt::format("{} is not a whole number", value);
  return {};
}

std::string simplex_fault(const double* row, size_t size) {
  const double sum = std::accumulate(row, row + size, 0.0);
  return std::abs(sum - 1) <= written_tolerance ? std::string()
                                                : fmt::format("the entries sum to {:.6g}, not to 1", sum);
}

std::string ordered_fault(const double* row, size_t size) {
  for (size_t i = 1; i < size; ++i)
    if (row[i] <= row[i - 1]) return fmt::format("{} does not lie above {}", row[i], row[i - 1]);
  return {};
}

// Cholesky's algorithm ends without a root of a negative number exactly for positive definite matrices.
bool positive_definite(const double* matrix, size_t size) {
  Values lower(matrix, matrix + size * size);
  for (size_t j = 0; j < size; ++j) {
    for (size_t i = j; i < size; ++i) {
      double sum = lower[i * size + j];
      for (size_t k = 0; k < j; ++k) sum -= lower[i * size + k] * lower[j * size + k];
      if (i == j && !(sum > 0)) return false;
      lower[i * size + j] = i == j ? std::sqrt(sum) : sum / lower[j * size + j];
    }
  }
  return true;
}

std::string matrix_fault(const double* matrix, size_t size, bool unit_diagonal) {
  for (size_t i = 0; i < size; ++i) {
    if (unit_diagonal && std::abs(matrix[i * size + i] - 1) > written_tolerance)
      return fmt::format("the diagonal holds {}, not 1", matrix[i * size + i]);
    for (size_t j = 0; j < i; ++j) {
      const double scale = std::sqrt(std::abs(matrix[i * size + i] * matrix[j * size + j]));
      if (std::abs(matrix[i * size + j] - matrix[j * size + i]) > written_tolerance * scale)
        return fmt::format("the matrix is not symmetric: {} and {}", matrix[i * size + j],
                           matrix[j * size + i]);
    }
  }
  return positive_definite(matrix, size) ? std::string() : "the matrix is not positive definite";
}

std::string event_fault(Domain domain, const double* event, size_t size) {
  switch (domain) {
    case Domain::real:
    case Domain::positive:
    case Domain::unit: return {};
    case Domain::simplex: return simplex_fault(event, size);
    case Domain::ordered: return ordered_fault(event, size);
    case Domain::covariance: return matrix_fault(event, size, false);
    case Domain::correlation: return matrix_fault(event, size, true);
  }
  return {};
}

std::string fault(const ir::Variable& variable, const Values& values, size_t event_size) {
  for (const double value : values)
    if (std::string text = element_fault(variable.type.element, value); !text.empty()) return text;
  const size_t stride = event_axes(variable.domain) == 2 ? event_size * event_size : event_size;
  if (event_axes(variable.domain) == 0 || stride == 0) return {};
  for (size_t at = 0; at + stride <= values.size(); at += stride)
    if (std::string text = event_fault(variable.domain, values.data() + at, event_size); !text.empty())
      return text;
  return {};
}

}  // namespace

bool check_domain(Context& context, const ir::Variable& variable, const Values& values, SourceRange range) {
  size_t event_size = 0;
  if (event_axes(variable.domain) > 0) {
    const int64_t size = axis_size(context, variable.declared_axes.back());
    event_size = size == ir::unknown_size ? 0 : static_cast<size_t>(size);
  }
  std::string text = fault(variable, values, event_size);
  if (text.empty() && event_axes(variable.domain) > 0 && event_size == 0)
    text = "one number cannot stand for all entries";
  if (text.empty()) return true;
  report(context, Code::value_domain, range,
         fmt::format("the value of `{}` is not in `{}`", variable.name, describe(context, variable)), text,
         "", {{variable.range, "declared here"}});
  return false;
}

}  // namespace lvm::analysis
