// One rule an op. y is the node, g its adjoint, x the inputs; W = L^-1. Matrix rules: Giles 2008 ("Collected
// matrix derivative results for forward and reverse mode"), Cholesky: Murray 2016, eq. 9-10.

#include "ir/tensor/derivatives.h"

#include <algorithm>
#include <numbers>

#include "ir/tensor/convolution.h"

namespace lvm::ir {

namespace {

using Axes = std::vector<AxisId>;

NodeId times(Adjoint& a, double c, NodeId x) {
  return a.b.mul(a.b.constant(c), x);
}
NodeId sigmoid(Adjoint& a, NodeId x) {
  return a.b.unary(Op::sigmoid, x);
}
NodeId zero(Adjoint& a) {
  return a.b.constant(0);
}
NodeId square(Adjoint& a, NodeId x) {
  return a.b.unary(Op::square, x);
}

/// Piecewise constant: no input moves the value.
void constant_rule(Adjoint&) {}

// matrices over axes {D, D'} of the node
AxisId row_of(Adjoint& a) {
  return a.node().attributes.axes[0];
}
AxisId column_of(Adjoint& a) {
  return a.node().attributes.axes[1];
}

NodeId transpose(Adjoint& a, NodeId m) {
  const AxisId r = row_of(a), c = column_of(a);
  return a.b.make(Op::rename, {m}, {.axes = {r, c, c, r}});
}

NodeId product(Adjoint& a, NodeId left, NodeId right) {
  const AxisId r = row_of(a), c = column_of(a), middle = a.b.module().twin(c);
  return a.b.contract({a.b.rename(left, c, middle), a.b.rename(right, r, middle)}, {middle});
}

NodeId lower(Adjoint& a, NodeId m) {
  const NodeId below = a.b.binary(Op::less_equal, a.b.make(Op::iota, {}, {.axes = {column_of(a)}}),
                                  a.b.make(Op::iota, {}, {.axes = {row_of(a)}}));
  return a.b.select(below, m, zero(a));
}

NodeId symmetric(Adjoint& a, NodeId m) {
  return times(a, 0.5, a.b.add(m, transpose(a, m)));
}

/// g over D and x over D give g x'.
NodeId outer(Adjoint& a, NodeId g, NodeId x) {
  return a.b.mul(g, a.b.rename(x, row_of(a), column_of(a)));
}

/// M' v for v over D.
NodeId transposed_apply(Adjoint& a, NodeId m, NodeId v) {
  return a.b.rename(a.b.contract({m, v}, {row_of(a)}), column_of(a), row_of(a));
}

NodeId negative(Adjoint& a, NodeId x) {
  return a.b.unary(Op::neg, x);
}

void cholesky_rule(Adjoint& a) {
  const AxisId r = row_of(a), c = column_of(a);
  const NodeId w = a.b.matrix(Op::triangular_inverse, {a.y}, r, c);
  // P = lower triangle of L' G with the diagonal halved; A's adjoint is the symmetric part of W' P W.
  const NodeId lg = product(a, transpose(a, a.y), lower(a, a.adjoint));
  const NodeId diagonal =
      a.b.make(Op::diag, {a.b.make(Op::diagonal, {lg}, {.axes = {r, c}})}, {.axes = {r, c}});
  const NodeId p = a.b.sub(lower(a, lg), times(a, 0.5, diagonal));
  a.inputs[0] = symmetric(a, product(a, product(a, transpose(a, w), p), w));
}

void triangular_inverse_rule(Adjoint& a) {
  const NodeId wt = transpose(a, a.y);
  a.inputs[0] = negative(a, lower(a, product(a, product(a, wt, lower(a, a.adjoint)), wt)));
}

void triangular_apply_rule(Adjoint& a) {
  a.inputs[0] = lower(a, outer(a, a.adjoint, a.in(1)));
  a.inputs[1] = transposed_apply(a, lower(a, a.in(0)), a.adjoint);
}

void triangular_solve_rule(Adjoint& a) {
  const NodeId w = a.b.matrix(Op::triangular_inverse, {a.in(0)}, row_of(a), column_of(a));
  a.inputs[1] = transposed_apply(a, w, a.adjoint);
  a.inputs[0] = negative(a, lower(a, outer(a, a.inputs[1], a.y)));
}

void solve_rule(Adjoint& a) {
  a.inputs[1] = a.b.matrix(Op::solve, {a.in(0), a.adjoint}, row_of(a), column_of(a));
  a.inputs[0] = negative(a, symmetric(a, outer(a, a.inputs[1], a.y)));
}

void inverse_rule(Adjoint& a) {
  a.inputs[0] = negative(a, symmetric(a, product(a, product(a, a.y, a.adjoint), a.y)));
}

void log_determinant_rule(Adjoint& a) {
  a.inputs[0] = a.b.mul(a.adjoint, a.b.matrix(Op::inverse, {a.in(0)}, row_of(a), column_of(a)));
}

void logsumexp_rule(Adjoint& a) {
  // Where all inputs are -inf nothing moves the value.
  const NodeId share = a.b.unary(Op::exp, a.b.sub(a.in(0), a.y));
  a.inputs[0] = a.b.select(a.b.unary(Op::is_finite, a.y), a.b.mul(a.adjoint, share), zero(a));
}

/// Ties share the adjoint equally.
void reduce_max_rule(Adjoint& a) {
  const NodeId top = a.b.binary(Op::equal, a.in(0), a.y);
  const NodeId number = a.b.reduce(Op::sum, top, a.node().attributes.axes);
  a.inputs[0] = a.b.select(top, a.b.div(a.adjoint, number), zero(a));
}

NodeId product_of(Adjoint& a, const std::vector<NodeId>& factors) {
  NodeId all = factors.at(0);
  for (size_t i = 1; i < factors.size(); ++i) all = a.b.mul(all, factors[i]);
  return all;
}

/// d (sum of prod x) / d x_i: g times the other factors; the caller sums over the axes that x_i lacks.
void contract_rule(Adjoint& a) {
  const Node node = a.node();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    std::vector<NodeId> factors = {a.adjoint};
    for (size_t j = 0; j < node.inputs.size(); ++j)
      if (j != i) factors.push_back(node.inputs[j]);
    const Axes& own = a.b.type(node.inputs[i]).axes;
    Axes over;
    for (NodeId f : factors)
      for (AxisId id : a.b.type(f).axes)
        if (!std::binary_search(own.begin(), own.end(), id) &&
            std::find(over.begin(), over.end(), id) == over.end())
          over.push_back(id);
    std::sort(over.begin(), over.end());
    a.inputs[i] = over.empty() ? product_of(a, factors) : a.b.contract(std::move(factors), std::move(over));
  }
}

void rename_rule(Adjoint& a) {
  const Axes pairs = a.node().attributes.axes;
  Axes back;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2)
    if (a.b.type(a.in(0)).has(pairs[i])) back.insert(back.end(), {pairs[i + 1], pairs[i]});
  a.inputs[0] = back.empty() ? a.adjoint : a.b.make(Op::rename, {a.adjoint}, {.axes = back});
}

