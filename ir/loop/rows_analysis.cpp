// What a rows function keeps, what it expands in place, and how its sums over rows come apart.

#include <fmt/format.h>

#include <algorithm>

#include "ir/loop/rows.h"

namespace lvm::loop {

namespace {

constexpr int64_t longest_unrolled = 16;
constexpr int64_t far_doubles =
    32768;  // more than this do not stay in the second-level cache beside the rows

double own_cost(const ir::Module& module, const ir::Node& n) {
  using ir::Op;
  auto over = [&] {
    double count = 1;
    for (AxisId axis : n.attributes.axes)
      count *= axis == row_axis ? 1 : static_cast<double>(size_of(module, axis));
    return count;
  };
  switch (ir::row(n.op).shape) {
    case ir::ShapeRule::leaf:
    case ir::ShapeRule::rename:
    case ir::ShapeRule::broadcast:
    case ir::ShapeRule::slice:
    case ir::ShapeRule::diagonal:
    case ir::ShapeRule::reshape: return 0;
    case ir::ShapeRule::reduce: return n.op == Op::logsumexp ? 20 * over() : over();
    case ir::ShapeRule::contract: return over() * static_cast<double>(n.inputs.size());
    case ir::ShapeRule::apply: return static_cast<double>(size_of(module, n.attributes.axes[0]));
    case ir::ShapeRule::pointwise: break;
    case ir::ShapeRule::gather:
    case ir::ShapeRule::one_hot:
    case ir::ShapeRule::stack:
    case ir::ShapeRule::diag:
    case ir::ShapeRule::matrix:
    case ir::ShapeRule::eigenvalues:
    case ir::ShapeRule::matmul:
    case ir::ShapeRule::conv:
    case ir::ShapeRule::call:
    case ir::ShapeRule::scan:
    case ir::ShapeRule::logpdf: return 2;
  }
  bool cheap = n.op == Op::neg || n.op == Op::abs || n.op == Op::square || n.op == Op::add ||
               n.op == Op::sub || n.op == Op::mul || n.op == Op::fma || n.op == Op::select ||
               n.op == Op::maximum || n.op == Op::minimum || n.op == Op::less || n.op == Op::less_equal ||
               n.op == Op::equal || n.op == Op::logical_and || n.op == Op::logical_or ||
               n.op == Op::logical_not || n.op == Op::is_finite || n.op == Op::floor || n.op == Op::relu;
  if (cheap) return 1;
  return n.op == Op::div || n.op == Op::sqrt || n.op == Op::reciprocal ? 5 : 20;
}

}  // namespace

void RowsSchedule::refuse(const ir::Node& n, std::string_view why) const {
  throw ir::InternalError(
      fmt::format("schedule: rows function \"{}\": op {}: {}", function_.name, ir::row(n.op).name, why));
}

bool RowsSchedule::sums_rows(const ir::Node& n) const {
  if (n.op != ir::Op::sum && n.op != ir::Op::contract) return false;
  return std::ranges::count(n.attributes.axes, row_axis) > 0;
}

/// The latent's axes are those that are enumerated: they stay loops. So do long axes.
void RowsSchedule::find_loops() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    bool enumerates = n.op == ir::Op::logsumexp || n.op == ir::Op::argmax || n.op == ir::Op::reduce_max ||
                      n.op == ir::Op::one_hot;
    if (live_[i] && enumerates && is_row(static_cast<NodeId>(i))) {
      latent_axes_.insert(n.attributes.axes.begin(), n.attributes.axes.end());
    }
  }
  for (size_t axis = 1; axis < module_.axes.size(); ++axis) {
    bool latent = latent_axes_.contains(static_cast<AxisId>(axis));
    values_.looped[axis] = latent || module_.axes[axis].size > longest_unrolled;
  }
}

