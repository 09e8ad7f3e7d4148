// The bodies of networks. Each becomes a function of its own, over leaves for its parameters and weights; a
// call copies that function's nodes (network_calls.cpp).

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using ast::Expression;

// While it lives, nodes go into the body's own function.
class BodyScope {
 public:
  BodyScope(Context& context, NetworkBody& body)
      : context_(context), builder_(context.builder), outer_(context.body) {
    context.builder = ir::Builder(context.model.module, body.state.body);
    context.body = &body;
  }
  ~BodyScope() {
    context_.builder = builder_;
    context_.body = outer_;
  }
  BodyScope(const BodyScope&) = delete;
  BodyScope& operator=(const BodyScope&) = delete;

 private:
  Context& context_;
  ir::Builder builder_;
  NetworkBody* outer_;
};

Value constant_of_model(Context& context, const Entity& entity, const Expression& expression) {
  Value value = variable_value(context, entity.index, bare_use(context, entity.index, expression.range));
  if (value.poison()) return value;
  std::vector<NodeId> replace;
  value.node = context.builder.copy(context.model.function(), value.node, replace);
  return value;
}

bool implies(Facts known, Facts wanted) {
  return (known.positive || !wanted.positive) && (known.nonnegative || !wanted.nonnegative) &&
         (known.at_most_one || !wanted.at_most_one) && (known.integer || !wanted.integer);
}

bool proves_domain(const Value& value, ir::Domain domain) {
  if (event_axes(domain) == 2) return value.definite == Definite::yes && domain == ir::Domain::covariance;
  return event_axes(domain) == 0 || value.domain == domain;
}

struct Output {
  const ast::TypeSyntax* syntax;
  std::optional<DeclaredType> type;
};

// By name; "" is the single output.
std::map<std::string, Output> resolve_outputs(Context& context, const ast::NetDeclaration& net) {
  std::map<std::string, Output> outputs;
  for (const ast::NetParameter& output : net.outputs)
    outputs.emplace(output.name.text, Output{&output.type, resolve_type(context, output.type)});
  if (net.single_output)
    outputs.emplace("", Output{&*net.single_output, resolve_type(context, *net.single_output)});
  for (auto& [name, output] : outputs) {
    if (!output.type || output.type->range < 0) continue;
    report(context, Code::type_not_allowed, output.syntax->range,
           "a network computes numbers, not categories", "",
           "give out `simplex[K]`, the probabilities of the levels");
    output.type.reset();
  }
  return outputs;
}

void declare_parameters(Context& context, NetworkBody& body) {
  std::map<std::string, SourceRange> seen;
  for (const auto* list : {&body.net().parameters, &body.net().outputs}) {
    for (const ast::NetParameter& parameter : *list) {
      const auto [first, fresh] = seen.emplace(parameter.name.text, parameter.name.range);
      if (!fresh)
        report(context, Code::duplicate_name, parameter.name.range,
               fmt::format("`{}` is declared twice", parameter.name.text), "", "rename one of the two",
               {{first->second, "first declared here"}});
    }
  }
  for (const ast::NetParameter& parameter : body.net().parameters) {
    const auto type = resolve_type(context, parameter.type);
    Value value = type ? typed_value(*type) : Value{};
    if (type) {
      ir::Type leaf{type->element, type->axes, type->range};
      leaf.axes.push_back(ir::row_axis);
      std::sort(leaf.axes.begin(), leaf.axes.end());
      value.node =
          context.builder.leaf(ir::Op::argument, parameter.name.text, std::move(leaf), parameter.name.range);
    }
    value.origin = parameter.type.range;
    body.state.arguments.push_back(value.node);
    body.locals.emplace(parameter.name.text, std::move(value));
  }
}

// The value as its output declares it; poison after a report.
Value checked_output(Context& context, const ast::NetStatement& statement, const Output& output,
                     Value value) {
  if (!output.type || value.poison() || !require_number(context, value)) return {};
  Value wanted = typed_value(*output.type);
  if (value.scalar() && !wanted.scalar() && event_axes(output.type->domain) == 0) {
    value.node = make(context, ir::Op::broadcast, {value.node}, wanted.order, value.source);
    value.order = wanted.order;
  }
  const auto fits = fitted(context, value, wanted.order);
  if (!fits) {
    std::vector<Label> labels;
    if (!value.origin.empty()) labels.push_back({value.origin, "its shape comes from here"});
    labels.push_back({output.syntax->range, fmt::format("declared `{}`", describe(context, wanted))});
    report(context, Code::shape_mismatch, statement.value->range,
           fmt::format("{} has the shape {}, and is declared {}",
                       statement.target.text.empty() ? "what is returned" : "`" + statement.target.text + "`",
                       sized_text(context, value), sized_text(context, wanted)),
           fmt::format("this is `{}`", describe(context, value)),
           "a `dense` without a size takes the shape of the output that it feeds", std::move(labels));
    return {};
  }
  if (!implies(fits->facts, facts_of(output.type->element)) || !proves_domain(*fits, output.type->domain)) {
    report(context, Code::type_not_provable, statement.value->range,
           fmt::format("`{}` cannot be proven `{}`", ast::print(*statement.value), output.syntax->name.text),
           "", "take `exp` or `softplus` for `positive`, `sigmoid` for `unit`, `softmax` for `simplex`",
           {{output.syntax->range, "declared here"}});
    return {};
  }
  wanted.node = fits->node;
  wanted.uses = fits->uses;
  return wanted;
}

