#include "tests/unit/tensor/support.h"

#include <fmt/format.h>

#include <cmath>

namespace lvm::test {

using ir::AxisId;
using ir::Builder;
using ir::Element;
using ir::Type;

namespace {

constexpr std::string_view header =
    "module \"t\" level step\naxis row rows\naxis K 3\naxis D 2\naxis D' 2\naxis E 4\n";
constexpr AxisId row = 0, k = 1, d = 2, d2 = 3, e = 4;

double draw(Element element, int64_t range, std::mt19937_64& random) {
  const double u = std::uniform_real_distribution<double>(0, 1)(random);
  switch (element) {
    case Element::positive: return 0.2 + 2 * u;
    case Element::unit: return 0.05 + 0.9 * u;
    case Element::boolean: return u < 0.5 ? 0 : 1;
    case Element::count: return std::floor(5 * u);
    case Element::integer: return std::floor(9 * u) - 4;
    case Element::category: return std::floor(static_cast<double>(range) * u);
    case Element::real: return 4 * u - 2;
  }
  return u;
}

/// Appends random nodes; keeps the values that later nodes may read.
class Generator {
 public:
  Generator(Module& module, Function& function, std::mt19937_64& random)
      : b_(module, function), random_(random) {}

  void leaves() {
    reals_ = {b_.leaf(Op::parameter, "scalar", {Element::real, {}}),
              b_.leaf(Op::parameter, "table", {Element::real, {k, d}}),
              b_.leaf(Op::parameter, "weight", {Element::positive, {k}}),
              b_.leaf(Op::data, "y", {Element::real, {row, d}}),
              b_.leaf(Op::data, "x", {Element::unit, {row}})};
    categories_ = {b_.leaf(Op::data, "z", {Element::category, {row}, k}),
                   b_.make(Op::iota, {}, {.axes = {k}})};
    for (const double value : {0.0, 1.0, -1.0, 2.0, 0.5}) reals_.push_back(b_.constant(value));
  }

  void step() {
    const NodeId x = any(reals_), y = any(reals_);
    switch (pick(16)) {
      case 0:
        return keep(
            b_.unary(one_of({Op::neg, Op::abs, Op::tanh, Op::sigmoid, Op::softplus, Op::relu, Op::erf}), x));
      case 1:
        return keep(bounded(b_.binary(one_of({Op::add, Op::sub, Op::mul, Op::maximum, Op::minimum}), x, y)));
      case 2: return keep(b_.unary(Op::log, b_.unary(Op::exp, x)));
      case 3:
        return keep(
            b_.select(b_.binary(one_of({Op::less, Op::less_equal, Op::equal}), leaf(), leaf()), x, y));
      case 4: return keep(bounded(b_.make(Op::fma, {x, y, any(reals_)})));
      case 5: return fold(x);
      case 6: return missing(x);
      case 7: return b_.type(x).has(d) && !b_.type(x).has(d2) ? keep(b_.rename(x, d, d2)) : void();
      case 8: return b_.type(x).has(d2) && !b_.type(x).has(d) ? keep(b_.rename(x, d2, d)) : void();
      case 9: return contraction(x, y);
      case 10:
        return b_.type(x).has(k) ? keep(b_.make(Op::gather, {x, any(categories_)}, {.axes = {k}})) : void();
      case 11: return keep(b_.make(Op::one_hot, {categories_[0]}, {.axes = {k}}));
      case 12: return b_.type(x).has(d) ? keep(b_.make(Op::slice, {x}, {.number = 1, .axes = {d}})) : void();
      case 13:
        return b_.type(x).has(d) || b_.type(y).has(d) ? void()
                                                      : keep(b_.make(Op::stack, {x, y}, {.axes = {d}}));
      case 14:
        return b_.type(x).has(d) && !b_.type(x).has(d2) ? keep(b_.make(Op::diag, {x}, {.axes = {d, d2}}))
                                                        : void();
      default:
        return b_.type(x).has(d) && b_.type(x).has(d2) ? keep(b_.make(Op::diagonal, {x}, {.axes = {d, d2}}))
                                                       : void();
    }
  }

  void outputs() {
    for (int i = 0; i < 3; ++i)
      b_.output(ir::OutputKind::result, fmt::format("o{}", i),
                reals_[reals_.size() - 1 - static_cast<size_t>(i)]);
  }

 private:
  Builder b_;
  std::mt19937_64& random_;
  std::vector<NodeId> reals_, categories_;

  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  /// What no rewriting rounds: a comparison of other values could flip.
  NodeId leaf() { return reals_[pick(10)]; }
  NodeId any(const std::vector<NodeId>& from) { return from[pick(from.size())]; }
  Op one_of(std::vector<Op> ops) { return ops[pick(ops.size())]; }
  void keep(NodeId id) { reals_.push_back(id); }
  NodeId bounded(NodeId id) { return pick(3) == 0 ? id : b_.unary(Op::tanh, id); }
  void fold(NodeId x) {
    const auto axes = b_.type(x).axes;
    if (!axes.empty())
      keep(
          bounded(b_.reduce(one_of({Op::sum, Op::reduce_max, Op::logsumexp}), x, {axes[pick(axes.size())]})));
  }
  void missing(NodeId x) {
    const AxisId axis = std::vector<AxisId>{k, d, e}[pick(3)];
    if (!b_.type(x).has(axis)) keep(b_.make(Op::broadcast, {x}, {.axes = {axis}}));
  }
  void contraction(NodeId x, NodeId y) {
    const auto axes = b_.type(x).axes;
    if (!axes.empty()) keep(bounded(b_.contract({x, y}, {axes[pick(axes.size())]})));
  }
};

}  // namespace

Module module_of(std::string_view functions) {
  return ir::parse_module(std::string(header) + std::string(functions));
}

Module one_function(std::string_view lines) {
  return module_of("function \"f\" plain\n" + std::string(lines) + "\nend\n");
}

interpreter::Environment random_leaves(const Module& module, const Function& function,
                                       std::mt19937_64& random) {
  interpreter::Environment leaves;
  for (const ir::Node& node : function.nodes) {
    if (ir::row(node.op).shape != ir::ShapeRule::leaf || node.op == Op::constant || node.op == Op::iota ||
        node.op == Op::identity)
      continue;
    interpreter::Value value{node.type.axes, {}, {}};
    int64_t count = 1;
    for (const AxisId axis : node.type.axes) {
      value.sizes.push_back(axis == row ? row_count : module.axis(axis).size);
      count *= value.sizes.back();
    }
    const int64_t range = node.type.range < 0 ? 0 : module.axis(node.type.range).size;
    for (int64_t i = 0; i < count; ++i) value.data.push_back(draw(node.type.element, range, random));
    leaves[fmt::format("{}.{}", ir::row(node.op).name, node.attributes.text)] = value;
  }
  leaves["rows"] = {{row}, {row_count}, {}};
  return leaves;
}

std::vector<double> output_value(const Module& module, const Function& function, size_t output,
                                 const interpreter::Environment& leaves) {
  return interpreter::evaluate(module, function,
                               leaves)[static_cast<size_t>(function.outputs.at(output).node)]
      .data;
}

Module random_module(std::mt19937_64& random, int size) {
  Module module = module_of("");
  module.functions.push_back({.name = "f"});
  Generator generator(module, module.functions.front(), random);
  generator.leaves();
  for (int i = 0; i < size; ++i) generator.step();
  generator.outputs();
  return module;
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
}

}  // namespace lvm::test
