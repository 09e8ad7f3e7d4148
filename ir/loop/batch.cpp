#include "ir/loop/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace lvm::loop {

namespace {

std::vector<AxisId> without(std::vector<AxisId> axes, const std::vector<AxisId>& removed) {
  std::erase_if(axes, [&](AxisId axis) { return std::ranges::count(removed, axis) > 0; });
  return axes;
}

/// `parts` one behind the other are `whole`.
bool is_sequence(const std::vector<AxisId>& whole, std::vector<AxisId> first, const std::vector<AxisId>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return whole == first;
}

}  // namespace

/// One function that is being written: its builder, and an evaluator that knows what is stored.
struct BatchSchedule::Kernel {
  Arena none;
  Builder b;
  Evaluator values;
  const ir::Module& module;

  Kernel(const BatchSchedule& s, std::string name) : b(std::move(name)), values(s.module_, s.function_, b, none), module(s.module_) {
    values.storage = s.storage_;
    values.single = s.program_.single;
    for (size_t axis = 1; axis < module.axes.size(); ++axis) values.looped[axis] = module.axes[axis].size > 1;
  }

  void over(std::span<const AxisId> axes, Binding& binding, const std::function<void(Binding&)>& body) {
    if (axes.empty()) return body(binding);
    if (axes[0] == row_axis) return over(axes.subspan(1), binding, body);
    const auto axis = static_cast<size_t>(axes[0]);
    if (!values.looped[axis]) {
      binding[axis] = {no_value, 0};
      return over(axes.subspan(1), binding, body);
    }
    b.loop(b.index(0), b.index(size_of(module, axes[0])), 1, [&](Value i) {
      binding[axis] = {i, 0};
      over(axes.subspan(1), binding, body);
    });
  }
  /// Rows in lanes; those behind the last one are repetitions of it.
  void over_rows(const std::function<void()>& body) {
    b.loop(b.index(0), b.rows(), lane_count, [&](Value row) {
      values.column_row = values.tile_row = row;
      body();
      values.column_row = values.tile_row = no_value;
    });
  }
  Function take() {
    b.leave(b.index(0));
    Function made = b.take();
    made.use = Use::rows;
    return made;
  }
};

BatchSchedule::BatchSchedule(const ir::Program& program, const ir::Function& function)
    : program_(program), module_(program.module), function_(function), live_(live_nodes(function)),
      kept_(function.nodes.size(), 0), products_(function.nodes.size()), storage_(function.nodes.size()),
      group_of_(function.nodes.size(), -1) {}

std::vector<Function> BatchSchedule::run() {
  place_leaves();
  find_products();
  for (size_t i = 0; i < function_.nodes.size(); ++i) kept_[i] = keeps(static_cast<NodeId>(i));
  place_kept();
  form_groups();
  write_kernels();
  write_sums();
  return std::move(kernels_);
}

bool BatchSchedule::is_row_sum(NodeId id) const {
  return !of_rows(id) && std::ranges::any_of(node(id).inputs, [&](NodeId input) { return of_rows(input); });
}

Storage BatchSchedule::columns(const std::vector<AxisId>& axes) {
  const int64_t first = stages.scratch_columns;
  stages.scratch_columns += elements(module_, axes);
  return {Storage::Form::tile, Buffer::scratch, first * ir::batch_stride, row_major(module_, axes, ir::batch_stride)};
}

void BatchSchedule::place_leaves() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    if (!live_[i]) continue;
    const auto place = [&](Storage::Form form, Buffer buffer, const ir::Slot& slot) {
      storage_[i] = Storage{form, buffer, slot.offset, row_major(module_, slot.axes)};
    };
    const std::string& text = n.attributes.text;
    if (n.op == ir::Op::data) place(Storage::Form::column, Buffer::none, find_slot(program_.data, text));
    if (n.op == ir::Op::parameter) place(Storage::Form::scalar, Buffer::parameters, find_slot(program_.parameters, text));
    if (n.op == ir::Op::derived) place(Storage::Form::scalar, Buffer::derived, find_slot(program_.derived, text));
  }
}

