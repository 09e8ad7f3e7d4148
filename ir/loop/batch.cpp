#include "ir/loop/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace lvm::loop {

/// One function that is being written: its builder, and an evaluator that knows what is stored.
struct BatchSchedule::Kernel {
  Arena none;
  Builder b;
  Evaluator values;
  const ir::Module& module;

  Kernel(const BatchSchedule& s, std::string name)
      : b(std::move(name)), values(s.module_, s.function_, b, none), module(s.module_) {
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
    : program_(program),
      module_(program.module),
      function_(function),
      live_(live_nodes(function)),
      kept_(function.nodes.size(), 0),
      inner_(function.nodes.size(), 0),
      level_(function.nodes.size(), 0),
      stage_of_(function.nodes.size()),
      storage_(function.nodes.size()),
      group_of_(function.nodes.size(), -1),
      last_read_(function.nodes.size(), -1),
      narrow_(program.narrow_products && function.name == "step"),
      narrowed_(function.nodes.size(), 0) {}

std::vector<Function> BatchSchedule::run() {
  place_leaves();
  find_levels();
  find_stages();
  for (size_t i = 0; i < function_.nodes.size(); ++i) kept_[i] = keeps(static_cast<NodeId>(i));
  place_kept();
  form_groups();
  find_last_reads();
  write_kernels();
  write_sums();
  stages.scratch_columns = scratch_.all();
  return std::move(kernels_);
}

bool BatchSchedule::is_row_sum(NodeId id) const {
  return !of_rows(id) && std::ranges::any_of(node(id).inputs, [&](NodeId input) { return of_rows(input); });
}

void BatchSchedule::find_levels() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (!live_[i]) continue;
    for (const NodeId input : function_.nodes[i].inputs)
      inner_[static_cast<size_t>(input)] |= is_row_sum(input);
  }
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    for (const NodeId input : function_.nodes[i].inputs)
      level_[i] = std::max(level_[i], level_[static_cast<size_t>(input)]);
    if (live_[i] && inner_[i]) ++level_[i];
  }
}

Storage BatchSchedule::columns(const std::vector<AxisId>& axes) {
  const int64_t first = scratch_.take(elements(module_, axes));
  return {Storage::Form::tile, Buffer::scratch, first * program_.batch_stride(),
          row_major(module_, axes, program_.batch_stride())};
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
    if (n.op == ir::Op::parameter)
      place(Storage::Form::scalar, Buffer::parameters, find_slot(program_.parameters, text));
    if (n.op == ir::Op::derived)
      place(Storage::Form::scalar, Buffer::derived, find_slot(program_.derived, text));
  }
}

/// Has a group of its own: a stage, or a reshape, which at most says anew how columns are counted.
bool BatchSchedule::stands_alone(NodeId id) const {
  return of_rows(id) && (stage_of_[static_cast<size_t>(id)] || node(id).op == ir::Op::reshape);
}

bool BatchSchedule::keeps(NodeId id) const {
  const auto i = static_cast<size_t>(id);
  const ir::Node& n = node(id);
  if (!live_[i] || storage_[i] || !of_rows(id)) return false;
  for (const ir::Output& output : function_.outputs) {
    if (output.node == id) return true;
  }
  const auto shape = ir::row(n.op).shape;
  const bool moves = shape == ir::ShapeRule::leaf || shape == ir::ShapeRule::rename ||
                     shape == ir::ShapeRule::broadcast || shape == ir::ShapeRule::slice ||
                     shape == ir::ShapeRule::diagonal;
  if (shape == ir::ShapeRule::reduce || shape == ir::ShapeRule::contract || shape == ir::ShapeRule::apply ||
      stands_alone(id))
    return true;
  int uses = 0;
  for (size_t user = 0; user < function_.nodes.size(); ++user) {
    const ir::Node& u = function_.nodes[user];
    if (!live_[user] || std::ranges::count(u.inputs, id) == 0) continue;
    if (stage_of_[user] || stands_alone(static_cast<NodeId>(user)))
      return true;  // in the layout that these need
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
    if (!output || stands_alone(static_cast<NodeId>(i))) continue;
    storage_[i] = row_output(*output);
  }
}

