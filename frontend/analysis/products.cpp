#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;
using Axes = std::vector<AxisId>;

bool holds(const Axes& axes, AxisId axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

void rename_axes(Context& context, Value& value, const Axes& pairs) {
  if (pairs.empty()) return;
  value.node = make(context, ir::Op::rename, {value.node}, pairs, value.source);
  for (AxisId& axis : value.order) {
    for (size_t i = 0; i < pairs.size(); i += 2) {
      if (axis != pairs[i]) continue;
      axis = pairs[i + 1];
      break;
    }
  }
}

std::vector<Label> operand_labels(const Context& context, const Value& left, const Value& right) {
  return {{left.source, fmt::format("this is `{}`", describe(context, left))},
          {right.source, fmt::format("this is `{}`", describe(context, right))}};
}

bool check_ranks(Context& context, const Expression& expression, const Value& left, const Value& right) {
  if (left.order.size() == 1 && right.order.size() == 1) {
    report(
        context, Code::vector_times_vector, expression.range, "`*` between two vectors is ambiguous", "",
        fmt::format("write `{0} .* {1}` for the products of the elements, or `dot({0}, {1})` for their sum",
                    ast::print(*expression.children[0]), ast::print(*expression.children[1])),
        operand_labels(context, left, right));
    return false;
  }
  if (left.order.size() <= 2 && right.order.size() <= 2) return true;
  report(context, Code::not_a_matrix, expression.range, "`*` takes scalars, vectors and matrices", "",
         "index an axis with a category, or write `.*` for element-wise products",
         operand_labels(context, left, right));
  return false;
}

// The right factor with the contracted axis named as on the left, and the others apart from the left's.
void separate(Context& context, const Value& left, Value& right) {
  const AxisId contracted = left.order.back();
  Axes pairs;
  Axes taken = left.order;
  for (size_t i = 0; i < right.order.size(); ++i) {
    AxisId to = i == 0 ? contracted : right.order[i];
    while (i > 0 && holds(taken, to)) to = context.model.module.twin(to);
    taken.push_back(to);
    if (to == right.order[i]) continue;
    pairs.push_back(right.order[i]);
    pairs.push_back(to);
  }
  rename_axes(context, right, pairs);
}

// A * A' and A * C * A' with C positive (semi)definite are symmetric positive semidefinite.
bool is_square(const Expression& expression) {
  const Expression& right = *expression.children[1];
  if (right.kind != ExpressionKind::transpose) return false;
  return ast::print(*right.children[0]) == ast::print(*expression.children[0]);
}

bool is_congruence(const Expression& expression, const Value& left) {
  const Expression& right = *expression.children[1];
  return !left.left_factor.empty() && right.kind == ExpressionKind::transpose &&
         ast::print(*right.children[0]) == left.left_factor;
}

}  // namespace

void normalise_axes(Context& context, Value& value) {
  Axes pairs;
  Axes seen;
  for (const AxisId axis : value.order) {
    AxisId to = base_axis(context, axis);
    while (holds(seen, to)) to = context.model.module.twin(to);
    seen.push_back(to);
    if (to == axis) continue;
    pairs.push_back(axis);
    pairs.push_back(to);
  }
  rename_axes(context, value, pairs);
}

Value multiply(Context& context, const Expression& expression, Value left, Value right) {
  if (!check_ranks(context, expression, left, right)) return {};
  const AxisId contracted = left.order.back();
  if (base_axis(context, contracted) != base_axis(context, right.order.front())) {
    report(context, Code::shape_mismatch, expression.range,
           fmt::format("`*` needs `{}` on both sides of the product, the right side begins with `{}`",
                       axis_text(context, contracted), axis_text(context, right.order.front())),
           "", "`*` contracts the last axis of the left with the first of the right",
           operand_labels(context, left, right));
    return {};
  }
  separate(context, left, right);
  Value value;
  value.order.assign(left.order.begin(), left.order.end() - 1);
  value.order.insert(value.order.end(), right.order.begin() + 1, right.order.end());
  value.node = make(context, ir::Op::contract, {left.node, right.node}, {contracted}, expression.range);
  value.facts = multiply_facts(left.facts, right.facts);
  value.facts.at_most_one = false;  // a sum of such products
  value.uses = std::move(left.uses);
  merge_uses(value.uses, right.uses);
  value.source = expression.range;
  normalise_axes(context, value);
  if (is_square(expression) || is_congruence(expression, left)) value.definite = Definite::semi;
  if (right.definite != Definite::no) value.left_factor = ast::print(*expression.children[0]);
  return value;
}

Value transpose(Context& context, const Expression& expression, Value value) {
  if (value.poison() || !require_number(context, value)) return {};
  if (value.order.size() != 2) {
    report(context, Code::not_a_matrix, expression.range, "only a matrix has a transpose",
           fmt::format("this is `{}`", describe(context, value)),
           value.order.size() == 1 ? "a vector needs none: `dot(a, b)`, `A * v`" : "");
    return {};
  }
  value.source = expression.range;
  if (value.definite != Definite::no) return value;
  std::swap(value.order[0], value.order[1]);
  value.domain = ir::Domain::real;
  normalise_axes(context, value);
  return value;
}

Value dot(Context& context, const Expression& expression, Value left, Value right) {
  if (left.poison() || right.poison()) return {};
  const bool numbers = require_number(context, left);
  if (!require_number(context, right) || !numbers) return {};
  if (left.order.size() != 1 || right.order != left.order) {
    report(context, Code::shape_mismatch, expression.range, "`dot` takes two vectors over the same axis", "",
           left.scalar() || right.scalar() ? "write `*` to scale with a scalar" : "",
           operand_labels(context, left, right));
    return {};
  }
  Value value;
  value.node =
      make(context, ir::Op::contract, {left.node, right.node}, {left.order.front()}, expression.range);
  value.facts = multiply_facts(left.facts, right.facts);
  value.facts.at_most_one = false;
  value.uses = std::move(left.uses);
  merge_uses(value.uses, right.uses);
  value.source = expression.range;
  return value;
}

}  // namespace lvm::analysis