/// An entry of the table gets the adjoints of all places that read it.
void gather_rule(Adjoint& a) {
  const AxisId axis = a.node().attributes.axes[0];
  NodeId index = a.in(1), g = a.adjoint;
  if (a.b.type(index).has(axis)) {  // the axis looked up and the index's own are two
    const AxisId twin = a.b.module().twin(axis);
    if (a.b.type(g).has(twin))
      throw InternalError("`gather` has no derivative where the twin of its axis is in use");
    index = a.b.rename(index, axis, twin);
    g = a.b.rename(g, axis, twin);
  }
  a.inputs[0] =
      a.b.select(a.b.binary(Op::equal, index, a.b.make(Op::iota, {}, {.axes = {axis}})), g, zero(a));
}

void stack_rule(Adjoint& a) {
  const Axes axes = a.node().attributes.axes;
  for (size_t i = 0; i < a.inputs.size(); ++i)
    a.inputs[i] = a.b.make(Op::slice, {a.adjoint}, {.number = static_cast<double>(i), .axes = axes});
}

void slice_rule(Adjoint& a) {
  const Attributes at = a.node().attributes;
  const NodeId here =
      a.b.binary(Op::equal, a.b.make(Op::iota, {}, {.axes = at.axes}), a.b.constant(at.number));
  a.inputs[0] = a.b.select(here, a.adjoint, zero(a));
}

