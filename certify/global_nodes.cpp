#include "certify/global_nodes.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "backends/interpreter/linear.h"
#include "ir/passes/global_posteriors.h"
#include "ir/passes/slot_rules.h"
#include "ir/tensor/scalar.h"

namespace lvm::certificate {
namespace {

using interpreter::Matrix;
using interpreter::Value;
using ir::AxisId;
using ir::digamma;

const double log_two_pi_e = std::log(2 * std::numbers::pi) + 1;

/// The elements of a value, and where the one with other indices along some axes lies.
struct Shape {
  std::vector<AxisId> axes;
  std::vector<int64_t> sizes;

  int64_t count() const {
    return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
  }
  std::map<AxisId, int64_t> indices(int64_t at) const {
    std::map<AxisId, int64_t> found;
    for (size_t i = axes.size(); i-- > 0; at /= sizes[i]) found[axes[i]] = at % sizes[i];
    return found;
  }
  size_t place(const std::map<AxisId, int64_t>& indices) const {
    int64_t at = 0;
    for (size_t i = 0; i < axes.size(); ++i) {
      const auto found = indices.find(axes[i]);
      at = at * sizes[i] + (found == indices.end() ? 0 : found->second);
    }
    return static_cast<size_t>(at);
  }
};

Shape shape_of(const ir::Module& module, std::vector<AxisId> axes) {
  Shape shape{std::move(axes), {}};
  for (const AxisId axis : shape.axes) shape.sizes.push_back(module.axis(axis).size);
  return shape;
}

struct One {
  const ir::Model& model;
  const ir::Program& layout;
  const ir::Variable& v;
  const std::vector<double>& parameters;
  std::string family = ir::split_density(model.function()[v.prior].attributes.text).family;
  Shape shape = shape_of(layout.module, v.type.axes);

  bool inverse() const { return family.starts_with("Inverse"); }
  bool is_matrix() const { return v.domain == ir::Domain::covariance; }
  bool is_tied() const { return ir::has_tied_spread(model, v); }
  bool is_vector() const {
    return !model.function()[v.prior].type.has(v.declared_axes.empty() ? -1 : v.declared_axes.back()) &&
           !v.declared_axes.empty();
  }
  /// The part of q for the element with these indices.
  double part(const char* suffix, const std::map<AxisId, int64_t>& at) const {
    const auto slot = std::ranges::find(layout.parameters, v.name + "." + suffix, &ir::ParameterSlot::name);
    if (slot == layout.parameters.end())
      throw ir::InternalError("the program has no parameter `" + v.name + "." + suffix + "`");
    return parameters[static_cast<size_t>(slot->offset) + shape_of(layout.module, slot->axes).place(at)];
  }
  Value empty() const {
    return {shape.axes, shape.sizes, std::vector<double>(static_cast<size_t>(shape.count()))};
  }

  /// Events one by one: their indices along all axes but the event's.
  template <typename Function>
  void each_event(size_t rank, Function function) const {
    const std::vector<AxisId> event(v.declared_axes.end() - static_cast<std::ptrdiff_t>(rank),
                                    v.declared_axes.end());
    for (int64_t i = 0; i < shape.count(); ++i) {
      const auto at = shape.indices(i);
      if (std::ranges::all_of(event, [&](AxisId axis) { return at.at(axis) == 0; })) function(at, event);
    }
  }
  int64_t size(AxisId axis) const { return layout.module.axis(axis).size; }

  /// Two numbers of which the first and the difference from 1 have the geometric means a and c.
  static double share(double a, double c, int side) {
    const double root = std::sqrt(std::max(0.0, (1 - a - c) * (1 - a + c) * (1 + a - c) * (1 + a + c)));
    const double greater = ((1 - c) * (1 + c) + a * a + root) / 2;
    return side == 1 ? greater : a * a / greater;
  }

