#include "ir/loop/small.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "ir/tensor/convolution.h"

namespace lvm::loop {

SmallSchedule::SmallSchedule(const ir::Program& program, const ir::Function& function)
    : program_(program),
      module_(program.module),
      function_(function),
      b_(function.name),
      values_(module_, function, b_, arena_),
      live_(live_nodes(function)),
      kept_(function.nodes.size(), 0),
      demands_(demands(function)),
      group_of_(function.nodes.size(), -1),
      planned_(function.nodes.size()) {
  values_.single = program.single;
  for (size_t axis = 1; axis < module_.axes.size(); ++axis)
    values_.looped[axis] = module_.axes[axis].size > 1;
}

void SmallSchedule::refuse(const ir::Node& n, std::string_view why) const {
  throw ir::InternalError(
      fmt::format("schedule: function \"{}\": op {}: {}", function_.name, ir::row(n.op).name, why));
}

Function SmallSchedule::run() {
  place_leaves();
  for (size_t i = 0; i < function_.nodes.size(); ++i) kept_[i] = keeps(static_cast<NodeId>(i));
  place_kept();
  form_groups();
  for (const Group& group : groups_) {
    if (group.call) {
      write_call(group.nodes.front());
    } else {
      write_group(group);
    }
  }
  copy_outputs();
  b_.leave(checks());
  Function made = b_.take();
  const bool by_pattern = function_.name == ir::pattern_function || function_.name == ir::impute_function;
  made.use = by_pattern ? Use::rows : Use::small;
  return made;
}

bool SmallSchedule::is_call(const ir::Node& n) const {
  using ir::Op;
  return n.op == Op::cholesky || n.op == Op::triangular_inverse || n.op == Op::triangular_solve ||
         n.op == Op::solve || n.op == Op::inverse || n.op == Op::log_determinant || n.op == Op::eigenvalues;
}

bool SmallSchedule::keeps(NodeId id) const {
  const ir::Node& n = node(id);
  if (!live_[static_cast<size_t>(id)] || values_.storage[static_cast<size_t>(id)]) return false;
  for (const ir::Output& output : function_.outputs) {
    if (output.node == id && output.kind != ir::OutputKind::check) return true;
  }
  auto shape = ir::row(n.op).shape;
  if (is_call(n) || shape == ir::ShapeRule::reduce || shape == ir::ShapeRule::contract ||
      shape == ir::ShapeRule::apply || shape == ir::ShapeRule::reshape) {
    return true;
  }
  int uses = 0;
  for (size_t user = 0; user < function_.nodes.size(); ++user) {
    const ir::Node& u = function_.nodes[user];
    if (!live_[user] || std::ranges::count(u.inputs, id) == 0) continue;
    if (is_call(u) || u.op == ir::Op::reshape) return true;  // in the layout that these need
    uses += u.op == ir::Op::logsumexp ? 2 : 1;
    for (AxisId axis : u.type.axes) uses += n.type.has(axis) ? 0 : 1;
  }
  bool moves = shape == ir::ShapeRule::leaf || shape == ir::ShapeRule::rename ||
               shape == ir::ShapeRule::broadcast || shape == ir::ShapeRule::slice ||
               shape == ir::ShapeRule::diagonal;
  return uses > 1 && !moves;
}

void SmallSchedule::place_leaves() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    if (!live_[i]) continue;
    auto place = [&](Buffer buffer, const ir::Slot& slot) {
      values_.storage[i] = Storage{Storage::Form::scalar, buffer, slot.offset, row_major(module_, slot.axes)};
    };
    const std::string& text = n.attributes.text;
    if (n.op == ir::Op::parameter) place(Buffer::parameters, find_slot(program_.parameters, text));
    if (n.op == ir::Op::derived) place(Buffer::derived, find_slot(program_.derived, text));
    if (n.op == ir::Op::statistic) place(Buffer::statistics, find_slot(program_.statistics, text));
  }
}

const ir::Slot& SmallSchedule::output_slot(const ir::Output& output) const {
  if (output.kind == ir::OutputKind::parameter) return find_slot(program_.parameters, output.name);
  if (output.kind == ir::OutputKind::statistic) return find_slot(program_.statistics, output.name);
  if (output.kind != ir::OutputKind::derived)
    refuse(node(output.node), "an output of another kind of function");
  return find_slot(program_.derived, output.name);
}

