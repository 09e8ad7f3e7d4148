// Each derivative rule against central differences of the interpreter, at many random points.

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "ir/passes/differentiate.h"
#include "ir/passes/simplify.h"
#include "ir/tensor/derivatives.h"
#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

const std::string x = "%0 : real[K, D] = parameter \"x\"\n";
const std::string positive = "%0 : positive[K, D] = parameter \"x\"\n";
const std::string two = x + "%1 : real[row, D] = parameter \"y\"\n";
const std::string positives = "%0 : positive[K] = parameter \"x\"\n%1 : positive[D] = parameter \"y\"\n";
/// A batch of lower triangular (by use) and of symmetric positive definite matrices B B' + I of a free B.
const std::string square_matrix = "%0 : real[K, D, D'] = parameter \"x\"\n";
const std::string definite =
    "%0 : real[K, D, E] = parameter \"x\"\n%1 : real[K, D', E] = rename [D, D'] %0\n%2 : real[K, D, D'] = "
    "contract [E] %0, %1\n"
    "%3 : real[D, D'] = identity [D, D']\n%4 : real[K, D, D'] = add %2, %3\n";
/// Off the diagonal anything, on it away from zero: L = x + 3 I.
const std::string triangular =
    square_matrix +
    "%1 : real[D, D'] = identity [D, D']\n%2 : positive = constant 3\n%3 : real[K, D, D'] = fma %2, %1, %0\n";
const std::string vector = "real[row, D] = parameter \"v\"\n";

struct Example {
  Op op;
  std::string body;  // the last node is the value
};

