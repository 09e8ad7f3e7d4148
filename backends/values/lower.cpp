#include "backends/values/lower.h"

#include <algorithm>

#include "backends/em/slots.h"
#include "ir/passes/simplify.h"
#include "ir/passes/split_binding_times.h"

namespace lvm::values {

using ir::AxisId;
using ir::Builder;
using ir::Function;
using ir::Node;
using ir::NodeId;
using ir::Op;

namespace {

/// Nodes of the model at level step.
class Copy {
 public:
  Copy(Builder& to, const ir::Model& model)
      : b_(to), from_(model.function()), made_(from_.nodes.size(), ir::no_node) {}

  NodeId operator()(NodeId id) {
    std::vector<bool> needed(static_cast<size_t>(id) + 1, false);
    needed[static_cast<size_t>(id)] = true;
    for (NodeId at = id; at >= 0; --at) {
      if (!needed[static_cast<size_t>(at)]) continue;
      for (const NodeId input : inputs_of(from_[at])) needed[static_cast<size_t>(input)] = true;
    }
    for (NodeId at = 0; at <= id; ++at) {
      NodeId& made = made_[static_cast<size_t>(at)];
      if (needed[static_cast<size_t>(at)] && made == ir::no_node) made = make(from_[at]);
    }
    return made_[static_cast<size_t>(id)];
  }

  NodeId with_axes(NodeId node, const std::vector<AxisId>& axes) {
    std::vector<AxisId> missing = em::without(axes, b_.type(node).axes);
    return missing.empty() ? node : b_.make(Op::broadcast, {node}, {.axes = std::move(missing)});
  }

 private:
  /// A select by the mode is its side of evaluation.
  bool chooses_mode(const Node& node) const {
    return node.op == Op::select && from_[node.inputs[0]].op == Op::derived &&
           from_[node.inputs[0]].attributes.text == ir::training_leaf;
  }
  std::vector<NodeId> inputs_of(const Node& node) const {
    return chooses_mode(node) ? std::vector{node.inputs[2]} : node.inputs;
  }

  NodeId make(const Node& node) {
    std::vector<NodeId> inputs;
    for (const NodeId input : inputs_of(node)) inputs.push_back(made_[static_cast<size_t>(input)]);
    if (chooses_mode(node)) return with_axes(inputs.front(), node.type.axes);
    if (node.op == Op::latent) return b_.leaf(Op::data, node.attributes.text, node.type, node.range);
    const bool named = ir::row(node.op).shape == ir::ShapeRule::leaf &&
                       ir::row(node.op).attributes == ir::PrintedAttributes::text;
    return named ? b_.leaf(node.op, node.attributes.text, node.type, node.range)
                 : b_.make(node.op, std::move(inputs), node.attributes, node.range);
  }

  Builder& b_;
  const Function& from_;
  std::vector<NodeId> made_;
};

template <class S>
S slot_of(const ir::Module& module, const Node& leaf) {
  S slot;
  slot.name = leaf.attributes.text;
  slot.axes = em::without(leaf.type.axes, {ir::row_axis});
  slot.size = em::element_count(module, slot.axes);
  return slot;
}

/// What the functions read, each once.
void add_slots(ir::Program& program) {
  const auto add_once = [](auto& slots, auto slot) {
    if (std::ranges::none_of(slots, [&](const auto& other) { return other.name == slot.name; }))
      slots.push_back(std::move(slot));
  };
  for (const Function& function : program.module.functions) {
    for (const Node& node : function.nodes) {
      if (node.op == Op::data) add_once(program.data, slot_of<ir::DataSlot>(program.module, node));
      if (node.op == Op::parameter)
        add_once(program.parameters, slot_of<ir::ParameterSlot>(program.module, node));
    }
  }
}

}  // namespace

ir::Program lower_values(const ir::Model& model, const std::vector<Wanted>& wanted, bool single) {
  ir::Program program;
  program.model = model.name;
  program.method = "gradient";
  program.batched = true;
  program.single = single;
  constexpr int64_t tile = 128;
  program.tile_rows = tile;
  program.module = {.name = model.name + ".values", .level = ir::Level::step, .axes = model.module.axes};
  Function function{.name = rows_function, .time = ir::BindingTime::rows};
  {
    Builder b(program.module, function);
    Copy copy(b, model);
    for (const Wanted& each : wanted) {
      ir::Slots slots({}, each.slots.event);
      for (const NodeId slot : each.slots) slots.push_back(copy(slot));
      const NodeId value = each.term ? each.term(b, ir::no_node, slots) : slots.front();
      b.output(ir::OutputKind::row, each.name, copy.with_axes(value, em::united({ir::row_axis}, each.axes)));
    }
  }
  ir::SplitFunctions split = ir::split_binding_times(program.module, function);
  if (!split.prepare.outputs.empty()) program.module.functions.push_back(std::move(split.prepare));
  split.rows.name = rows_function;
  program.module.functions.push_back(std::move(split.rows));
  add_slots(program);
  if (const Function* prepare = program.module.find("prepare"))
    program.derived = em::output_slots(program.module, *prepare, ir::OutputKind::derived);
  program.row_outputs =
      em::output_slots(program.module, *program.module.find(rows_function), ir::OutputKind::row);
  ir::assign_offsets(program);
  for (const std::string& fault : ir::verify(program.module))
    throw ir::InternalError("the program of values is not well formed: " + fault + "\n" +
                            ir::print(program.module));
  return program;
}

}  // namespace lvm::values