  void add_shares(Value& to, int side) const {
    each_event(1, [&](std::map<AxisId, int64_t> at, const std::vector<AxisId>& event) {
      const int64_t n = size(event[0]);
      double total = 0, left = 1;
      for (int64_t k = 0; k < n; ++k) total += part("alpha", (at[event[0]] = k, at));
      std::vector<double> means;
      for (int64_t k = 0; k < n; ++k)
        means.push_back(std::exp(digamma(part("alpha", (at[event[0]] = k, at))) - digamma(total)));
      if (n == 1) means[0] = 1;
      for (int64_t k = 2; k < n; ++k) left -= means[static_cast<size_t>(k)];
      if (n > 1) {
        const double a = means[0] / left, c = means[1] / left;
        means[0] = left * share(a, c, side);
        means[1] = left * share(c, a, 1 - side);
      }
      for (int64_t k = 0; k < n; ++k)
        to.data[shape.place((at[event[0]] = k, at))] = means[static_cast<size_t>(k)];
    });
  }

  /// E ln|X| of X ~ Wishart(df, W), D by D, less ln|W|.
  static double log_determinant(double df, int64_t n) {
    double sum = static_cast<double>(n) * std::numbers::ln2;
    for (int64_t j = 0; j < n; ++j) sum += digamma((df - static_cast<double>(j)) / 2);
    return sum;
  }
  void add_matrices(Value& to, int side) const {
    each_event(2, [&](std::map<AxisId, int64_t> at, const std::vector<AxisId>& event) {
      const int64_t n = size(event[0]);
      const double df = part("df", at), wide = static_cast<double>(n);
      const double d = std::sqrt(-std::expm1(2 * (log_determinant(df, n) - wide * std::log(df)) / wide));
      const double scale = df * (side == 1 ? 1 + d : 1 - d);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          at[event[0]] = i;
          at[event[1]] = j;
          to.data[shape.place(at)] = inverse() ? part("scale", at) / scale : part("scale", at) * scale;
        }
      }
    });
  }

  double number(const std::map<AxisId, int64_t>& at, int side) const {
    const double sign = side == 1 ? 1 : -1;
    if (family == "Normal") return part("mean", at) + sign * std::sqrt(part("var", at));
    if (family == "Beta") {
      const double a = part("a", at), b = part("b", at), all = digamma(a + b);
      const double yes = std::exp(digamma(a) - all), no = std::exp(digamma(b) - all);
      return share(yes, no, side);
    }
    const double shape_parameter = part("shape", at), rate = part(inverse() ? "scale" : "rate", at);
    const double mean = shape_parameter / rate;
    const double node =
        mean *
        (1 + sign * std::sqrt(-std::expm1(2 * (digamma(shape_parameter) - std::log(shape_parameter)))));
    return inverse() ? 1 / node : node;
  }
  /// Coefficients that a mean sums over one axis.
  bool has_cov() const { return model.find(v.name + ".cov").has_value(); }
  const std::vector<AxisId>& cov_axes() const {
    return model.variables[static_cast<size_t>(*model.find(v.name + ".cov"))].declared_axes;
  }
  int count() const { return has_cov() ? static_cast<int>(2 * size(cov_axes().back())) : 2; }
  /// The covariances one by one: the indices along all axes but the two, and the matrix.
  template <typename Function>
  void each_cov(Function function) const {
    const AxisId column = cov_axes().back(), row = cov_axes().at(cov_axes().size() - 2);
    for (int64_t i = 0; i < shape.count(); ++i) {
      auto at = shape.indices(i);
      if (at.at(row) != 0) continue;
      Matrix covariance;
      for (int64_t r = 0; r < size(row); ++r)
        for (int64_t c = 0; c < size(row); ++c)
          covariance.push_back(part("cov", (at[row] = r, at[column] = c, at)));
      function(at, row, covariance);
    }
  }
  Value coefficients(int index) const {
    Value to = empty();
    each_cov([&](std::map<AxisId, int64_t> at, AxisId row, const Matrix& covariance) {
      const int64_t n = size(row);
      const Matrix c = interpreter::cholesky(covariance, n);
      for (int64_t r = 0; r < n; ++r) {
        at[row] = r;
        const double step = std::sqrt(static_cast<double>(n)) * c[static_cast<size_t>(r * n + index / 2)];
        to.data[shape.place(at)] = part("mean", at) + (index % 2 == 0 ? step : -step);
      }
    });
    return to;
  }
  Value node(int side) const {
    if (has_cov()) return coefficients(side);
    Value to = empty();
    if (family == "Dirichlet") {
      add_shares(to, side);
    } else if (is_matrix()) {
      add_matrices(to, side);
    } else {
      for (int64_t i = 0; i < shape.count(); ++i)
        to.data[static_cast<size_t>(i)] = number(shape.indices(i), side);
    }
    return to;
  }

