// Products of a triangle and a vector. Over a long axis, blocks of rows of the triangle are taken with all
// groups of rows of the table that are at work: each value that is loaded serves every group, or every row of
// its block.

#include <algorithm>

#include "ir/loop/evaluate.h"

namespace lvm::loop {

Value Evaluator::triangular_apply(const ir::Node& n, const Binding& binding, Value start) {
  auto row = static_cast<size_t>(n.attributes.axes[0]), column = static_cast<size_t>(n.attributes.axes[1]);
  Index i = binding[row];
  auto term = [&](Index j, Value accumulator) {
    Binding matrix = binding, vector = binding;
    matrix[column] = j;
    vector[row] = j;
    Value x = real(n.inputs[1], vector), l = real(n.inputs[0], matrix);
    return accumulator == no_value ? b_.mul(l, x) : b_.fma(l, x, accumulator);
  };
  if (i.value != no_value) {
    return b_.loop(b_.index(0), index_value(b_, {i.value, i.constant + 1}), 1, {zero_of(n, 0)},
                   [&](Value j, const std::vector<Value>& carried) {
                     return std::vector<Value>{term({j, 0}, carried[0])};
                   })[0];
  }
  Value accumulator = start;
  for (int64_t j = 0; j <= i.constant; ++j) accumulator = term({no_value, j}, accumulator);
  return accumulator;
}

/// The `triangular_apply` whose squares the sum adds up, if nothing else reads it: then it need not be kept.
NodeId Evaluator::squared_apply(const ir::Node& sum) const {
  const std::vector<NodeId> factors = factors_of(sum);
  if (factors.size() != 2 || factors[0] != factors[1]) return ir::no_node;
  const ir::Node& apply = node(factors[0]);
  if (apply.op != ir::Op::triangular_apply ||
      sum.attributes.axes != std::vector<AxisId>{apply.attributes.axes[0]})
    return ir::no_node;
  if (storage[static_cast<size_t>(factors[0])] || locals_.contains(factors[0])) return ir::no_node;
  size_t readers = 0;
  for (const ir::Node& n : function_.nodes)
    readers += static_cast<size_t>(std::ranges::count(n.inputs, factors[0]) > 0);
  return readers == 1 ? factors[0] : ir::no_node;
}

void Evaluator::keep_vector(const ir::Node& apply, const Binding& binding) {
  AxisId axis = apply.attributes.axes[0];
  NodeId vector = apply.inputs[1];
  bool loaded = storage[static_cast<size_t>(vector)].has_value() || local(vector, binding) != nullptr;
  if (!loaded && node(vector).type.has(axis)) make_local(axis, vector, binding);
}

std::vector<Value> Evaluator::over_blocks(const ir::Node& apply, std::vector<Value> first,
                                          const ApplyBlock& body) {
  constexpr int64_t block = 4;
  int64_t size = size_of(module_, apply.attributes.axes[0]), whole = size / block * block;
  std::vector<Value> last =
      b_.loop(b_.index(0), b_.index(whole), block, std::move(first),
              [&](Value i, const std::vector<Value>& carried) { return body(i, block, carried); });
  return whole < size ? body(b_.index(whole), size - whole, last) : last;
}

/// The elements `first` … of the product, each of all groups; every sum in the order of the columns.
std::vector<Value> Evaluator::apply_rows(const ir::Node& n, const Binding& binding, Value first,
                                         int64_t count) {
  auto row = static_cast<size_t>(n.attributes.axes[0]), column = static_cast<size_t>(n.attributes.axes[1]);
  auto term = [&](Index i, Index j, int64_t group, Value accumulator) {
    Binding matrix = binding, vector = of_group(binding, group);
    matrix[row] = i;
    matrix[column] = j;
    vector[row] = j;
    return b_.fma(real(n.inputs[0], matrix), real(n.inputs[1], vector), accumulator);
  };
  std::vector<Value> sums(static_cast<size_t>(count * groups), zero_of(n, 0));
  auto add = [&](std::vector<Value>& to, int64_t r, Index j) {
    for (int64_t group = 0; group < groups; ++group) {
      Value& sum = to[static_cast<size_t>(r * groups + group)];
      sum = term({first, r}, j, group, sum);
    }
  };
  sums = b_.loop(b_.index(0), first, 1, sums, [&](Value j, const std::vector<Value>& carried) {
    std::vector<Value> next = carried;
    for (int64_t r = 0; r < count; ++r) add(next, r, {j, 0});
    return next;
  });
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t c = 0; c <= r; ++c) add(sums, r, {first, c});
  }
  return sums;
}

void Evaluator::fill_apply(const ir::Node& n, const Binding& binding, const Storage& to) {
  over_blocks(n, {}, [&](Value first, int64_t count, const std::vector<Value>&) {
    const std::vector<Value> made = apply_rows(n, binding, first, count);
    for (int64_t i = 0; i < count * groups; ++i) {
      Binding at = of_group(binding, i % groups);
      at[static_cast<size_t>(n.attributes.axes[0])] = {first, i / groups};
      store(to, at, made[static_cast<size_t>(i)]);
    }
    return std::vector<Value>{};
  });
}

std::vector<Value> Evaluator::sum_of_squares(const ir::Node& n, const Binding& binding) {
  keep_vector(n, binding);
  std::vector<Value> zeros(static_cast<size_t>(groups), zero_of(n, 0));
  return over_blocks(n, zeros, [&](Value first, int64_t count, const std::vector<Value>& carried) {
    const std::vector<Value> made = apply_rows(n, binding, first, count);
    std::vector<Value> next = carried;
    for (int64_t i = 0; i < count * groups; ++i) {
      Value &sum = next[static_cast<size_t>(i % groups)], part = made[static_cast<size_t>(i)];
      sum = b_.fma(part, part, sum);
    }
    return next;
  });
}

}  // namespace lvm::loop
