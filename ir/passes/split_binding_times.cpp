#include "ir/passes/split_binding_times.h"

#include <algorithm>
#include <set>

#include "ir/passes/enumerate.h"

namespace lvm::ir {
namespace {

enum class Source : uint8_t { constants, parameters, pattern, data };

bool moves_only(Op op) {
  return op == Op::rename || op == Op::broadcast;
}

/// What rows have no code for, even of constants alone.
bool is_linear_algebra(Op op) {
  const ShapeRule shape = row(op).shape;
  return shape == ShapeRule::matrix || shape == ShapeRule::apply || shape == ShapeRule::eigenvalues ||
         op == Op::log_determinant;
}

struct Splitter {
  Module& module;
  const Function& from;
  SplitFunctions result;
  std::vector<Source> source;
  std::set<std::string> names;

  Splitter(Module& m, const Function& f) : module(m), from(f) {
    result.prepare = {.name = "prepare", .time = BindingTime::prepare};
    result.pattern = {.name = pattern_function, .time = BindingTime::prepare};
    result.rows = {.name = f.name, .time = f.time};
    for (const Node& node : f.nodes) source.push_back(source_of(node));
    for (const Output& output : f.outputs) {
      if (output.kind == OutputKind::derived) names.insert(output.name);
    }
    for (const Node& node : f.nodes) {
      if (node.op == Op::derived) names.insert(node.attributes.text);
    }
  }

  Source source_of(const Node& node) const {
    if (node.op == Op::data || node.type.has(0)) return Source::data;
    if (node.op == Op::derived && node.attributes.text.ends_with(observed_suffix)) return Source::pattern;
    const bool early = node.op == Op::parameter || node.op == Op::derived || is_linear_algebra(node.op);
    Source most = early ? Source::parameters : Source::constants;
    for (const NodeId input : node.inputs) most = std::max(most, source[static_cast<size_t>(input)]);
    return most;
  }
  Source of(NodeId id) const { return source[static_cast<size_t>(id)]; }

  std::string unique(const std::string& base) {
    std::string name = base;
    for (int n = 2; !names.insert(name).second; ++n) name = base + "_" + std::to_string(n);
    return name;
  }

  /// A name that a reader of the program understands.
  std::string name_of(NodeId id, const Node& user, size_t place) {
    const Node& node = from[id];
    const bool applied = user.op == Op::triangular_apply && place == 0;
    if (node.op == Op::triangular_inverse || applied) return unique("whiten");
    if (user.op == Op::sub && place == 1 && of(id) == Source::pattern) return unique("centre");
    if (node.op == Op::neg) return unique("offset");
    if (user.op == Op::fma && place == 2) return unique("log_norm");
    if (!node.inputs.empty() && from[node.inputs[0]].op == Op::parameter) {
      return unique(std::string(row(node.op).name) + "_" + from[node.inputs[0]].attributes.text);
    }
    return unique(std::string(row(node.op).name));
  }

  /// A function that is made, and the copy of nodes into it.
  struct Stage {
    Builder builder;
    Enumeration copy;
    Stage(Module& module, Function& function, const Function& from)
        : builder(module, function), copy(builder, from) {}
  };

  void run() {
    Stage prepare(module, result.prepare, from), pattern(module, result.pattern, from),
        rows(module, result.rows, from);
    const auto stage_of = [&](NodeId id) -> Stage& {
      if (of(id) == Source::data) return rows;
      return of(id) == Source::pattern ? pattern : prepare;
    };
    for (size_t id = 0; id < from.nodes.size(); ++id) {
      const Node& user = from.nodes[id];
      const auto at = static_cast<NodeId>(id);
      if (of(at) < Source::pattern || !reached(at)) continue;
      for (size_t place = 0; place < user.inputs.size(); ++place) {
        NodeId input = user.inputs[place];
        if (of(input) >= of(at)) continue;
        while (of(input) == Source::parameters && moves_only(from[input].op)) input = from[input].inputs[0];
        while (of(input) == Source::pattern && moves_only(from[input].op)) input = from[input].inputs[0];
        const bool leaf = of(input) == Source::constants || from[input].inputs.empty();
        if (leaf || !hoisted.insert(input).second) continue;
        Stage& early = stage_of(input);
        const std::string name = name_of(input, user, place);
        early.builder.output(OutputKind::derived, name, early.copy(input));
        for (Stage* late : {&pattern, &rows}) {
          if (late == &early) continue;
          late->copy.replace(input,
                             late->builder.leaf(Op::derived, name, from[input].type, from[input].range));
        }
      }
    }
    for (const Output& output : from.outputs) {
      Stage& stage = stage_of(output.node);
      stage.builder.output(output.kind, output.name, stage.copy(output.node));
    }
  }

  std::set<NodeId> hoisted;
  std::vector<bool> needed;
  bool reached(NodeId id) {
    if (needed.empty()) {
      needed.assign(from.nodes.size(), false);
      for (const Output& output : from.outputs) needed[static_cast<size_t>(output.node)] = true;
      for (size_t n = from.nodes.size(); n-- > 0;) {
        if (!needed[n]) continue;
        for (const NodeId input : from.nodes[n].inputs) needed[static_cast<size_t>(input)] = true;
      }
    }
    return needed[static_cast<size_t>(id)];
  }
};

}  // namespace

SplitFunctions split_binding_times(Module& module, const Function& combined) {
  Splitter splitter(module, combined);
  splitter.run();
  return std::move(splitter.result);
}

Function extract(Module& module, const Function& from, std::string name, BindingTime time,
                 const OutputName& named) {
  Function function{.name = std::move(name), .time = time};
  Builder builder(module, function);
  Enumeration copy(builder, from);
  for (const Output& output : from.outputs) {
    const std::string as = named(output);
    if (!as.empty()) builder.output(output.kind, as, copy(output.node));
  }
  return function;
}

}  // namespace lvm::ir