  /// The spread that the prior of a mean has, and the slot in which the rows have it.
  std::pair<const ir::Variable*, std::string> spread() const {
    for (const ir::Variable& other : model.variables) {
      if (!other.global || &other == &v || !ir::depends_on(model.function(), v.prior, other.node)) continue;
      for (size_t f = 0; f < model.factors.size(); ++f) {
        const ir::FactorParts parts = ir::parts_of(model, static_cast<int>(f));
        if (parts.slots.size() > 1 && ir::depends_on(model.function(), parts.slots[1], other.node))
          return {&other, parts.slot_names[1]};
      }
    }
    throw ir::InternalError("`" + v.name + "` has no spread");
  }
  /// V of one event of the mean, from the value of the spread: D by D, or a number.
  Matrix variance(const Value& of_spread, const std::string& slot, const std::map<AxisId, int64_t>& at,
                  int64_t n) const {
    const Shape other{of_spread.axes, of_spread.sizes};
    if (!is_vector()) return {std::pow(of_spread.data[other.place(at)], ir::variance_exponent(slot))};
    const AxisId row = v.declared_axes.back();
    const auto column = layout.module.find_axis(layout.module.axis(row).name + "'");
    Matrix matrix;
    auto place = at;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        place[row] = i;
        place[*column] = j;
        matrix.push_back(of_spread.data[other.place(place)]);
      }
    }
    return slot == "precision_matrix" ? interpreter::inverse(matrix, n) : matrix;
  }
  int64_t dimensions() const { return is_vector() ? size(v.declared_axes.back()) : 1; }
  /// Node `l` of the mean at one of the spread, of 2 D.
  Value tied_node(const Value& of_spread, const std::string& slot, int64_t l) const {
    Value to = empty();
    const int64_t n = dimensions();
    each_event(is_vector() ? 1 : 0, [&](std::map<AxisId, int64_t> at, const std::vector<AxisId>& event) {
      Matrix covariance = variance(of_spread, slot, at, n);
      for (double& x : covariance) x /= part("kappa", at);
      const Matrix c = interpreter::cholesky(covariance, n);
      for (int64_t i = 0; i < n; ++i) {
        if (!event.empty()) at[event[0]] = i;
        const double step = std::sqrt(static_cast<double>(n)) * c[static_cast<size_t>(i * n + l / 2)];
        to.data[shape.place(at)] = part("mean", at) + (l % 2 == 0 ? step : -step);
      }
    });
    return to;
  }

  double entropy_of(const std::map<AxisId, int64_t>& at) const {
    if (family == "Normal") return 0.5 * (log_two_pi_e + std::log(part("var", at)));
    if (family == "Beta") {
      const double a = part("a", at), b = part("b", at), n = a + b;
      return std::lgamma(a) + std::lgamma(b) - std::lgamma(n) - (a - 1) * digamma(a) - (b - 1) * digamma(b) +
             (n - 2) * digamma(n);
    }
    const double a = part("shape", at), b = part(inverse() ? "scale" : "rate", at);
    return a + std::lgamma(a) +
           (inverse() ? std::log(b) - (1 + a) * digamma(a) : -std::log(b) + (1 - a) * digamma(a));
  }
  double entropy() const {
    double total = 0;
    if (has_cov()) {
      each_cov([&](const std::map<AxisId, int64_t>&, AxisId row, const Matrix& covariance) {
        total += 0.5 * (static_cast<double>(size(row)) * log_two_pi_e +
                        interpreter::log_determinant(covariance, size(row)));
      });
    } else if (family == "Dirichlet") {
      each_event(1, [&](std::map<AxisId, int64_t> at, const std::vector<AxisId>& event) {
        double all = 0;
        for (int64_t k = 0; k < size(event[0]); ++k) {
          const double alpha = part("alpha", (at[event[0]] = k, at));
          all += alpha;
          total += std::lgamma(alpha) - (alpha - 1) * digamma(alpha);
        }
        total += (all - static_cast<double>(size(event[0]))) * digamma(all) - std::lgamma(all);
      });
    } else if (is_matrix()) {
      each_event(2, [&](std::map<AxisId, int64_t> at, const std::vector<AxisId>& event) {
        const int64_t n = size(event[0]);
        Matrix scale;
        const double df = part("df", at), wide = static_cast<double>(n);
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < n; ++j)
            scale.push_back(part("scale", (at[event[0]] = i, at[event[1]] = j, at)));
        // Of the Wishart, whose scale is the inverse one of an InverseWishart (Bishop 2006, eq. B.82).
        const double log_scale = (inverse() ? -1 : 1) * interpreter::log_determinant(scale, n);
        const double log_x = log_determinant(df, n) + log_scale;
        double norm = df / 2 * log_scale + df * wide / 2 * std::numbers::ln2 +
                      wide * (wide - 1) / 4 * std::log(std::numbers::pi);
        for (int64_t j = 0; j < n; ++j) norm += std::lgamma((df - static_cast<double>(j)) / 2);
        total += norm - (df - wide - 1) / 2 * log_x + df * wide / 2;
        if (inverse()) total -= (wide + 1) * log_x;
      });
    } else {
      for (int64_t i = 0; i < shape.count(); ++i) total += entropy_of(shape.indices(i));
    }
    return total;
  }
  /// E of that of q(m | V), over the nodes of V.
  double tied_entropy(const std::vector<Value>& of_spread, const std::string& slot) const {
    double total = 0;
    const int64_t n = dimensions();
    for (const Value& value : of_spread) {
      each_event(is_vector() ? 1 : 0, [&](const std::map<AxisId, int64_t>& at, const std::vector<AxisId>&) {
        const double log_v = interpreter::log_determinant(variance(value, slot, at, n), n);
        total += 0.5 * (static_cast<double>(n) * (log_two_pi_e - std::log(part("kappa", at))) + log_v) /
                 static_cast<double>(of_spread.size());
      });
    }
    return total;
  }
};

