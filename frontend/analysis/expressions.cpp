#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;
using ir::Op;

std::vector<AxisId> united(std::vector<AxisId> left, const std::vector<AxisId>& right) {
  for (const AxisId axis : right)
    if (std::find(left.begin(), left.end(), axis) == left.end()) left.push_back(axis);
  return left;
}

// Both sides of an operator; a list takes the axes of the other side.
std::pair<Value, Value> evaluate_sides(Context& context, const Expression& expression, const Place& place) {
  const Expression& a = *expression.children[0];
  const Expression& b = *expression.children[1];
  if (is_open(context, a) && !is_open(context, b)) {
    Value right = evaluate(context, b, place);
    if (right.poison()) return {Value{}, right};
    Value left = evaluate(context, a, right.scalar() ? place : right.order);
    return {left, right};
  }
  Value left = evaluate(context, a, place);
  if (left.poison() && is_open(context, b)) return {left, Value{}};
  Value right = evaluate(context, b, is_open(context, b) && !left.scalar() ? left.order : place);
  return {left, right};
}

std::optional<double> folded(ExpressionKind kind, double a, double b) {
  switch (kind) {
    case ExpressionKind::add: return a + b;
    case ExpressionKind::subtract: return a - b;
    case ExpressionKind::divide: return a / b;
    case ExpressionKind::power: return std::pow(a, b);
    case ExpressionKind::multiply:
    case ExpressionKind::elementwise_multiply: return a * b;
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

// The sum of a positive definite and a positive semidefinite matrix is positive definite.
Definite definite_sum(Definite a, Definite b) {
  if (a == Definite::no || b == Definite::no) return Definite::no;
  return a == Definite::yes || b == Definite::yes ? Definite::yes : Definite::semi;
}

Value pointwise(Context& context, Op op, const Expression& expression, Value left, const Value& right,
                Facts facts) {
  Value value;
  value.node = context.builder.make(op, {left.node, right.node}, {}, expression.range);
  value.order = united(left.order, right.order);
  value.facts = facts;
  value.uses = std::move(left.uses);
  merge_uses(value.uses, right.uses);
  value.source = expression.range;
  return value;
}

Value scaled(Context& context, const Expression& expression, const Value& left, const Value& right) {
  Value value = pointwise(context, Op::mul, expression, left, right, multiply_facts(left.facts, right.facts));
  const Value& scale = left.scalar() ? left : right;
  if (scale.facts.positive) value.definite = left.scalar() ? right.definite : left.definite;
  return value;
}

Value check_power(Context& context, const Expression& expression, const Value& base, const Value& exponent) {
  if (base.facts.nonnegative || (exponent.number && exponent.facts.integer)) {
    return pointwise(context, Op::pow, expression, base, exponent,
                     power_facts(base.facts, exponent.number, exponent.facts));
  }
  report(context, Code::type_not_provable, base.source,
         fmt::format("`{}` may be negative under a power that is not a whole number",
                     ast::print(*expression.children[0])),
         fmt::format("this is `{}`", describe(context, base)),
         "declare it `positive`, or take `abs`, `exp` or `softplus` of it");
  return {};
}

Value combine(Context& context, const Expression& expression, const Value& left, const Value& right) {
  const Facts a = left.facts;
  const Facts b = right.facts;
  switch (expression.kind) {
    case ExpressionKind::add: {
      Value sum = pointwise(context, Op::add, expression, left, right, add_facts(a, b));
      sum.definite = definite_sum(left.definite, right.definite);
      return sum;
    }
    case ExpressionKind::subtract:
      return pointwise(context, Op::sub, expression, left, right, subtract_facts(a, left.number, b));
    case ExpressionKind::divide: {
      Value quotient = pointwise(context, Op::div, expression, left, right, divide_facts(a, b));
      if (right.scalar() && b.positive) quotient.definite = left.definite;
      return quotient;
    }
    case ExpressionKind::elementwise_multiply:
      return pointwise(context, Op::mul, expression, left, right, multiply_facts(a, b));
    case ExpressionKind::power: return check_power(context, expression, left, right);
    case ExpressionKind::multiply:
      return left.scalar() || right.scalar() ? scaled(context, expression, left, right)
                                             : multiply(context, expression, left, right);
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

Value evaluate_binary(Context& context, const Expression& expression, const Place& place) {
  auto [left, right] = evaluate_sides(context, expression, place);
  if (left.poison() || right.poison()) return {};
  // Both are asked so that both are reported.
  const bool left_number = require_number(context, left);
  if (!require_number(context, right) || !left_number) return {};
  if (left.number && right.number) {
    const double number = *folded(expression.kind, *left.number, *right.number);
    Value value = constant_value(context, number, expression.range);
    value.uses = left.uses;
    merge_uses(value.uses, right.uses);
    return value;
  }
  const bool product = expression.kind == ExpressionKind::multiply && !left.scalar() && !right.scalar();
  if (context.body && !product && !meet(context, expression, left, right)) return {};
  return combine(context, expression, left, right);
}

Value evaluate_negation(Context& context, const Expression& expression, const Place& place) {
  Value value = evaluate(context, *expression.children[0], place);
  if (value.poison() || !require_number(context, value)) return {};
  if (value.number) {
    Value negated = constant_value(context, -*value.number, expression.range);
    negated.uses = std::move(value.uses);
    return negated;
  }
  value.node = make(context, Op::neg, {value.node}, {}, expression.range);
  value.facts = {.integer = value.facts.integer, .at_most_one = value.facts.nonnegative};
  value.domain = ir::Domain::real;
  value.definite = Definite::no;
  value.source = expression.range;
  return value;
}

// `I`: the unit matrix over the axis that its place gives.
Value unit_matrix(Context& context, const Expression& expression, const Place& place) {
  if (place.empty() || place.front() == scalar_place) {
    report(context, Code::list_without_axis, expression.range, "`I` needs a place that gives its axis", "",
           "add it to a matrix, or use it as a covariance");
    return {};
  }
  const AxisId axis = base_axis(context, place.back());
  Value value;
  value.order = {axis, context.model.module.twin(axis)};
  value.node = make(context, Op::identity, {}, value.order, expression.range);
  value.facts = {.integer = true, .nonnegative = true, .at_most_one = true};
  value.definite = Definite::yes;
  value.source = expression.range;
  return value;
}

Value evaluate_name(Context& context, const Expression& expression, const Place& place) {
  const bool local = context.body && context.body->locals.contains("I");
  if (expression.text == "I" && !local && !find_entity(context, "I"))
    return unit_matrix(context, expression, place);
  if (context.body) return body_name(context, expression);
  const ast::Name name{expression.text, expression.range};
  Entity* entity = resolve(context, name, {EntityKind::variable, EntityKind::let, EntityKind::network});
  if (!entity) return {};
  if (entity->kind == EntityKind::let) return expand_let(context, *entity, expression, place);
  if (entity->kind == EntityKind::variable)
    return variable_value(context, entity->index, bare_use(context, entity->index, expression.range));
  if (entity->doubtful) return {};
  report(context, Code::not_a_value, expression.range,
         fmt::format("`{}` is {}, not a value", expression.text, analysis::name(entity->kind)), "",
         entity->kind == EntityKind::network ? fmt::format("call it: `{}(…)`", expression.text) : "",
         {{entity->range, "declared here"}});
  return {};
}

Value evaluate_member(Context& context, const Expression& expression) {
  const Expression& whole = *expression.children[0];
  Entity* entity = whole.kind == ExpressionKind::call ? find_entity(context, whole.text) : nullptr;
  if (entity && entity->kind == EntityKind::network) {
    entity->used = true;
    return call_network(context, *entity, whole, {expression.text, expression.name_range});
  }
  if (whole.kind == ExpressionKind::call && !entity) {
    evaluate(context, whole);  // reports the unknown name
    if (!is_elementwise_function(whole.text)) return {};
  }
  report(context, Code::unknown_member, expression.name_range,
         fmt::format("`{}` has no outputs to choose from", ast::print(whole)), "",
         "only the call of a network with named outputs has members");
  return {};
}

}  // namespace

NodeId make(Context& context, Op op, std::vector<NodeId> inputs, std::vector<AxisId> axes,
            SourceRange source) {
  return context.builder.make(op, std::move(inputs), {.axes = std::move(axes)}, source);
}

void merge_uses(std::vector<Use>& into, const std::vector<Use>& from) {
  for (const Use& use : from) {
    const bool known = std::any_of(into.begin(), into.end(), [&](const Use& each) {
      return each.variable == use.variable && each.place == use.place && each.offset == use.offset;
    });
    if (!known) into.push_back(use);
  }
}

bool require_number(Context& context, const Value& value) {
  if (!value.category()) return true;
  report(context, Code::category_in_arithmetic, value.source, "a category is not a number",
         fmt::format("this is `{}`", describe(context, value)), "index a parameter with it: `a[z]`");
  return false;
}

Value constant_value(Context& context, double number, SourceRange source) {
  Value value;
  value.node = context.builder.constant(number);
  value.facts = facts_of(number);
  value.number = number;
  value.source = source;
  return value;
}

Use bare_use(const Context& context, int index, SourceRange source) {
  const ir::Variable& variable = context.model.variables[static_cast<size_t>(index)];
  const bool varies = variable.role == ir::Role::data || variable.role == ir::Role::given ||
                      variable.role == ir::Role::latent;
  const bool step = !context.sequence.empty() && varies && !variable.global;
  return {index, step ? ir::VariableUse::Place::step : ir::VariableUse::Place::row, 0, source};
}

Value variable_value(Context& context, int index, const Use& use) {
  const ir::Variable& variable = context.model.variables[static_cast<size_t>(index)];
  if (!context.variables[static_cast<size_t>(index)].sound) return {};
  if (variable.role == ir::Role::weight) {
    report(context, Code::not_a_value, use.range,
           fmt::format("`{}` is the weight of a row, not a value", variable.name), "",
           fmt::format("bind the column a second time: `given x: real = column(…)`"),
           {{variable.range, "declared here"}});
    return {};
  }
  Value value =
      typed_value({variable.type.element, variable.domain, variable.declared_axes, variable.type.range});
  value.node = variable.node;
  const bool bare = use.place == ir::VariableUse::Place::row ||
                    (use.place == ir::VariableUse::Place::step && use.offset == 0);
  if (!bare) {
    const ir::Op op = variable.role == ir::Role::latent ? ir::Op::latent : ir::Op::data;
    value.node = context.builder.leaf(op, describe_use(context, {index, use.place, use.offset}),
                                      variable.type, use.range);
  }
  value.source = use.range;
  value.uses = {use};
  if (variable.role == ir::Role::constant) {
    if (variable.declared_axes.empty()) value.number = variable.value.front();
    Facts facts = facts_of(variable.value.front());
    for (const double number : variable.value) facts = common_facts(facts, facts_of(number));
    value.facts = facts;
  }
  return value;
}

bool is_open(Context& context, const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::list: return true;
    case ExpressionKind::name: {
      const Entity* entity = find_entity(context, expression.text);
      if (context.body) return expression.text == "I" && !entity && !context.body->locals.contains("I");
      if (!entity) return expression.text == "I";
      return entity->kind == EntityKind::let && let_is_open(context, entity->index);
    }
    case ExpressionKind::negate: return is_open(context, *expression.children[0]);
    case ExpressionKind::add:
    case ExpressionKind::subtract:
    case ExpressionKind::multiply:
    case ExpressionKind::divide:
    case ExpressionKind::elementwise_multiply:
    case ExpressionKind::power: {
      const bool left = is_open(context, *expression.children[0]);
      const bool right = is_open(context, *expression.children[1]);
      return (left && (right || literal_number(*expression.children[1]))) ||
             (right && literal_number(*expression.children[0]));
    }
    case ExpressionKind::call:
      if (context.body && find_layer(expression.text)) return layer_is_open(context, expression);
      if (context.body && expression.text == "softmax" && !expression.arguments.empty())
        return is_open(context, *expression.arguments[0].value);
      return is_elementwise_function(expression.text) && expression.arguments.size() == 1 &&
             is_open(context, *expression.arguments[0].value);
    case ExpressionKind::number:
    case ExpressionKind::string:
    case ExpressionKind::index:
    case ExpressionKind::member:
    case ExpressionKind::transpose:
    case ExpressionKind::range: return false;
  }
  return false;
}

Value evaluate(Context& context, const Expression& expression, const Place& place) {
  switch (expression.kind) {
    case ExpressionKind::number: return constant_value(context, expression.number, expression.range);
    case ExpressionKind::string:
      report(context, Code::string_out_of_place, expression.range, "a text is not a value", "",
             "texts name columns: `column(\"w\")`");
      return {};
    case ExpressionKind::name: return evaluate_name(context, expression, place);
    case ExpressionKind::call: return evaluate_call(context, expression, place);
    case ExpressionKind::index: return evaluate_index(context, expression);
    case ExpressionKind::member: return evaluate_member(context, expression);
    case ExpressionKind::negate: return evaluate_negation(context, expression, place);
    case ExpressionKind::add:
    case ExpressionKind::subtract:
    case ExpressionKind::multiply:
    case ExpressionKind::divide:
    case ExpressionKind::power:
    case ExpressionKind::elementwise_multiply: return evaluate_binary(context, expression, place);
    case ExpressionKind::transpose:
      return transpose(context, expression, evaluate(context, *expression.children[0]));
    case ExpressionKind::list: return evaluate_list(context, expression, place);
    case ExpressionKind::range:
      report(context, Code::string_out_of_place, expression.range, "a range is not a value", "",
             "ranges name columns, `\"x1\"..\"x9\"`, and the limits of `scale`");
      return {};
  }
  return {};
}

}  // namespace lvm::analysis
