// The value of each op: unary ones against long double references, the others against values worked out by
// hand.

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numbers>
#include <set>

#include "ir/tensor/scalar.h"
#include "tests/unit/tensor/special_values.h"
#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Recurrence up to 40, where five terms of the asymptotic series leave less than 1e-21.
long double trigamma_reference(long double x) {
  if (x < 0) {
    const long double s = std::sin(std::numbers::pi_v<long double> * x);
    return std::numbers::pi_v<long double> * std::numbers::pi_v<long double> / (s * s) -
           trigamma_reference(1 - x);
  }
  long double sum = 0;
  for (; x < 40; x += 1) sum += 1 / (x * x);
  const long double r = 1 / (x * x);
  return sum + 1 / x + r / 2 +
         r / x * (1 / 6.0L - r * (1 / 30.0L - r * (1 / 42.0L - r * (1 / 30.0L - r * 5 / 66.0L))));
}
long double digamma_reference(long double x) {
  if (x < 0)
    return digamma_reference(1 - x) -
           std::numbers::pi_v<long double> / std::tan(std::numbers::pi_v<long double> * x);
  long double sum = 0;
  for (; x < 40; x += 1) sum -= 1 / x;
  const long double r = 1 / (x * x);
  return sum + std::log(x) - 1 / (2 * x) -
         r * (1 / 12.0L - r * (1 / 120.0L - r * (1 / 252.0L - r * (1 / 240.0L - r / 132.0L))));
}

struct Reference {
  long double (*f)(long double);
  double low, high;
  double ulps;  // the greatest error, in units of the last place of the value
};

const std::map<Op, Reference> references = {
    {Op::neg, {[](long double x) { return -x; }, -1e6, 1e6, 0.5}},
    {Op::abs, {[](long double x) { return std::abs(x); }, -1e6, 1e6, 0.5}},
    {Op::exp, {[](long double x) { return std::exp(x); }, -700, 700, 1}},
    {Op::log, {[](long double x) { return std::log(x); }, 1e-9, 1e3, 1}},
    {Op::expm1, {[](long double x) { return std::expm1(x); }, -40, 40, 2}},
    {Op::log1p, {[](long double x) { return std::log1p(x); }, -0.999, 1e3, 2}},
    {Op::sqrt, {[](long double x) { return std::sqrt(x); }, 0, 1e6, 0.5001}},
    {Op::square, {[](long double x) { return x * x; }, -1e6, 1e6, 0.5001}},
    {Op::reciprocal, {[](long double x) { return 1 / x; }, 1e-6, 1e6, 0.5001}},
    {Op::sigmoid, {[](long double x) { return 1 / (1 + std::exp(-x)); }, -700, 40, 3}},
    {Op::softplus, {[](long double x) { return std::log1p(std::exp(x)); }, -700, 700, 3}},
    {Op::tanh, {[](long double x) { return std::tanh(x); }, -20, 20, 2}},
    {Op::relu, {[](long double x) { return x > 0 ? x : 0; }, -10, 10, 0.5}},
    {Op::erf, {[](long double x) { return std::erf(x); }, -6, 6, 2}},
    {Op::lgamma, {[](long double x) { return std::lgamma(x); }, 1e-6, 1e6, 4}},
    {Op::digamma, {digamma_reference, 1e-6, 1e6, 1}},
    {Op::trigamma, {trigamma_reference, 1e-6, 1e6, 1}},
    {Op::floor, {[](long double x) { return std::floor(x); }, -1e6, 1e6, 0.5}},
};

struct Hand {
  std::string body;  // the last node is the value
  std::vector<double> expected;
};

const std::string row_xy = "%0 : real[K] = parameter \"x\"\n%1 : real[K] = parameter \"y\"\n";
const std::string table = "%0 : real[K, D] = parameter \"table\"\n";
const std::string matrix = "%0 : real[D, D'] = parameter \"a\"\n";
const std::string lower = "%0 : real[D, D'] = parameter \"l\"\n%1 : real[D] = parameter \"v\"\n";
const std::string definite = "%0 : real[D, D'] = parameter \"a\"\n%1 : real[D] = parameter \"v\"\n";