void reshape_rule(Adjoint& a) {
  const ReshapeAxes axes = reshape_axes(a.node().attributes);
  a.inputs[0] = a.b.make(Op::reshape, {a.adjoint}, reshape_attributes(axes.to, axes.from));
}

/// y = f * x: each side of a convolution is linear, and its adjoint is another convolution of the same
/// attributes.
void convolution_rule(Adjoint& a) {
  const NodeId x = a.in(0), filters = a.in(1), g = a.adjoint;
  const Attributes forward = a.node().attributes, back = attributes_of(reversed(convolution_of(forward)));
  if (a.node().op == Op::conv2d) {
    a.inputs = {a.b.make(Op::conv2d_transpose, {g, filters}, back),
                a.b.make(Op::conv2d_filters, {x, g}, forward)};
  } else {
    const NodeId image = a.b.make(Op::conv2d, {g, filters}, back);
    a.inputs = {image, a.b.make(Op::conv2d_filters, {g, x}, back)};
  }
}

/// Of the sum over images of x times the windows that the second input weighs.
void filters_rule(Adjoint& a) {
  const NodeId x = a.in(0), steps = a.in(1), g = a.adjoint;
  const Attributes forward = a.node().attributes, back = attributes_of(reversed(convolution_of(forward)));
  const NodeId image = a.b.make(Op::conv2d_transpose, {steps, g}, back);
  a.inputs = {image, a.b.make(Op::conv2d, {x, g}, forward)};
}

void pow_rule(Adjoint& a) {
  const NodeId x = a.in(0), p = a.in(1), g = a.adjoint;
  const NodeId by_base = a.b.mul(p, a.b.binary(Op::pow, x, a.b.sub(p, a.b.constant(1))));
  a.inputs[0] =
      a.b.mul(g, a.b.select(a.b.binary(Op::equal, p, zero(a)), zero(a), by_base));  // x^0 is 1, at 0 too
  const NodeId by_exponent = a.b.mul(a.y, a.b.unary(Op::log, x));
  a.inputs[1] = a.b.mul(g, a.b.select(a.b.binary(Op::less, zero(a), x), by_exponent, zero(a)));
}

/// F(z; shape) = Phi(e) holds along every step of the inputs (Figurnov, Mohamed & Mnih 2018, eq. 5): d ln z =
/// -dF / d shape / (z p) and d ln z = phi(e) / (z p), ln z p = shape ln z - z - lgamma(shape).
void log_gamma_draw_rule(Adjoint& a) {
  const NodeId shape = a.in(0), noise = a.in(1);
  a.inputs[0] = a.b.mul(a.adjoint, a.b.binary(Op::log_gamma_draw_slope, shape, a.y));
  const NodeId mass =
      a.b.sub(a.b.sub(a.b.mul(shape, a.y), a.b.unary(Op::exp, a.y)), a.b.unary(Op::lgamma, shape));
  const NodeId normal = times(a, -0.5, square(a, noise));
  const NodeId log_slope = a.b.sub(normal, a.b.add(mass, a.b.constant(0.91893853320467274178)));
  a.inputs[1] = a.b.mul(a.adjoint, a.b.unary(Op::exp, log_slope));
}