const std::vector<Example> examples = {
    {Op::neg, x + "%1 : real[K, D] = neg %0"},
    {Op::abs, x + "%1 : real[K, D] = abs %0"},
    {Op::exp, x + "%1 : positive[K, D] = exp %0"},
    {Op::log, positive + "%1 : real[K, D] = log %0"},
    {Op::expm1, x + "%1 : real[K, D] = expm1 %0"},
    {Op::log1p, positive + "%1 : real[K, D] = log1p %0"},
    {Op::sqrt, positive + "%1 : positive[K, D] = sqrt %0"},
    {Op::square, x + "%1 : real[K, D] = square %0"},
    {Op::reciprocal, positive + "%1 : positive[K, D] = reciprocal %0"},
    {Op::sigmoid, x + "%1 : unit[K, D] = sigmoid %0"},
    {Op::softplus, x + "%1 : positive[K, D] = softplus %0"},
    {Op::tanh, x + "%1 : real[K, D] = tanh %0"},
    {Op::relu, x + "%1 : real[K, D] = relu %0"},
    {Op::erf, x + "%1 : real[K, D] = erf %0"},
    {Op::lgamma, positive + "%1 : real[K, D] = lgamma %0"},
    {Op::digamma, positive + "%1 : real[K, D] = digamma %0"},
    {Op::erfcx, x + "%1 : positive[K, D] = erfcx %0"},
    {Op::cos, x + "%1 : real[K, D] = cos %0"},
    {Op::sin, x + "%1 : real[K, D] = sin %0"},
    {Op::binet, positive + "%1 : real[K, D] = binet %0"},
    {Op::binet_slope, positive + "%1 : real[K, D] = binet_slope %0"},
    {Op::log_bessel, x + "%1 : real[K, D] = log_bessel %0"},
    {Op::bessel_ratio, x + "%1 : real[K, D] = bessel_ratio %0"},
    {Op::add, two + "%2 : real[row, K, D] = add %0, %1"},
    {Op::sub, two + "%2 : real[row, K, D] = sub %0, %1"},
    {Op::mul, two + "%2 : real[row, K, D] = mul %0, %1"},
    {Op::div, positives + "%2 : positive[K, D] = div %0, %1"},
    {Op::pow, positives + "%2 : positive[K, D] = pow %0, %1"},
    {Op::pow, x + "%1 : positive = constant 3\n%2 : real[K, D] = pow %0, %1"},
    {Op::log_gamma_draw,
     positive + "%1 : real[K, D] = parameter \"z\"\n%2 : real[K, D] = log_gamma_draw %0, %1"},
    {Op::maximum, two + "%2 : real[row, K, D] = maximum %0, %1"},
    {Op::minimum, two + "%2 : real[row, K, D] = minimum %0, %1"},
    {Op::fma, two + "%2 : real[K, E] = parameter \"z\"\n%3 : real[row, K, D, E] = fma %0, %1, %2"},
    {Op::select, two + "%2 : bool[row, K] = data \"b\"\n%3 : real[row, K, D] = select %2, %0, %1"},
    {Op::sum, x + "%1 : real[K] = sum [D] %0"},
    {Op::reduce_max, x + "%1 : real[D] = reduce_max [K] %0"},
    {Op::reduce_max, x + "%1 : real = reduce_max [K, D] %0"},
    {Op::logsumexp, x + "%1 : real[D] = logsumexp [K] %0"},
    {Op::contract, two + "%2 : real[row, K] = contract [D] %0, %1"},
    {Op::contract, two + "%2 : real[row, D] = contract [K] %0, %1, %0"},
    {Op::contract, x + "%1 : real[D] = contract [K] %0"},
    {Op::broadcast, x + "%1 : real[row, K, D, E] = broadcast [row, E] %0"},
    {Op::rename, x + "%1 : real[K, D'] = rename [D, D'] %0"},
    {Op::rename, square_matrix + "%1 : real[K, D, D'] = rename [D, D', D', D] %0"},
    {Op::gather, x + "%1 : category<K>[row] = data \"z\"\n%2 : real[row, D] = gather [K] %0, %1"},
    {Op::gather, x + "%1 : category<K>[K] = data \"z\"\n%2 : real[K, D] = gather [K] %0, %1"},
    {Op::gather, x + "%1 : category<K>[row, D] = data \"z\"\n%2 : real[row, D] = gather [K] %0, %1"},
    {Op::stack, x + "%1 : real[K, D] = tanh %0\n%2 : real[K, D, D'] = stack [D'] %0, %1"},
    {Op::slice, x + "%1 : real[D] = slice 2 [K] %0"},
    {Op::diag, x + "%1 : real[K, D, D'] = diag [D, D'] %0"},
    {Op::diagonal, square_matrix + "%1 : real[K, D] = diagonal [D, D'] %0"},
    {Op::reshape, "%0 : real[row, D, D'] = parameter \"x\"\n%1 : real[row, E] = reshape 2 [D, D', E] %0"},
    {Op::reshape, "%0 : real[row, D, D'] = parameter \"x\"\n%1 : real[row, E] = reshape 2 [D', D, E] %0"},
    {Op::cholesky, definite + "%5 : real[K, D, D'] = cholesky [D, D'] %4"},
    {Op::triangular_inverse, triangular + "%4 : real[K, D, D'] = triangular_inverse [D, D'] %3"},
    {Op::triangular_apply,
     square_matrix + "%1 : " + vector + "%2 : real[row, K, D] = triangular_apply [D, D'] %0, %1"},
    {Op::triangular_solve,
     triangular + "%4 : " + vector + "%5 : real[row, K, D] = triangular_solve [D, D'] %3, %4"},
    {Op::solve, definite + "%5 : " + vector + "%6 : real[row, K, D] = solve [D, D'] %4, %5"},
    {Op::inverse, definite + "%5 : real[K, D, D'] = inverse [D, D'] %4"},
    {Op::log_determinant, definite + "%5 : real[K] = log_determinant [D, D'] %4"},
    {Op::matmul, two + "%2 : real[row, K] = matmul [D] %0, %1"},
};

/// f = sum of the value times random weights, so that each element has a cotangent of its own.
Module weighted(const std::string& body) {
  Module module = one_function(body);
  Function& f = module.functions[0];
  Builder b(module, f);
  const auto last = static_cast<NodeId>(f.nodes.size() - 1);
  const std::vector<AxisId> axes = b.type(last).axes;
  const NodeId weights = b.leaf(Op::data, "weights", {Element::real, axes});
  b.output(OutputKind::result, "f", b.reduce(Op::sum, b.mul(last, weights), axes));
  return module;
}