interpreter::Environment hand_leaves() {
  return {{"parameter.x", {{1}, {3}, {1, -2, not_a_number}}},
          {"parameter.y", {{1}, {3}, {3, -2, 0}}},
          {"parameter.table", {{1, 2}, {3, 2}, {1, 2, 3, 4, 5, 6}}},
          {"parameter.a", {{2, 3}, {2, 2}, {4, 2, 2, 10}}},
          {"parameter.l", {{2, 3}, {2, 2}, {2, 99, 1, 4}}},
          {"parameter.v", {{2}, {2}, {6, 7}}},
          {"parameter.b", {{1}, {3}, {1, 0, 1}}},
          {"parameter.never", {{1, 2}, {3, 2}, {-inf, -inf, -inf, 2, -inf, -inf}}},
          {"data.y", {{0, 2}, {5, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}},
          {"data.z", {{0}, {5}, {2, 0, 1, 1, 7}}},
          {"derived.d", {{}, {}, {0.5}}},
          {"statistic.s", {{}, {}, {8}}},
          {"rows", {{0}, {5}, {}}}};
}

const std::vector<Hand> hands = {
    {"%0 : positive = constant 2.5", {2.5}},
    {"%0 : real[row, D] = data \"y\"\n%1 : real[D] = sum [row] %0", {25, 30}},
    {"%0 : real = derived \"d\"", {0.5}},
    {"%0 : real = statistic \"s\"", {8}},
    {"%0 : category<K>[K] = iota [K]", {0, 1, 2}},
    {"%0 : real[D, D'] = identity [D, D']", {1, 0, 0, 1}},
    {row_xy + "%2 : real[K] = add %0, %1", {4, -4, not_a_number}},
    {row_xy + "%2 : real[K] = sub %0, %1", {-2, 0, not_a_number}},
    {row_xy + "%2 : real[K] = mul %0, %1", {3, 4, not_a_number}},
    {row_xy + "%2 : real[K] = div %0, %1", {1.0 / 3, 1, not_a_number}},
    {row_xy + "%2 : real[K] = pow %0, %1", {1, 0.25, 1}},
    {row_xy + "%2 : real[K] = maximum %0, %1", {3, -2, not_a_number}},
    {row_xy + "%2 : real[K] = minimum %0, %1", {1, -2, not_a_number}},
    {row_xy + "%2 : bool[K] = less %0, %1", {1, 0, 0}},
    {row_xy + "%2 : bool[K] = less_equal %0, %1", {1, 1, 0}},
    {row_xy + "%2 : bool[K] = equal %0, %1", {0, 1, 0}},
    {row_xy + "%2 : bool[K] = is_finite %0", {1, 1, 0}},
    {row_xy + "%2 : bool[K] = is_finite %0\n%3 : bool[K] = logical_not %2", {0, 0, 1}},
    {row_xy +
         "%2 : bool[K] = parameter \"b\"\n%3 : bool[K] = is_finite %0\n%4 : bool[K] = logical_and %2, %3",
     {1, 0, 0}},
    {row_xy + "%2 : bool[K] = parameter \"b\"\n%3 : bool[K] = is_finite %0\n%4 : bool[K] = logical_or %2, %3",
     {1, 1, 1}},
    {row_xy + "%2 : bool[K] = is_finite %0\n%3 : real[K] = select %2, %0, %1", {1, -2, 0}},
    {"%0 : positive = constant 1.0000000149011612\n%1 : real = constant -1.0000000298023224\n%2 : real = fma "
     "%0, %0, %1",
     {std::pow(2.0, -52)}},  // (1 + 2^-26)^2 - (1 + 2^-25): rounded once, 2^-52 is left
    {table + "%1 : real[D] = sum [K] %0", {9, 12}},
    {table + "%1 : real = sum [K, D] %0", {21}},
    {table + "%1 : real[K] = reduce_max [D] %0", {2, 4, 6}},
    {"%0 : real[K, D] = parameter \"never\"\n%1 : real[D] = logsumexp [K] %0", {-inf, 2}},
    {"%0 : real[K, D] = parameter \"never\"\n%1 : real[K] = logsumexp [D] %0", {-inf, 2, -inf}},
    {table + "%1 : category<K>[D] = argmax [K] %0", {2, 2}},
    {"%0 : real[K, D] = parameter \"never\"\n%1 : category<K>[D] = argmax [K] %0", {0, 1}},
    {table + "%1 : real[K] = contract [D] %0, %0", {5, 25, 61}},
    {table + "%1 : real[D] = parameter \"v\"\n%2 : real[K] = contract [D] %0, %1", {20, 46, 72}},
    {table + "%1 : real[D] = parameter \"v\"\n%2 : real[K] = matmul [D] %0, %1", {20, 46, 72}},
    {"%0 : real[D] = parameter \"v\"\n%1 : real[K, D] = broadcast [K] %0", {6, 7, 6, 7, 6, 7}},
    {matrix + "%1 : real[D, D'] = rename [D, D', D', D] %0", {4, 2, 2, 10}},
    {lower + "%2 : real[D, D'] = rename [D, D', D', D] %0", {2, 1, 99, 4}},
    {table + "%1 : category<K>[row] = data \"z\"\n%2 : real[row, D] = gather [K] %0, %1",
     {5, 6, 1, 2, 3, 4, 3, 4, not_a_number, not_a_number}},
    {"%0 : category<K>[row] = data \"z\"\n%1 : bool[row, K] = one_hot [K] %0",
     {0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0}},
    {lower + "%2 : real[D] = neg %1\n%3 : real[D, D'] = stack [D'] %1, %2", {6, -6, 7, -7}},
    {table + "%1 : real[D] = slice 1 [K] %0", {3, 4}},
    {lower + "%2 : real[D, D'] = diag [D, D'] %1", {6, 0, 0, 7}},
    {matrix + "%1 : real[D] = diagonal [D, D'] %0", {4, 10}},
    {matrix + "%1 : real[E] = reshape 2 [D, D', E] %0", {4, 2, 2, 10}},
    {lower + "%2 : real[E] = reshape 2 [D', D, E] %0", {2, 1, 99, 4}},
    {matrix + "%1 : real[D, D'] = cholesky [D, D'] %0", {2, 0, 1, 3}},
    {matrix + "%1 : real[D, D'] = neg %0\n%2 : real[D, D'] = cholesky [D, D'] %1",
     {not_a_number, not_a_number, not_a_number, not_a_number}},
    {lower + "%2 : real[D, D'] = triangular_inverse [D, D'] %0", {0.5, 0, -0.125, 0.25}},
    {lower + "%2 : real[D] = triangular_apply [D, D'] %0, %1", {12, 34}},
    {lower + "%2 : real[D] = triangular_solve [D, D'] %0, %1", {3, 1}},
    {definite + "%2 : real[D] = solve [D, D'] %0, %1", {46.0 / 36, 16.0 / 36}},
    {matrix + "%1 : real[D, D'] = inverse [D, D'] %0", {10.0 / 36, -2.0 / 36, -2.0 / 36, 4.0 / 36}},
    {matrix + "%1 : real = log_determinant [D, D'] %0", {std::log(36.0)}},
    {matrix + "%1 : real[D] = eigenvalues [D, D'] %0", {7 - std::sqrt(13.0), 7 + std::sqrt(13.0)}},
};

std::vector<double> hand_value(const Module& module) {
  const Function& f = module.functions.back();
  return interpreter::evaluate(module, f, hand_leaves()).back().data;
}

}  // namespace

