// Sums over rows: for the present position of the latent's axis, blocks of sums stay in registers while the
// rows go by. Each sum is added up in the order of the rows, whatever block it is in: its bits do not depend
// on the block.

#include <algorithm>
#include <cmath>

#include "ir/loop/rows.h"

namespace lvm::loop {

void RowsSchedule::write_statistics() {
  std::vector<std::vector<const Statistic*>> groups;  // by their latent axes
  for (const Statistic& s : statistics_) {
    auto same = std::ranges::find_if(groups, [&](const auto& g) { return g.front()->outer == s.outer; });
    if (same == groups.end()) {
      groups.push_back({&s});
    } else {
      same->push_back(&s);
    }
  }
  for (const auto& g : groups) group(g);
}

void RowsSchedule::group(const std::vector<const Statistic*>& statistics) {
  if (is_shared(statistics)) return shared_group(statistics);
  make_panels(statistics);
  Binding binding = values_.unbound();
  auto loops = values_.looped;
  for (AxisId axis : statistics.front()->outer) values_.looped[static_cast<size_t>(axis)] = 1;
  over(statistics.front()->outer, binding, [&](Binding& at) {
    values_.looped = loops;
    members(statistics, at);
  });
  values_.looped = loops;
}

Place RowsSchedule::lanes_of(const Statistic& s, const Binding& binding) {
  Index at = linear(b_, s.strides, binding, s.offset);
  return {Buffer::statistics, at.value, at.constant};
}

/// Products of factors are kept in panels where pairs of an inner axis would form them again for each pair.
void RowsSchedule::make_panels(const std::vector<const Statistic*>& statistics) {
  panels_.clear();
  int64_t sums = 0;
  bool loops = false;
  for (const Statistic* s : statistics) {
    int64_t count = elements(module_, s->inner);
    sums += s->symmetric ? (count + size_of(module_, s->inner[0])) / 2 : count;
    for (AxisId axis : s->inner) loops |= values_.looped[static_cast<size_t>(axis)] != 0;
  }
  one_block_ = !loops && sums <= target_.accumulators;
  if (one_block_) return;
  for (const Statistic* s : statistics) {
    if (!s->separable()) continue;
    auto add = [&](const std::vector<NodeId>& factors, AxisId axis) {
      if (at_hand(factors) || panel(factors) != nullptr) return;
      int64_t at = arena_.take(size_of(module_, axis) * run_rows_);
      panels_.push_back({factors, axis, {Storage::Form::tile, Buffer::scratch, at, {{axis, run_rows_}}}});
    };
    add(s->left, s->inner[0]);
    add(s->right, s->inner[1]);
  }
}

/// What a block of pairs may load, or form as a difference of what it loads. Where a block has few registers
/// each difference would be formed for few sums.
bool RowsSchedule::at_hand(const std::vector<NodeId>& factors) const {
  if (factors.size() != 1) return false;
  NodeId id = factors[0];
  auto stands = [&](NodeId other) { return values_.storage[static_cast<size_t>(other)].has_value(); };
  while (!stands(id) && node(id).op == ir::Op::rename) id = node(id).inputs[0];
  if (stands(id)) return true;
  constexpr int enough = 16;
  bool difference = node(id).op == ir::Op::sub && std::ranges::all_of(node(id).inputs, stands);
  return difference && target_.accumulators >= enough &&
         values_.looped[static_cast<size_t>(node(id).type.axes.back())];
}

const RowsSchedule::Panel* RowsSchedule::panel(const std::vector<NodeId>& factors) const {
  auto found = std::ranges::find(panels_, factors, &Panel::factors);
  return found == panels_.end() ? nullptr : &*found;
}

Value RowsSchedule::factor_product(const Statistic& s, const std::vector<NodeId>& factors,
                                   const Binding& binding) {
  if (s.separable()) {
    if (const Panel* kept = panel(factors)) return values_.load(kept->storage, binding);
  }
  return values_.product(factors, binding);
}

/// accumulator + this row's product. The formula is a property of the statistic, so that bits do not depend
/// on blocks: a product that some pair statistic of the group keeps is rounded before it is added.
Value RowsSchedule::add_to(const Element& element, Value accumulator) {
  const Statistic& s = *element.statistic;
  if (s.separable() && s.masked) {
    Value left = factor_product(s, s.left, element.binding),
          right = factor_product(s, s.right, element.binding);
    return b_.fma(left, right, accumulator);
  }
  bool shared =
      std::ranges::any_of(statistics_, [&](const Statistic& other) { return other.left == s.factors; });
  if (s.masked && !s.reduces) {
    if (shared) return b_.add(accumulator, values_.product(s.factors, element.binding));
    return values_.add_product(s.factors, element.binding, accumulator);
  }
  Value term;
  if (s.reduces) {
    term = values_.row_term(s.node, element.binding);
  } else if (s.separable()) {
    term = b_.mul(factor_product(s, s.left, element.binding), factor_product(s, s.right, element.binding));
  } else {
    term = values_.product(s.factors, element.binding);
  }
  term = b_.broadcast(term);
  if (!s.masked) term = b_.select(row_mask(), term, b_.reals(0));
  return b_.add(accumulator, term);
}

void RowsSchedule::block(const Elements& sums, const std::vector<std::pair<const Panel*, Binding>>& fills) {
  std::vector<Value> first;
  for (const Element& e : sums) first.push_back(b_.load(Type::reals, lanes_of(*e.statistic, e.binding)));
  auto last =
      b_.loop(b_.index(0), run_count_, lane_count, first, [&](Value row, const std::vector<Value>& carried) {
        values_.tile_row = row;
        values_.column_row = b_.integer(Op::int_add, run_first_, row);
        for (const auto& [kept, at] : fills)
          values_.store(kept->storage, at, values_.product(kept->factors, at));
        std::vector<Value> next;
        for (size_t i = 0; i < sums.size(); ++i) next.push_back(add_to(sums[i], carried[i]));
        values_.tile_row = values_.column_row = no_value;
        return next;
      });
  for (size_t i = 0; i < sums.size(); ++i) b_.store(lanes_of(*sums[i].statistic, sums[i].binding), last[i]);
}

void RowsSchedule::members(const std::vector<const Statistic*>& statistics, const Binding& binding) {
  if (one_block_) {
    Elements all;
    for (const Statistic* s : statistics) {
      for (Element& e : positions(*s, binding)) all.push_back(std::move(e));
    }
    return block(all, {});
  }
  vectors(statistics, binding);
  for (const Statistic* s : statistics) {
    if (s->inner.size() == 2) pairs(*s, binding);
  }
}

/// Every sum of a statistic whose inner axes are unrolled; of a symmetric one the lower triangle.
RowsSchedule::Elements RowsSchedule::positions(const Statistic& s, const Binding& binding) {
  Elements all;
  Binding at = binding;
  values_.over_unrolled(s.inner, at, [&](const Binding& here) {
    bool below = true;
    if (s.symmetric) {
      int64_t i = here[static_cast<size_t>(s.inner[0])].constant,
              j = here[static_cast<size_t>(s.inner[1])].constant;
      below = j <= i;
    }
    if (below) all.push_back({&s, here});
  });
  return all;
}

/// Statistics with at most one inner axis, and the panels, in one pass over that axis.
void RowsSchedule::vectors(const std::vector<const Statistic*>& statistics, const Binding& binding) {
  Elements scalars;
  std::vector<AxisId> axes;
  auto note = [&](AxisId axis) {
    if (std::ranges::find(axes, axis) == axes.end()) axes.push_back(axis);
  };
  for (const Statistic* s : statistics) {
    if (s->inner.empty()) scalars.push_back({s, binding});
    if (s->inner.size() == 1) note(s->inner[0]);
  }
  for (const Panel& kept : panels_) note(kept.axis);
  // What a panel keeps is formed before it is added: more sums beside it than these, and some were spilled.
  constexpr int64_t most_beside_panels = 8;
  auto limit = static_cast<size_t>(
      panels_.empty() ? target_.accumulators : std::min<int64_t>(target_.accumulators, most_beside_panels));
  Elements sums = scalars;
  std::vector<std::pair<const Panel*, Binding>> fills;
  auto flush = [&] {
    if (!sums.empty() || !fills.empty()) block(sums, fills);
    sums.clear();
    fills.clear();
  };
  auto at_position = [&](AxisId axis, Index index) {
    Binding at = binding;
    at[static_cast<size_t>(axis)] = index;
    for (const Panel& kept : panels_) {
      if (kept.axis == axis) fills.emplace_back(&kept, at);
    }
    for (const Statistic* s : statistics) {
      if (s->inner == std::vector<AxisId>{axis}) sums.push_back({s, at});
    }
  };
  for (AxisId axis : axes) {
    int64_t size = size_of(module_, axis);
    if (!values_.looped[static_cast<size_t>(axis)]) {
      for (int64_t i = 0; i < size; ++i) {
        if (sums.size() + 1 > limit || fills.size() >= 2 * limit) flush();
        at_position(axis, {no_value, i});
      }
      continue;
    }
    flush();
    auto together = std::ranges::count_if(
        statistics, [&](const Statistic* s) { return s->inner == std::vector<AxisId>{axis}; });
    int64_t step = std::max<int64_t>(1, static_cast<int64_t>(limit) / std::max<int64_t>(1, together)),
            whole = size / step * step;
    b_.loop(b_.index(0), b_.index(whole), step, [&](Value i) {
      for (int64_t part = 0; part < step; ++part) at_position(axis, {i, part});
      flush();
    });
    for (int64_t i = whole; i < size; ++i) at_position(axis, {no_value, i});
    flush();
  }
  flush();
}

}  // namespace lvm::loop
