// The invariants of a module at its level.

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "ir/tensor/text.h"

namespace lvm::ir {

namespace {

bool only_elbo(Op op) {
  return op == Op::latent || op == Op::expect || op == Op::entropy || op == Op::sample;
}

/// A canonical bound is written in densities of values that no expectation surrounds.
bool belongs(Op op, Level level) {
  return level == Level::elbo || (!only_elbo(op) && (op != Op::logpdf || level == Level::canonical));
}

/// Which leaves a function of each binding time may read.
bool may_read(BindingTime time, Op leaf) {
  switch (time) {
    case BindingTime::plain: return true;
    case BindingTime::once: return leaf != Op::parameter && leaf != Op::statistic;
    case BindingTime::prepare: return leaf != Op::data && leaf != Op::statistic;
    case BindingTime::rows: return leaf != Op::statistic;
    case BindingTime::update: return leaf != Op::data;
  }
  return false;
}

bool may_write(BindingTime time, OutputKind kind) {
  switch (kind) {
    case OutputKind::result: return time == BindingTime::plain;
    case OutputKind::derived: return time == BindingTime::once || time == BindingTime::prepare;
    case OutputKind::statistic: return time == BindingTime::rows || time == BindingTime::update;
    case OutputKind::row: return time == BindingTime::rows;
    case OutputKind::objective: return time == BindingTime::rows || time == BindingTime::plain;
    case OutputKind::parameter: return time == BindingTime::update;
    case OutputKind::check: return time != BindingTime::plain;
  }
  return false;
}

class Verifier {
 public:
  explicit Verifier(const Module& module) : module_(module) {}

  std::vector<std::string> run() {
    for (const Function& f : module_.functions) {
      function_ = &f;
      broken_.assign(f.nodes.size(), false);
      if (std::count_if(module_.functions.begin(), module_.functions.end(),
                        [&](auto& g) { return g.name == f.name; }) > 1)
        fault("the name stands twice");
      for (size_t i = 0; i < f.nodes.size(); ++i) node(static_cast<NodeId>(i));
      for (const Output& output : f.outputs) this->output(output);
      for (NodeId id : f.arguments)
        if (!defined(id) || f[id].op != Op::argument) fault("an argument is not an `argument` leaf");
    }
    return std::move(faults_);
  }

 private:
  const Module& module_;
  const Function* function_ = nullptr;
  std::vector<std::string> faults_;
  std::vector<bool> broken_;  // nodes whose type says nothing: what uses them is not looked at

  void fault(const std::string& what) {
    faults_.push_back(fmt::format("function `{}`: {}", function_->name, what));
  }
  bool defined(NodeId id) const { return id >= 0 && static_cast<size_t>(id) < function_->nodes.size(); }

  bool axes_exist(const Node& node) const {
    const auto exists = [&](AxisId id) { return id >= 0 && static_cast<size_t>(id) < module_.axes.size(); };
    return std::all_of(node.type.axes.begin(), node.type.axes.end(), exists) &&
           std::all_of(node.attributes.axes.begin(), node.attributes.axes.end(), exists) &&
           (node.type.range < 0 || exists(node.type.range));
  }

  void node(NodeId id) {
    const Node& n = (*function_)[id];
    const auto here = [&](const std::string& what) {
      fault(fmt::format("%{} `{}`: {}", id, row(n.op).name, what));
    };
    broken_[static_cast<size_t>(id)] = true;
    for (NodeId input : n.inputs)
      if (input < 0 || input >= id) return here("an input is not defined before it");
    if (!axes_exist(n)) return here("an axis does not exist");
    for (NodeId input : n.inputs)
      if (broken_[static_cast<size_t>(input)]) return;
    broken_[static_cast<size_t>(id)] = false;
    if (n.attributes.number != 0 && n.op != Op::constant && n.op != Op::slice) here("has a number");
    const bool counts = row(n.op).shape == ShapeRule::reshape || row(n.op).shape == ShapeRule::conv;
    if (!n.attributes.integers.empty() && !counts) here("has integers");
    if (std::adjacent_find(n.type.axes.begin(), n.type.axes.end(), std::greater_equal<>()) !=
        n.type.axes.end())
      return here("its axes are not sorted");
    if (n.type.element == Element::category && n.type.range < 0) here("a category without a range");
    if (!belongs(n.op, module_.level)) here(fmt::format("does not belong to level {}", name(module_.level)));
    if (row(n.op).shape == ShapeRule::leaf && !may_read(function_->time, n.op))
      here(fmt::format("cannot be read at binding time {}", name(function_->time)));
    if (n.op == Op::call || n.op == Op::scan) {
      // Functions call earlier ones only: no recursion.
      const Function* callee = module_.find(n.attributes.function);
      if (!callee || callee >= function_) return here("names no earlier function");
      if (callee->arguments.size() != n.inputs.size())
        return here("has another number of inputs than its function");
    }
    try {
      const Type inferred = infer_type(module_, *function_, n.op, n.inputs, n.attributes, n.type);
      if (inferred != n.type)
        here(fmt::format("has type {}, not {}", type_text(module_, inferred), type_text(module_, n.type)));
    } catch (const InternalError& error) {
      here(error.what());
    }
  }

  void output(const Output& output) {
    const auto here = [&](const std::string& what) {
      fault(fmt::format("{} \"{}\": {}", name(output.kind), output.name, what));
    };
    if (!defined(output.node)) return here("its node is not defined");
    if (broken_[static_cast<size_t>(output.node)]) return;
    if (!may_write(function_->time, output.kind))
      here(fmt::format("cannot be written at binding time {}", name(function_->time)));
    const Type& type = (*function_)[output.node].type;
    const bool has_rows = std::any_of(type.axes.begin(), type.axes.end(),
                                      [&](AxisId id) { return module_.axis(id).kind == AxisKind::rows; });
    if (output.kind == OutputKind::row && !has_rows) here("has no row axis");
    if (output.kind != OutputKind::row && output.kind != OutputKind::result && has_rows)
      here("has the row axis");
    if (output.kind == OutputKind::check && type.element != Element::boolean) here("is not bool");
    if (output.kind == OutputKind::objective && !type.axes.empty()) here("is not a scalar");
  }
};

}  // namespace

std::vector<std::string> verify(const Module& module) {
  return Verifier(module).run();
}

}  // namespace lvm::ir
