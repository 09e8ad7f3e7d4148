#include "ir/loop/rows.h"

#include <algorithm>
#include <bit>

#include "ir/maths/maths.h"

namespace lvm::loop {

RowsSchedule::RowsSchedule(const ir::Program& program, const ir::Function& function, const Target& target)
    : program_(program),
      module_(program.module),
      function_(function),
      target_(target),
      b_(function.name),
      values_(module_, function, b_, arena_),
      live_(live_nodes(function)),
      kept_(function.nodes.size(), 0),
      masked_(function.nodes.size(), 0),
      uses_(function.nodes.size(), 0),
      cost_(function.nodes.size(), 0) {
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    if (!live_[i]) continue;
    for (NodeId input : function.nodes[i].inputs) ++uses_[static_cast<size_t>(input)];
  }
  for (const ir::Output& output : function.outputs) ++uses_[static_cast<size_t>(output.node)];
}

Function RowsSchedule::run() {
  find_loops();
  find_softmax();
  choose_kept();
  find_masked();
  find_statistics();
  place_leaves();
  choose_run();
  place_kept();
  prologue();
  Value rows = b_.rows();
  if (run_rows_ >= LVM_TILE_ROWS) {
    run_first_ = b_.index(0);
    run_count_ = rows;
    run_phases();
  } else {
    b_.loop(b_.index(0), rows, run_rows_, [&](Value first) {
      run_first_ = first;
      run_count_ = b_.integer(Op::int_min, b_.index(run_rows_), b_.integer(Op::int_sub, rows, first));
      run_phases();
    });
  }
  b_.leave(b_.index(0));
  Function made = b_.take();
  made.use = statistics_.empty() ? Use::spare : Use::rows;
  return made;
}

void RowsSchedule::run_phases() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    auto id = static_cast<NodeId>(i);
    if (!kept_[i] || !is_row(id)) continue;
    auto normaliser = std::ranges::find(softmax_, id, &Softmax::normaliser);
    if (normaliser != softmax_.end()) {
      softmax_phase(*normaliser);
    } else if (std::ranges::find(softmax_, id, &Softmax::result) == softmax_.end()) {
      phase(id);
    }
  }
  write_outputs();
  write_statistics();
}

void RowsSchedule::over(std::span<const AxisId> axes, Binding& binding,
                        const std::function<void(Binding&)>& body) {
  if (axes.empty()) return body(binding);
  auto axis = static_cast<size_t>(axes[0]);
  int64_t size = size_of(module_, axes[0]);
  if (values_.looped[axis]) {
    b_.loop(b_.index(0), b_.index(size), 1, [&](Value i) {
      binding[axis] = {i, 0};
      over(axes.subspan(1), binding, body);
    });
    return;
  }
  for (int64_t i = 0; i < size; ++i) {
    binding[axis] = {no_value, i};
    over(axes.subspan(1), binding, body);
  }
}

/// Over the rows of the run, `groups` (a power of two) of eight at a time; what is left over goes one by one.
void RowsSchedule::each_row(int64_t groups, const GroupBody& body) {
  auto rows = [&](Value from, Value to, int64_t together) {
    b_.loop(from, to, together * lane_count, [&](Value row) {
      values_.tile_row = row;
      values_.column_row = b_.integer(Op::int_add, run_first_, row);
      values_.groups = together;
      body(together);
      values_.groups = 1;
      values_.tile_row = values_.column_row = no_value;
    });
  };
  Value whole = b_.index(0);
  if (groups > 1) {
    whole = b_.integer(Op::int_and, run_count_, b_.index(-groups * lane_count));
    rows(b_.index(0), whole, groups);
  }
  rows(whole, run_count_, 1);
}

/// Loops over the long axes, then over rows, then the short axes unrolled: they share what does not depend on
/// them.
void RowsSchedule::nest(const std::vector<AxisId>& axes, const std::function<void(Binding&)>& body,
                        int64_t groups) {
  std::vector<AxisId> outside, inside;
  int64_t unrolled = 1;
  for (AxisId axis : axes) {
    if (axis == row_axis) continue;
    bool fits = !values_.looped[static_cast<size_t>(axis)] && unrolled * size_of(module_, axis) <= 64;
    if (fits) unrolled *= size_of(module_, axis);
    (fits ? inside : outside).push_back(axis);
  }
  Binding binding = values_.unbound();
  auto loops = values_.looped;
  for (AxisId axis : outside) values_.looped[static_cast<size_t>(axis)] = 1;
  over(outside, binding, [&](Binding& at) {
    values_.looped = loops;
    each_row(groups, [&](int64_t together) {
      for (int64_t group = 0; group < together; ++group) {
        at[static_cast<size_t>(row_axis)] = {no_value, group * lane_count};
        over(inside, at, body);
      }
    });
  });
  values_.looped = loops;
}

/// Whether the value of `id`, as a phase computes it, has sums over a long axis.
bool RowsSchedule::sums_in_place(NodeId id) const {
  const ir::Node& n = node(id);
  return values_.sums_in_loop(id) || std::ranges::any_of(n.inputs, [&](NodeId input) {
           return is_row(input) && !kept_[static_cast<size_t>(input)] && sums_in_place(input);
         });
}

/// As many groups of rows at a time as the registers have sums for: each value that such a sum loads then
/// serves all of them.
int64_t RowsSchedule::groups_of(NodeId id) const {
  if (masked_[static_cast<size_t>(id)] || !sums_in_place(id)) return 1;
  return static_cast<int64_t>(
      std::bit_floor(static_cast<unsigned>(std::clamp(target_.accumulators / 4, 1, 4))));
}