Storage BatchSchedule::row_output(const ir::Output& output) const {
  const ir::Slot& slot = find_slot(program_.row_outputs, output.name);
  return {Storage::Form::tile, Buffer::output, slot.offset * LVM_TILE_ROWS,
          row_major(module_, node(output.node).type.axes, LVM_TILE_ROWS)};
}

/// The columns of a reshape's operand, counted along the axes that it makes.
Storage BatchSchedule::reshaped(NodeId id) const {
  Storage at = *storage_[static_cast<size_t>(node(id).inputs[0])];
  const bool output = at.buffer == Buffer::output;
  at.strides = row_major(module_, node(id).type.axes,
                         at.form == Storage::Form::column ? 1
                         : output                         ? LVM_TILE_ROWS
                                                          : program_.batch_stride());
  return at;
}

/// The first group that may compute `user`, as far as the kept nodes that it reads through `id` are
/// concerned.
int BatchSchedule::earliest_group(NodeId id, NodeId user, bool same_position) const {
  const auto i = static_cast<size_t>(id);
  if (inner_[i]) return 0;
  if (kept_[i] && id != user) {
    const Group& group = groups_[static_cast<size_t>(group_of_[i])];
    const bool joins =
        same_position && !group.alone && !stands_alone(user) && group.axes == node(user).type.axes;
    return group_of_[i] + (joins ? 0 : 1);
  }
  const auto shape = ir::row(node(id).op).shape;
  const bool stays =
      same_position && (shape == ir::ShapeRule::pointwise || shape == ir::ShapeRule::broadcast);
  int first = 0;
  for (const NodeId input : node(id).inputs) first = std::max(first, earliest_group(input, user, stays));
  return first;
}

void BatchSchedule::form_groups() {
  const int levels = level_.empty() ? 0 : *std::ranges::max_element(level_) + 1;
  for (int level = 0; level < levels; ++level) {
    const auto first = static_cast<int>(groups_.size());
    for (size_t i = 0; i < function_.nodes.size(); ++i) {
      if (!kept_[i] || level_[i] != level) continue;
      const auto id = static_cast<NodeId>(i);
      const bool alone = stands_alone(id);
      int group = std::max(first, earliest_group(id, id, true));
      const auto fits = [&](const Group& g) { return !alone && !g.alone && g.axes == node(id).type.axes; };
      while (group < static_cast<int>(groups_.size()) && !fits(groups_[static_cast<size_t>(group)])) ++group;
      if (group == static_cast<int>(groups_.size()))
        groups_.push_back({node(id).type.axes, {}, alone, level});
      groups_[static_cast<size_t>(group)].nodes.push_back(id);
      group_of_[i] = group;
    }
  }
}

void BatchSchedule::note_read(NodeId id, int group) {
  const auto i = static_cast<size_t>(id);
  if (inner_[i]) return;
  if (kept_[i]) {
    last_read_[i] = std::max(last_read_[i], group);
    return;
  }
  for (const NodeId input : node(id).inputs) note_read(input, group);
}

/// Sums over rows read when all groups are done, or all of the levels below their own.
void BatchSchedule::find_last_reads() {
  const auto all = static_cast<int>(groups_.size());
  for (int group = 0; group < all; ++group) {
    for (const NodeId id : groups_[static_cast<size_t>(group)].nodes) {
      for (const NodeId input : node(id).inputs) note_read(input, group);
    }
  }
  for (const ir::Output& output : function_.outputs) {
    const bool sum = output.kind == ir::OutputKind::statistic || output.kind == ir::OutputKind::objective;
    if (!sum) {
      note_read(output.node, all);
      continue;
    }
    const bool inner = inner_[static_cast<size_t>(output.node)];
    const int level = level_[static_cast<size_t>(output.node)];
    const auto below = static_cast<int>(
        std::ranges::count_if(groups_, [&](const Group& group) { return group.level < level; }));
    for (const NodeId input : node(output.node).inputs) note_read(input, inner ? below - 1 : all);
  }
  // What is counted along other axes lies where it lay before.
  for (size_t i = function_.nodes.size(); i-- > 0;) {
    const auto id = static_cast<NodeId>(i);
    if (kept_[i] && stands_alone(id) && !stage_of_[i]) note_read(node(id).inputs[0], last_read_[i]);
  }
}

