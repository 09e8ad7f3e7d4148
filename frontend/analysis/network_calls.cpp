#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/network.h"

namespace lvm::analysis {
namespace {

using ast::Expression;

bool proves(Facts known, ir::Element element) {
  const Facts wanted = facts_of(element);
  return (known.positive || !wanted.positive) && (known.nonnegative || !wanted.nonnegative) &&
         (known.at_most_one || !wanted.at_most_one) && (known.integer || !wanted.integer);
}

// The argument as the network's parameter declares it; none after a report.
std::optional<Value> checked_argument(Context& context, const ast::NetParameter& parameter,
                                      const DeclaredType& type, const Value& value) {
  const Value wanted = typed_value(type);
  const auto fits = value.range == wanted.range ? fitted(context, value, wanted.order) : std::nullopt;
  if (!fits) {
    std::vector<Label> labels = {
        {parameter.type.range, fmt::format("declared `{}`", describe(context, wanted))}};
    if (!value.origin.empty()) labels.push_back({value.origin, "its shape comes from here"});
    report(context, Code::shape_mismatch, value.source,
           fmt::format("this has the shape `{}`, the network's `{}` is `{}`", describe(context, value),
                       parameter.name.text, describe(context, wanted)),
           fmt::format("this is `{}`", describe(context, value)), "", std::move(labels));
    return {};
  }
  const bool domain = event_axes(type.domain) == 0 || fits->domain == type.domain ||
                      (type.domain == ir::Domain::covariance && fits->definite == Definite::yes);
  if (type.element == ir::Element::category || (proves(fits->facts, type.element) && domain)) return fits;
  report(context, Code::type_not_provable, value.source,
         fmt::format("this cannot be proven `{}`, as the network's `{}` needs", describe(context, wanted),
                     parameter.name.text),
         fmt::format("this is `{}`", describe(context, value)), "",
         {{parameter.type.range, "declared here"}});
  return {};
}

// All arguments; none after a report.
std::optional<std::vector<Value>> checked_arguments(Context& context, const ast::NetDeclaration& net,
                                                    const Expression& call) {
  if (call.arguments.size() != net.parameters.size()) {
    report(context, Code::argument_count, call.range,
           fmt::format("the network `{}` takes {} argument{}, not {}", net.name.text, net.parameters.size(),
                       net.parameters.size() == 1 ? "" : "s", call.arguments.size()),
           "", "", {{net.name.range, "declared here"}});
    return {};
  }
  std::vector<Value> arguments;
  bool sound = true;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (!call.arguments[i].name.text.empty())
      report(context, Code::unexpected_argument_name, call.arguments[i].name.range,
             "the arguments of a network have no names", "", "write the value alone");
    const auto type = resolve_type(context, net.parameters[i].type);
    Place place = type ? type->axes : Place{};
    if (context.body && type) place = place_of(place);
    const Value value = evaluate(context, *call.arguments[i].value, place);
    auto argument =
        type && !value.poison() ? checked_argument(context, net.parameters[i], *type, value) : std::nullopt;
    sound &= argument.has_value();
    if (argument) arguments.push_back(std::move(*argument));
  }
  if (!sound) return {};
  return arguments;
}

const ast::TypeSyntax* output_type(Context& context, const ast::NetDeclaration& net, const Expression& call,
                                   const ast::Name& member) {
  std::vector<std::string> names;
  for (const ast::NetParameter& output : net.outputs) {
    if (output.name.text == member.text) return &output.type;
    names.push_back(output.name.text);
  }
  if (member.text.empty() && net.single_output) return &*net.single_output;
  if (member.text.empty()) {
    report(context, Code::unknown_member, call.range, fmt::format("`{}` has several outputs", net.name.text),
           "", fmt::format("choose one: `{}.{}`", ast::print(call), names.empty() ? "mean" : names.front()),
           {{net.name.range, "declared here"}});
    return nullptr;
  }
  report(context, Code::unknown_member, member.range,
         fmt::format("the network `{}` has no output `{}`", net.name.text, member.text), "",
         suggestion(member.text, names,
                    names.empty() ? "it has a single output: leave the member out"
                                  : "its outputs are " + listed(names, "and")),
         {{net.name.range, "declared here"}});
  return nullptr;
}

// Calls on other arguments draw other noise; equal calls are one.
size_t call_number(Context& context, NetworkState& state, const std::vector<Value>& arguments) {
  std::vector<NodeId> nodes;
  for (const Value& argument : arguments) nodes.push_back(argument.node);
  const auto key = std::pair(static_cast<const ir::Function*>(&context.builder.function()), std::move(nodes));
  const auto found = std::find(state.calls.begin(), state.calls.end(), key);
  const auto number = static_cast<size_t>(found - state.calls.begin());
  if (found == state.calls.end()) state.calls.push_back(key);
  return number;
}

// What `node` of the body is made of.
std::vector<bool> parts_of(const ir::Function& body, NodeId node) {
  std::vector<bool> parts(body.nodes.size(), false);
  parts[static_cast<size_t>(node)] = true;
  for (NodeId id = node; id >= 0; --id)
    if (parts[static_cast<size_t>(id)])
      for (const NodeId input : body[id].inputs) parts[static_cast<size_t>(input)] = true;
  return parts;
}

// The first call of a network has its noise under the name of the layer, the others under numbered ones.
void number_noise(Context& context, const NetworkState& state, NodeId node, size_t call,
                  std::vector<NodeId>& replace) {
  if (call == 0) return;
  const ir::Function& body = state.body;
  const std::string& net = state.declaration->name.text;
  const std::vector<bool> parts = parts_of(body, node);
  for (size_t i = 0; i < body.nodes.size(); ++i) {
    const ir::Node& leaf = body.nodes[i];
    if (!parts[i] || leaf.op != ir::Op::data) continue;
    replace[i] = context.builder.leaf(
        ir::Op::data, fmt::format("{}#{}.{}", leaf.attributes.text, net, call + 1), leaf.type, leaf.range);
  }
}

void hand_on(Context& context, const NetworkState& state, const std::vector<NodeId>& copied) {
  for (const Follower& follower : state.followers) {
    const NodeId node = copied[static_cast<size_t>(follower.node)];
    if (node == ir::no_node) continue;
    if (context.body) {
      context.body->state.followers.push_back({follower.variable, node});
      continue;
    }
    ir::Variable& variable =
        context.model.variables[static_cast<size_t>(*context.model.find(follower.variable))];
    if (variable.follows == ir::no_node) variable.follows = node;
  }
}

}  // namespace

Value call_network(Context& context, const Entity& network, const Expression& call, const ast::Name& member) {
  NetworkState& state = analysed_network(context, network, call.range);
  const ast::NetDeclaration& net = *state.declaration;
  const ast::TypeSyntax* output = output_type(context, net, call, member);
  const auto arguments = checked_arguments(context, net, call);
  const auto type = output ? resolve_type(context, *output) : std::nullopt;
  if (!arguments || !type) return {};
  const auto found = state.outputs.find(member.text);
  if (found == state.outputs.end() || found->second.poison()) return {};
  Value value = found->second;
  std::vector<NodeId> replace(state.body.nodes.size(), ir::no_node);
  for (size_t i = 0; i < arguments->size(); ++i) {
    if (state.arguments[i] == ir::no_node) return {};
    replace[static_cast<size_t>(state.arguments[i])] = (*arguments)[i].node;
    merge_uses(value.uses, (*arguments)[i].uses);
  }
  number_noise(context, state, value.node, call_number(context, state, *arguments), replace);
  value.node = context.builder.copy(state.body, value.node, replace);
  hand_on(context, state, replace);
  value.source = join(call.range, member.range);
  value.origin = {};
  return value;
}

}  // namespace lvm::analysis