/// weights[in…, out…] or [out…, in…] times value[row, in…, (draws)]: the axes of each must lie one behind the other.
std::optional<ir::Product> BatchSchedule::product_of_rows(NodeId id) const {
  const ir::Node& n = node(id);
  if (n.op != ir::Op::contract || n.inputs.size() != 2 || !of_rows(id)) return {};
  const bool second = of_rows(n.inputs[1]);
  const NodeId value = n.inputs[second ? 1 : 0], weights = n.inputs[second ? 0 : 1];
  const ir::Op leaf = node(weights).op;
  if (!of_rows(value) || of_rows(weights) || (leaf != ir::Op::parameter && leaf != ir::Op::derived)) return {};
  const std::vector<AxisId>& in = n.attributes.axes;
  const std::vector<AxisId> all = node(weights).type.axes, out = without(all, in);
  const std::vector<AxisId> draws = without(without(node(value).type.axes, {row_axis}), in);
  if (without(in, all) != std::vector<AxisId>{} || draws.size() > 1 || out.empty()) return {};
  if (!is_sequence(without(node(value).type.axes, {row_axis}), in, draws)) return {};
  if (!is_sequence(without(n.type.axes, {row_axis}), out, draws)) return {};
  ir::Product made;
  made.transposed = is_sequence(all, in, out);
  if (!made.transposed && !is_sequence(all, out, in)) return {};
  made.in = elements(module_, in);
  made.out = elements(module_, out);
  made.repeats = elements(module_, draws);
  constexpr int64_t least = 64;  // products: below, a loop is as good as a call
  return made.in * made.out < least ? std::nullopt : std::optional(made);
}

/// sum over rows (and draws) of left[row, in…] right[row, out…].
std::optional<ir::Product> BatchSchedule::product_over_rows(NodeId id) const {
  const ir::Node& n = node(id);
  if (n.op != ir::Op::contract || n.inputs.size() != 2 || of_rows(id) || !of_rows(n.inputs[0]) || !of_rows(n.inputs[1])) return {};
  const std::vector<AxisId> draws = without(n.attributes.axes, {row_axis});
  const auto own = [&](size_t i) { return without(without(node(n.inputs[i]).type.axes, {row_axis}), draws); };
  for (const size_t i : {0U, 1U}) {
    if (!is_sequence(without(node(n.inputs[i]).type.axes, {row_axis}), own(i), draws)) return {};
  }
  if (draws.size() > 1 || own(0).empty() || own(1).empty()) return {};
  ir::Product made;
  made.kind = ir::Product::Kind::over_rows;
  made.transposed = is_sequence(n.type.axes, own(1), own(0));
  if (!made.transposed && !is_sequence(n.type.axes, own(0), own(1))) return {};
  made.in = elements(module_, own(0));
  made.out = elements(module_, own(1));
  made.repeats = elements(module_, draws);
  return made;
}

void BatchSchedule::find_products() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (!live_[i]) continue;
    const auto id = static_cast<NodeId>(i);
    products_[i] = product_of_rows(id);
    if (!products_[i]) products_[i] = product_over_rows(id);
  }
}

bool BatchSchedule::keeps(NodeId id) const {
  const auto i = static_cast<size_t>(id);
  const ir::Node& n = node(id);
  if (!live_[i] || storage_[i] || !of_rows(id)) return false;
  for (const ir::Output& output : function_.outputs) {
    if (output.node == id) return true;
  }
  const auto shape = ir::row(n.op).shape;
  const bool moves = shape == ir::ShapeRule::leaf || shape == ir::ShapeRule::rename || shape == ir::ShapeRule::broadcast ||
                     shape == ir::ShapeRule::slice || shape == ir::ShapeRule::diagonal;
  if (shape == ir::ShapeRule::reduce || shape == ir::ShapeRule::contract || shape == ir::ShapeRule::apply) return true;
  int uses = 0;
  for (size_t user = 0; user < function_.nodes.size(); ++user) {
    const ir::Node& u = function_.nodes[user];
    if (!live_[user] || std::ranges::count(u.inputs, id) == 0) continue;
    if (products_[user] || u.op == ir::Op::reshape) return true;  // in the layout that these need
    uses += u.op == ir::Op::logsumexp ? 2 : 1;
    for (const AxisId axis : u.type.axes) uses += n.type.has(axis) ? 0 : 1;
  }
  return uses > 1 && !moves;
}

