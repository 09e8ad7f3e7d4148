#include "certify/observed.h"

#include <algorithm>
#include <cmath>

#include "backends/interpreter/linear.h"
#include "ir/families/members.h"
#include "ir/model/model.h"

namespace lvm::certificate {

using interpreter::Matrix;
using interpreter::Value;
using ir::AxisId;

namespace {

const double log_two_pi = std::log(2 * 3.14159265358979323846);

/// Where an element lies: an index for each axis; axes that a value lacks do not matter.
using Place = std::vector<std::pair<AxisId, int64_t>>;

double at(const Value& value, const Place& place) {
  int64_t offset = 0;
  for (size_t i = 0; i < value.axes.size(); ++i) {
    const auto found = std::ranges::find(place, value.axes[i], &Place::value_type::first);
    if (found == place.end()) throw ir::InternalError("an element of an observed vector has no place");
    offset = offset * value.sizes[i] + found->second;
  }
  return value.data[static_cast<size_t>(offset)];
}

struct Gaussian {
  const ir::Module& module;
  const ObservedVector& vector;
  const std::vector<Value>& values;
  Place place;  // row, then the density's axes

  const Value& of(ir::NodeId node) const { return values[static_cast<size_t>(node)]; }
  int64_t size() const { return module.axis(vector.row).size; }

  double element(ir::NodeId node, int64_t i) const {
    Place own = place;
    own.emplace_back(vector.row, i);
    return at(of(node), own);
  }

  Matrix covariance() const {
    const int64_t n = size();
    Matrix matrix;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        Place own = place;
        own.emplace_back(vector.row, i);
        own.emplace_back(vector.column, j);
        matrix.push_back(at(of(vector.slots[1]), own));
      }
    }
    if (vector.parameterisation.ends_with(".precision_matrix")) return interpreter::inverse(matrix, n);
    if (vector.parameterisation.ends_with(".cov")) return matrix;
    Matrix product(matrix.size(), 0);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t k = 0; k <= std::min(i, j); ++k)
          product[static_cast<size_t>(i * n + j)] +=
              matrix[static_cast<size_t>(i * n + k)] * matrix[static_cast<size_t>(j * n + k)];
      }
    }
    return product;
  }

  double log_density() const {
    std::vector<int64_t> observed;
    std::vector<double> difference;
    for (int64_t i = 0; i < size(); ++i) {
      const double d = element(vector.value, i) - element(vector.slots[0], i);
      if (std::isnan(element(vector.value, i))) continue;
      observed.push_back(i);
      difference.push_back(d);
    }
    if (observed.empty()) return 0;
    const Matrix whole = covariance();
    Matrix part;
    for (const int64_t i : observed) {
      for (const int64_t j : observed) part.push_back(whole[static_cast<size_t>(i * size() + j)]);
    }
    const auto n = static_cast<int64_t>(observed.size());
    const std::vector<double> solved = interpreter::solve(part, difference, n);
    double square = 0;
    for (size_t i = 0; i < solved.size(); ++i) square += solved[i] * difference[i];
    return -(static_cast<double>(n) * log_two_pi + interpreter::log_determinant(part, n) + square) / 2;
  }
};

}  // namespace

ObservedVector observed_vector(const ir::Module& module, const ir::Function& function, const ir::Node& logpdf,
                               ir::NodeId value, std::vector<ir::NodeId> slots) {
  const std::string& text = logpdf.attributes.text;
  if (text != "Normal.mean.cov" && text != "Normal.mean.cholesky" && text != "Normal.mean.precision_matrix")
    throw ir::InternalError("the joint of a " + text + " with absent elements is not written");
  const auto axes = ir::matrix_axes(module, function[slots.at(1)].type, function[value].type);
  if (!axes)
    throw ir::InternalError("the covariance of a vector with absent elements has no pair of matrix axes");
  ObservedVector vector{-1, value, std::move(slots), text, {}, axes->row, axes->column};
  std::vector<const ir::Type*> types = {&function[value].type};
  for (const ir::NodeId slot : vector.slots) types.push_back(&function[slot].type);
  for (const ir::Type* type : types) {
    for (const AxisId axis : type->axes) {
      const bool event = axis == axes->row || axis == axes->column || axis == ir::row_axis;
      if (!event && std::ranges::find(vector.axes, axis) == vector.axes.end()) vector.axes.push_back(axis);
    }
  }
  return vector;
}

double log_density(const ir::Module& module, const ObservedVector& vector, const std::vector<Value>& values,
                   int64_t row) {
  int64_t count = 1;
  for (const AxisId axis : vector.axes) count *= module.axis(axis).size;
  double sum = 0;
  for (int64_t element = 0; element < count; ++element) {
    Gaussian gaussian{module, vector, values, {{ir::row_axis, row}}};
    int64_t rest = element;
    for (const AxisId axis : vector.axes) {
      gaussian.place.emplace_back(axis, rest % module.axis(axis).size);
      rest /= module.axis(axis).size;
    }
    sum += gaussian.log_density();
  }
  return sum;
}

}  // namespace lvm::certificate