/// The slot that the node is to be stored in, if it is an output.
std::optional<Storage> SmallSchedule::output_storage(NodeId id) const {
  for (const ir::Output& output : function_.outputs) {
    if (output.node != id || output.kind == ir::OutputKind::check) continue;
    const ir::Slot& slot = output_slot(output);
    return Storage{Storage::Form::scalar, Buffer::output, slot.offset, row_major(module_, slot.axes)};
  }
  return std::nullopt;
}

/// Scratch with `last` as the innermost axes.
Storage SmallSchedule::matrix_storage(const std::vector<AxisId>& axes, const std::vector<AxisId>& last) {
  std::vector<AxisId> order;
  for (AxisId axis : axes) {
    if (std::ranges::find(last, axis) == last.end()) order.push_back(axis);
  }
  for (AxisId axis : last) {
    if (std::ranges::find(axes, axis) != axes.end()) order.push_back(axis);
  }
  return {Storage::Form::scalar, Buffer::scratch, arena_.take(elements(module_, axes)),
          row_major(module_, order)};
}

void SmallSchedule::place_kept() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (!kept_[i]) continue;
    auto id = static_cast<NodeId>(i);
    const ir::Node& n = node(id);
    planned_[i] = is_call(n) ? std::nullopt : output_storage(id);
    if (planned_[i]) continue;
    std::vector<AxisId> last = is_call(n) ? n.attributes.axes : std::vector<AxisId>{};
    for (size_t user = 0; user < function_.nodes.size() && last.empty(); ++user) {
      const ir::Node& u = function_.nodes[user];
      if (live_[user] && is_call(u) && std::ranges::count(u.inputs, id) > 0) last = u.attributes.axes;
    }
    planned_[i] = matrix_storage(n.type.axes, last);
  }
}

/// The first group that may compute `user`, as far as the kept nodes that it reads through `id` are
/// concerned.
int SmallSchedule::earliest_group(NodeId id, NodeId user, bool same_position) const {
  auto i = static_cast<size_t>(id);
  if (values_.storage[i]) return 0;
  if (kept_[i] && id != user) {
    const Group& group = groups_[static_cast<size_t>(group_of_[i])];
    bool joins = same_position && !group.call && group.axes == node(user).type.axes;
    return group_of_[i] + (joins ? 0 : 1);
  }
  auto shape = ir::row(node(id).op).shape;
  bool stays = same_position && (shape == ir::ShapeRule::pointwise || shape == ir::ShapeRule::broadcast);
  int first = 0;
  for (NodeId input : node(id).inputs) first = std::max(first, earliest_group(input, user, stays));
  return first;
}

void SmallSchedule::form_groups() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    if (!kept_[i]) continue;
    auto id = static_cast<NodeId>(i);
    bool alone = is_call(node(id)) || node(id).op == ir::Op::reshape;
    int group = earliest_group(id, id, true);
    const Conditions demand = demand_of(id);
    auto fits = [&](const Group& g) {
      return !alone && !g.call && g.axes == node(id).type.axes && g.demand == demand;
    };
    while (group < static_cast<int>(groups_.size()) && !fits(groups_[static_cast<size_t>(group)])) ++group;
    if (group == static_cast<int>(groups_.size())) groups_.push_back({node(id).type.axes, {}, alone, demand});
    groups_[static_cast<size_t>(group)].nodes.push_back(id);
    group_of_[i] = group;
  }
}

/// What a sum costs is worth a test; of all else the value is computed and not chosen.
Conditions SmallSchedule::demand_of(NodeId id) const {
  auto shape = ir::row(node(id).op).shape;
  bool sums = shape == ir::ShapeRule::contract || shape == ir::ShapeRule::reduce;
  return sums && !is_call(node(id)) ? demands_[static_cast<size_t>(id)] : Conditions{};
}

/// A loop of one round or none.
void SmallSchedule::where(const Conditions& ready, Binding& binding, const std::function<void()>& body) {
  Value all = no_value;
  for (const Condition& c : ready) {
    Binding at = values_.unbound();
    for (auto [own, here] : c.axes) at[static_cast<size_t>(own)] = binding[static_cast<size_t>(here)];
    Value flag = values_.as_flag(values_.value(c.leaf, at));
    if (!c.holds) flag = b_.flag_not(flag);
    all = all == no_value ? flag : b_.flag_and(all, flag);
  }
  b_.loop(b_.index(0), b_.select(all, b_.index(1), b_.index(0)), 1, [&](Value) { body(); });
}