void analyse_statement(Context& context, NetworkBody& body, const ast::NetStatement& statement,
                       const std::map<std::string, Output>& outputs) {
  const auto place = body.places.find(statement.target.text);
  Value value = evaluate(context, *statement.value, place == body.places.end() ? Place{} : place->second);
  const auto output = outputs.find(statement.target.text);
  if (output != outputs.end())
    body.state.outputs[statement.target.text] = checked_output(context, statement, output->second, value);
  if (statement.target.text.empty()) return;
  if (output != outputs.end() && !body.state.outputs[statement.target.text].poison())
    value = body.state.outputs[statement.target.text];
  value.origin = statement.value->range;
  body.locals[statement.target.text] = std::move(value);
}

void analyse_statements(Context& context, NetworkBody& body, const std::map<std::string, Output>& outputs) {
  std::map<std::string, SourceRange> assigned;
  for (const ast::NetStatement& statement : body.net().body) {
    analyse_statement(context, body, statement, outputs);
    const std::string& target = statement.target.text;
    const auto [first, fresh] = assigned.emplace(target, statement.range);
    if (!fresh)
      report(context, Code::duplicate_name, statement.range,
             target.empty() ? "a network returns once" : fmt::format("`{}` is assigned twice", target), "",
             "names are given a value once", {{first->second, "first here"}});
    if (target.empty() && !body.net().single_output)
      report(context, Code::net_output, statement.range,
             fmt::format("`{}` has named outputs and cannot `return` a value", body.net().name.text), "",
             "assign to each output by its name");
  }
  if (body.net().single_output && !assigned.contains(""))
    report(context, Code::net_output, body.net().name.range,
           fmt::format("the network `{}` returns nothing", body.net().name.text), "",
           "end it with `return …`");
  for (const ast::NetParameter& output : body.net().outputs)
    if (!assigned.contains(output.name.text))
      report(
          context, Code::net_output, output.name.range,
          fmt::format("the output `{}` of `{}` is never assigned", output.name.text, body.net().name.text));
}

// Names that nothing reads have layers that nothing trains.
void check_reads(Context& context, const NetworkBody& body) {
  for (const ast::NetStatement& statement : body.net().body) {
    const std::string& target = statement.target.text;
    const bool read = std::find(body.read.begin(), body.read.end(), target) != body.read.end();
    if (target.empty() || read || body.state.outputs.contains(target)) continue;
    report(context, Code::unused_name, statement.target.range,
           fmt::format("`{}` is never used in the network `{}`", target, body.net().name.text));
  }
}

void analyse_network(Context& context, NetworkState& state) {
  state.progress = NetworkState::Progress::active;
  state.body = {.name = state.declaration->name.text};
  NetworkBody body{.state = state};
  const BodyScope scope(context, body);
  const size_t errors = context.diagnostics.error_count();
  declare_parameters(context, body);
  const std::map<std::string, Output> outputs = resolve_outputs(context, body.net());
  std::map<std::string, Place> places;
  for (const auto& [name, output] : outputs)
    if (output.type) places.emplace(name, place_of(output.type->axes));
  outline_layers(body);
  trace_places(body, places);
  analyse_statements(context, body, outputs);
  if (context.diagnostics.error_count() == errors) check_reads(context, body);
  state.progress = NetworkState::Progress::done;
}

}  // namespace

Value body_name(Context& context, const Expression& expression) {
  NetworkBody& body = *context.body;
  if (const auto local = body.locals.find(expression.text); local != body.locals.end()) {
    body.read.push_back(expression.text);
    Value value = local->second;
    value.source = expression.range;
    return value;
  }
  Entity* entity = find_entity(context, expression.text);
  if (entity && entity->kind == EntityKind::variable &&
      context.model.variables[static_cast<size_t>(entity->index)].role == ir::Role::constant) {
    entity->used = true;
    return constant_of_model(context, *entity, expression);
  }
  if (entity) {
    entity->used = true;
    report(context, Code::net_name, expression.range,
           fmt::format("`{}` cannot be used inside a network", expression.text),
           "a network sees its parameters, its own names, axes and constants",
           fmt::format("add a parameter to `{}`", body.net().name.text), {{entity->range, "declared here"}});
    return {};
  }
  std::vector<std::string> candidates = names_of(context, {EntityKind::axis});
  for (const auto& local : body.locals) candidates.push_back(local.first);
  report(context, Code::unknown_name, expression.range, fmt::format("`{}` is not declared", expression.text),
         fmt::format("not found in the network `{}`", body.net().name.text),
         suggestion(expression.text, candidates));
  body.locals.emplace(expression.text, Value{});
  return {};
}

NetworkState& analysed_network(Context& context, const Entity& network, SourceRange use) {
  NetworkState& state = context.networks[static_cast<size_t>(network.index)];
  switch (state.progress) {
    case NetworkState::Progress::none: analyse_network(context, state); break;
    case NetworkState::Progress::active:
      report(context, Code::network_circle, use,
             fmt::format("the network `{}` calls itself", state.declaration->name.text), "", "",
             {{state.declaration->name.range, "declared here"}});
      break;
    case NetworkState::Progress::done: break;
  }
  return state;
}

void analyse_networks(Context& context) {
  for (NetworkState& state : context.networks) {
    if (state.progress == NetworkState::Progress::none) analyse_network(context, state);
  }
}

}  // namespace lvm::analysis
