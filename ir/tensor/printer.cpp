// The text of Tensor. One line a node; everything that parser.cpp needs to make the same module again, ranges
// excepted.
//
//   module gmm level step
//   axis row rows
//   axis K 3
//   function prepare prepare
//     %0 : real[K] = parameter "weight"
//     %1 : real[K] = log %0
//     derived "log_weight" %1
//   end

#include <fmt/format.h>

#include <cmath>

#include "ir/tensor/text.h"

namespace lvm::ir {

namespace {

/// A quoted string: quotes, backslashes and control characters are escaped, so that any name survives.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return fmt::format("{}", value);  // the shortest text that reads back as the same double
}

std::string axis_list(const Module& module, const std::vector<AxisId>& axes) {
  std::string text = "[";
  for (size_t i = 0; i < axes.size(); ++i) text += (i ? ", " : "") + axis_text(module.axis(axes[i]).name);
  return text + "]";
}

std::string attributes_text(const Module& module, const Node& node) {
  const Attributes& a = node.attributes;
  std::string text;
  if (node.op == Op::constant || node.op == Op::slice) text += " " + number(a.number);
  for (int64_t integer : a.integers) text += fmt::format(" {}", integer);
  if (!a.text.empty()) text += " " + quoted(a.text);
  if (!a.function.empty()) text += " @" + quoted(a.function);
  if (!a.axes.empty()) text += " " + axis_list(module, a.axes);
  return text;
}

std::string axis_line(const Module& module, const Axis& axis) {
  std::string text = "axis " + axis_text(axis.name);
  switch (axis.kind) {
    case AxisKind::rows: return text + " rows\n";
    case AxisKind::fixed: break;
    case AxisKind::segment:
      text += " segment" + (axis.parent >= 0 ? " " + axis_text(module.axis(axis.parent).name) : "");
      break;
  }
  return text + (axis.size == unknown_size ? " ?" : fmt::format(" {}", axis.size)) + "\n";
}

}  // namespace

std::string axis_text(std::string_view axis_name) {
  bool plain = !axis_name.empty();
  for (const char c : axis_name)
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '\'');
  return plain ? std::string(axis_name) : quoted(axis_name);
}

std::string type_text(const Module& module, const Type& type) {
  std::string text(name(type.element));
  if (type.range >= 0) text += "<" + axis_text(module.axis(type.range).name) + ">";
  return type.axes.empty() ? text : text + axis_list(module, type.axes);
}

std::string print(const Module& module, const Function& function) {
  std::string text = fmt::format("function {} {}\n", quoted(function.name), name(function.time));
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const Node& node = function.nodes[i];
    text += fmt::format("  %{} : {} = {}", i, type_text(module, node.type), row(node.op).name);
    text += attributes_text(module, node);
    for (size_t k = 0; k < node.inputs.size(); ++k)
      text += fmt::format("{}%{}", k ? ", " : " ", node.inputs[k]);
    text += "\n";
  }
  for (size_t i = 0; i < function.arguments.size(); ++i)
    text += fmt::format("{}%{}", i ? ", " : "  arguments ", function.arguments[i]);
  if (!function.arguments.empty()) text += "\n";
  for (const Output& output : function.outputs)
    text += fmt::format("  {} {} %{}\n", name(output.kind), quoted(output.name), output.node);
  return text + "end\n";
}

std::string print(const Module& module) {
  std::string text = fmt::format("module {} level {}\n", quoted(module.name), name(module.level));
  for (const Axis& axis : module.axes) text += axis_line(module, axis);
  for (const Function& function : module.functions) text += "\n" + print(module, function);
  return text;
}

}  // namespace lvm::ir
