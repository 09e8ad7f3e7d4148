// Sums over rows that differ from one latent state to the next by a weight alone: sum_n r[n, k] f[n].
//
// The features f (products of what has no latent axis: elements of a vector and their pairs) are formed once
// a run, not once a state, and stand in scratch. What is left is a product of matrices, r' f: blocks of
// states times features in registers, each value that is loaded used once for every state, or every feature,
// of its block.

#include <algorithm>

#include "ir/loop/rows.h"

namespace lvm::loop {

namespace {

constexpr int64_t most_features = 160;  // a row; more would leave the second-level cache

}  // namespace

/// The weight of a statistic whose other factors have no latent axis; no_node where it has another form.
NodeId RowsSchedule::shared_weight(const Statistic& s) const {
  if (s.outer.size() != 1 || s.reduces || !s.masked) return ir::no_node;
  NodeId weight = ir::no_node;
  for (NodeId factor : s.factors) {
    if (!node(factor).type.has(s.outer[0])) continue;
    if (weight != ir::no_node || !kept_[static_cast<size_t>(factor)]) return ir::no_node;
    weight = factor;
  }
  for (AxisId axis : s.inner) {
    if (values_.looped[static_cast<size_t>(axis)]) return ir::no_node;
  }
  return weight;
}

/// A group whose sums are all of that form, with the same weight, and of which some need the product of two
/// factors.
bool RowsSchedule::is_shared(const std::vector<const Statistic*>& statistics) const {
  NodeId weight = shared_weight(*statistics.front());
  int64_t features = 0;
  bool forms_products = false;
  for (const Statistic* s : statistics) {
    if (weight == ir::no_node || shared_weight(*s) != weight) return false;
    features += elements(module_, s->inner);
    forms_products |= s->factors.size() > 2;
  }
  return forms_products && features <= most_features;
}

/// Other features stand somewhere already: in a column, in a node that is kept, or as the constant 1.
bool RowsSchedule::forms_feature(const Statistic& s) const {
  bool stands = s.factors.size() == 1;
  if (s.factors.size() == 2) {
    NodeId other = s.factors[s.factors[0] == shared_weight(s) ? 1 : 0];
    stands = values_.storage[static_cast<size_t>(other)].has_value() || kept_[static_cast<size_t>(other)];
  }
  return !stands;
}

/// The features of the present run of rows, side by side in scratch.
std::vector<RowsSchedule::Feature> RowsSchedule::make_features(
    const std::vector<const Statistic*>& statistics) {
  std::vector<Feature> features;
  int64_t formed = 0;
  for (const Statistic* s : statistics) {
    std::vector<NodeId> factors = s->factors;
    std::erase(factors, shared_weight(*s));
    for (const Element& e : positions(*s, values_.unbound())) {
      Feature f{s, e.binding, factors, {Storage::Form::tile, Buffer::scratch, 0, {}}};
      if (factors.size() == 1 && !forms_feature(*s))
        f.storage = *values_.storage[static_cast<size_t>(factors[0])];
      if (forms_feature(*s)) f.storage.offset = run_rows_ * formed++;
      features.push_back(std::move(f));
    }
  }
  const int64_t first = arena_.take(formed * run_rows_);
  for (Feature& f : features) {
    if (forms_feature(*f.statistic)) f.storage.offset += first;
  }
  each_row(1, [&](int64_t) {
    for (const Feature& f : features) {
      if (forms_feature(*f.statistic))
        values_.store(f.storage, f.binding, values_.product(f.factors, f.binding));
    }
  });
  return features;
}

/// Adds the features to the sums of each of `states`, together.
void RowsSchedule::add_features(std::span<const Feature> features, AxisId states_axis,
                                const std::vector<Index>& states) {
  struct Sum {
    const Feature* feature;
    Binding binding;
  };
  std::vector<Sum> sums;
  std::vector<Value> first;
  for (const Feature& f : features) {
    for (Index state : states) {
      Binding at = f.binding;
      at[static_cast<size_t>(states_axis)] = state;
      first.push_back(b_.load(Type::reals, lanes_of(*f.statistic, at)));
      sums.push_back({&f, std::move(at)});
    }
  }
  auto last =
      b_.loop(b_.index(0), run_count_, lane_count, first, [&](Value row, const std::vector<Value>& carried) {
        values_.tile_row = row;
        values_.column_row = b_.integer(Op::int_add, run_first_, row);
        std::vector<Value> next;
        for (size_t i = 0; i < sums.size(); ++i) {
          const auto& [feature, at] = sums[i];
          Value weight =
              values_.load(*values_.storage[static_cast<size_t>(shared_weight(*feature->statistic))], at);
          next.push_back(feature->factors.empty()
                             ? b_.add(carried[i], weight)
                             : b_.fma(weight, values_.load(feature->storage, at), carried[i]));
        }
        values_.tile_row = values_.column_row = no_value;
        return next;
      });
  for (size_t i = 0; i < sums.size(); ++i)
    b_.store(lanes_of(*sums[i].feature->statistic, sums[i].binding), last[i]);
}

void RowsSchedule::shared_group(const std::vector<const Statistic*>& statistics) {
  std::vector<Feature> features = make_features(statistics);
  AxisId axis = statistics.front()->outer[0];
  int64_t together = std::min<int64_t>(target_.accumulators, 2), size = size_of(module_, axis),
          whole = size / together * together;
  // Weights stay in the first-level cache while the features stream by.
  auto width = static_cast<size_t>(target_.accumulators / together);
  for (size_t from = 0; from < features.size(); from += width) {
    auto block = std::span(features).subspan(from, std::min(width, features.size() - from));
    b_.loop(b_.index(0), b_.index(whole), together, [&](Value k) {
      std::vector<Index> states;
      for (int64_t i = 0; i < together; ++i) states.push_back({k, i});
      add_features(block, axis, states);
    });
    for (int64_t k = whole; k < size; ++k) add_features(block, axis, {{no_value, k}});
  }
}

}  // namespace lvm::loop