/// What depends on no row, once a tile.
void RowsSchedule::prologue() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    auto id = static_cast<NodeId>(i);
    if (!kept_[i] || is_row(id)) continue;
    Storage to = *values_.storage[i];
    values_.storage[i].reset();
    Binding binding = values_.unbound();
    auto loops = values_.looped;
    std::fill(values_.looped.begin(), values_.looped.end(), char{1});
    over(node(id).type.axes, binding, [&](Binding& at) { values_.store(to, at, values_.value(id, at)); });
    values_.looped = loops;
    values_.storage[i] = to;
  }
}

void RowsSchedule::phase(NodeId id) {
  auto& stored = values_.storage[static_cast<size_t>(id)];
  Storage to = *stored;
  stored.reset();
  nest(
      node(id).type.axes,
      [&](Binding& at) {
        Value made = values_.real(id, at);
        if (masked_[static_cast<size_t>(id)]) made = b_.select(row_mask(), made, b_.reals(0));
        values_.store(to, at, made);
      },
      groups_of(id));
  stored = to;
}

/// Flags of the lanes that hold rows of the run.
Value RowsSchedule::row_mask() {
  Value left = b_.to_real(b_.integer(Op::int_sub, run_count_, values_.tile_row));
  return b_.less(b_.lanes(), left);
}

std::vector<Value> RowsSchedule::along_all(std::span<const AxisId> axes, const Binding& binding,
                                           const std::vector<Value>& first, const SoftmaxStep& step) {
  int64_t size = size_of(module_, axes[0]), together = axes.size() > 1 ? 1 : 2,
          whole = size / together * together;
  Binding at = binding;
  auto each = [&](Index k, const std::vector<Value>& carried) {
    at[static_cast<size_t>(axes[0])] = k;
    if (axes.size() > 1) return along_all(axes.subspan(1), at, carried, step);
    Value next = step(at, carried.empty() ? no_value : carried[0]);
    return carried.empty() ? std::vector<Value>{} : std::vector<Value>{next};
  };
  std::vector<Value> last =
      b_.loop(b_.index(0), b_.index(whole), together, first, [&](Value k, const std::vector<Value>& carried) {
        std::vector<Value> next = carried;
        for (int64_t i = 0; i < together; ++i) next = each({k, i}, next);
        return next;
      });
  for (int64_t k = whole; k < size; ++k) last = each({no_value, k}, last);
  return last;
}

void RowsSchedule::softmax_phase(const Softmax& softmax) {
  const ir::Node& n = node(softmax.normaliser);
  std::span<const AxisId> axes = n.attributes.axes;
  NodeId logits = n.inputs[0];
  Storage result = *values_.storage[static_cast<size_t>(softmax.result)];
  Storage normaliser = *values_.storage[static_cast<size_t>(softmax.normaliser)];
  bool masked = masked_[static_cast<size_t>(softmax.result)] != 0;
  Storage greatest_of_row = normaliser, total_of_row = normaliser;
  total_of_row.offset = arena_.take(elements(module_, n.type.axes) * run_rows_);
  nest(n.type.axes, [&](Binding& binding) {
    Value greatest_logit =
        along_all(axes, binding, {b_.reals(-__builtin_inf())}, [&](Binding& at, Value greatest) {
          // The second operand stays where one is NaN: a NaN is met again in the sum.
          return b_.maximum(values_.real(logits, at), greatest);
        })[0];
    Value top = finite_or_zero(b_, greatest_logit);
    Value total = along_all(axes, binding, {b_.reals(0)}, [&](Binding& at, Value sum) {
      Value term = maths::exp_of_nonpositive(b_, b_.sub(values_.real(logits, at), top));
      values_.store(result, at, term);
      return b_.add(sum, term);
    })[0];
    values_.store(greatest_of_row, binding, greatest_logit);
    values_.store(total_of_row, binding, total);
  });
  // In a loop of its own the long way through log and division is gone for many rows at a time.
  nest(n.type.axes, [&](Binding& binding) {
    // The total is at least 1, or 0 where all logits are -inf: then so is the sum, whatever is added.
    Value total = values_.load(total_of_row, binding);
    values_.store(normaliser, binding,
                  b_.add(values_.load(greatest_of_row, binding), maths::log_of_normal(b_, total)));
    Value scale = b_.div(b_.reals(1), total);
    Value mask = masked ? row_mask() : no_value;
    along_all(axes, binding, {}, [&](Binding& at, Value) {
      Value scaled = b_.mul(values_.load(result, at), scale);
      if (masked) scaled = b_.select(mask, scaled, b_.reals(0));
      values_.store(result, at, scaled);
      return no_value;
    });
  });
}

void RowsSchedule::write_outputs() {
  for (const ir::Output& output : function_.outputs) {
    if (output.kind == ir::OutputKind::statistic || output.kind == ir::OutputKind::objective) continue;
    const ir::Node& n = node(output.node);
    if (output.kind != ir::OutputKind::row) refuse(n, "an output that rows functions have not");
    const ir::Slot& slot = find_slot(program_.row_outputs, output.name);
    Storage to{Storage::Form::tile, Buffer::output, slot.offset * LVM_TILE_ROWS,
               row_major(module_, slot.axes, LVM_TILE_ROWS)};
    std::vector<AxisId> axes = n.type.axes;
    nest(axes, [&](Binding& at) {
      Value made = values_.value(output.node, at);
      // Outputs lie over the whole tile, kept nodes over the run.
      Value in_run = values_.tile_row;
      values_.tile_row = values_.column_row;
      values_.store(to, at, made);
      values_.tile_row = in_run;
    });
  }
}

}  // namespace lvm::loop