void RowsSchedule::find_softmax() {
  auto strip = [this](NodeId id) {
    while (node(id).op == ir::Op::broadcast) id = node(id).inputs[0];
    return id;
  };
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    if (!live_[i] || n.op != ir::Op::exp || node(n.inputs[0]).op != ir::Op::sub) continue;
    const ir::Node& difference = node(n.inputs[0]);
    NodeId normaliser = strip(difference.inputs[1]);
    const ir::Node& sum = node(normaliser);
    if (sum.op != ir::Op::logsumexp || sum.inputs[0] != difference.inputs[0] || !is_row(normaliser)) continue;
    softmax_.push_back({normaliser, static_cast<NodeId>(i)});
  }
}

bool RowsSchedule::keeps(NodeId id) const {
  const ir::Node& n = node(id);
  auto i = static_cast<size_t>(id);
  if (!live_[i] || ir::row(n.op).shape == ir::ShapeRule::leaf || sums_rows(n)) return false;
  bool reduces_latent =
      (ir::row(n.op).shape == ir::ShapeRule::reduce) &&
      std::ranges::any_of(n.attributes.axes, [&](AxisId a) { return latent_axes_.contains(a); });
  if (reduces_latent) return true;
  bool operand = false, spread = false, meets_rows = false;
  for (size_t user = 0; user < function_.nodes.size(); ++user) {
    const ir::Node& u = function_.nodes[user];
    if (!live_[user] || std::ranges::count(u.inputs, id) == 0) continue;
    meets_rows |= is_row(static_cast<NodeId>(user));
    bool enumerated = u.op == ir::Op::logsumexp || u.op == ir::Op::argmax || u.op == ir::Op::reduce_max;
    operand |= enumerated && cost_[i] > 0;
    // The weight of several sums over rows: a node of the latent's axis alone.
    bool weight =
        sums_rows(u) && uses_[i] > 1 && n.type.axes.size() == 2 && latent_axes_.contains(n.type.axes[1]);
    operand |= weight;
    for (AxisId axis : u.type.axes) spread |= !n.type.has(axis) && values_.looped[static_cast<size_t>(axis)];
  }
  if (!is_row(id)) return cost_[i] > 0 && (meets_rows || uses_[i] > 1);  // computed once a tile
  bool unrolled =
      std::ranges::none_of(n.type.axes, [&](AxisId a) { return values_.looped[static_cast<size_t>(a)]; });
  return operand || (cost_[i] >= 8 && (uses_[i] > 1 || spread)) || (cost_[i] >= 1 && spread && unrolled);
}

void RowsSchedule::choose_kept() {
  for (const Softmax& s : softmax_) kept_[static_cast<size_t>(s.result)] = 1;
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    if (!live_[i]) continue;
    cost_[i] = own_cost(module_, n);
    double inner = 0;
    for (NodeId input : n.inputs)
      inner += kept_[static_cast<size_t>(input)] ? 0 : cost_[static_cast<size_t>(input)];
    bool repeats = n.op == ir::Op::sum || n.op == ir::Op::contract;
    cost_[i] += repeats ? inner * own_cost(module_, n) : inner;
    kept_[i] |= keeps(static_cast<NodeId>(i));
  }
}

/// A kept softmax that only sums over rows and outputs read is stored as 0 beyond the last row, so that sums
/// need no mask.
void RowsSchedule::find_masked() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    bool weight = kept_[i] && is_row(static_cast<NodeId>(i)) && n.type.axes.size() == 2 &&
                  latent_axes_.contains(n.type.axes[1]);
    if (!weight) continue;
    bool only_sums = true, any = false;
    for (size_t user = 0; user < function_.nodes.size(); ++user) {
      const ir::Node& u = function_.nodes[user];
      if (!live_[user] || std::ranges::count(u.inputs, static_cast<NodeId>(i)) == 0) continue;
      only_sums &= sums_rows(u);
      any = true;
    }
    masked_[i] = any && only_sums;
  }
}