/// Calls `body` at each position of `axes`, outermost first, where `demand` holds: asked for as soon as its
/// axes are known.
void SmallSchedule::over(std::span<const AxisId> axes, Binding& binding,
                         const std::function<void(Binding&)>& body, const Conditions& demand) {
  auto waits = [&](const Condition& c) {
    return std::ranges::any_of(c.axes,
                               [&](const auto& pair) { return std::ranges::count(axes, pair.second) > 0; });
  };
  Conditions ready, later;
  for (const Condition& c : demand) (waits(c) ? later : ready).push_back(c);
  if (!ready.empty()) return where(ready, binding, [&] { over(axes, binding, body, later); });
  if (axes.empty()) return body(binding);
  auto axis = static_cast<size_t>(axes[0]);
  if (!values_.looped[axis]) {
    binding[axis] = {no_value, 0};
    return over(axes.subspan(1), binding, body, demand);
  }
  b_.loop(b_.index(0), b_.index(size_of(module_, axes[0])), 1, [&](Value i) {
    binding[axis] = {i, 0};
    over(axes.subspan(1), binding, body, demand);
  });
}

/// One product of matrices that few elements need: four sums side by side along the innermost axis, since
/// each addition waits for the one before it. The axes that the demand names stand outermost, so that whole
/// stretches are left out.
bool SmallSchedule::write_products(const Group& group) {
  constexpr int64_t block = 4;
  const ir::Node& n = node(group.nodes.front());
  if (group.demand.empty() || group.nodes.size() > 1 || n.op != ir::Op::contract ||
      n.attributes.axes.size() != 1)
    return false;
  auto asked = [&](AxisId axis) {
    return std::ranges::any_of(group.demand, [&](const Condition& c) {
      return std::ranges::count(c.axes, axis, &std::pair<AxisId, AxisId>::second) > 0;
    });
  };
  std::vector<AxisId> axes;
  std::ranges::copy_if(group.axes, std::back_inserter(axes), asked);
  std::ranges::copy_if(group.axes, std::back_inserter(axes), std::not_fn(asked));
  if (asked(axes.back())) return false;
  const auto last = static_cast<size_t>(axes.back()), summed = static_cast<size_t>(n.attributes.axes[0]);
  if (!values_.looped[last] || !values_.looped[summed]) return false;
  const int64_t size = size_of(module_, axes.back()), whole = size / block * block;
  axes.pop_back();
  auto sums = [&](const Binding& at, Value first, int64_t count) {
    auto place = [&](int64_t r) {
      Binding element = at;
      element[last] = {first, r};
      return element;
    };
    std::vector<Value> zeros(static_cast<size_t>(count), values_.number(0));
    auto made =
        b_.loop(b_.index(0), b_.index(size_of(module_, n.attributes.axes[0])), 1, zeros,
                [&](Value i, const std::vector<Value>& carried) {
                  std::vector<Value> next;
                  for (int64_t r = 0; r < count; ++r) {
                    Binding term = place(r);
                    term[summed] = {i, 0};
                    next.push_back(values_.add_product(n.inputs, term, carried[static_cast<size_t>(r)]));
                  }
                  return next;
                });
    for (int64_t r = 0; r < count; ++r) {
      values_.store(*planned_[static_cast<size_t>(group.nodes.front())], place(r),
                    made[static_cast<size_t>(r)]);
    }
  };
  Binding binding = values_.unbound();
  over(
      axes, binding,
      [&](Binding& at) {
        b_.loop(b_.index(0), b_.index(whole), block, [&](Value first) { sums(at, first, block); });
        if (whole < size) sums(at, b_.index(whole), size - whole);
      },
      group.demand);
  return true;
}

void SmallSchedule::write_group(const Group& group) {
  Binding binding = values_.unbound();
  auto elements = [&](Binding& at) {
    for (NodeId id : group.nodes)
      values_.store(*planned_[static_cast<size_t>(id)], at, values_.value(id, at));
  };
  if (!write_products(group)) over(group.axes, binding, elements, group.demand);
  for (NodeId id : group.nodes) values_.storage[static_cast<size_t>(id)] = planned_[static_cast<size_t>(id)];
}

/// Where `id` lies with `last` innermost and contiguous; copied there if it lies otherwise.
Storage SmallSchedule::packed(NodeId id, const std::vector<AxisId>& last) {
  const auto& stored = values_.storage[static_cast<size_t>(id)];
  auto stride = [](const Storage& s, AxisId axis) {
    auto found = std::ranges::find(s.strides, axis, &std::pair<AxisId, int64_t>::first);
    return found == s.strides.end() ? 0 : found->second;
  };
  std::vector<AxisId> own;
  for (AxisId axis : last) {
    if (node(id).type.has(axis)) own.push_back(axis);
  }
  if (stored) {
    bool fits = true;
    for (auto [axis, step] : row_major(module_, own)) fits &= stride(*stored, axis) == step;
    if (fits) return *stored;
  }
  Storage to = matrix_storage(node(id).type.axes, last);
  Binding binding = values_.unbound();
  over(node(id).type.axes, binding, [&](Binding& at) { values_.store(to, at, values_.value(id, at)); });
  return to;
}