/// Of what no later group reads. A reshape has no columns of its own.
void BatchSchedule::free_columns(int group) {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!kept_[i] || std::max(last_read_[i], group_of_[i]) != group) continue;
    if (stands_alone(id) && !stage_of_[i]) continue;
    if (storage_[i] && storage_[i]->buffer == Buffer::scratch && storage_[i]->form == Storage::Form::tile)
      scratch_.give(storage_[i]->offset / program_.batch_stride(), elements(module_, node(id).type.axes));
  }
}

std::string BatchSchedule::kernel_name() const {
  return fmt::format("{}.{}", function_.name, kernels_.size());
}

ir::MatrixPlace BatchSchedule::matrix(NodeId id) const {
  const Storage& at = *storage_[static_cast<size_t>(id)];
  if (at.form == Storage::Form::column) return {ir::MatrixPlace::Buffer::columns, at.offset};
  switch (at.buffer) {
    case Buffer::parameters: return {ir::MatrixPlace::Buffer::parameters, at.offset};
    case Buffer::derived: return {ir::MatrixPlace::Buffer::derived, at.offset};
    case Buffer::scratch: return {ir::MatrixPlace::Buffer::scratch, at.offset};
    case Buffer::none:
    case Buffer::statistics:
    case Buffer::output: break;
  }
  throw ir::InternalError("a matrix of a product lies where no product reads");
}

void BatchSchedule::write_kernels() {
  std::optional<Kernel> kernel;
  const auto finish = [&] {
    if (!kernel) return;
    kernels_.push_back(kernel->take());
    stages.of_rows.emplace_back(ir::Kernel{kernels_.back().name});
    kernel.reset();
  };
  const auto now_at = [&](NodeId id, const Storage& at) {
    storage_[static_cast<size_t>(id)] = at;
    if (kernel) kernel->values.storage[static_cast<size_t>(id)] = at;
  };
  int level = 0;
  const auto rise = [&](int to) {
    for (; level < to; ++level) {
      finish();
      write_inner_sums(level + 1);
    }
  };
  for (int number = 0; number < static_cast<int>(groups_.size()); ++number) {
    const Group& group = groups_[static_cast<size_t>(number)];
    if (number > 0) free_columns(number - 1);
    rise(group.level);
    if (group.alone) {
      const NodeId id = group.nodes.front();
      if (!stage_of_[static_cast<size_t>(id)]) {
        now_at(id, reshaped(id));
        continue;
      }
      finish();
      narrow_operands(id, stages.of_rows);
      storage_[static_cast<size_t>(id)] = columns(node(id).type.axes);
      stages.of_rows.push_back(placed(id, matrix(id)));
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
        for (size_t k = 0; k < group.nodes.size(); ++k)
          kernel->values.store(to[k], at, kernel->values.value(group.nodes[k], at));
      });
    });
    for (size_t k = 0; k < group.nodes.size(); ++k) now_at(group.nodes[k], to[k]);
  }
  rise(level_.empty() ? 0 : *std::ranges::max_element(level_));
  write_row_outputs(kernel);
  finish();
}

/// What stages made, and no kernel has stored.
void BatchSchedule::write_row_outputs(std::optional<Kernel>& kernel) {
  for (const ir::Output& output : function_.outputs) {
    if (output.kind != ir::OutputKind::row || !of_rows(output.node) || !stands_alone(output.node)) continue;
    if (!kernel) kernel.emplace(*this, kernel_name());
    Binding binding = kernel->values.unbound();
    kernel->over(node(output.node).type.axes, binding, [&](Binding& at) {
      kernel->over_rows(
          [&] { kernel->values.store(row_output(output), at, kernel->values.value(output.node, at)); });
    });
  }
}

namespace {
bool is_sum_output(const ir::Output& output) {
  return output.kind == ir::OutputKind::statistic || output.kind == ir::OutputKind::objective;
}
}  // namespace

