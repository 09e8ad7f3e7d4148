// The rules of `simplify`. `x`, `y` are any values, `c` constants; `assumes` says where the two sides may
// differ.

#include <algorithm>
#include <bit>
#include <cmath>

#include "ir/passes/simplify.h"
#include "ir/tensor/scalar.h"

namespace lvm::ir {
namespace {

using Axes = std::vector<AxisId>;
using R = Rewriting;

bool holds(const Axes& axes, AxisId axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}
Axes minus(const Axes& a, const Axes& b) {
  Axes result;
  for (const AxisId id : a)
    if (!holds(b, id)) result.push_back(id);
  return result;
}

NodeId fold(R& r) {
  if (row(r.node.op).shape != ShapeRule::pointwise) return no_node;
  std::vector<double> v;
  for (const NodeId input : r.node.inputs) {
    if (r.of(input).op != Op::constant) return no_node;
    v.push_back(r.of(input).attributes.number);
  }
  double value = std::nan("");
  if (const Scalar1 unary = scalar1(r.node.op)) value = unary(v[0]);
  if (const Scalar2 binary = scalar2(r.node.op)) value = binary(v[0], v[1]);
  if (r.node.op == Op::fma) value = std::fma(v[0], v[1], v[2]);
  if (r.node.op == Op::select) value = v[0] != 0 ? v[1] : v[2];
  return std::isnan(value) ? no_node : r.b.constant(value);
}

// arithmetic

NodeId add_zero(R& r) {
  if (r.node.op != Op::add) return no_node;
  return r.constant(0, 0) ? r.input(1) : r.constant(1, 0) ? r.input(0) : no_node;
}
NodeId sub_zero(R& r) {
  return r.node.op == Op::sub && r.constant(1, 0) ? r.input(0) : no_node;
}
NodeId zero_sub(R& r) {
  return r.node.op == Op::sub && r.constant(0, 0) ? r.b.unary(Op::neg, r.input(1)) : no_node;
}
NodeId mul_one(R& r) {
  if (r.node.op != Op::mul) return no_node;
  return r.constant(0, 1) ? r.input(1) : r.constant(1, 1) ? r.input(0) : no_node;
}
NodeId mul_minus_one(R& r) {
  if (r.node.op != Op::mul) return no_node;
  const NodeId other = r.constant(0, -1) ? r.input(1) : r.constant(1, -1) ? r.input(0) : no_node;
  return other == no_node ? no_node : r.b.unary(Op::neg, other);
}
NodeId div_one(R& r) {
  return r.node.op == Op::div && r.constant(1, 1) ? r.input(0) : no_node;
}
NodeId one_div(R& r) {
  return r.node.op == Op::div && r.constant(0, 1) ? r.b.unary(Op::reciprocal, r.input(1)) : no_node;
}
NodeId neg_neg(R& r) {
  return r.node.op == Op::neg && r.is(0, Op::neg) ? r.below(0) : no_node;
}
NodeId neg_sub(R& r) {
  if (r.node.op != Op::neg || !r.is(0, Op::sub)) return no_node;
  return r.b.sub(r.of(r.input(0)).inputs[1], r.below(0));
}
NodeId add_neg(R& r) {
  if (r.node.op != Op::add) return no_node;
  if (r.is(1, Op::neg)) return r.b.sub(r.input(0), r.below(1));
  return r.is(0, Op::neg) ? r.b.sub(r.input(1), r.below(0)) : no_node;
}
NodeId sub_neg(R& r) {
  return r.node.op == Op::sub && r.is(1, Op::neg) ? r.b.add(r.input(0), r.below(1)) : no_node;
}
NodeId mul_negs(R& r) {
  const bool fits = (r.node.op == Op::mul || r.node.op == Op::div) && r.is(0, Op::neg) && r.is(1, Op::neg);
  return fits ? r.b.binary(r.node.op, r.below(0), r.below(1)) : no_node;
}
NodeId even_neg(R& r) {
  if (r.node.op != Op::square && r.node.op != Op::abs) return no_node;
  return r.is(0, Op::neg) || r.is(0, Op::abs) ? r.b.unary(r.node.op, r.below(0)) : no_node;
}
NodeId abs_positive(R& r) {
  return r.node.op == Op::abs && r.positive(r.input(0)) ? r.input(0) : no_node;
}
NodeId fma_one(R& r) {
  if (r.node.op != Op::fma) return no_node;
  if (r.constant(0, 1)) return r.b.add(r.input(1), r.input(2));
  return r.constant(1, 1) ? r.b.add(r.input(0), r.input(2)) : no_node;
}
NodeId fma_zero(R& r) {
  return r.node.op == Op::fma && r.constant(2, 0) ? r.b.mul(r.input(0), r.input(1)) : no_node;
}

// functions

NodeId exp_log(R& r) {
  return r.node.op == Op::exp && r.is(0, Op::log) && r.positive(r.below(0)) ? r.below(0) : no_node;
}
NodeId log_exp(R& r) {
  return r.node.op == Op::log && r.is(0, Op::exp) ? r.below(0) : no_node;
}
NodeId log_reciprocal(R& r) {
  if (r.node.op != Op::log || !r.is(0, Op::reciprocal) || !r.positive(r.below(0))) return no_node;
  return r.b.unary(Op::neg, r.b.unary(Op::log, r.below(0)));
}
NodeId log_sqrt(R& r) {
  if (r.node.op != Op::log || !r.is(0, Op::sqrt)) return no_node;
  return r.b.mul(r.b.constant(0.5), r.b.unary(Op::log, r.below(0)));
}
NodeId sqrt_square(R& r) {
  return r.node.op == Op::sqrt && r.is(0, Op::square) ? r.b.unary(Op::abs, r.below(0)) : no_node;
}
NodeId square_sqrt(R& r) {
  return r.node.op == Op::square && r.is(0, Op::sqrt) && r.positive(r.below(0)) ? r.below(0) : no_node;
}
NodeId reciprocal_twice(R& r) {
  return r.node.op == Op::reciprocal && r.is(0, Op::reciprocal) ? r.below(0) : no_node;
}
NodeId power(R& r) {
  if (r.node.op != Op::pow) return no_node;
  if (r.constant(1, 0)) return r.b.constant(1);
  if (r.constant(1, 1)) return r.input(0);
  if (r.constant(1, 2)) return r.b.unary(Op::square, r.input(0));
  if (r.constant(1, -1)) return r.b.unary(Op::reciprocal, r.input(0));
  return r.constant(1, 0.5) && r.positive(r.input(0)) ? r.b.unary(Op::sqrt, r.input(0)) : no_node;
}

// logic

NodeId not_not(R& r) {
  const bool fits = r.node.op == Op::logical_not && r.is(0, Op::logical_not) &&
                    r.of(r.below(0)).type.element == Element::boolean;
  return fits ? r.below(0) : no_node;
}
NodeId select_not(R& r) {
  return r.node.op == Op::select && r.is(0, Op::logical_not) ? r.b.select(r.below(0), r.input(2), r.input(1))
                                                             : no_node;
}
NodeId select_same(R& r) {
  return r.node.op == Op::select && r.input(1) == r.input(2) ? r.input(1) : no_node;
}
/// A comparison of constants, or a constant itself.
NodeId select_known(R& r) {
  if (r.node.op != Op::select) return no_node;
  const Node condition = r.of(r.input(0));
  double truth = condition.attributes.number;
  if (condition.op != Op::constant) {
    for (const NodeId input : condition.inputs)
      if (r.of(input).op != Op::constant) return no_node;
    const auto value = [&](size_t i) { return r.of(condition.inputs[i]).attributes.number; };
    if (condition.inputs.empty()) return no_node;
    if (const Scalar1 unary = scalar1(condition.op))
      truth = unary(value(0));
    else if (const Scalar2 binary = scalar2(condition.op))
      truth = binary(value(0), value(1));
    else
      return no_node;
  }
  return r.input(truth != 0 ? 1 : 2);
}
NodeId same_twice(R& r) {
  const bool fits = r.node.op == Op::maximum || r.node.op == Op::minimum;
  return fits && r.input(0) == r.input(1) ? r.input(0) : no_node;
}

// axes

bool is_fold(Op op) {
  return op == Op::sum || op == Op::reduce_max || op == Op::logsumexp;
}

NodeId fold_nothing(R& r) {
  return is_fold(r.node.op) && r.node.attributes.axes.empty() ? r.input(0) : no_node;
}
NodeId fold_twice(R& r) {
  if (!is_fold(r.node.op) || !r.is(0, r.node.op)) return no_node;
  Axes axes = r.of(r.input(0)).attributes.axes;
  axes.insert(axes.end(), r.node.attributes.axes.begin(), r.node.attributes.axes.end());
  std::sort(axes.begin(), axes.end());
  return r.b.reduce(r.node.op, r.below(0), axes);
}
/// The axes that input 0, a broadcast, adds; the operation goes on over the others.
Axes added_axes(const R& r, size_t i) {
  const Node& broadcast = r.of(r.input(i));
  return minus(broadcast.attributes.axes, r.of(broadcast.inputs[0]).type.axes);
}
NodeId less_broadcast(R& r, const Axes& gone) {
  const Axes rest = minus(added_axes(r, 0), gone);
  const NodeId inner = rest.empty() ? r.below(0) : r.b.make(Op::broadcast, {r.below(0)}, {.axes = rest});
  return r.b.reduce(r.node.op, inner, minus(r.node.attributes.axes, gone));
}
NodeId sum_broadcast(R& r) {
  if (r.node.op != Op::sum || !r.is(0, Op::broadcast)) return no_node;
  Axes gone;
  double size = 1;
  for (const AxisId axis : added_axes(r, 0)) {
    const int64_t n = r.b.module().axis(axis).size;
    if (!holds(r.node.attributes.axes, axis) || n == unknown_size) continue;
    gone.push_back(axis);
    size *= static_cast<double>(n);
  }
  return gone.empty() ? no_node : r.b.mul(r.b.constant(size), less_broadcast(r, gone));
}
NodeId max_broadcast(R& r) {
  if (r.node.op != Op::reduce_max || !r.is(0, Op::broadcast)) return no_node;
  const Axes kept = minus(added_axes(r, 0), r.node.attributes.axes), gone = minus(added_axes(r, 0), kept);
  return gone.empty() ? no_node : less_broadcast(r, gone);
}
NodeId broadcast_nothing(R& r) {
  const bool fits = r.node.op == Op::broadcast && r.of(r.input(0)).type.axes == r.node.type.axes;
  return fits ? r.input(0) : no_node;
}
NodeId broadcast_twice(R& r) {
  if (r.node.op != Op::broadcast || !r.is(0, Op::broadcast)) return no_node;
  return r.b.make(Op::broadcast, {r.below(0)}, {.axes = minus(r.node.type.axes, r.of(r.below(0)).type.axes)});
}
/// Names broadcast anyway: an input needs no axis that another input has.
NodeId implied_broadcast(R& r) {
  const ShapeRule shape = row(r.node.op).shape;
  if (shape != ShapeRule::pointwise && shape != ShapeRule::contract) return no_node;
  for (size_t i = 0; i < r.node.inputs.size(); ++i) {
    if (!r.is(i, Op::broadcast)) continue;
    std::vector<NodeId> inputs = r.node.inputs;
    inputs[i] = r.below(i);
    Axes all;
    for (const NodeId input : inputs) {
      const Axes& more = r.of(input).type.axes;
      all.insert(all.end(), more.begin(), more.end());
    }
    if (!minus(r.of(r.input(i)).type.axes, all).empty()) continue;
    return r.b.make(r.node.op, inputs, r.node.attributes, r.node.range);
  }
  return no_node;
}
/// op(broadcast x) = broadcast(op x): the op runs over fewer elements.
NodeId late_broadcast(R& r) {
  if (row(r.node.op).shape != ShapeRule::pointwise || r.node.inputs.size() != 1 || !r.is(0, Op::broadcast))
    return no_node;
  return r.b.make(r.node.op, {r.below(0)}, r.node.attributes, r.node.range);
}

AxisId renamed(const Axes& pairs, AxisId axis) {
  for (size_t i = 0; i + 1 < pairs.size(); i += 2)
    if (pairs[i] == axis) return pairs[i + 1];
  return axis;
}
/// Pairs of axes that the input has, merged with those of a rename below, without those that stay.
NodeId rename_rules(R& r) {
  if (r.node.op != Op::rename) return no_node;
  const bool twice = r.is(0, Op::rename);
  const NodeId source = twice ? r.below(0) : r.input(0);
  Axes pairs;
  for (const AxisId axis : r.of(source).type.axes) {
    const AxisId middle = twice ? renamed(r.of(r.input(0)).attributes.axes, axis) : axis;
    const AxisId to = renamed(r.node.attributes.axes, middle);
    if (to != axis) pairs.insert(pairs.end(), {axis, to});
  }
  if (!twice && pairs == r.node.attributes.axes) return no_node;
  return pairs.empty() ? source : r.b.make(Op::rename, {source}, {.axes = pairs}, r.node.range);
}
NodeId contract_one(R& r) {
  const bool fits = r.node.op == Op::contract && r.node.inputs.size() == 1;
  return fits ? r.b.reduce(Op::sum, r.input(0), r.node.attributes.axes) : no_node;
}
NodeId contract_nothing(R& r) {
  if (r.node.op != Op::contract || !r.node.attributes.axes.empty() || r.node.inputs.empty()) return no_node;
  NodeId product = r.input(0);
  for (size_t i = 1; i < r.node.inputs.size(); ++i) product = r.b.mul(product, r.input(i));
  return product;
}
NodeId contract_unit(R& r) {
  if (r.node.op != Op::contract || r.node.inputs.size() < 2) return no_node;
  for (size_t i = 0; i < r.node.inputs.size(); ++i) {
    if (!r.constant(i, 1)) continue;
    std::vector<NodeId> inputs = r.node.inputs;
    inputs.erase(inputs.begin() + static_cast<std::ptrdiff_t>(i));
    return r.b.make(Op::contract, inputs, r.node.attributes, r.node.range);
  }
  return no_node;
}
NodeId gather_all(R& r) {
  if (r.node.op != Op::gather || !r.is(1, Op::iota)) return no_node;
  return r.of(r.input(1)).attributes.axes == r.node.attributes.axes ? r.input(0) : no_node;
}
NodeId slice_stack(R& r) {
  if (r.node.op != Op::slice || !r.is(0, Op::stack)) return no_node;
  const Node stack = r.of(r.input(0));
  const double at = r.node.attributes.number;
  if (stack.attributes.axes != r.node.attributes.axes ||
      !(at >= 0 && at < static_cast<double>(stack.inputs.size())))
    return no_node;
  return stack.inputs[static_cast<size_t>(at)];
}
NodeId diagonal_diag(R& r) {
  const bool fits = r.node.op == Op::diagonal && r.is(0, Op::diag) &&
                    r.of(r.input(0)).attributes.axes == r.node.attributes.axes;
  return fits ? r.below(0) : no_node;
}

const std::vector<RewriteRule> rules = {
    {"fold", "op(c, …)", "c", true,
     "not where the value is NaN: its bits are the machine's; comparisons stay bool", fold},
    {"add_zero", "x + 0", "x", true, "-0 + 0 would be 0 and becomes -0", add_zero},
    {"sub_zero", "x - 0", "x", true, "x - (-0) likewise", sub_zero},
    {"zero_sub", "0 - x", "neg x", true, "0 - 0 would be 0 and becomes -0", zero_sub},
    {"mul_one", "x * 1", "x", true, "nothing", mul_one},
    {"mul_minus_one", "x * -1", "neg x", true, "nothing but the sign of a NaN", mul_minus_one},
    {"div_one", "x / 1", "x", true, "nothing", div_one},
    {"one_div", "1 / x", "reciprocal x", true, "nothing", one_div},
    {"neg_neg", "neg (neg x)", "x", true, "nothing", neg_neg},
    {"neg_sub", "neg (x - y)", "y - x", true, "the sign of zero", neg_sub},
    {"add_neg", "x + neg y", "x - y", true, "nothing", add_neg},
    {"sub_neg", "x - neg y", "x + y", true, "nothing", sub_neg},
    {"mul_negs", "neg x * neg y, neg x / neg y", "x * y, x / y", true, "nothing but the sign of a NaN",
     mul_negs},
    {"even_neg", "square, abs of neg x, abs x", "square x, abs x", true, "nothing", even_neg},
    {"abs_positive", "abs x", "x", true, "x positive by its type", abs_positive},
    {"fma_one", "fma(1, x, y)", "x + y", true, "nothing", fma_one},
    {"fma_zero", "fma(x, y, 0)", "x * y", true, "-0 + 0 would be 0 and becomes -0", fma_zero},
    {"exp_log", "exp (log x)", "x", false, "x positive by its type", exp_log},
    {"log_exp", "log (exp x)", "x", false, "right also where exp overflows or underflows", log_exp},
    {"log_reciprocal", "log (1 / x)", "neg (log x)", false, "x positive by its type", log_reciprocal},
    {"log_sqrt", "log (sqrt x)", "0.5 * log x", false, "NaN of negative x stays NaN", log_sqrt},
    {"sqrt_square", "sqrt (square x)", "abs x", false, "right also where the square overflows or underflows",
     sqrt_square},
    {"square_sqrt", "square (sqrt x)", "x", false, "x positive by its type", square_sqrt},
    {"reciprocal_twice", "1 / (1 / x)", "x", false, "right also where 1 / x overflows", reciprocal_twice},
    {"power", "x ^ 0, 1, 2, -1, 0.5", "1, x, square x, 1 / x, sqrt x", false,
     "x ^ 0.5 of positive x only; NaN ^ 0 is 1 in IEEE 754", power},
    {"not_not", "not (not x)", "x", true, "x bool by its type", not_not},
    {"select_not", "select(not c, x, y)", "select(c, y, x)", true, "nothing", select_not},
    {"select_same", "select(c, x, x)", "x", true, "nothing", select_same},
    {"select_known", "select(constant, x, y)", "x or y", true, "nothing", select_known},
    {"same_twice", "maximum(x, x), minimum(x, x)", "x", true, "nothing", same_twice},
    {"fold_nothing", "sum[] x", "x", true, "nothing", fold_nothing},
    {"fold_twice", "sum[D] (sum[K] x)", "sum[K, D] x", false, "another order of additions", fold_twice},
    {"sum_broadcast", "sum[K] (broadcast[K] x)", "size(K) * x", false, "the size of K is known",
     sum_broadcast},
    {"max_broadcast", "reduce_max[K] (broadcast[K] x)", "x", true, "K is not empty", max_broadcast},
    {"broadcast_nothing", "broadcast[K] x, x has K", "x", true, "nothing", broadcast_nothing},
    {"broadcast_twice", "broadcast[D] (broadcast[K] x)", "broadcast[K, D] x", true, "nothing",
     broadcast_twice},
    {"implied_broadcast", "op(broadcast[K] x, y), y has K", "op(x, y)", true, "nothing", implied_broadcast},
    {"late_broadcast", "op (broadcast[K] x)", "broadcast[K] (op x)", true, "nothing", late_broadcast},
    {"rename", "rename (rename x), rename of nothing", "rename x, x", true, "nothing", rename_rules},
    {"contract_one", "contract[K] x", "sum[K] x", true, "nothing", contract_one},
    {"contract_nothing", "contract[] x, y", "x * y", true, "nothing", contract_nothing},
    {"contract_unit", "contract[K] 1, x", "contract[K] x", true, "nothing", contract_unit},
    {"gather_all", "gather[K] x, iota[K]", "x", true, "nothing", gather_all},
    {"slice_stack", "slice[K] i (stack[K] x, …)", "the i-th", true, "nothing", slice_stack},
    {"diagonal_diag", "diagonal (diag x)", "x", true, "nothing", diagonal_diag},
};

}  // namespace

const std::vector<RewriteRule>& rewrite_rules() {
  return rules;
}

}  // namespace lvm::ir