/// The winner takes the adjoint; of equals the second, as in the value rule.
void extreme_rule(Adjoint& a) {
  const bool greatest = a.node().op == Op::maximum;
  const NodeId first =
      greatest ? a.b.binary(Op::less, a.in(1), a.in(0)) : a.b.binary(Op::less, a.in(0), a.in(1));
  a.inputs[0] = a.b.select(first, a.adjoint, zero(a));
  a.inputs[1] = a.b.select(first, zero(a), a.adjoint);
}

}  // namespace

DerivativeRule derivative_rule(Op op) {
  switch (op) {
    case Op::constant:
    case Op::data:
    case Op::parameter:
    case Op::derived:
    case Op::statistic:
    case Op::latent:
    case Op::argument:
    case Op::iota:
    case Op::identity:
    case Op::floor:
    case Op::is_finite:
    case Op::logical_not:
    case Op::less:
    case Op::less_equal:
    case Op::equal:
    case Op::logical_and:
    case Op::logical_or:
    case Op::argmax:
    case Op::one_hot: return constant_rule;
    case Op::neg: return [](Adjoint& a) { a.inputs[0] = negative(a, a.adjoint); };
    case Op::abs:
      return [](Adjoint& a) {
        a.inputs[0] = a.b.select(a.b.binary(Op::less, a.in(0), zero(a)), negative(a, a.adjoint), a.adjoint);
      };
    case Op::exp: return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.y); };
    case Op::log: return [](Adjoint& a) { a.inputs[0] = a.b.div(a.adjoint, a.in(0)); };
    case Op::expm1: return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::exp, a.in(0))); };
    case Op::log1p:
      return [](Adjoint& a) { a.inputs[0] = a.b.div(a.adjoint, a.b.add(a.b.constant(1), a.in(0))); };
    case Op::sqrt: return [](Adjoint& a) { a.inputs[0] = a.b.div(times(a, 0.5, a.adjoint), a.y); };
    case Op::square: return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, times(a, 2, a.in(0))); };
    case Op::reciprocal:
      return [](Adjoint& a) { a.inputs[0] = negative(a, a.b.mul(a.adjoint, square(a, a.y))); };
    case Op::sigmoid:
      return [](Adjoint& a) {  // 1 - sigmoid(x) = sigmoid(-x), without the cancellation
        a.inputs[0] = a.b.mul(a.adjoint, a.b.mul(a.y, sigmoid(a, negative(a, a.in(0)))));
      };
    case Op::softplus:
      return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::sigmoid, a.in(0))); };
    case Op::tanh:
      return [](Adjoint& a) {  // 1 - tanh(x)^2 = 4 sigmoid(2 x) sigmoid(-2 x)
        const NodeId both = a.b.mul(sigmoid(a, times(a, 2, a.in(0))), sigmoid(a, times(a, -2, a.in(0))));
        a.inputs[0] = a.b.mul(a.adjoint, times(a, 4, both));
      };
    case Op::relu:
      return [](Adjoint& a) {
        a.inputs[0] = a.b.select(a.b.binary(Op::less, zero(a), a.in(0)), a.adjoint, zero(a));
      };
    case Op::erf:
      return [](Adjoint& a) {
        const NodeId bell = a.b.unary(Op::exp, negative(a, square(a, a.in(0))));
        a.inputs[0] = a.b.mul(a.adjoint, times(a, 2 * std::numbers::inv_sqrtpi, bell));
      };
    case Op::lgamma:
      return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::digamma, a.in(0))); };
    case Op::digamma:
      return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::trigamma, a.in(0))); };
    case Op::erfcx:
      return [](Adjoint& a) {
        const NodeId slope =
            a.b.sub(a.b.mul(times(a, 2, a.in(0)), a.y), a.b.constant(2 * std::numbers::inv_sqrtpi));
        a.inputs[0] = a.b.mul(a.adjoint, slope);
      };
    case Op::cos:
      return [](Adjoint& a) { a.inputs[0] = negative(a, a.b.mul(a.adjoint, a.b.unary(Op::sin, a.in(0)))); };
    case Op::sin: return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::cos, a.in(0))); };
    case Op::binet:
      return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::binet_slope, a.in(0))); };
    case Op::binet_slope:
      return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::binet_curve, a.in(0))); };
    case Op::log_bessel:
      return [](Adjoint& a) {
        const NodeId sign =
            a.b.select(a.b.binary(Op::less, a.in(0), zero(a)), a.b.constant(-1), a.b.constant(1));
        a.inputs[0] = a.b.mul(a.adjoint, a.b.sub(a.b.unary(Op::bessel_ratio, a.in(0)), sign));
      };
    case Op::bessel_ratio:
      return [](Adjoint& a) { a.inputs[0] = a.b.mul(a.adjoint, a.b.unary(Op::bessel_slope, a.in(0))); };
    case Op::log_gamma_draw: return log_gamma_draw_rule;
    case Op::trigamma:
    case Op::log_gamma_draw_slope:
    case Op::binet_curve:
    case Op::bessel_slope: return nullptr;
    case Op::add: return [](Adjoint& a) { a.inputs = {a.adjoint, a.adjoint}; };
    case Op::sub: return [](Adjoint& a) { a.inputs = {a.adjoint, negative(a, a.adjoint)}; };
    case Op::mul:
      return [](Adjoint& a) { a.inputs = {a.b.mul(a.adjoint, a.in(1)), a.b.mul(a.adjoint, a.in(0))}; };
    case Op::div:
      return [](Adjoint& a) {
        const NodeId share = a.b.div(a.adjoint, a.in(1));
        a.inputs = {share, negative(a, a.b.mul(share, a.y))};
      };
    case Op::pow: return pow_rule;
    case Op::maximum:
    case Op::minimum: return extreme_rule;
    case Op::fma:
      return [](Adjoint& a) {
        a.inputs = {a.b.mul(a.adjoint, a.in(1)), a.b.mul(a.adjoint, a.in(0)), a.adjoint};
      };
    case Op::select:
      return [](Adjoint& a) {
        a.inputs[1] = a.b.select(a.in(0), a.adjoint, zero(a));
        a.inputs[2] = a.b.select(a.in(0), zero(a), a.adjoint);
      };
    case Op::sum:
    case Op::broadcast: return [](Adjoint& a) { a.inputs[0] = a.adjoint; };
    case Op::reduce_max: return reduce_max_rule;
    case Op::logsumexp: return logsumexp_rule;
    case Op::contract:
    case Op::matmul: return contract_rule;
    case Op::rename: return rename_rule;
    case Op::gather: return gather_rule;
    case Op::stack: return stack_rule;
    case Op::slice: return slice_rule;
    case Op::diag:
      return [](Adjoint& a) {
        const Axes axes = a.node().attributes.axes;
        a.inputs[0] = a.b.make(Op::diagonal, {a.adjoint}, {.axes = axes});
      };
    case Op::diagonal:
      return [](Adjoint& a) {
        const Axes axes = a.node().attributes.axes;
        a.inputs[0] = a.b.make(Op::diag, {a.adjoint}, {.axes = axes});
      };
    case Op::reshape: return reshape_rule;
    case Op::cholesky: return cholesky_rule;
    case Op::triangular_inverse: return triangular_inverse_rule;
    case Op::triangular_apply: return triangular_apply_rule;
    case Op::triangular_solve: return triangular_solve_rule;
    case Op::solve: return solve_rule;
    case Op::inverse: return inverse_rule;
    case Op::log_determinant: return log_determinant_rule;
    case Op::conv2d:
    case Op::conv2d_transpose: return convolution_rule;
    case Op::conv2d_filters: return filters_rule;
    case Op::eigenvalues:
    case Op::call:
    case Op::scan:
    case Op::logpdf:
    case Op::expect:
    case Op::entropy:
    case Op::sample: return nullptr;
  }
  return nullptr;
}

}  // namespace lvm::ir