/// Central differences with h = cbrt(eps) max(1, |x|), improved once by Richardson's step.
double central(const Module& module, const interpreter::Environment& leaves, const std::string& leaf,
               size_t at) {
  const auto f = [&](double step) {
    auto moved = leaves;
    moved[leaf].data[at] += step;
    return output_value(module, module.functions[0], 0, moved)[0];
  };
  const double h = std::cbrt(std::numeric_limits<double>::epsilon()) *
                   std::max(1.0, std::abs(leaves.at(leaf).data[at])) * 16;
  const auto slope = [&](double step) { return (f(step) - f(-step)) / (2 * step); };
  return (4 * slope(h / 2) - slope(h)) / 3;
}

/// False where a kink is near: two elements that a maximum compares, or a zero of abs and relu.
bool smooth(const interpreter::Environment& leaves) {
  std::vector<double> all;
  for (const auto& [name, value] : leaves)
    if (name.starts_with("parameter.")) all.insert(all.end(), value.data.begin(), value.data.end());
  all.push_back(0);
  std::sort(all.begin(), all.end());
  for (size_t i = 1; i < all.size(); ++i)
    if (all[i] - all[i - 1] < 1e-3) return false;
  return true;
}

void check_gradient(const Module& module, std::mt19937_64& random, int points) {
  const Module derived = simplify(differentiate(module, "f"));
  INFO(print(derived));
  REQUIRE(verify(derived).empty());
  const Function& gradient = derived.functions.back();
  for (int n = 0; n < points;) {
    const auto leaves = random_leaves(module, module.functions[0], random);
    if (!smooth(leaves)) continue;
    ++n;
    CHECK(close(output_value(module, module.functions[0], 0, leaves)[0],
                output_value(derived, gradient, 0, leaves)[0], 1e-14));
    for (size_t o = 1; o < gradient.outputs.size(); ++o) {
      const std::string leaf = "parameter." + gradient.outputs[o].name;
      const auto slopes = output_value(derived, gradient, o, leaves);
      REQUIRE(slopes.size() == leaves.at(leaf).data.size());
      for (size_t i = 0; i < slopes.size(); ++i) {
        INFO(leaf << " element " << i << ": " << slopes[i] << ", differences "
                  << central(module, leaves, leaf, i));
        CHECK(close(slopes[i], central(module, leaves, leaf, i), 1e-6));
      }
    }
  }
}

bool is_zero_rule(Op op) {
  return row(op).shape == ShapeRule::leaf;
}

}  // namespace

TEST_CASE("each derivative rule equals central differences") {
  std::mt19937_64 random(5);
  for (const Example& example : examples) {
    INFO(row(example.op).name);
    const Module module = weighted(example.body);
    REQUIRE(verify(module).empty());
    check_gradient(module, random, 25);
  }
}

