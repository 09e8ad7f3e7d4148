// The bodies of networks: names, layers and their arguments. Shapes are checked at the border
// (network_calls.cpp): the weights of layers take their sizes when the gradient route builds them.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;

struct LayerRow {
  std::string_view name;
  size_t least, most;        // positional arguments
  std::string_view options;  // named ones, each between spaces
  std::string_view words;    // bare words that may stand for values, each between spaces
};

constexpr std::array<LayerRow, 11> layer_table = {{
    {"dense", 1, 2, " bias ", ""},
    {"conv2d", 2, 2, " kernel stride padding bias ", " same valid "},
    {"conv2d_transpose", 2, 2, " kernel stride padding bias ", " same valid "},
    {"flatten", 1, 1, "", ""},
    {"reshape", 2, 8, "", ""},
    {"batch_norm", 1, 1, " momentum ", ""},
    {"layer_norm", 1, 1, "", ""},
    {"dropout", 2, 2, "", ""},
    {"embedding", 2, 2, "", ""},
    {"fill", 2, 2, "", ""},
    {"observed", 1, 1, "", ""},
}};

const LayerRow* find_layer(std::string_view name) {
  for (const LayerRow& row : layer_table)
    if (row.name == name) return &row;
  return nullptr;
}

bool holds_word(std::string_view words, std::string_view word) {
  return !word.empty() && words.find(fmt::format(" {} ", word)) != std::string_view::npos;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 1; at < text.size();) {
    const size_t end = text.find(' ', at);
    words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

struct Body {
  Context& context;
  const ast::NetDeclaration& net;
  std::map<std::string, Facts> locals = {};

  Facts facts(const Expression& expression);
  Facts call(const Expression& expression);
  Facts name(const Expression& expression);
  Facts layer(const Expression& expression, const LayerRow& row);
  Facts network(const Expression& expression, const Entity& entity);
  void arguments(const Expression& expression);
};

Facts Body::name(const Expression& expression) {
  if (const auto local = locals.find(expression.text); local != locals.end()) return local->second;
  Entity* entity = find_entity(context, expression.text);
  if (entity && entity->kind == EntityKind::axis) {
    entity->used = true;
    return {.integer = true, .nonnegative = true, .positive = true};
  }
  const bool variable = entity && entity->kind == EntityKind::variable;
  if (variable && context.model.variables[static_cast<size_t>(entity->index)].role == ir::Role::constant) {
    entity->used = true;
    return facts_of(context.model.variables[static_cast<size_t>(entity->index)].type.element);
  }
  if (entity) {
    entity->used = true;
    report(context, Code::net_name, expression.range,
           fmt::format("`{}` cannot be used inside a network", expression.text),
           "a network sees its parameters, its own names, axes and constants",
           fmt::format("add a parameter to `{}`", net.name.text), {{entity->range, "declared here"}});
    return {};
  }
  std::vector<std::string> candidates = names_of(context, {EntityKind::axis});
  for (const auto& local : locals) candidates.push_back(local.first);
  report(context, Code::unknown_name, expression.range, fmt::format("`{}` is not declared", expression.text),
         fmt::format("not found in the network `{}`", net.name.text),
         suggestion(expression.text, candidates));
  locals.emplace(expression.text, Facts{});
  return {};
}

void Body::arguments(const Expression& expression) {
  for (const ast::Argument& argument : expression.arguments) facts(*argument.value);
}

Facts Body::layer(const Expression& expression, const LayerRow& row) {
  size_t positional = 0;
  for (const ast::Argument& argument : expression.arguments) {
    if (argument.name.text.empty()) {
      ++positional;
    } else if (!holds_word(row.options, argument.name.text)) {
      report(context, Code::unexpected_argument_name, argument.name.range,
             fmt::format("`{}` takes no argument named `{}`", row.name, argument.name.text), "",
             row.options.empty() ? "" : "its options are " + listed(words_of(row.options), "and"));
    }
    const bool word =
        argument.value->kind == ExpressionKind::name && holds_word(row.words, argument.value->text);
    if (!word) facts(*argument.value);
  }
  if (positional < row.least || positional > row.most)
    report(context, Code::argument_count, expression.range,
           fmt::format("the layer `{}` takes {}{} arguments, not {}", row.name, row.least,
                       row.most == row.least ? "" : fmt::format(" to {}", row.most), positional));
  return {};
}

Facts Body::network(const Expression& expression, const Entity& entity) {
  const ast::NetDeclaration& called = *context.networks[static_cast<size_t>(entity.index)].declaration;
  find_entity(context, expression.text)->used = true;
  arguments(expression);
  if (expression.arguments.size() != called.parameters.size())
    report(context, Code::argument_count, expression.range,
           fmt::format("the network `{}` takes {} argument{}, not {}", called.name.text,
                       called.parameters.size(), called.parameters.size() == 1 ? "" : "s",
                       expression.arguments.size()),
           "", "", {{called.name.range, "declared here"}});
  return {};
}

Facts function_result(std::string_view function) {
  if (function == "exp" || function == "softplus") return {.nonnegative = true, .positive = true};
  if (function == "sigmoid" || function == "softmax")
    return {.nonnegative = true, .positive = true, .at_most_one = true};
  if (function == "relu" || function == "abs" || function == "square") return {.nonnegative = true};
  return {};
}

Facts Body::call(const Expression& expression) {
  if (const LayerRow* row = find_layer(expression.text)) return layer(expression, *row);
  const Entity* entity = find_entity(context, expression.text);
  if (entity && entity->kind == EntityKind::network) return network(expression, *entity);
  arguments(expression);
  std::vector<std::string> candidates = function_names();
  if (std::find(candidates.begin(), candidates.end(), expression.text) != candidates.end()) {
    if (expression.arguments.empty())
      report(context, Code::argument_count, expression.range,
             fmt::format("`{}` needs an argument", expression.text));
    return function_result(expression.text);
  }
  for (const LayerRow& row : layer_table) candidates.emplace_back(row.name);
  report(context, Code::unknown_function, expression.name_range,
         fmt::format("`{}` is not a layer or function", expression.text), "",
         suggestion(expression.text, candidates));
  return {};
}

Facts Body::facts(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::number:
      return facts_of(expression.number);
    case ExpressionKind::string:
      report(context, Code::string_out_of_place, expression.range, "a text is not a value", "",
             "texts name columns: `column(\"w\")`");
      return {};
    case ExpressionKind::name:
      return name(expression);
    case ExpressionKind::call:
      return call(expression);
    case ExpressionKind::add: {
      const Facts left = facts(*expression.children[0]);
      return add_facts(left, facts(*expression.children[1]));
    }
    case ExpressionKind::subtract: {
      const Facts left = facts(*expression.children[0]);
      return subtract_facts(left, literal_number(*expression.children[0]), facts(*expression.children[1]));
    }
    case ExpressionKind::multiply:
    case ExpressionKind::elementwise_multiply: {
      const Facts left = facts(*expression.children[0]);
      return multiply_facts(left, facts(*expression.children[1]));
    }
    case ExpressionKind::divide: {
      const Facts left = facts(*expression.children[0]);
      return divide_facts(left, facts(*expression.children[1]));
    }
    case ExpressionKind::power: {
      const Facts base = facts(*expression.children[0]);
      return power_facts(base, literal_number(*expression.children[1]), facts(*expression.children[1]));
    }
    case ExpressionKind::index:
    case ExpressionKind::list:
    case ExpressionKind::negate:
    case ExpressionKind::transpose:
    case ExpressionKind::member:
    case ExpressionKind::range:
      for (const auto& child : expression.children) facts(*child);
      return {};
  }
  return {};
}