TEST_CASE("unary ops are within a few units in the last place of long double references") {
  std::mt19937_64 random(8);
  for (const auto& [op, reference] : references) {
    INFO(row(op).name);
    const Scalar1 f = scalar1(op);
    REQUIRE(f != nullptr);
    double worst = 0, worst_at = 0;
    for (int i = 0; i < 20000; ++i) {
      const double u = std::uniform_real_distribution<double>(0, 1)(random);
      const bool logarithmic = reference.low > 0 && reference.high / reference.low > 1e3 && i % 2;
      const double x = logarithmic ? reference.low * std::pow(reference.high / reference.low, u)
                                   : reference.low + (reference.high - reference.low) * u;
      const long double exact = reference.f(static_cast<long double>(x));
      const double nearest = static_cast<double>(std::abs(exact));
      // lgamma has zeros at 1 and 2, digamma at 1.46: there the error is absolute.
      const double floor_size = op == Op::lgamma || op == Op::digamma ? 0.5 : 0;
      const double size = std::max({nearest, floor_size, std::numeric_limits<double>::min()});
      const double unit = std::nextafter(size, inf) - size;
      const double error = static_cast<double>(std::abs(static_cast<long double>(f(x)) - exact)) / unit;
      if (error > worst) worst = error, worst_at = x;
    }
    INFO("worst " << worst << " at " << worst_at);
    CHECK(worst <= reference.ulps);
  }
}

