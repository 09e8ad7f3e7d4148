#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ir::Op;

enum class Domain : uint8_t { any, nonnegative, positive };

struct ElementwiseRow {
  std::string_view name;
  Op op;
  Domain domain;
  Composition composition = nullptr;  // of several ops; `op` is then unused
};

constexpr std::array<ElementwiseRow, 15> elementwise_table = {{
    {"exp", Op::exp, Domain::any},
    {"log", Op::log, Domain::nonnegative},
    {"sqrt", Op::sqrt, Domain::nonnegative},
    {"abs", Op::abs, Domain::any},
    {"square", Op::square, Domain::any},
    {"sigmoid", Op::sigmoid, Domain::any},
    {"softplus", Op::softplus, Domain::any},
    {"tanh", Op::tanh, Domain::any},
    {"relu", Op::relu, Domain::any},
    {"lgamma", Op::lgamma, Domain::positive},
    {"digamma", Op::digamma, Domain::positive},
    {"erf", Op::erf, Domain::any},
    {"elu", Op::select, Domain::any, elu},
    {"leaky_relu", Op::select, Domain::any, leaky_relu},
    {"gelu", Op::erf, Domain::any, gelu},
}};

const ElementwiseRow* find_elementwise(std::string_view name) {
  for (const ElementwiseRow& row : elementwise_table)
    if (row.name == name) return &row;
  return nullptr;
}

Facts function_facts(Op op, Facts x) {
  if (op == Op::exp || op == Op::softplus) return {.nonnegative = true, .positive = true};
  if (op == Op::sigmoid) return {.nonnegative = true, .positive = true, .at_most_one = true};
  if (op == Op::sqrt) return {.nonnegative = true, .positive = x.positive, .at_most_one = x.at_most_one};
  if (op == Op::abs || op == Op::relu)
    return {.integer = x.integer,
            .nonnegative = true,
            .positive = x.positive,
            .at_most_one = x.nonnegative && x.at_most_one};
  if (op == Op::square)
    return {.integer = x.integer,
            .nonnegative = true,
            .positive = x.positive,
            .at_most_one = x.nonnegative && x.at_most_one};
  if (op == Op::log) return {.at_most_one = x.at_most_one};
  if (op == Op::tanh || op == Op::erf)
    return {.nonnegative = x.nonnegative, .positive = x.positive, .at_most_one = true};
  return {};
}

bool check_argument_domain(Context& context, const ElementwiseRow& row, const Value& value,
                           const Expression& argument) {
  const bool holds = row.domain == Domain::any ||
                     (row.domain == Domain::nonnegative && value.facts.nonnegative) || value.facts.positive;
  if (holds) return true;
  report(context, Code::type_not_provable, argument.range,
         fmt::format("`{}` cannot be proven {}, as `{}` needs", ast::print(argument),
                     row.domain == Domain::positive ? "positive" : "positive or zero", row.name),
         fmt::format("this is `{}`", describe(context, value)),
         "declare its parts `positive`, or take `exp` or `softplus` of it");
  return false;
}

Value elementwise(Context& context, const Expression& call, const ElementwiseRow& row, const Place& place) {
  const Expression& argument = *call.arguments[0].value;
  Value value = evaluate(context, argument, place);
  if (value.poison() || !require_number(context, value) ||
      !check_argument_domain(context, row, value, argument))
    return {};
  if (row.composition) {
    value.node = row.composition(context, value.node, call.range);
    value.facts = {.nonnegative = value.facts.nonnegative, .positive = value.facts.positive};
  } else {
    value.node = context.builder.make(row.op, {value.node}, {}, call.range);
    value.facts = function_facts(row.op, value.facts);
  }
  value.domain = ir::Domain::real;
  value.definite = Definite::no;
  value.number.reset();
  value.source = call.range;
  return value;
}

