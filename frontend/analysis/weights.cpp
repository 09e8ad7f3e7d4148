// Weights are parameters of the model, named by network, layer and part: `encode.h.weight`.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;
using ir::Initialiser;

struct InitialiserRow {
  std::string_view name;
  Initialiser initialiser;
  bool scaled;  // `normal(0.01)`
};

constexpr std::array<InitialiserRow, 7> initialiser_table = {{
    {"glorot", Initialiser::glorot_uniform, false},
    {"he", Initialiser::he_normal, false},
    {"lecun", Initialiser::lecun_normal, false},
    {"pytorch", Initialiser::fan_in_uniform, false},
    {"zero", Initialiser::zero, false},
    {"uniform", Initialiser::uniform, true},
    {"normal", Initialiser::normal, true},
}};

// Functions that are flat on one side halve the variance of what passes: He et al. 2015, sec. 2.2.
constexpr std::array<std::string_view, 4> rectifiers = {"relu", "leaky_relu", "elu", "gelu"};

std::vector<std::string> initialiser_names() {
  std::vector<std::string> names;
  for (const InitialiserRow& row : initialiser_table)
    names.push_back(row.scaled ? fmt::format("{}(0.01)", row.name) : std::string(row.name));
  return names;
}

// The row that `init: …` names; null after a report. `scale` gets what stands in its brackets.
const InitialiserRow* read_initialiser(LayerCall& layer, const Expression& option, double& scale) {
  for (const InitialiserRow& row : initialiser_table) {
    if (row.name != option.text) continue;
    if (!row.scaled && option.kind == ExpressionKind::name) return &row;
    const bool call = option.kind == ExpressionKind::call && option.arguments.size() == 1 &&
                      option.arguments[0].name.text.empty();
    const auto number = row.scaled && call ? literal_number(*option.arguments[0].value) : std::nullopt;
    if (!number || !(*number > 0)) break;
    scale = *number;
    return &row;
  }
  report(layer.context, Code::layer_option, option.range,
         fmt::format("`{}` is no way to begin", ast::print(option)), "",
         "`init` is " + listed(initialiser_names()));
  return nullptr;
}

}  // namespace

ir::WeightStart weight_start(LayerCall& layer, std::vector<AxisId> fan_in, std::vector<AxisId> fan_out) {
  ir::WeightStart start{.fan_in = std::move(fan_in), .fan_out = std::move(fan_out)};
  const Expression* option = layer.option("init");
  const InitialiserRow* row = option ? read_initialiser(layer, *option, start.scale) : nullptr;
  const bool rectified =
      std::find(rectifiers.begin(), rectifiers.end(), layer.note.activation) != rectifiers.end();
  start.initialiser = row         ? row->initialiser
                      : rectified ? Initialiser::he_normal
                                  : Initialiser::glorot_uniform;
  return start;
}

NodeId weight(LayerCall& layer, WeightShape shape) {
  Context& context = layer.context;
  const std::string name = layer.note.name + "." + shape.name;
  ir::Type type{ir::Element::real, shape.axes, -1};
  std::sort(type.axes.begin(), type.axes.end());
  if (!context.model.find(name)) {
    ir::Variable variable;
    variable.name = name;
    variable.role = ir::Role::parameter;
    variable.type = type;
    variable.declared_axes = std::move(shape.axes);
    variable.range = layer.call.range;
    variable.network = context.body->net().name.text;
    variable.start = std::move(shape.start);
    context.model.variables.push_back(std::move(variable));
    context.variables.push_back({.sound = true});
  }
  return context.builder.leaf(ir::Op::parameter, name, std::move(type), layer.call.range);
}

NodeId with_bias(LayerCall& layer, NodeId product, const std::vector<AxisId>& axes,
                 const std::vector<AxisId>& fan_in) {
  if (const Expression* option = layer.option("bias")) {
    if (option->kind == ExpressionKind::name && option->text == "none") return product;
    report(layer.context, Code::layer_option, option->range,
           fmt::format("`{}` is no choice for a bias", ast::print(*option)), "",
           "write `bias: none` for a layer without one");
  }
  ir::WeightStart start;
  const Expression* init = layer.option("init");
  if (init && init->text == "pytorch") start = {.initialiser = Initialiser::fan_in_uniform, .fan_in = fan_in};
  const NodeId bias = weight(layer, {"bias", axes, std::move(start)});
  return layer.context.builder.make(ir::Op::add, {product, bias}, {}, layer.call.range);
}

void bind_weights(Context& context) {
  std::map<std::string, NodeId> leaves;
  const ir::Function& function = context.model.function();
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const ir::Node& node = function.nodes[i];
    if (node.op == ir::Op::parameter) leaves.emplace(node.attributes.text, static_cast<NodeId>(i));
  }
  std::vector<ir::Variable>& variables = context.model.variables;
  // Weights stand behind all declared variables: the indices of those stay.
  std::erase_if(variables, [&](ir::Variable& variable) {
    if (variable.network.empty()) return false;
    const auto leaf = leaves.find(variable.name);
    if (leaf != leaves.end()) variable.node = leaf->second;
    return leaf == leaves.end();
  });
  context.variables.resize(variables.size());
}

}  // namespace lvm::analysis