TEST_CASE("every op has a tested derivative, a zero one, or is refused by name") {
  std::set<Op> tested;
  for (const Example& example : examples) tested.insert(example.op);
  const std::set<Op> flat = {Op::floor, Op::is_finite,   Op::logical_not, Op::less,   Op::less_equal,
                             Op::equal, Op::logical_and, Op::logical_or,  Op::argmax, Op::one_hot};
  for (const Op op : {Op::conv2d, Op::conv2d_transpose, Op::conv2d_filters})
    tested.insert(op);  // convolution_test.cpp
  const std::set<Op> refused = {Op::trigamma,    Op::log_gamma_draw_slope,
                                Op::binet_curve, Op::bessel_slope,
                                Op::eigenvalues, Op::call,
                                Op::scan,        Op::logpdf,
                                Op::expect,      Op::entropy,
                                Op::sample};
#define LVM_OP(op, arity, shape, attributes)                                                              \
  {                                                                                                       \
    INFO(#op);                                                                                            \
    CHECK((derivative_rule(Op::op) == nullptr) == (refused.count(Op::op) == 1));                          \
    CHECK(tested.count(Op::op) + flat.count(Op::op) + refused.count(Op::op) + is_zero_rule(Op::op) >= 1); \
  }
#include "ir/tensor/ops.def"
#undef LVM_OP
}

TEST_CASE("steps have no slope, and what is between them is not lost") {
  const Module module = one_function(x +
                                     "%1 : integer[K, D] = floor %0\n%2 : real[K, D] = mul %0, %1\n%3 : real "
                                     "= sum [K, D] %2\nresult \"f\" %3");
  const Module derived = differentiate(module, "f");
  std::mt19937_64 random(6);
  const auto leaves = random_leaves(module, module.functions[0], random);
  const auto slopes = output_value(derived, derived.functions.back(), 1, leaves);
  const auto& at = leaves.at("parameter.x").data;
  for (size_t i = 0; i < slopes.size(); ++i) CHECK(slopes[i] == std::floor(at[i]));
}

TEST_CASE("gradients pass through calls, and an op without a rule is named") {
  const std::string functions =
      "function \"g\" plain\n%0 : real[K] = argument \"a\"\n%1 : real[K] = square %0\n%2 : real[K] = mul %1, "
      "%0\narguments %0\n"
      "result \"y\" %2\nend\nfunction \"f\" plain\n%0 : real[K] = parameter \"x\"\n%1 : real[K] = call "
      "@\"g\" %0\n"
      "%2 : real = sum [K] %1\nresult \"f\" %2\nend\n";
  const Module module = module_of(functions);
  const Module derived = differentiate(module, "f");
  interpreter::Environment leaves;
  leaves["parameter.x"] = {{1}, {3}, {1, 2, -3}};
  CHECK(output_value(derived, derived.functions.back(), 1, leaves) == std::vector<double>{3, 12, 27});
  const Module eigen = one_function(
      "%0 : real[D, D'] = parameter \"a\"\n%1 : real[D] = eigenvalues [D, D'] %0\n%2 : real = sum [D] %1\n"
      "result \"f\" %2");
  CHECK_THROWS_WITH(differentiate(eigen, "f"), Catch::Contains("`eigenvalues`"));
  CHECK_THROWS_AS(differentiate(eigen, "g"), InternalError);
}

TEST_CASE("values at the edges do not poison the gradient") {
  // Where all states are impossible nothing moves the value; one possible state takes all.
  const Module module = one_function(
      "%0 : real[K] = parameter \"x\"\n%1 : real = logsumexp [K] %0\n%2 : bool = is_finite %1\n%3 : real = "
      "constant 0\n"
      "%4 : real = select %2, %1, %3\nresult \"f\" %4");
  const Module derived = differentiate(module, "f");
  interpreter::Environment leaves;
  const double inf = std::numeric_limits<double>::infinity();
  leaves["parameter.x"] = {{1}, {3}, {-inf, -inf, -inf}};
  CHECK(output_value(derived, derived.functions.back(), 1, leaves) == std::vector<double>{0, 0, 0});
  leaves["parameter.x"] = {{1}, {3}, {-inf, 2, -inf}};
  CHECK(output_value(derived, derived.functions.back(), 1, leaves) == std::vector<double>{0, 1, 0});
}

TEST_CASE("gradients of random modules equal central differences") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 40; ++i) {
    Module module = random_module(random, 15);
    Function& f = module.functions[0];
    Builder b(module, f);
    const NodeId last = f.outputs[0].node;
    f.outputs.clear();
    b.output(OutputKind::result, "f", b.reduce(Op::sum, last, std::vector<AxisId>(b.type(last).axes)));
    const Module clean = simplify(module);
    bool kinks = false;  // of inner values: `smooth` sees only leaves
    for (const Node& node : clean.functions[0].nodes)
      kinks = kinks || node.op == Op::abs || node.op == Op::relu || node.op == Op::maximum ||
              node.op == Op::minimum || node.op == Op::reduce_max || node.op == Op::select;
    if (!kinks) check_gradient(clean, random, 3);
  }
}