TEST_CASE("digamma and trigamma at known points, poles and below zero") {
  const double euler = std::numbers::egamma, pi = std::numbers::pi;
  CHECK(digamma(1) == Approx(-euler).epsilon(1e-15));
  CHECK(digamma(0.5) == Approx(-euler - 2 * std::numbers::ln2).epsilon(1e-15));
  CHECK(std::abs(digamma(1.4616321449683623)) < 1e-15);
  CHECK(digamma(-0.5) == Approx(0.03648997397857652).epsilon(1e-13));
  CHECK(digamma(-3.75) == Approx(static_cast<double>(digamma_reference(-3.75L))).epsilon(1e-13));
  CHECK(std::isnan(digamma(0)));
  CHECK(std::isnan(digamma(-2)));
  CHECK(digamma(inf) == inf);
  CHECK(trigamma(1) == Approx(pi * pi / 6).epsilon(1e-15));
  CHECK(trigamma(0.5) == Approx(pi * pi / 2).epsilon(1e-15));
  CHECK(trigamma(-3.75) == Approx(static_cast<double>(trigamma_reference(-3.75L))).epsilon(1e-13));
  CHECK(trigamma(0) == inf);
  CHECK(trigamma(inf) == 0);
}

TEST_CASE("special functions equal values of 40 digits") {
  for (const SpecialValue& row : special_values) {
    INFO(lvm::ir::row(row.op).name << " of " << row.x);
    const double got = scalar1(row.op)(row.x);
    CHECK(std::abs(got - row.value) <= 2 * std::abs(std::nextafter(row.value, inf) - row.value));
  }
}

TEST_CASE("special functions at their edges") {
  CHECK(binet(0) == inf);
  CHECK(binet_slope(0) == -inf);
  CHECK(binet_curve(0) == inf);
  for (const Op op : {Op::binet, Op::binet_slope, Op::binet_curve}) {
    CHECK(scalar1(op)(inf) == 0);
    CHECK(std::isnan(scalar1(op)(-1)));
    CHECK(std::isnan(scalar1(op)(not_a_number)));
  }
  CHECK(log_bessel(-inf) == -inf);
  CHECK(bessel_ratio(-inf) == -1);
  CHECK(bessel_slope(inf) == 0);
  CHECK(erfcx(inf) == 0);
  CHECK(erfcx(-30) == inf);
  for (const Op op : {Op::log_bessel, Op::bessel_ratio, Op::bessel_slope, Op::erfcx, Op::cos})
    CHECK(std::isnan(scalar1(op)(not_a_number)));
}

TEST_CASE("the edges of the exponential family of functions") {
  CHECK(scalar1(Op::softplus)(800) == 800);
  CHECK(scalar1(Op::softplus)(-inf) == 0);
  CHECK(scalar1(Op::sigmoid)(-800) == 0);
  CHECK(scalar1(Op::sigmoid)(inf) == 1);
  CHECK(scalar1(Op::log)(0) == -inf);
  CHECK(std::isnan(scalar1(Op::relu)(not_a_number)));
  CHECK(std::isnan(scalar2(Op::maximum)(not_a_number, 1)));
  CHECK(std::isnan(scalar2(Op::minimum)(1, not_a_number)));
}

TEST_CASE("structured ops have the values that were worked out by hand") {
  for (const Hand& hand : hands) {
    const Module module = one_function(hand.body);
    INFO(print(module));
    REQUIRE(verify(module).empty());
    const auto value = hand_value(module);
    REQUIRE(value.size() == hand.expected.size());
    for (size_t i = 0; i < value.size(); ++i) {
      INFO("element " << i << ": " << value[i] << ", expected " << hand.expected[i]);
      CHECK(close(value[i], hand.expected[i], 1e-15));
    }
  }
}

TEST_CASE("call and scan run the function that they name") {
  const Module module = module_of(
      "function \"g\" plain\n%0 : real[D] = argument \"carry\"\n%1 : real[D] = argument \"step\"\n%2 : "
      "real[D] = add %0, %1\n"
      "arguments %0, %1\nresult \"next\" %2\nend\n"
      "function \"f\" plain\n%0 : real[K, D] = parameter \"table\"\n%1 : real[D] = parameter \"v\"\n"
      "%2 : real[D] = call @\"g\" %1, %1\n%3 : real[K, D] = scan @\"g\" [K] %2, %0\nresult \"f\" %3\nend\n");
  REQUIRE(verify(module).empty());
  CHECK(hand_value(module) == std::vector<double>{13, 16, 16, 20, 21, 26});
}