const ir::Slot& BatchSchedule::statistic(const ir::Output& output) const {
  return find_slot(program_.statistics, output.kind == ir::OutputKind::objective ? "objective" : output.name);
}

/// The sums that nodes of this level read, each by a stage of its own; what was written before becomes a
/// part.
void BatchSchedule::write_inner_sums(int level) {
  ir::Stages::Part part{.of_rows = std::move(stages.of_rows), .over_rows = {}};
  stages.of_rows.clear();
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!live_[i] || !inner_[i] || level_[i] != level) continue;
    const auto output = std::ranges::find_if(
        function_.outputs, [&](const ir::Output& each) { return each.node == id && is_sum_output(each); });
    if (output == function_.outputs.end())
      throw ir::InternalError("schedule: a sum over rows that rows read is no statistic");
    const ir::Slot& slot = statistic(*output);
    if (stage_of_[i]) {
      narrow_operands(id, part.of_rows);
      part.over_rows.push_back(placed(id, {ir::MatrixPlace::Buffer::statistics, slot.offset}));
    } else {
      Kernel kernel(*this, fmt::format("{}.inner.{}", function_.name, kernels_.size()));
      write_sum(kernel, *output);
      kernels_.push_back(kernel.take());
      part.over_rows.emplace_back(ir::Kernel{kernels_.back().name});
    }
    storage_[i] =
        Storage{Storage::Form::scalar, Buffer::statistics, slot.offset, row_major(module_, slot.axes)};
  }
  stages.before.push_back(std::move(part));
}

void BatchSchedule::write_sum(Kernel& kernel, const ir::Output& output) {
  const ir::Slot& slot = statistic(output);
  const ir::Node& n = node(output.node);
  const bool sum = is_row_sum(output.node) && std::ranges::count(n.attributes.axes, row_axis) > 0 &&
                   (n.op == ir::Op::sum || n.op == ir::Op::contract);
  if (!sum)
    throw ir::InternalError(fmt::format("schedule: the statistic \"{}\" is no sum over rows", slot.name));
  Builder& b = kernel.b;
  const Storage to{Storage::Form::scalar, Buffer::statistics, slot.offset, row_major(module_, slot.axes)};
  Binding binding = kernel.values.unbound();
  kernel.over(n.type.axes, binding, [&](Binding& at) {
    const std::vector<Value> lanes =
        b.loop(b.index(0), b.rows(), lane_count, {b.broadcast(kernel.values.number(0))},
               [&](Value row, const std::vector<Value>& carried) {
                 kernel.values.column_row = kernel.values.tile_row = row;
                 const Value term = b.broadcast(kernel.values.row_term(output.node, at));
                 kernel.values.column_row = kernel.values.tile_row = no_value;
                 const Value is_row = b.less(b.lanes(), b.to_real(b.integer(Op::int_sub, b.rows(), row)));
                 return std::vector<Value>{
                     b.add(carried[0], b.select(is_row, term, b.broadcast(kernel.values.number(0))))};
               });
    const Value before = kernel.values.load(to, at);
    kernel.values.store(to, at, b.add(before, b.reduce_add(lanes[0])));
  });
}

/// Sums over the rows of a tile, added to what earlier tiles gave.
void BatchSchedule::write_sums() {
  std::optional<Kernel> kernel;
  for (const ir::Output& output : function_.outputs) {
    if (!is_sum_output(output) || inner_[static_cast<size_t>(output.node)]) continue;
    if (stage_of_[static_cast<size_t>(output.node)]) {
      narrow_operands(output.node, stages.of_rows);
      stages.over_rows.push_back(
          placed(output.node, {ir::MatrixPlace::Buffer::statistics, statistic(output).offset}));
      continue;
    }
    if (!kernel) kernel.emplace(*this, fmt::format("{}.sums", function_.name));
    write_sum(*kernel, output);
  }
  if (!kernel) return;
  kernels_.push_back(kernel->take());
  stages.over_rows.emplace_back(ir::Kernel{kernels_.back().name});
}

}  // namespace lvm::loop