void BatchSchedule::place_kept() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (!kept_[i]) continue;
    const ir::Output* output = nullptr;
    for (const ir::Output& each : function_.outputs) {
      if (each.node == static_cast<NodeId>(i) && each.kind == ir::OutputKind::row) output = &each;
    }
    const std::vector<AxisId>& axes = function_.nodes[i].type.axes;
    if (!output) continue;
    const ir::Slot& slot = find_slot(program_.row_outputs, output->name);
    storage_[i] = Storage{Storage::Form::tile, Buffer::output, slot.offset * LVM_TILE_ROWS, row_major(module_, axes, LVM_TILE_ROWS)};
  }
}

/// The first group that may compute `user`, as far as the kept nodes that it reads through `id` are concerned.
int BatchSchedule::earliest_group(NodeId id, NodeId user, bool same_position) const {
  const auto i = static_cast<size_t>(id);
  if (kept_[i] && id != user) {
    const Group& group = groups_[static_cast<size_t>(group_of_[i])];
    const bool joins = same_position && !group.product && !products_[static_cast<size_t>(user)] && group.axes == node(user).type.axes;
    return group_of_[i] + (joins ? 0 : 1);
  }
  const auto shape = ir::row(node(id).op).shape;
  const bool stays = same_position && (shape == ir::ShapeRule::pointwise || shape == ir::ShapeRule::broadcast);
  int first = 0;
  for (const NodeId input : node(id).inputs) first = std::max(first, earliest_group(input, user, stays));
  return first;
}

void BatchSchedule::form_groups() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (!kept_[i]) continue;
    const auto id = static_cast<NodeId>(i);
    const bool product = products_[i].has_value();
    int group = earliest_group(id, id, true);
    const auto fits = [&](const Group& g) { return !product && !g.product && g.axes == node(id).type.axes; };
    while (group < static_cast<int>(groups_.size()) && !fits(groups_[static_cast<size_t>(group)])) ++group;
    if (group == static_cast<int>(groups_.size())) groups_.push_back({node(id).type.axes, {}, product});
    groups_[static_cast<size_t>(group)].nodes.push_back(id);
    group_of_[i] = group;
  }
}

std::string BatchSchedule::kernel_name() const { return fmt::format("{}.{}", function_.name, kernels_.size()); }

ir::MatrixPlace BatchSchedule::matrix(NodeId id) const {
  const ir::Node& n = node(id);
  if (n.op == ir::Op::data) return {ir::MatrixPlace::Buffer::columns, find_slot(program_.data, n.attributes.text).offset};
  const Storage& at = *storage_[static_cast<size_t>(id)];
  switch (at.buffer) {
    case Buffer::parameters: return {ir::MatrixPlace::Buffer::parameters, at.offset};
    case Buffer::derived: return {ir::MatrixPlace::Buffer::derived, at.offset};
    case Buffer::scratch: return {ir::MatrixPlace::Buffer::scratch, at.offset};
    case Buffer::none: case Buffer::statistics: case Buffer::output: break;
  }
  throw ir::InternalError("a matrix of a product lies where no product reads");
}