void SmallSchedule::write_call(NodeId id) {
  const ir::Node& n = node(id);
  if (program_.single && n.op != ir::Op::reshape) refuse(n, "linear algebra has double precision");
  const Storage& to = *planned_[static_cast<size_t>(id)];
  if (n.op == ir::Op::reshape) {
    // The same doubles under other axes.
    if (!ir::keeps_memory_order(node(n.inputs[0]).type, n)) refuse(n, "moves numbers in memory");
    Storage from = packed(n.inputs[0], node(n.inputs[0]).type.axes);
    values_.storage[static_cast<size_t>(id)] =
        Storage{from.form, from.buffer, from.offset, row_major(module_, n.type.axes)};
    return;
  }
  const auto& last = n.attributes.axes;
  if (last.size() != 2) refuse(n, "needs its row and column axes");
  std::vector<Storage> from;
  for (NodeId input : n.inputs) from.push_back(packed(input, last));
  std::vector<AxisId> batch;
  for (AxisId axis : n.type.axes) {
    if (axis != last[0] && axis != last[1]) batch.push_back(axis);
  }
  Binding binding = values_.unbound();
  over(batch, binding, [&](Binding& at) {
    at[static_cast<size_t>(last[0])] = at[static_cast<size_t>(last[1])] = {no_value, 0};
    std::vector<Value> operands;
    bool gives_real = n.op == ir::Op::log_determinant;
    if (!gives_real) operands.push_back(b_.address(values_.place(to, at)));
    for (const Storage& input : from) operands.push_back(b_.address(values_.place(input, at)));
    operands.push_back(b_.index(size_of(module_, last[0])));
    auto ends_with_op = [&](std::string_view symbol) { return symbol.substr(4) == ir::row(n.op).name; };
    auto symbol = std::ranges::find_if(runtime_symbols, ends_with_op);
    if (symbol == std::end(runtime_symbols)) refuse(n, "has no function in the run time");
    Value result = b_.call(*symbol, gives_real ? Type::real : Type::none, std::move(operands));
    if (gives_real) values_.store(to, at, result);
  });
  values_.storage[static_cast<size_t>(id)] = to;
}

/// Outputs that are leaves, results of calls, or named twice.
void SmallSchedule::copy_outputs() {
  for (const ir::Output& output : function_.outputs) {
    if (output.kind == ir::OutputKind::check) continue;
    const ir::Slot& slot = output_slot(output);
    Storage to{Storage::Form::scalar, Buffer::output, slot.offset, row_major(module_, slot.axes)};
    const auto& stored = values_.storage[static_cast<size_t>(output.node)];
    if (stored && stored->buffer == Buffer::output && stored->offset == to.offset) continue;
    Binding binding = values_.unbound();
    over(node(output.node).type.axes, binding,
         [&](Binding& at) { values_.store(to, at, values_.value(output.node, at)); });
  }
}

/// 1 + the number of the first element that is false, in the order of the Program's checks; else 0.
Value SmallSchedule::checks() {
  Value code = b_.index(0);
  for (const ir::Check& check : program_.checks) {
    for (const ir::Output& output : function_.outputs) {
      if (output.kind != ir::OutputKind::check || output.name != check.name) continue;
      Binding binding = values_.unbound();
      Strides strides = row_major(module_, check.axes);
      std::function<Value(std::span<const AxisId>, Value)> scan = [&](std::span<const AxisId> axes,
                                                                      Value before) {
        if (axes.empty()) {
          Value holds = values_.as_flag(values_.value(output.node, binding));
          Value number = index_value(b_, linear(b_, strides, binding, check.offset + 1));
          Value first = b_.flag_and(b_.int_equal(before, b_.index(0)), b_.flag_not(holds));
          return b_.select(first, number, before);
        }
        auto axis = static_cast<size_t>(axes[0]);
        return b_.loop(b_.index(0), b_.index(size_of(module_, axes[0])), 1, {before},
                       [&](Value i, const std::vector<Value>& carried) {
                         binding[axis] = {i, 0};
                         return std::vector<Value>{scan(axes.subspan(1), carried[0])};
                       })[0];
      };
      code = scan(node(output.node).type.axes, code);
    }
  }
  return code;
}

}  // namespace lvm::loop
