#include <fmt/format.h>

#include <cmath>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::ExpressionKind;

std::optional<double> apply(ExpressionKind kind, double a, double b) {
  switch (kind) {
    case ExpressionKind::add: return a + b;
    case ExpressionKind::subtract: return a - b;
    case ExpressionKind::multiply:
    case ExpressionKind::elementwise_multiply: return a * b;
    case ExpressionKind::divide: return a / b;
    case ExpressionKind::power: return std::pow(a, b);
    case ExpressionKind::number:
    case ExpressionKind::string:
    case ExpressionKind::name:
    case ExpressionKind::call:
    case ExpressionKind::index:
    case ExpressionKind::member:
    case ExpressionKind::negate:
    case ExpressionKind::transpose:
    case ExpressionKind::list:
    case ExpressionKind::range: return {};
  }
  return {};
}

// Appends the numbers of `value` below `axes[depth…]`; false after a report.
bool flatten(Context& context, const ast::Expression& value, const std::vector<AxisId>& axes, size_t depth,
             std::vector<double>& numbers) {
  if (depth == axes.size()) {
    const auto number = literal_number(value);
    if (number && std::isfinite(*number)) {
      numbers.push_back(*number);
      return true;
    }
    report(context, Code::value_not_literal, value.range,
           fmt::format("`{}` is not a number", ast::print(value)), "",
           "a value is a number or a list of numbers, one list for each axis");
    return false;
  }
  if (value.kind != ExpressionKind::list) {
    report(context, Code::value_shape, value.range, "a list stands for each axis",
           fmt::format("a list along `{}` was expected", axis_text(context, axes[depth])),
           fmt::format("the shape is {}", describe_shape(context, axes)));
    return false;
  }
  if (!accept_size(context, axes[depth], static_cast<int64_t>(value.children.size()))) {
    report(context, Code::value_shape, value.range,
           fmt::format("a list of {} stands along `{}`, which has {}", value.children.size(),
                       axis_text(context, axes[depth]), axis_size(context, axes[depth])),
           "", fmt::format("the shape is {}", describe_shape(context, axes)));
    return false;
  }
  for (const auto& child : value.children)
    if (!flatten(context, *child, axes, depth + 1, numbers)) return false;
  return true;
}

}  // namespace

std::optional<double> literal_number(const ast::Expression& expression) {
  if (expression.kind == ExpressionKind::number) return expression.number;
  if (expression.children.empty()) return {};
  const auto a = literal_number(*expression.children[0]);
  if (!a) return {};
  if (expression.kind == ExpressionKind::negate) return -*a;
  if (expression.children.size() < 2) return {};
  const auto b = literal_number(*expression.children[1]);
  return b ? apply(expression.kind, *a, *b) : std::nullopt;
}

std::optional<std::vector<double>> literal_values(Context& context, const ast::Expression& value,
                                                  const std::vector<AxisId>& axes) {
  std::vector<double> numbers;
  if (value.kind != ExpressionKind::list) {
    if (!flatten(context, value, {}, 0, numbers)) return {};
    int64_t elements = 1;
    for (const AxisId axis : axes) {
      const int64_t size = axis_size(context, axis);
      if (size == ir::unknown_size || elements > (int64_t{1} << 20) / size)
        return numbers;  // one number fills all
      elements *= size;
    }
    numbers.resize(static_cast<size_t>(elements), numbers.front());
    return numbers;
  }
  if (axes.empty()) {
    report(context, Code::value_shape, value.range, "a single number was expected", "",
           "write the number without brackets");
    return {};
  }
  if (!flatten(context, value, axes, 0, numbers)) return {};
  return numbers;
}

}  // namespace lvm::analysis
