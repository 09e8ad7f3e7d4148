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

// A network with a layer that is not built yet: a leaf stands for its output.
Value opaque_call(Context& context, const DeclaredType& type, const Expression& call,
                  const ast::Name& member) {
  Value value = typed_value(type);
  ir::Type leaf{type.element, type.axes, type.range};
  leaf.axes.push_back(ir::row_axis);
  std::sort(leaf.axes.begin(), leaf.axes.end());
  const std::string text = member.text.empty() ? ast::print(call) : ast::print(call) + "." + member.text;
  value.node = context.builder.leaf(ir::Op::argument, text, std::move(leaf), call.range);
  value.source = join(call.range, member.range);
  return value;
}

}  // namespace

Value call_network(Context& context, const Entity& network, const Expression& call, const ast::Name& member) {
  NetworkState& state = analysed_network(context, network, call.range);
  const ast::NetDeclaration& net = *state.declaration;
  const ast::TypeSyntax* output = output_type(context, net, call, member);
  const auto arguments = checked_arguments(context, net, call);
  const auto type = output ? resolve_type(context, *output) : std::nullopt;
  if (!arguments || !type) return {};
  if (state.opaque) {
    Value value = opaque_call(context, *type, call, member);
    for (const Value& argument : *arguments) merge_uses(value.uses, argument.uses);
    return value;
  }
  const auto found = state.outputs.find(member.text);
  if (found == state.outputs.end() || found->second.poison()) return {};
  Value value = found->second;
  std::vector<NodeId> replace(state.body.nodes.size(), ir::no_node);
  for (size_t i = 0; i < arguments->size(); ++i) {
    if (state.arguments[i] == ir::no_node) return {};
    replace[static_cast<size_t>(state.arguments[i])] = (*arguments)[i].node;
    merge_uses(value.uses, (*arguments)[i].uses);
  }
  value.node = context.builder.copy(state.body, value.node, replace);
  value.source = join(call.range, member.range);
  value.origin = {};
  return value;
}

}  // namespace lvm::analysis