// The axis that a reduction runs along: named, or the only one.
std::optional<AxisId> reduced_axis(Context& context, const Expression& call, const Value& value) {
  if (call.arguments.size() == 2) {
    const Expression& named = *call.arguments[1].value;
    const auto axis = resolve_axis(context, {ast::print(named), named.range});
    if (!axis) return {};
    for (const AxisId each : value.order)
      if (base_axis(context, each) == *axis) return each;
    report(context, Code::shape_mismatch, named.range,
           fmt::format("the argument of `{}` has no axis `{}`", call.text, axis_text(context, *axis)), "", "",
           {{value.source, fmt::format("this is `{}`", describe(context, value))}});
    return {};
  }
  if (value.order.size() == 1) return value.order.front();
  report(context, Code::shape_mismatch, call.range,
         value.scalar() ? fmt::format("`{}` runs along an axis, and its argument has none", call.text)
                        : fmt::format("`{}` of a value with several axes is ambiguous", call.text),
         "",
         value.scalar()
             ? ""
             : fmt::format("name the axis: `{}({}, {})`", call.text, ast::print(*call.arguments[0].value),
                           axis_text(context, value.order.back())),
         {{value.source, fmt::format("this is `{}`", describe(context, value))}});
  return {};
}

NodeId softmax(Context& context, NodeId x, AxisId axis, SourceRange source) {
  const NodeId normaliser = make(context, Op::logsumexp, {x}, {axis}, source);
  const NodeId shifted = context.builder.make(Op::sub, {x, normaliser}, {}, source);
  return context.builder.make(Op::exp, {shifted}, {}, source);
}

// The mean as a quotient of sums: the size of the axis may come from the data.
NodeId mean(Context& context, NodeId x, AxisId axis, SourceRange source) {
  const NodeId ones = make(context, Op::broadcast, {context.builder.constant(1)}, {axis}, source);
  const NodeId count = make(context, Op::sum, {ones}, {axis}, source);
  return context.builder.make(Op::div, {make(context, Op::sum, {x}, {axis}, source), count}, {}, source);
}

constexpr std::array<std::string_view, 5> reductions = {"sum", "mean", "max", "logsumexp", "softmax"};

bool is_reduction(std::string_view name) {
  return std::find(reductions.begin(), reductions.end(), name) != reductions.end();
}

// Only softmax has the shape of its argument, and so a place to hand on.
Value reduction(Context& context, const Expression& call, const Place& place) {
  const Place inside = call.text == "softmax" && context.body ? place : Place{};
  Value value = evaluate(context, *call.arguments[0].value, inside);
  if (value.poison() || !require_number(context, value)) return {};
  const auto axis = reduced_axis(context, call, value);
  if (!axis) return {};
  value.source = call.range;
  value.definite = Definite::no;
  value.domain = ir::Domain::real;
  if (call.text == "softmax") {
    value.node = softmax(context, value.node, *axis, call.range);
    value.facts = {.nonnegative = true, .positive = true, .at_most_one = true};
    if (value.order.back() == *axis) value.domain = ir::Domain::simplex;
    return value;
  }
  std::erase(value.order, *axis);
  if (call.text == "mean") {
    value.node = mean(context, value.node, *axis, call.range);
    value.facts.integer = false;
  } else {
    const Op op = call.text == "sum" ? Op::sum : call.text == "max" ? Op::reduce_max : Op::logsumexp;
    value.node = make(context, op, {value.node}, {*axis}, call.range);
    if (call.text != "max") value.facts.at_most_one = false;
    if (call.text == "logsumexp") value.facts.integer = false;
  }
  normalise_axes(context, value);
  return value;
}

Value diagonal_matrix(Context& context, const Expression& call, const Place& place) {
  const Place inner = place.size() == 2 ? Place{place.front()} : Place{};
  Value value = evaluate(context, *call.arguments[0].value, inner);
  if (value.poison() || !require_number(context, value)) return {};
  if (value.order.size() != 1) {
    report(context, Code::not_a_matrix, call.range, "`diag` takes a vector",
           fmt::format("its argument is `{}`", describe(context, value)));
    return {};
  }
  const AxisId axis = value.order.front();
  value.order.push_back(context.model.module.twin(axis));
  value.node = make(context, Op::diag, {value.node}, value.order, call.range);
  value.definite = value.facts.positive      ? Definite::yes
                   : value.facts.nonnegative ? Definite::semi
                                             : Definite::no;
  value.facts = {.integer = value.facts.integer,
                 .nonnegative = value.facts.nonnegative,
                 .at_most_one = value.facts.at_most_one};
  value.domain = ir::Domain::real;
  value.source = call.range;
  return value;
}

