#include "ir/loop/evaluate.h"
#include "ir/maths/maths.h"

namespace lvm::loop {

Value finite_or_zero(Builder& b, Value greatest) {
  Value bound = b.real_like(__builtin_inf(), greatest);
  return b.select(b.less(b.abs(greatest), bound), greatest, b.real_like(0, greatest));
}

Value Evaluator::zero_of(const ir::Node& n, double zero) {
  const Value scalar = number(zero);
  return n.type.has(row_axis) ? b_.broadcast(scalar) : scalar;
}

/// Goes over all positions of `axes`, in order. An accumulator of none stands for "no term yet"; loops start
/// from `first`.
Value Evaluator::fold(std::span<const AxisId> axes, std::span<const NodeId> inputs, Binding binding,
                      Value accumulator, double first, const ir::Node& n, const Step& step) {
  if (axes.empty()) return step(binding, accumulator);
  auto axis = static_cast<size_t>(axes[0]);
  int64_t size = size_of(module_, axes[0]);
  if (!looped[axis]) {
    for (int64_t i = 0; i < size; ++i) {
      binding[axis] = {no_value, i};
      accumulator = fold(axes.subspan(1), inputs, binding, accumulator, first, n, step);
    }
    return accumulator;
  }
  for (NodeId input : inputs) make_locals(axes[0], input, binding);
  Value start = accumulator == no_value ? zero_of(n, first) : accumulator;
  return b_.loop(b_.index(0), b_.index(size), 1, {start}, [&](Value i, const std::vector<Value>& carried) {
    Binding inner = binding;
    inner[axis] = {i, 0};
    return std::vector<Value>{
        b_.in_precision_of(fold(axes.subspan(1), inputs, inner, carried[0], first, n, step), carried[0])};
  })[0];
}

/// What a sum adds up products of: a product that stands nowhere is taken apart.
std::vector<NodeId> Evaluator::factors_of(const ir::Node& sum) const {
  const ir::Node& input = node(sum.inputs[0]);
  bool expanded = sum.op == ir::Op::sum && !storage[static_cast<size_t>(sum.inputs[0])];
  if (expanded && input.op == ir::Op::mul) return input.inputs;
  if (expanded && input.op == ir::Op::square) return {input.inputs[0], input.inputs[0]};
  return sum.inputs;
}

bool Evaluator::sums_in_loop(NodeId id) const {
  const ir::Node& n = node(id);
  const bool adds = (n.op == ir::Op::sum || n.op == ir::Op::contract) &&
                    !n.attributes.axes.empty();  // over no axis: a product
  if (!adds || !has_rows(id)) return false;
  return looped[static_cast<size_t>(n.attributes.axes[0])] != 0;
}

/// One loop for all groups at work: they share what it loads, and their chains of additions do not wait for
/// one another.
Value Evaluator::sum_of_groups(NodeId id, const Binding& binding) {
  const ir::Node& n = node(id);
  std::vector<Value> sums(static_cast<size_t>(groups), zero_of(n, 0));
  if (NodeId apply = squared_apply(n); apply != ir::no_node) {
    sums = sum_of_squares(node(apply), binding);
  } else {
    const std::vector<NodeId> factors = factors_of(n);
    const std::span<const AxisId> axes = n.attributes.axes;
    for (int64_t group = 0; group < groups; ++group) {
      for (NodeId factor : factors) make_locals(axes[0], factor, of_group(binding, group));
    }
    auto step = [&](const Binding& at, Value accumulator) { return add_product(factors, at, accumulator); };
    sums = b_.loop(b_.index(0), b_.index(size_of(module_, axes[0])), 1, sums,
                   [&](Value i, const std::vector<Value>& carried) {
                     std::vector<Value> next;
                     for (int64_t group = 0; group < groups; ++group) {
                       Binding at = of_group(binding, group);
                       at[static_cast<size_t>(axes[0])] = {i, 0};
                       Value before = carried[static_cast<size_t>(group)];
                       next.push_back(b_.in_precision_of(
                           fold(axes.subspan(1), factors, at, before, 0, n, step), before));
                     }
                     return next;
                   });
  }
  for (int64_t group = 0; group < groups; ++group)
    remember(id, of_group(binding, group), sums[static_cast<size_t>(group)]);
  return sums[static_cast<size_t>(binding[static_cast<size_t>(row_axis)].constant / lane_count)];
}

Value Evaluator::sum(const ir::Node& n, const Binding& binding) {
  const std::vector<NodeId> factors = factors_of(n);
  Value made =
      fold(n.attributes.axes, factors, binding, no_value, 0, n,
           [&](const Binding& at, Value accumulator) { return add_product(factors, at, accumulator); });
  return made;
}

Value Evaluator::contract(const ir::Node& n, const Binding& binding) {
  return fold(n.attributes.axes, n.inputs, binding, no_value, 0, n,
              [&](const Binding& at, Value accumulator) { return add_product(n.inputs, at, accumulator); });
}

Value Evaluator::row_term(NodeId id, const Binding& binding) {
  ir::Node others = node(id);
  std::erase(others.attributes.axes, row_axis);
  others.type.axes.insert(others.type.axes.begin(), row_axis);
  return others.op == ir::Op::sum ? sum(others, binding) : contract(others, binding);
}

void Evaluator::over_unrolled(std::span<const AxisId> axes, Binding& binding,
                              const std::function<void(const Binding&)>& body) const {
  if (axes.empty()) return body(binding);
  for (int64_t i = 0; i < size_of(module_, axes[0]); ++i) {
    binding[static_cast<size_t>(axes[0])] = {no_value, i};
    over_unrolled(axes.subspan(1), binding, body);
  }
}

Value Evaluator::greatest(const ir::Node& n, const Binding& binding) {
  return fold(n.attributes.axes, n.inputs, binding, no_value, -__builtin_inf(), n,
              [&](const Binding& at, Value accumulator) {
                Value x = real(n.inputs[0], at);
                // maximum keeps its second operand where one is NaN: the accumulator if it is one, or else x.
                if (accumulator == no_value) return x;
                return b_.select(b_.equal(accumulator, accumulator), b_.maximum(accumulator, x), accumulator);
              });
}

Value Evaluator::log_sum_exp(const ir::Node& n, const Binding& binding) {
  Value top = finite_or_zero(b_, greatest(n, binding));
  Value total =
      fold(n.attributes.axes, n.inputs, binding, no_value, 0, n, [&](const Binding& at, Value accumulator) {
        Value term = precise(maths::exp, b_.sub(real(n.inputs[0], at), top));
        return accumulator == no_value ? term : b_.add(accumulator, term);
      });
  return b_.add(top, precise(maths::log, total));
}

Value Evaluator::arg_max(const ir::Node& n, const Binding& binding) {
  AxisId axis = n.attributes.axes[0];
  int64_t size = size_of(module_, axis);
  auto better = [&](Value i, Value best, Value where, const Binding& at) {
    Value x = real(n.inputs[0], at);
    Value greater = b_.less(best, x);
    return std::vector<Value>{b_.select(greater, x, best), b_.select(greater, i, where)};
  };
  Binding at = binding;
  if (looped[static_cast<size_t>(axis)]) {
    return b_.loop(b_.index(0), b_.index(size), 1, {zero_of(n, -__builtin_inf()), zero_of(n, 0)},
                   [&](Value i, const std::vector<Value>& carried) {
                     at[static_cast<size_t>(axis)] = {i, 0};
                     return better(b_.to_real(i), carried[0], carried[1], at);
                   })[1];
  }
  std::vector<Value> best = {zero_of(n, -__builtin_inf()), zero_of(n, 0)};
  for (int64_t i = 0; i < size; ++i) {
    at[static_cast<size_t>(axis)] = {no_value, i};
    best = better(b_.real(static_cast<double>(i)), best[0], best[1], at);
  }
  return best[1];
}

/// By forward substitution, where the axis is unrolled.
Value Evaluator::triangular_solve(NodeId id, const Binding& binding) {
  const ir::Node& n = node(id);
  auto row = static_cast<size_t>(n.attributes.axes[0]), column = static_cast<size_t>(n.attributes.axes[1]);
  Index i = binding[row];
  if (i.value != no_value) refuse(n, "of more than 16 rows");
  Value rest = real(n.inputs[1], binding);
  Binding matrix = binding, solved = binding;
  for (int64_t j = 0; j < i.constant; ++j) {
    matrix[column] = solved[row] = {no_value, j};
    rest = b_.fma(b_.neg(real(n.inputs[0], matrix)), real(id, solved), rest);
  }
  matrix[column] = i;
  return b_.div(rest, real(n.inputs[0], matrix));
}

/// each(index), where an index that is only known at run time chooses among all.
Value Evaluator::choose(Index index, int64_t count, const std::function<Value(int64_t)>& each) {
  if (index.value == no_value) return each(index.constant);
  Value at = index_value(b_, index);
  Value chosen = each(0);
  for (int64_t i = 1; i < count; ++i) chosen = b_.select(b_.int_equal(at, b_.index(i)), each(i), chosen);
  return chosen;
}

Value Evaluator::gather(const ir::Node& n, const Binding& binding) {
  AxisId axis = n.attributes.axes[0];
  int64_t size = size_of(module_, axis);
  Value index = b_.in_double(real(n.inputs[1], binding));
  Binding at = binding;
  auto& position_of_table = at[static_cast<size_t>(axis)];
  const auto& table = storage[static_cast<size_t>(n.inputs[0])];
  if (!is_vector(b_.type(index))) {
    Value bounded = b_.maximum(b_.real(0), b_.minimum(b_.real(static_cast<double>(size - 1)), index));
    // A NaN must not become an address.
    bounded = b_.select(b_.equal(index, index), bounded, b_.real(0));
    position_of_table = {b_.to_index(bounded), 0};
    return value(n.inputs[0], at);
  }
  if (size > 16 && table && table->form == Storage::Form::scalar) {
    Value bounded = b_.maximum(b_.reals(0), b_.minimum(b_.reals(static_cast<double>(size - 1)), index));
    bounded = b_.select(b_.equal(index, index), bounded, b_.reals(0));
    // Adding 2^52 leaves the integer in the low bits.
    Value whole = b_.integer(Op::int_and, b_.bits(b_.add(bounded, b_.reals(0x1p52))),
                             b_.integer_like((1LL << 51) - 1, index));
    int64_t stride = 1;
    Strides others;
    for (auto s : table->strides) (s.first == axis ? stride = s.second, void() : others.push_back(s));
    Index base = linear(b_, others, binding, table->offset);
    Value place = b_.integer(Op::int_mul, whole, b_.integer_like(stride, whole));
    if (base.value != no_value) place = b_.integer(Op::int_add, place, base.value);
    return b_.gather(table->buffer, base.constant, place, single ? Type::singles : Type::reals);
  }
  Value chosen = b_.broadcast(number(__builtin_nan("")));
  if (!looped[static_cast<size_t>(axis)]) {
    for (int64_t i = 0; i < size; ++i) {
      position_of_table = {no_value, i};
      Value here = b_.equal(index, b_.reals(static_cast<double>(i)));
      chosen = b_.select(here, real(n.inputs[0], at), chosen);
    }
    return chosen;
  }
  return b_.loop(b_.index(0), b_.index(size), 1, {chosen}, [&](Value i, const std::vector<Value>& carried) {
    position_of_table = {i, 0};
    Value here = b_.equal(index, b_.to_real(i));
    return std::vector<Value>{b_.select(here, real(n.inputs[0], at), carried[0])};
  })[0];
}

}  // namespace lvm::loop
