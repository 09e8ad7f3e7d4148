#include "ir/loop/flat.h"

#include <fmt/format.h>

#include <algorithm>

namespace lvm::loop {

bool FlatSchedule::applies() const {
  const std::vector<char> live = live_nodes(function_);
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    const ir::ShapeRule shape = ir::row(n.op).shape;
    if (!live[i] || shape == ir::ShapeRule::pointwise || shape == ir::ShapeRule::leaf) continue;
    if (shape != ir::ShapeRule::broadcast || !node(n.inputs[0]).type.axes.empty()) return false;
  }
  // Axes meet in pointwise nodes: all of one output's are its own, or none.
  const auto own_or_none = [&](const ir::Node& n) {
    return std::ranges::all_of(n.inputs, [&](NodeId input) {
      return node(input).type.axes.empty() || node(input).type.axes == n.type.axes;
    });
  };
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (live[i] && !own_or_none(function_.nodes[i])) return false;
  }
  return std::ranges::all_of(
      function_.outputs, [](const ir::Output& output) { return output.kind == ir::OutputKind::parameter; });
}

std::vector<Function> FlatSchedule::run() {
  std::vector<Function> kernels;
  std::vector<const ir::Output*> together;
  stages.in_place = true;
  const auto finish = [&] {
    if (together.empty()) return;
    stages.in_place = stages.in_place && reads_only(together);
    kernels.push_back(write(together, fmt::format("{}.{}", function_.name, kernels.size())));
    const ir::ParameterSlot& slot = find_slot(program_.parameters, together.front()->name);
    stages.elements.push_back({kernels.back().name, slot.size, slot.offset});
    together.clear();
  };
  for (const ir::Output& output : function_.outputs) {
    // "W", and what the optimiser remembers of it.
    const bool belongs = !together.empty() && output.name.starts_with(together.front()->name + ".");
    if (!belongs) finish();
    together.push_back(&output);
  }
  finish();
  return kernels;
}

/// Of the parameters, these outputs are functions of those that they replace alone.
bool FlatSchedule::reads_only(const std::vector<const ir::Output*>& outputs) const {
  const std::vector<char> read = needed(outputs);
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    if (read[i] && n.op == ir::Op::parameter &&
        std::ranges::find(outputs, n.attributes.text, &ir::Output::name) == outputs.end())
      return false;
  }
  return true;
}

std::vector<char> FlatSchedule::needed(const std::vector<const ir::Output*>& outputs) const {
  std::vector<char> needed(function_.nodes.size(), 0);
  for (const ir::Output* output : outputs) needed[static_cast<size_t>(output->node)] = 1;
  for (size_t i = function_.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const NodeId input : function_.nodes[i].inputs) needed[static_cast<size_t>(input)] = 1;
  }
  return needed;
}

Function FlatSchedule::write(const std::vector<const ir::Output*>& outputs, const std::string& name) {
  Arena none;
  Builder b(name);
  Evaluator values(program_.module, function_, b, none);
  values.single = program_.single;
  const std::vector<AxisId>& axes = node(outputs.front()->node).type.axes;
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    const std::string& text = n.attributes.text;
    const auto place = [&](Buffer buffer, int64_t offset) {
      const Storage::Form form = n.type.axes == axes ? Storage::Form::tile : Storage::Form::scalar;
      values.storage[i] = Storage{form, buffer, offset, {}};
    };
    if (n.op == ir::Op::parameter) place(Buffer::parameters, find_slot(program_.parameters, text).offset);
    if (n.op == ir::Op::statistic) place(Buffer::statistics, find_slot(program_.statistics, text).offset);
    if (n.op == ir::Op::derived)
      values.storage[i] =
          Storage{Storage::Form::scalar, Buffer::derived, find_slot(program_.derived, text).offset, {}};
  }
  const Binding binding = values.unbound();
  // What is the same for every element is computed before the loop.
  std::vector<char> uniform(function_.nodes.size(), 0);
  const std::vector<char> wanted = needed(outputs);
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    const bool leaf = n.op == ir::Op::derived || n.op == ir::Op::constant;
    const bool of_uniform = !n.inputs.empty() && std::ranges::all_of(n.inputs, [&](NodeId input) {
      return uniform[static_cast<size_t>(input)] != 0;
    });
    uniform[i] = n.type.axes.empty() && (leaf || of_uniform) ? 1 : 0;
    if (uniform[i] && wanted[i]) values.value(static_cast<NodeId>(i), binding);
  }
  b.loop(b.index(0), b.rows(), lane_count, [&](Value element) {
    values.tile_row = element;
    for (const ir::Output* output : outputs) {
      const ir::Slot& slot = find_slot(program_.parameters, output->name);
      values.store(Storage{Storage::Form::tile, Buffer::output, slot.offset, {}}, binding,
                   values.value(output->node, binding));
    }
    values.tile_row = no_value;
  });
  b.leave(b.index(0));
  Function made = b.take();
  made.use = Use::rows;
  return made;
}

}  // namespace lvm::loop
