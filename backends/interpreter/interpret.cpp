// The Program adapter: each Tensor function behind the frame of compiled code.

#include "backends/interpreter/interpret.h"

#include <fmt/format.h>

#include <algorithm>

namespace lvm::interpreter {

using ir::Function;
using ir::Node;
using ir::Op;
using ir::OutputKind;
using ir::Program;
using ir::Slot;

namespace {

template <class S>
const S* find(const std::vector<S>& slots, const std::string& name) {
  for (const auto& slot : slots)
    if (slot.name == name) return &slot;
  return nullptr;
}

template <class S>
const S& need(const std::vector<S>& slots, const std::string& name) {
  if (const S* slot = find(slots, name)) return *slot;
  throw ir::InternalError("no slot `" + name + "`");
}

Value dense(const ir::Module& module, const Slot& slot, const double* base) {
  Value value{slot.axes, {}, {base + slot.offset, base + slot.offset + slot.size}};
  for (auto id : slot.axes) value.sizes.push_back(module.axis(id).size);
  return value;
}

/// The cells of a data slot as [row, …]: the row axis comes first, columns last.
Value columns(const Program& program, const ir::DataSlot& slot, const lvm_frame& frame) {
  Value value{{0}, {frame.rows}, {}};
  for (auto id : slot.axes)
    if (id != 0) value.axes.push_back(id), value.sizes.push_back(program.module.axis(id).size);
  for (int32_t r = 0; r < frame.rows; ++r)
    for (int64_t c = 0; c < slot.size; ++c)
      value.data.push_back(static_cast<const double*>(frame.columns[slot.offset + c])[r]);
  return value;
}

Environment environment_of(const Program& program, const Function& function, const lvm_frame& frame) {
  Environment environment;
  const auto* parameters = static_cast<const double*>(frame.parameters);
  const auto* derived = static_cast<const double*>(frame.derived);
  const auto* statistics = static_cast<const double*>(frame.statistics);
  for (const Node& node : function.nodes) {
    const std::string& name = node.attributes.text;
    Value value;
    if (node.op == Op::data)
      value = columns(program, need(program.data, name), frame);
    else if (node.op == Op::parameter)
      value = dense(program.module, need(program.parameters, name), parameters);
    else if (node.op == Op::derived)
      value = dense(program.module, need(program.derived, name), derived);
    else if (node.op == Op::statistic)
      value = dense(program.module, need(program.statistics, name), statistics);
    else
      continue;
    const std::string key = fmt::format("{}.{}", ir::row(node.op).name, name);
    if (value.axes != node.type.axes) throw ir::InternalError("`" + key + "` and its slot have other axes");
    environment[key] = std::move(value);
  }
  // The row axis has a size even where a function reads no data.
  if (function.time == ir::BindingTime::rows) environment["rows"] = {{0}, {frame.rows}, {}};
  return environment;
}

void need_size(const Slot& slot, const Value& value, int64_t size) {
  if (static_cast<int64_t>(value.data.size()) != size)
    throw ir::InternalError("the output `" + slot.name + "` does not fit its slot");
}

void write_rows(const Slot& slot, const Value& value, const lvm_frame& frame) {
  need_size(slot, value, slot.size * frame.rows);
  auto* output = static_cast<double*>(frame.output);
  for (int64_t r = 0; r < frame.rows; ++r)
    for (int64_t e = 0; e < slot.size; ++e)
      output[(slot.offset + e) * LVM_TILE_ROWS + r] = value.data[static_cast<size_t>(r * slot.size + e)];
}

int32_t run(const Program& program, const Function& function, lvm_frame& frame) {
  const auto values = evaluate(program.module, function, environment_of(program, function, frame));
  int64_t failed = 0;
  if (program.batched && function.time == ir::BindingTime::rows && frame.first_row == 0)
    std::fill_n(static_cast<double*>(frame.statistics), program.statistic_doubles(), 0.0);
  for (const auto& output : function.outputs) {
    const Value& value = values[static_cast<size_t>(output.node)];
    const auto to_output = [&](const Slot& slot) {
      need_size(slot, value, slot.size);
      std::copy(value.data.begin(), value.data.end(), static_cast<double*>(frame.output) + slot.offset);
    };
    switch (output.kind) {
      case OutputKind::result: break;
      case OutputKind::derived: to_output(need(program.derived, output.name)); break;
      case OutputKind::parameter: to_output(need(program.parameters, output.name)); break;
      case OutputKind::row: write_rows(need(program.row_outputs, output.name), value, frame); break;
      case OutputKind::objective:
      case OutputKind::statistic: {
        const Slot& slot =
            need(program.statistics, output.kind == OutputKind::objective ? "objective" : output.name);
        if (function.time != ir::BindingTime::rows) {
          to_output(slot);
          break;
        }
        need_size(slot, value, slot.size);
        const int64_t lanes = program.batched ? 1 : LVM_LANES;
        auto* sums = static_cast<double*>(frame.statistics) + slot.offset * lanes;
        for (int64_t e = 0; e < slot.size; ++e) sums[e * lanes] += value.data[static_cast<size_t>(e)];
        break;
      }
      case OutputKind::check: {
        const auto& check = need(program.checks, output.name);
        need_size(check, value, check.size);
        const auto first = std::find(value.data.begin(), value.data.end(), 0.0) - value.data.begin();
        if (first < check.size && (failed == 0 || 1 + check.offset + first < failed))
          failed = 1 + check.offset + first;
        break;
      }
    }
  }
  return static_cast<int32_t>(failed);
}

}  // namespace

ir::Executable interpret(const Program& program) {
  ir::Executable executable;
  for (const auto& function : program.module.functions)
    if (function.time != ir::BindingTime::plain)
      executable[function.name] = [&program, &function](lvm_frame* frame) {
        return run(program, function, *frame);
      };
  return executable;
}

}  // namespace lvm::interpreter