void RowsSchedule::split_factors(Statistic& s) const {
  const ir::Node& n = node(s.node);
  s.factors = n.inputs;
  if (n.op == ir::Op::sum) {
    // sum of a * b, or of a^2: products that nothing else keeps are taken apart.
    const ir::Node& input = node(n.inputs[0]);
    if (!kept_[static_cast<size_t>(n.inputs[0])] && input.op == ir::Op::mul) s.factors = input.inputs;
    if (!kept_[static_cast<size_t>(n.inputs[0])] && input.op == ir::Op::square)
      s.factors = {input.inputs[0], input.inputs[0]};
  }
  s.reduces = n.attributes.axes.size() > 1;
  for (NodeId factor : s.factors) s.masked |= masked_[static_cast<size_t>(factor)] != 0;
  if (s.inner.size() != 2 || s.reduces) return;
  std::vector<NodeId> left, right;
  for (NodeId factor : s.factors) {
    bool first = node(factor).type.has(s.inner[0]), second = node(factor).type.has(s.inner[1]);
    if (first && second) return;
    (second ? right : left).push_back(factor);
  }
  if (left.empty() || right.empty()) return;
  s.left = left;
  s.right = right;
}

/// Structural equality, where `names` say what the axes of a node are called after the renames above it.
bool RowsSchedule::equal_exchanged(NodeId a, Binding names_a, NodeId b, Binding names_b) const {
  auto through = [this](NodeId& id, Binding& names) {
    while (node(id).op == ir::Op::rename) {
      const auto& axes = node(id).attributes.axes;
      Binding inner = names;
      for (size_t i = 0; i + 1 < axes.size(); i += 2) {
        inner[static_cast<size_t>(axes[i])] = names[static_cast<size_t>(axes[i + 1])];
      }
      names = inner;
      id = node(id).inputs[0];
    }
  };
  through(a, names_a);
  through(b, names_b);
  const ir::Node &x = node(a), &y = node(b);
  if (x.op != y.op || x.inputs.size() != y.inputs.size() || x.type.axes.size() != y.type.axes.size())
    return false;
  if (a == b) {
    return std::ranges::all_of(x.type.axes, [&](AxisId axis) {
      return names_a[static_cast<size_t>(axis)] == names_b[static_cast<size_t>(axis)];
    });
  }
  if (ir::row(x.op).shape != ir::ShapeRule::pointwise) return false;
  for (size_t i = 0; i < x.inputs.size(); ++i) {
    if (!equal_exchanged(x.inputs[i], names_a, y.inputs[i], names_b)) return false;
  }
  return true;
}

bool RowsSchedule::is_symmetric(const Statistic& s) const {
  if (!s.separable() || size_of(module_, s.inner[0]) != size_of(module_, s.inner[1])) return false;
  Binding same = values_.unbound(), exchanged = values_.unbound();
  for (size_t axis = 0; axis < same.size(); ++axis)
    same[axis] = exchanged[axis] = {no_value, static_cast<int64_t>(axis)};
  std::swap(exchanged[static_cast<size_t>(s.inner[0])], exchanged[static_cast<size_t>(s.inner[1])]);
  // Each factor with the first axis has a partner with the second.
  std::vector<NodeId> partners = s.right;
  for (NodeId factor : s.left) {
    if (!node(factor).type.has(s.inner[0])) continue;
    auto partner = std::ranges::find_if(
        partners, [&](NodeId other) { return equal_exchanged(factor, exchanged, other, same); });
    if (partner == partners.end()) return false;
    partners.erase(partner);
  }
  return partners.empty();
}

void RowsSchedule::find_statistics() {
  for (const ir::Output& output : function_.outputs) {
    if (output.kind != ir::OutputKind::statistic && output.kind != ir::OutputKind::objective) continue;
    const ir::Node& n = node(output.node);
    if (!sums_rows(n)) refuse(n, "a statistic that is no sum over rows");
    bool objective = output.kind == ir::OutputKind::objective;
    const ir::Slot& slot = find_slot(program_.statistics, objective ? "objective" : output.name);
    Statistic s;
    s.node = output.node;
    s.slot = slot.name;
    s.strides = row_major(module_, slot.axes, lane_count);
    s.offset = slot.offset * lane_count;
    for (AxisId axis : n.type.axes) (latent_axes_.contains(axis) ? s.outer : s.inner).push_back(axis);
    while (s.inner.size() > 2) {
      s.outer.push_back(s.inner.front());
      s.inner.erase(s.inner.begin());
    }
    split_factors(s);
    s.symmetric = is_symmetric(s);
    statistics_.push_back(std::move(s));
  }
}