Value evaluate_dot(Context& context, const Expression& call) {
  const Expression& a = *call.arguments[0].value;
  const Expression& b = *call.arguments[1].value;
  if (is_open(context, a)) {
    const Value right = evaluate(context, b);
    return right.poison() ? Value{} : dot(context, call, evaluate(context, a, right.order), right);
  }
  const Value left = evaluate(context, a);
  if (left.poison() && is_open(context, b)) return {};
  return dot(context, call, left, evaluate(context, b, is_open(context, b) ? left.order : Place{}));
}

struct Arity {
  size_t least, most;
};

std::optional<Arity> arity(std::string_view name) {
  if (find_elementwise(name) || name == "diag") return Arity{1, 1};
  if (is_reduction(name)) return Arity{1, 2};
  if (name == "dot") return Arity{2, 2};
  return {};
}

bool check_arguments(Context& context, const Expression& call, Arity wanted) {
  for (const ast::Argument& argument : call.arguments) {
    if (argument.name.text.empty()) continue;
    report(context, Code::unexpected_argument_name, argument.name.range,
           fmt::format("`{}` takes no argument named `{}`", call.text, argument.name.text), "",
           "write the value alone");
    return false;
  }
  const size_t given = call.arguments.size();
  if (given >= wanted.least && given <= wanted.most) return true;
  const std::string count = wanted.least == wanted.most ? std::to_string(wanted.least)
                                                        : fmt::format("{} or {}", wanted.least, wanted.most);
  report(
      context, Code::argument_count, call.range,
      fmt::format("`{}` takes {} argument{}, not {}", call.text, count, wanted.most == 1 ? "" : "s", given));
  return false;
}

Value unknown_function(Context& context, const Expression& call) {
  const bool distribution = is_distribution(call.text);
  for (const ast::Argument& argument : call.arguments)
    if (!distribution && !is_open(context, *argument.value)) evaluate(context, *argument.value);
  if (distribution) {
    report(context, Code::distribution_out_of_place, call.name_range,
           fmt::format("`{}` is a distribution, not a value", call.text), "",
           "declare a latent for it, with `P(…)` of its own");
    return {};
  }
  if (const Entity* entity = find_entity(context, call.text)) {
    report(context, Code::unknown_function, call.name_range,
           fmt::format("`{}` is {}, not a function", call.text, name(entity->kind)), "",
           fmt::format("index with `{}[…]`, multiply with `*`", call.text),
           {{entity->range, "declared here"}});
    return {};
  }
  std::vector<std::string> candidates = function_names();
  if (context.body)
    for (const std::string& layer : layer_names()) candidates.push_back(layer);
  for (const std::string& network : names_of(context, {EntityKind::network})) candidates.push_back(network);
  report(context, Code::unknown_function, call.name_range,
         fmt::format("`{}` is not a {}function", call.text, context.body ? "layer or " : ""), "",
         suggestion(call.text, candidates));
  return {};
}

}  // namespace

bool is_elementwise_function(std::string_view name) {
  return find_elementwise(name) != nullptr;
}

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"diag", "dot"};
    for (const ElementwiseRow& row : elementwise_table) all.emplace_back(row.name);
    for (const std::string_view reduction : reductions) all.emplace_back(reduction);
    return all;
  }();
  return names;
}

Value evaluate_call(Context& context, const Expression& call, const Place& place) {
  if (context.body && find_layer(call.text)) return evaluate_layer(context, call, place);
  Entity* entity = find_entity(context, call.text);
  if (entity && entity->kind == EntityKind::network) {
    entity->used = true;
    return call_network(context, *entity, call, {});
  }
  const auto wanted = arity(call.text);
  if (!wanted) return unknown_function(context, call);
  if (!check_arguments(context, call, *wanted)) return {};
  if (const ElementwiseRow* row = find_elementwise(call.text)) return elementwise(context, call, *row, place);
  if (call.text == "dot") return evaluate_dot(context, call);
  if (call.text == "diag") return diagonal_matrix(context, call, place);
  return reduction(context, call, place);
}

}  // namespace lvm::analysis
