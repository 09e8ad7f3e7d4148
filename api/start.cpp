// The parameters that a caller gives as the start of a fit: every fault of theirs is found here, by name.

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/state.h"
#include "runtime/linalg.h"

namespace lvm {
namespace {

/// Sums of decimal fractions are off by rounding; a file that prints few digits by more.
constexpr double simplex_tolerance = 1e-6;
constexpr double symmetry_tolerance = 1e-9;

std::string at(const std::vector<int64_t>& shape, int64_t index) {
  std::vector<int64_t> place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    place[axis] = index % shape[axis] + 1;
    index /= shape[axis];
  }
  return place.empty() ? "" : fmt::format("[{}]", fmt::join(place, ", "));
}

std::string element_fault(const Values& given, std::string_view what, auto&& holds) {
  for (size_t i = 0; i < given.values.size(); ++i) {
    const double value = given.values[i];
    if (!holds(value)) {
      return fmt::format("`{}{}` is {}, which is not {}", given.name,
                         at(given.shape, static_cast<int64_t>(i)), value, what);
    }
  }
  return "";
}

std::string simplex_fault(const Values& given) {
  const auto size = static_cast<size_t>(given.shape.back());
  for (size_t first = 0; first < given.values.size(); first += size) {
    double sum = 0;
    for (size_t i = 0; i < size; ++i) sum += given.values[first + i];
    if (std::abs(sum - 1) > simplex_tolerance) {
      const std::vector<int64_t> outer(given.shape.begin(), given.shape.end() - 1);
      return fmt::format("`{}{}` sums to {:.9g}", given.name, at(outer, static_cast<int64_t>(first / size)),
                         sum);
    }
  }
  return "";
}

std::string matrix_fault(const Values& given, bool correlation) {
  const auto size = static_cast<size_t>(given.shape.back());
  std::vector<double> factor(size * size);
  for (size_t first = 0; first < given.values.size(); first += size * size) {
    const double* matrix = given.values.data() + first;
    const std::vector<int64_t> outer(given.shape.begin(), given.shape.end() - 2);
    const std::string name = given.name + at(outer, static_cast<int64_t>(first / (size * size)));
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < i; ++j) {
        const double a = matrix[i * size + j], b = matrix[j * size + i];
        if (std::abs(a - b) > symmetry_tolerance * (std::abs(a) + std::abs(b))) {
          return fmt::format("`{}` is not symmetric: {} and {} stand at [{}, {}] and its mirror", name, a, b,
                             i + 1, j + 1);
        }
      }
      if (correlation && std::abs(matrix[i * size + i] - 1) > simplex_tolerance) {
        return fmt::format("`{}` has {} on its diagonal, where a correlation has 1", name,
                           matrix[i * size + i]);
      }
    }
    lvm_cholesky(factor.data(), matrix, static_cast<int64_t>(size));
    if (std::isnan(factor[0])) return fmt::format("`{}` is not positive definite", name);
  }
  return "";
}

std::string ordered_fault(const Values& given) {
  const auto size = static_cast<size_t>(given.shape.back());
  for (size_t i = 0; i < given.values.size(); ++i) {
    if (i % size != 0 && !(given.values[i - 1] <= given.values[i])) {
      return fmt::format("`{}` does not ascend: {} stands before {}", given.name, given.values[i - 1],
                         given.values[i]);
    }
  }
  return "";
}

}  // namespace

std::string domain_fault(const Values& given, ir::Domain domain) {
  std::string fault = element_fault(given, "a finite number", [](double v) { return std::isfinite(v); });
  if (!fault.empty() || given.values.empty()) return fault;
  const auto in_unit = [](double v) { return v >= 0 && v <= 1; };
  switch (domain) {
    case ir::Domain::real: return "";
    case ir::Domain::positive: return element_fault(given, "positive", [](double v) { return v > 0; });
    case ir::Domain::unit: return element_fault(given, "between 0 and 1", in_unit);
    case ir::Domain::simplex: {
      std::string element = element_fault(given, "between 0 and 1", in_unit);
      return element.empty() ? simplex_fault(given) : element;
    }
    case ir::Domain::ordered: return ordered_fault(given);
    case ir::Domain::covariance: return matrix_fault(given, false);
    case ir::Domain::correlation: return matrix_fault(given, true);
  }
  return "";
}

namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  return shape.empty() ? "a single number" : fmt::format("a list of shape [{}]", fmt::join(shape, ", "));
}

class StartReader {
 public:
  StartReader(const driver::Lowered& lowered, Diagnostics& diagnostics)
      : lowered_(lowered), diagnostics_(diagnostics) {}

  void read(const Values& given) {
    const ir::ParameterSlot* slot = find(given.name);
    if (slot == nullptr) return unknown(given.name);
    const ir::Variable& variable =
        lowered_.model->variables[static_cast<size_t>(*lowered_.model->find(given.name))];
    std::vector<int64_t> shape;
    for (const ir::AxisId axis : variable.declared_axes)
      shape.push_back(lowered_.program->module.axis(axis).size);
    if (shape != given.shape) {
      return report(Code::start_shape, variable.range,
                    fmt::format("the start of `{}` is {}, and the parameter is {}", given.name,
                                shape_text(given.shape), shape_text(shape)));
    }
    std::string fault = domain_fault(given, slot->domain);
    for (size_t i = 0; fault.empty() && i < variable.mask.size(); ++i) {
      if (!variable.mask[i] && given.values[i] != 0)
        fault = fmt::format("`{}{}` is {}, which its mask holds at zero", given.name,
                            at(given.shape, static_cast<int64_t>(i)), given.values[i]);
    }
    if (!fault.empty()) return report(Code::start_domain, variable.range, "in the start, " + fault);
    if (slot->fixed) return;  // its value is part of the model; a file of a whole fit names it too
    start_[given.name] =
        runtime::permute(given.values, variable.declared_axes, slot->axes, lowered_.program->module);
  }

  std::map<std::string, std::vector<double>> finish() {
    for (const ir::ParameterSlot& slot : lowered_.program->parameters) {
      if (!slot.fixed && !slot.internal && !start_.contains(slot.name) && !diagnostics_.has_errors()) {
        report(Code::start_incomplete, {}, fmt::format("the start has no value for `{}`", slot.name));
      }
    }
    return std::move(start_);
  }

 private:
  const ir::ParameterSlot* find(const std::string& name) const {
    for (const ir::ParameterSlot& slot : lowered_.program->parameters) {
      if (slot.name == name) return &slot;
    }
    return nullptr;
  }

  void unknown(const std::string& name) {
    std::vector<std::string> names;
    for (const ir::ParameterSlot& slot : lowered_.program->parameters) names.push_back(slot.name);
    const std::optional<std::string> near = did_you_mean(name, names);
    diagnostics_.report(
        {.code = Code::start_unknown_parameter,
         .message = fmt::format("the start names `{}`, which is no parameter of the model", name),
         .hint = near ? fmt::format("did you mean `{}`?", *near)
                      : fmt::format("the parameters are `{}`", fmt::join(names, "`, `"))});
  }

  void report(Code code, SourceRange range, std::string message) {
    diagnostics_.report({.code = code, .message = std::move(message), .range = range});
  }

  const driver::Lowered& lowered_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::vector<double>> start_;
};

}  // namespace

std::map<std::string, std::vector<double>> checked_start(const BoundModel::State& bound,
                                                         const std::vector<Values>& given,
                                                         Diagnostics& diagnostics) {
  if (given.empty()) return {};
  StartReader reader(bound.lowered, diagnostics);
  for (const Values& values : given) reader.read(values);
  return reader.finish();
}

}  // namespace lvm
