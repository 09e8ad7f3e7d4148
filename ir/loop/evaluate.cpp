#include "ir/loop/evaluate.h"

#include <fmt/format.h>

#include "ir/maths/maths.h"
#include "ir/maths/single.h"

namespace lvm::loop {

Evaluator::Evaluator(const ir::Module& module, const ir::Function& function, Builder& builder, Arena& arena)
    : looped(module.axes.size(), 0),
      storage(function.nodes.size()),
      module_(module),
      function_(function),
      b_(builder),
      arena_(arena) {
  memo_in_.emplace_back();
  locals_in_.emplace_back();
  builder.on_open = [this] {
    memo_in_.emplace_back();
    locals_in_.emplace_back();
  };
  builder.on_close = [this] {
    for (const auto& k : memo_in_.back()) memo_.erase(k);
    for (NodeId id : locals_in_.back()) locals_.erase(id);
    memo_in_.pop_back();
    locals_in_.pop_back();
  };
}

void Evaluator::refuse(const ir::Node& node, std::string_view why) const {
  throw ir::InternalError(
      fmt::format("schedule: function \"{}\": op {}: {}", function_.name, ir::row(node.op).name, why));
}

std::vector<int64_t> Evaluator::key(NodeId id, const Binding& binding) const {
  std::vector<int64_t> k = {id};
  for (AxisId axis : node(id).type.axes) {
    k.push_back(binding[static_cast<size_t>(axis)].value);
    k.push_back(binding[static_cast<size_t>(axis)].constant);
  }
  return k;
}

Binding Evaluator::of_group(const Binding& binding, int64_t group) const {
  Binding at = binding;
  at[static_cast<size_t>(row_axis)] = {no_value, group * lane_count};
  return at;
}

void Evaluator::remember(NodeId id, const Binding& binding, Value made) {
  auto k = key(id, binding);
  memo_in_.back().push_back(k);
  memo_.emplace(std::move(k), made);
}

Value Evaluator::value(NodeId id, const Binding& binding) {
  if (auto known = memo_.find(key(id, binding)); known != memo_.end()) return known->second;
  Value made;
  if (const Local* kept = local(id, binding)) {
    made = load(kept->storage, binding);
  } else if (const auto& stored = storage[static_cast<size_t>(id)]) {
    made = load(*stored, binding);
  } else if (sums_in_loop(id)) {
    return sum_of_groups(id, binding);
  } else {
    made = expand(id, binding);
  }
  remember(id, binding, made);
  return made;
}

Value Evaluator::as_real(Value value) {
  Type type = b_.type(value);
  if (type != Type::flag && type != Type::flags) return value;
  Value one = number(1), zero = number(0);
  return type == Type::flag ? b_.select(value, one, zero)
                            : b_.select(value, b_.broadcast(one), b_.broadcast(zero));
}

Value Evaluator::as_flag(Value value) {
  Type type = b_.type(value);
  if (type == Type::flag || type == Type::flags) return value;
  return b_.flag_not(b_.equal(value, b_.real_like(0, value)));
}

Place Evaluator::place(const Storage& to, const Binding& binding) {
  Index at = linear(b_, to.strides, binding, to.offset);
  if (to.form == Storage::Form::tile) {
    at.value = at.value == no_value ? tile_row : b_.integer(Op::int_add, at.value, tile_row);
    at.constant += binding[static_cast<size_t>(row_axis)].constant;
  }
  return {to.buffer, at.value, at.constant};
}

Value Evaluator::load(const Storage& from, const Binding& binding) {
  switch (from.form) {
    case Storage::Form::scalar: return b_.load(single ? Type::single : Type::real, place(from, binding));
    case Storage::Form::vector:
    case Storage::Form::tile: return b_.load(single ? Type::singles : Type::reals, place(from, binding));
    case Storage::Form::column: {
      Index column = linear(b_, from.strides, binding, from.offset);
      Value row = index_value(b_, {column_row, binding[static_cast<size_t>(row_axis)].constant});
      return b_.load_column(index_value(b_, column), row, single ? Type::singles : Type::reals);
    }
  }
  return no_value;
}

void Evaluator::store(const Storage& to, const Binding& binding, Value value) {
  value = b_.in_precision_of(as_real(value), number(0));
  if (to.form != Storage::Form::scalar) value = b_.broadcast(value);
  b_.store(place(to, binding), value);
}

Value Evaluator::product(std::span<const NodeId> factors, const Binding& binding) {
  Value result = real(factors[0], binding);
  for (NodeId factor : factors.subspan(1)) result = b_.mul(result, real(factor, binding));
  return result;
}

Value Evaluator::add_product(std::span<const NodeId> factors, const Binding& binding, Value accumulator) {
  if (accumulator == no_value) return product(factors, binding);
  if (factors.size() == 1) return b_.add(accumulator, real(factors[0], binding));
  Value left = product(factors.first(factors.size() - 1), binding);
  return b_.fma(left, real(factors.back(), binding), accumulator);
}

Value Evaluator::position(Index index) {
  if (index.value == no_value) return b_.real(static_cast<double>(index.constant));
  return b_.to_real(index_value(b_, index));
}

Value Evaluator::leaf(const ir::Node& n, const Binding& binding) {
  using ir::Op;
  auto at = [&](size_t i) { return binding[static_cast<size_t>(n.attributes.axes[i])]; };
  if (n.op == Op::constant) return number(n.attributes.number);
  if (n.op == Op::iota) return position(at(0));
  if (n.op == Op::identity) {
    if (at(0) == at(1)) return number(1);
    if (at(0).value == no_value && at(1).value == no_value) return number(0);
    return as_real(b_.int_equal(index_value(b_, at(0)), index_value(b_, at(1))));
  }
  refuse(n, "a leaf that this function cannot read");
}

Value Evaluator::expand(NodeId id, const Binding& binding) {
  const ir::Node& n = node(id);
  const auto& axes = n.attributes.axes;
  auto moved = [&](auto change) {
    Binding inner = binding;
    change(inner);
    return value(n.inputs[0], inner);
  };
  switch (ir::row(n.op).shape) {
    case ir::ShapeRule::leaf: return leaf(n, binding);
    case ir::ShapeRule::pointwise: return pointwise(n, binding);
    case ir::ShapeRule::reduce:
      if (n.op == ir::Op::sum) return sum(n, binding);
      if (n.op == ir::Op::reduce_max) return greatest(n, binding);
      if (n.op == ir::Op::logsumexp) return log_sum_exp(n, binding);
      if (n.op == ir::Op::argmax) return arg_max(n, binding);
      break;
    case ir::ShapeRule::contract: return contract(n, binding);
    case ir::ShapeRule::broadcast: return value(n.inputs[0], binding);
    case ir::ShapeRule::rename:
      return moved([&](Binding& inner) {
        for (size_t i = 0; i + 1 < axes.size(); i += 2) {
          inner[static_cast<size_t>(axes[i])] = binding[static_cast<size_t>(axes[i + 1])];
        }
      });
    case ir::ShapeRule::gather: return gather(n, binding);
    case ir::ShapeRule::one_hot:
      return b_.equal(real(n.inputs[0], binding), position(binding[static_cast<size_t>(axes[0])]));
    case ir::ShapeRule::stack:
      return choose(binding[static_cast<size_t>(axes[0])], static_cast<int64_t>(n.inputs.size()),
                    [&](int64_t i) { return real(n.inputs[static_cast<size_t>(i)], binding); });
    case ir::ShapeRule::slice:
      return moved([&](Binding& inner) {
        inner[static_cast<size_t>(axes[0])] = {no_value, static_cast<int64_t>(n.attributes.number)};
      });
    case ir::ShapeRule::diagonal:
      return moved([&](Binding& inner) {
        inner[static_cast<size_t>(axes[1])] = binding[static_cast<size_t>(axes[0])];
      });
    case ir::ShapeRule::diag: {
      Index i = binding[static_cast<size_t>(axes[0])], j = binding[static_cast<size_t>(axes[1])];
      if (i == j) return value(n.inputs[0], binding);
      if (i.value == no_value && j.value == no_value) return number(0);
      Value on = b_.int_equal(index_value(b_, i), index_value(b_, j));
      Value x = real(n.inputs[0], binding);
      return b_.select(on, x, b_.real_like(0, x));
    }
    case ir::ShapeRule::apply:
      if (n.op == ir::Op::triangular_apply) return triangular_apply(n, binding);
      if (n.op == ir::Op::triangular_solve) return triangular_solve(id, binding);
      break;
    case ir::ShapeRule::reshape:
    case ir::ShapeRule::matrix:
    case ir::ShapeRule::eigenvalues:
    case ir::ShapeRule::matmul:
    case ir::ShapeRule::conv:
    case ir::ShapeRule::call:
    case ir::ShapeRule::scan:
    case ir::ShapeRule::logpdf: break;
  }
  refuse(n, "has no element-wise form here");
}

/// a + W x as one chain of products that starts from a; none where `n` is no such sum.
Value Evaluator::offset_apply(const ir::Node& n, const Binding& binding) {
  if (n.op != ir::Op::add) return no_value;
  for (size_t side : {0U, 1U}) {
    const ir::Node& apply = node(n.inputs[side]);
    if (apply.op != ir::Op::triangular_apply || storage[static_cast<size_t>(n.inputs[side])]) continue;
    if (binding[static_cast<size_t>(apply.attributes.axes[0])].value != no_value) continue;
    return triangular_apply(apply, binding, real(n.inputs[1 - side], binding));
  }
  return no_value;
}

Value Evaluator::pointwise(const ir::Node& n, const Binding& binding) {
  if (Value sum = offset_apply(n, binding); sum != no_value) return sum;
  std::vector<Value> inputs;
  for (NodeId input : n.inputs) inputs.push_back(value(input, binding));
  if (inputs.size() == 1) return unary(n, inputs[0]);
  if (inputs.size() == 2) return binary(n, inputs[0], inputs[1]);
  if (n.op == ir::Op::fma) {
    for (Value& input : inputs) input = as_real(input);
    return b_.fma(inputs[0], inputs[1], inputs[2]);
  }
  if (n.op == ir::Op::select) {
    Value yes = as_real(inputs[1]), no = as_real(inputs[2]);
    return b_.select(as_flag(inputs[0]), yes, no);
  }
  refuse(n, "unknown");
}

/// Of singles by `of_single`, or widened to double and back.
Value Evaluator::precise(Function1 function, Value x, Function1 of_single) {
  const bool is_single = b_.type(x) == Type::single || b_.type(x) == Type::singles;
  if (is_single && of_single) return of_single(b_, x);
  return b_.in_precision_of(function(b_, b_.in_double(x)), x);
}

Value Evaluator::unary(const ir::Node& n, Value a) {
  if (n.op == ir::Op::logical_not) return b_.flag_not(as_flag(a));
  Value x = as_real(a);
  switch (n.op) {
    case ir::Op::neg: return b_.neg(x);
    case ir::Op::abs: return b_.abs(x);
    case ir::Op::exp: return precise(maths::exp, x, maths::single::exp);
    case ir::Op::log: return precise(maths::log, x);
    case ir::Op::expm1: return precise(maths::expm1, x);
    case ir::Op::log1p: return precise(maths::log1p, x);
    case ir::Op::sqrt: return b_.sqrt(x);
    case ir::Op::square: return b_.mul(x, x);
    case ir::Op::reciprocal: return b_.div(b_.real_like(1, x), x);
    case ir::Op::sigmoid: return precise(maths::sigmoid, x, maths::single::sigmoid);
    case ir::Op::softplus: return precise(maths::softplus, x, maths::single::softplus);
    case ir::Op::tanh: return precise(maths::tanh, x, maths::single::tanh);
    case ir::Op::relu: return b_.select(b_.less(x, b_.real_like(0, x)), b_.real_like(0, x), x);
    case ir::Op::erf: return precise(maths::erf, x);
    case ir::Op::lgamma: return precise(maths::lgamma, x);
    case ir::Op::digamma: return precise(maths::digamma, x);
    case ir::Op::trigamma: return precise(maths::trigamma, x);
    case ir::Op::erfcx: return precise(maths::erfcx, x);
    case ir::Op::cos: return precise(maths::cos, x);
    case ir::Op::sin: return precise(maths::sin, x);
    case ir::Op::binet: return precise(maths::binet, x);
    case ir::Op::binet_slope: return precise(maths::binet_slope, x);
    case ir::Op::binet_curve: return precise(maths::binet_curve, x);
    case ir::Op::log_bessel: return precise(maths::log_bessel, x);
    case ir::Op::bessel_ratio: return precise(maths::bessel_ratio, x);
    case ir::Op::bessel_slope: return precise(maths::bessel_slope, x);
    case ir::Op::floor: return b_.floor(x);
    case ir::Op::is_finite: return b_.less(b_.abs(x), b_.real_like(__builtin_inf(), x));
    default: break;  // every other op has another shape rule or arity
  }
  refuse(n, "unknown");
}

Value Evaluator::binary(const ir::Node& n, Value a, Value c) {
  switch (n.op) {
    case ir::Op::logical_and: return b_.flag_and(as_flag(a), as_flag(c));
    case ir::Op::logical_or: return b_.flag_or(as_flag(a), as_flag(c));
    default: break;
  }
  Value x = as_real(a), y = as_real(c);
  switch (n.op) {
    case ir::Op::add: return b_.add(x, y);
    case ir::Op::sub: return b_.sub(x, y);
    case ir::Op::mul: return b_.mul(x, y);
    case ir::Op::div: return b_.div(x, y);
    case ir::Op::pow:
      return b_.in_precision_of(maths::pow(b_, b_.in_double(x), b_.in_double(y)), single ? number(0) : x);
    case ir::Op::log_gamma_draw:
      return b_.in_precision_of(maths::log_gamma_draw(b_, b_.in_double(x), b_.in_double(y)),
                                single ? number(0) : x);
    case ir::Op::log_gamma_draw_slope:
      return b_.in_precision_of(maths::log_gamma_draw_slope(b_, b_.in_double(x), b_.in_double(y)),
                                single ? number(0) : x);
    case ir::Op::maximum: return b_.maximum(x, y);
    case ir::Op::minimum: return b_.minimum(x, y);
    case ir::Op::less: return b_.less(x, y);
    case ir::Op::less_equal: return b_.less_equal(x, y);
    case ir::Op::equal: return b_.equal(x, y);
    default: break;
  }
  refuse(n, "unknown");
}

}  // namespace lvm::loop