void BatchSchedule::write_kernels() {
  std::optional<Kernel> kernel;
  const auto finish = [&] {
    if (!kernel) return;
    kernels_.push_back(kernel->take());
    stages.of_rows.push_back({.kernel = kernels_.back().name, .product = {}});
    kernel.reset();
  };
  for (const Group& group : groups_) {
    const auto place = [&](NodeId id) {
      if (!storage_[static_cast<size_t>(id)]) storage_[static_cast<size_t>(id)] = columns(node(id).type.axes);
    };
    if (group.product) {
      finish();
      const NodeId id = group.nodes.front();
      place(id);
      ir::Product product = *products_[static_cast<size_t>(id)];
      const bool second = of_rows(node(id).inputs[1]);
      product.left = matrix(node(id).inputs[second ? 0 : 1]);
      product.right = matrix(node(id).inputs[second ? 1 : 0]);
      product.result = matrix(id);
      stages.of_rows.push_back({.kernel = {}, .product = product});
      continue;
    }
    if (!kernel) kernel.emplace(*this, kernel_name());
    Binding binding = kernel->values.unbound();
    // What is stored is not read back in the nest that computes it.
    std::vector<Storage> to;
    for (const NodeId id : group.nodes) {
      const auto i = static_cast<size_t>(id);
      const bool output = storage_[i].has_value();
      to.push_back(output ? *storage_[i] : columns(node(id).type.axes));
      if (output) kernel->values.storage[i] = std::nullopt;
    }
    kernel->over(group.axes, binding, [&](Binding& at) {
      kernel->over_rows([&] {
        for (size_t k = 0; k < group.nodes.size(); ++k) kernel->values.store(to[k], at, kernel->values.value(group.nodes[k], at));
      });
    });
    for (size_t k = 0; k < group.nodes.size(); ++k) {
      const auto i = static_cast<size_t>(group.nodes[k]);
      kernel->values.storage[i] = storage_[i] = to[k];
    }
  }
  finish();
}

/// Sums over the rows of a tile, added to what earlier tiles gave.
void BatchSchedule::write_sums() {
  std::optional<Kernel> kernel;
  for (const ir::Output& output : function_.outputs) {
    if (output.kind != ir::OutputKind::statistic && output.kind != ir::OutputKind::objective) continue;
    const std::string& name = output.kind == ir::OutputKind::objective ? "objective" : output.name;
    const ir::Slot& slot = find_slot(program_.statistics, name);
    const ir::Node& n = node(output.node);
    if (const auto& found = products_[static_cast<size_t>(output.node)]) {
      ir::Product product = *found;
      product.left = matrix(n.inputs[0]);
      product.right = matrix(n.inputs[1]);
      product.result = {ir::MatrixPlace::Buffer::statistics, slot.offset};
      stages.over_rows.push_back({.kernel = {}, .product = product});
      continue;
    }
    const bool sum = is_row_sum(output.node) && std::ranges::count(n.attributes.axes, row_axis) > 0 &&
                     (n.op == ir::Op::sum || n.op == ir::Op::contract);
    if (!sum) throw ir::InternalError(fmt::format("schedule: the statistic \"{}\" is no sum over rows", name));
    if (!kernel) kernel.emplace(*this, fmt::format("{}.sums", function_.name));
    Builder& b = kernel->b;
    const Storage to{Storage::Form::scalar, Buffer::statistics, slot.offset, row_major(module_, slot.axes)};
    Binding binding = kernel->values.unbound();
    kernel->over(n.type.axes, binding, [&](Binding& at) {
      const std::vector<Value> lanes = b.loop(b.index(0), b.rows(), lane_count, {b.broadcast(kernel->values.number(0))}, [&](Value row, const std::vector<Value>& carried) {
        kernel->values.column_row = kernel->values.tile_row = row;
        const Value term = b.broadcast(kernel->values.row_term(output.node, at));
        kernel->values.column_row = kernel->values.tile_row = no_value;
        const Value is_row = b.less(b.lanes(), b.to_real(b.integer(Op::int_sub, b.rows(), row)));
        return std::vector<Value>{b.add(carried[0], b.select(is_row, term, b.broadcast(kernel->values.number(0))))};
      });
      const Value before = kernel->values.load(to, at);
      kernel->values.store(to, at, b.add(before, b.reduce_add(lanes[0])));
    });
  }
  if (!kernel) return;
  kernels_.push_back(kernel->take());
  stages.over_rows.push_back({.kernel = kernels_.back().name, .product = {}});
}

}  // namespace lvm::loop
