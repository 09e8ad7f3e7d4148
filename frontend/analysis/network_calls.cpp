#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;

bool proves(Facts known, ir::Element element) {
  const Facts wanted = facts_of(element);
  return (known.positive || !wanted.positive) && (known.nonnegative || !wanted.nonnegative) &&
         (known.at_most_one || !wanted.at_most_one) && (known.integer || !wanted.integer);
}

bool check_argument(Context& context, const ast::NetParameter& parameter, const DeclaredType& type,
                    const Value& value) {
  const Value wanted = typed_value(type);
  if (value.order != wanted.order || value.range != wanted.range) {
    report(context, Code::shape_mismatch, value.source,
           fmt::format("this has the shape `{}`, the network's `{}` is `{}`", describe(context, value),
                       parameter.name.text, describe(context, wanted)),
           fmt::format("this is `{}`", describe(context, value)), "",
           {{parameter.type.range, fmt::format("declared `{}`", describe(context, wanted))}});
    return false;
  }
  if (type.element == ir::Element::category || proves(value.facts, type.element)) return true;
  report(context, Code::type_not_provable, value.source,
         fmt::format("this cannot be proven `{}`, as the network's `{}` needs", describe(context, wanted),
                     parameter.name.text),
         fmt::format("this is `{}`", describe(context, value)), "",
         {{parameter.type.range, "declared here"}});
  return false;
}

// The uses of all arguments; none after a report.
std::optional<std::vector<Use>> check_arguments(Context& context, const ast::NetDeclaration& net,
                                                const Expression& call) {
  if (call.arguments.size() != net.parameters.size()) {
    report(context, Code::argument_count, call.range,
           fmt::format("the network `{}` takes {} argument{}, not {}", net.name.text, net.parameters.size(),
                       net.parameters.size() == 1 ? "" : "s", call.arguments.size()),
           "", "", {{net.name.range, "declared here"}});
    return {};
  }
  std::vector<Use> uses;
  bool sound = true;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (!call.arguments[i].name.text.empty())
      report(context, Code::unexpected_argument_name, call.arguments[i].name.range,
             "the arguments of a network have no names", "", "write the value alone");
    const auto type = resolve_type(context, net.parameters[i].type);
    const Value value =
        evaluate(context, *call.arguments[i].value, type ? type->axes : std::vector<AxisId>{});
    merge_uses(uses, value.uses);
    sound &= type && !value.poison() && check_argument(context, net.parameters[i], *type, value);
  }
  if (!sound) return {};
  return uses;
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

}  // namespace

Value call_network(Context& context, const Entity& network, const Expression& call, const ast::Name& member) {
  const ast::NetDeclaration& net = *context.networks[static_cast<size_t>(network.index)].declaration;
  const ast::TypeSyntax* output = output_type(context, net, call, member);
  auto uses = check_arguments(context, net, call);
  const auto type = output ? resolve_type(context, *output) : std::nullopt;
  if (!uses || !type) return {};
  Value value = typed_value(*type);
  ir::Type leaf{type->element, type->axes, type->range};
  leaf.axes.push_back(ir::row_axis);
  std::sort(leaf.axes.begin(), leaf.axes.end());
  const std::string text = member.text.empty() ? ast::print(call) : ast::print(call) + "." + member.text;
  value.node = context.builder.leaf(ir::Op::argument, text, std::move(leaf), call.range);
  value.uses = std::move(*uses);
  value.source = join(call.range, member.range);
  return value;
}

}  // namespace lvm::analysis