TEST_CASE("matrices of many sizes: factors, solutions and eigenvalues agree") {
  std::mt19937_64 random(9);
  for (int64_t n = 1; n <= 12; ++n) {
    Module m = parse_module("module \"t\" level step\naxis row rows\naxis D " + std::to_string(n) +
                            "\naxis D' " + std::to_string(n) + "\naxis D'' " + std::to_string(n) + "\n");
    m.functions.push_back({.name = "f"});
    Builder b(m, m.functions[0]);
    const AxisId d = 1, d2 = 2, d3 = 3;
    const NodeId x = b.leaf(Op::parameter, "x", {Element::real, {d, d3}});
    const NodeId v = b.leaf(Op::parameter, "v", {Element::real, {d}});
    const NodeId a =
        b.add(b.contract({x, b.rename(x, d, d2)}, {d3}), b.make(Op::identity, {}, {.axes = {d, d2}}));
    const NodeId l = b.matrix(Op::cholesky, {a}, d, d2);
    const NodeId w = b.matrix(Op::triangular_inverse, {l}, d, d2);
    const NodeId square = b.contract({b.rename(l, d2, d3), b.rename(b.rename(l, d2, d3), d, d2)}, {d3});
    const NodeId u = b.matrix(Op::solve, {a, v}, d, d2);
    const NodeId back = b.contract({a, b.rename(u, d, d2)}, {d2});
    const NodeId whitened = b.matrix(Op::triangular_apply, {w, v}, d, d2);
    const NodeId solved = b.matrix(Op::triangular_solve, {l, v}, d, d2);
    const NodeId by_inverse = b.contract({b.matrix(Op::inverse, {a}, d, d2), b.rename(v, d, d2)}, {d2});
    const NodeId determinant = b.matrix(Op::log_determinant, {a}, d, d2);
    const NodeId eigen = b.matrix(Op::eigenvalues, {a}, d, d2);
    const NodeId by_eigen = b.reduce(Op::sum, b.unary(Op::log, eigen), {d});
    const NodeId trace = b.reduce(Op::sum, b.make(Op::diagonal, {a}, {.axes = {d, d2}}), {d});
    const NodeId eigen_sum = b.reduce(Op::sum, eigen, {d});
    const auto leaves = random_leaves(m, m.functions[0], random);
    const auto values = interpreter::evaluate(m, m.functions[0], leaves);
    for (const auto& [left, right] : std::vector<std::pair<NodeId, NodeId>>{{square, a},
                                                                            {back, v},
                                                                            {whitened, solved},
                                                                            {by_inverse, u},
                                                                            {determinant, by_eigen},
                                                                            {trace, eigen_sum}}) {
      const auto &p = values[static_cast<size_t>(left)].data, &q = values[static_cast<size_t>(right)].data;
      REQUIRE(p.size() == q.size());
      for (size_t i = 0; i < p.size(); ++i) CHECK(close(p[i], q[i], 1e-12));
    }
  }
}

TEST_CASE("every op has a value test or is refused by the interpreter") {
  std::set<Op> tested = {Op::call, Op::scan, Op::argument};
  for (const auto& [op, reference] : references) tested.insert(op);
  for (const Hand& hand : hands) {
    const Module module = one_function(hand.body);
    for (const Node& node : module.functions[0].nodes) tested.insert(node.op);
  }
  for (const SpecialValue& value : special_values) tested.insert(value.op);
  const std::set<Op> refused = {Op::latent, Op::logpdf, Op::expect, Op::entropy, Op::sample};
  for (const Op op : {Op::conv2d, Op::conv2d_transpose, Op::conv2d_filters})
    tested.insert(op);  // convolution_test.cpp
  for (const Op op : {Op::log_gamma_draw, Op::log_gamma_draw_slope})
    tested.insert(op);  // gamma_draw_test.cpp
#define LVM_OP(op, arity, shape, attributes)                  \
  {                                                           \
    INFO(#op);                                                \
    CHECK(tested.count(Op::op) + refused.count(Op::op) == 1); \
  }
#include "ir/tensor/ops.def"
#undef LVM_OP
}

TEST_CASE("ops of level elbo are refused by name") {
  Module m = module_of("");
  m.functions.push_back({.name = "f"});
  const Node bound{Op::logpdf, {}, {.text = "Normal.mean.sd"}, {Element::real, {}}, {}};
  m.functions[0].nodes = {bound};
  CHECK_THROWS_WITH(interpreter::evaluate(m, m.functions[0], {}), Catch::Contains("`logpdf`"));
}