std::vector<const ir::Variable*> globals_of(const ir::Model& model) {
  std::vector<const ir::Variable*> found;
  for (const ir::Variable& v : model.variables)
    if (v.global && v.role == ir::Role::parameter) found.push_back(&v);
  return found;
}

}  // namespace

bool GlobalNodes::any() const {
  return !globals_of(model_).empty();
}

std::vector<GlobalNodes::Values> GlobalNodes::nodes(const std::vector<double>& parameters) const {
  std::vector<Values> all = {{}};
  const auto globals = globals_of(model_);
  for (const ir::Variable* v : globals) {
    const One one{model_, layout_, *v, parameters};
    if (one.is_tied()) continue;
    std::vector<Values> more;
    for (const Values& at : all) {
      for (int side = 0; side < one.count(); ++side) {
        more.push_back(at);
        more.back()[v->name] = one.node(side);
      }
    }
    all = std::move(more);
  }
  for (const ir::Variable* v : globals) {
    const One one{model_, layout_, *v, parameters};
    if (!one.is_tied()) continue;
    const auto [spread, slot] = one.spread();
    std::vector<Values> more;
    for (const Values& at : all) {
      for (int64_t l = 0; l < 2 * one.dimensions(); ++l) {
        more.push_back(at);
        more.back()[v->name] = one.tied_node(at.at(spread->name), slot, l);
      }
    }
    all = std::move(more);
  }
  return all;
}

double GlobalNodes::entropy(const std::vector<double>& parameters) const {
  double total = 0;
  for (const ir::Variable* v : globals_of(model_)) {
    const One one{model_, layout_, *v, parameters};
    if (!one.is_tied()) {
      total += one.entropy();
      continue;
    }
    const auto [spread, slot] = one.spread();
    const One other{model_, layout_, *spread, parameters};
    total += one.tied_entropy({other.node(0), other.node(1)}, slot);
  }
  return total;
}

}  // namespace lvm::certificate