bool implies(Facts known, Facts wanted) {
  return (known.positive || !wanted.positive) && (known.nonnegative || !wanted.nonnegative) &&
         (known.at_most_one || !wanted.at_most_one) && (known.integer || !wanted.integer);
}

void check_output(Context& context, const ast::NetStatement& statement, const ast::TypeSyntax& type,
                  Facts known) {
  const auto declared = resolve_type(context, type);
  if (!declared || implies(known, facts_of(declared->element))) return;
  report(context, Code::type_not_provable, statement.value->range,
         fmt::format("`{}` cannot be proven `{}`", ast::print(*statement.value), type.name.text), "",
         "take `exp` or `softplus` for `positive`, `sigmoid` for `unit`", {{type.range, "declared here"}});
}

const ast::NetParameter* find_output(const ast::NetDeclaration& net, std::string_view name) {
  for (const ast::NetParameter& output : net.outputs)
    if (output.name.text == name) return &output;
  return nullptr;
}

void declare_parameters(Context& context, Body& body) {
  std::map<std::string, SourceRange> seen;
  for (const auto* list : {&body.net.parameters, &body.net.outputs}) {
    for (const ast::NetParameter& parameter : *list) {
      const auto type = resolve_type(context, parameter.type);
      if (list == &body.net.parameters)
        body.locals.emplace(parameter.name.text, type ? facts_of(type->element) : Facts{});
      const auto [first, fresh] = seen.emplace(parameter.name.text, parameter.name.range);
      if (!fresh)
        report(context, Code::duplicate_name, parameter.name.range,
               fmt::format("`{}` is declared twice", parameter.name.text), "", "rename one of the two",
               {{first->second, "first declared here"}});
    }
  }
  if (body.net.single_output) resolve_type(context, *body.net.single_output);
}

void check_statements(Context& context, Body& body) {
  std::map<std::string, SourceRange> assigned;
  for (const ast::NetStatement& statement : body.net.body) {
    const size_t errors = context.diagnostics.error_count();
    const Facts known = body.facts(*statement.value);
    const bool sound = context.diagnostics.error_count() == errors;
    const std::string target = statement.target.text;
    const auto [first, fresh] = assigned.emplace(target, statement.range);
    if (!fresh)
      report(context, Code::duplicate_name, statement.range,
             target.empty() ? "a network returns once" : fmt::format("`{}` is assigned twice", target), "",
             "names are given a value once", {{first->second, "first here"}});
    if (target.empty()) {
      if (!body.net.single_output)
        report(context, Code::net_output, statement.range,
               fmt::format("`{}` has named outputs and cannot `return` a value", body.net.name.text), "",
               "assign to each output by its name");
      else if (sound)
        check_output(context, statement, *body.net.single_output, known);
      continue;
    }
    const ast::NetParameter* output = find_output(body.net, target);
    if (output && sound) check_output(context, statement, output->type, known);
    body.locals[target] = known;
  }
  if (body.net.single_output && !assigned.contains(""))
    report(context, Code::net_output, body.net.name.range,
           fmt::format("the network `{}` returns nothing", body.net.name.text), "", "end it with `return …`");
  for (const ast::NetParameter& output : body.net.outputs)
    if (!assigned.contains(output.name.text))
      report(context, Code::net_output, output.name.range,
             fmt::format("the output `{}` of `{}` is never assigned", output.name.text, body.net.name.text));
}

}  // namespace

void analyse_networks(Context& context) {
  for (const NetworkState& state : context.networks) {
    Body body{context, *state.declaration};
    declare_parameters(context, body);
    check_statements(context, body);
    unsupported(context, "a neural network", "use an expression of parameters, such as `W * z + b`",
                state.declaration->name.range);
  }
}

}  // namespace lvm::analysis