std::vector<std::pair<std::string, std::vector<AxisId>>> RowsSchedule::symmetric() const {
  std::vector<std::pair<std::string, std::vector<AxisId>>> found;
  for (const Statistic& s : statistics_) {
    if (s.symmetric) found.emplace_back(s.slot, s.inner);
  }
  return found;
}

void RowsSchedule::place_leaves() {
  for (size_t i = 0; i < function_.nodes.size(); ++i) {
    const ir::Node& n = function_.nodes[i];
    if (!live_[i]) continue;
    auto place = [&](Storage::Form form, Buffer buffer, const ir::Slot& slot) {
      values_.storage[i] = Storage{form, buffer, slot.offset, row_major(module_, slot.axes)};
    };
    if (n.op == ir::Op::data)
      place(Storage::Form::column, Buffer::none, find_slot(program_.data, n.attributes.text));
    if (n.op == ir::Op::parameter) {
      place(Storage::Form::scalar, Buffer::parameters, find_slot(program_.parameters, n.attributes.text));
    }
    if (n.op == ir::Op::derived) {
      place(Storage::Form::scalar, Buffer::derived, find_slot(program_.derived, n.attributes.text));
    }
  }
}

/// As many rows at a time as let the kept nodes and panels stay in the first-level cache.
void RowsSchedule::choose_run() {
  int64_t row_doubles = 1;
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (kept_[i] && is_row(static_cast<NodeId>(i)) && logits_of(static_cast<NodeId>(i)) == ir::no_node)
      row_doubles += elements(module_, node(static_cast<NodeId>(i)).type.axes);
  }
  int64_t panel_doubles = 0;
  for (const Statistic& s : statistics_) {
    if (!s.separable()) continue;
    panel_doubles = std::max(panel_doubles, size_of(module_, s.inner[0]) + size_of(module_, s.inner[1]));
  }
  run_rows_ = LVM_TILE_ROWS;
  // Each run reads and writes all sums once: where they do not stay near, runs are long.
  int64_t sums = 0;
  for (const Statistic& s : statistics_) sums += elements(module_, node(s.node).type.axes);
  if (sums * lane_count > far_doubles) return;
  while (run_rows_ > 64 && run_rows_ * (row_doubles + panel_doubles) > target_.cache_doubles) run_rows_ /= 2;
}

void RowsSchedule::place_kept() {
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (!kept_[i]) continue;
    const ir::Node& n = function_.nodes[i];
    bool rows = is_row(static_cast<NodeId>(i));
    if (logits_of(static_cast<NodeId>(i)) != ir::no_node) continue;
    int64_t unit = rows ? run_rows_ : 1;
    int64_t at = arena_.take(elements(module_, n.type.axes) * unit);
    values_.storage[i] = Storage{rows ? Storage::Form::tile : Storage::Form::scalar, Buffer::scratch, at,
                                 row_major(module_, n.type.axes, unit)};
  }
  for (size_t i = 0; i < kept_.size(); ++i) {
    NodeId logits = logits_of(static_cast<NodeId>(i));
    if (logits != ir::no_node) values_.storage[i] = values_.storage[static_cast<size_t>(logits)];
  }
}

/// The logits where a softmax is stored: nothing else reads them after it.
NodeId RowsSchedule::logits_of(NodeId id) const {
  auto found = std::ranges::find(softmax_, id, &Softmax::result);
  if (found == softmax_.end()) return ir::no_node;
  NodeId logits = node(found->normaliser).inputs[0], difference = node(id).inputs[0];
  bool alone = uses_[static_cast<size_t>(logits)] == 2 && uses_[static_cast<size_t>(difference)] == 1;
  bool same_axes = node(logits).type.axes == node(id).type.axes;
  return alone && same_axes && kept_[static_cast<size_t>(logits)] ? logits : ir::no_node;
}

}  // namespace lvm::loop
