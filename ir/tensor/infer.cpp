// The type of a node from its op, inputs and attributes.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/tensor/convolution.h"

namespace lvm::ir {

namespace {

using Axes = std::vector<AxisId>;

bool is_positive(Element e) {
  return e == Element::positive;
}
bool is_nonnegative(Element e) {
  return e == Element::positive || e == Element::unit || e == Element::boolean || e == Element::count;
}

struct Inference {
  const Module& module;
  const Function& function;
  Op op;
  const std::vector<NodeId>& inputs;
  const Attributes& attributes;

  const Type& in(size_t i) const { return function[inputs.at(i)].type; }

  std::string describe(const Type& type) const {
    std::string text(name(type.element));
    text += '[';
    for (size_t i = 0; i < type.axes.size(); ++i) {
      const bool known = type.axes[i] >= 0 && static_cast<size_t>(type.axes[i]) < module.axes.size();
      text += (i ? ", " : "") + (known ? module.axis(type.axes[i]).name : std::to_string(type.axes[i]));
    }
    return text + ']';
  }

  [[noreturn]] void fail(const std::string& why) const {
    std::string shapes;
    for (NodeId id : inputs) shapes += (shapes.empty() ? "" : ", ") + describe(function[id].type);
    throw InternalError(fmt::format("`{}` of ({}): {}", row(op).name, shapes, why));
  }

  AxisId axis(size_t i) const {
    if (i >= attributes.axes.size()) fail("it names too few axes");
    const AxisId id = attributes.axes[i];
    if (id < 0 || static_cast<size_t>(id) >= module.axes.size())
      fail("it names an axis that the module lacks");
    return id;
  }

  /// The axes of a square matrix: two, of one size.
  void need_pair() const {
    if (axis(0) == axis(1)) fail("a matrix needs two axes");
    need_equal(axis(0), axis(1));
  }

  void need_equal(AxisId a, AxisId b) const {
    const int64_t m = module.axis(a).size, n = module.axis(b).size;
    if (m != n && m != unknown_size && n != unknown_size)
      fail(fmt::format("the axes `{}` and `{}` have the sizes {} and {}", module.axis(a).name,
                       module.axis(b).name, m, n));
  }

  Axes all_axes() const {
    Axes axes;
    for (NodeId id : inputs)
      axes.insert(axes.end(), function[id].type.axes.begin(), function[id].type.axes.end());
    return sorted(axes);
  }

  static Axes sorted(Axes axes) {
    std::sort(axes.begin(), axes.end());
    axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
    return axes;
  }

  static bool repeats(Axes axes) {
    std::sort(axes.begin(), axes.end());
    return std::adjacent_find(axes.begin(), axes.end()) != axes.end();
  }

  void need_all(const Type& type, std::initializer_list<AxisId> axes) const {
    for (AxisId id : axes) need(type, id);
  }

  static Axes with(Axes axes, AxisId id) {
    axes.push_back(id);
    return sorted(axes);
  }

  Axes without(Axes axes, const Axes& gone, bool all_present = true) const {
    for (AxisId id : gone) {
      const auto at = std::find(axes.begin(), axes.end(), id);
      if (at != axes.end())
        axes.erase(at);
      else if (all_present)
        fail(fmt::format("no input has the axis `{}`", module.axis(id).name));
    }
    return axes;
  }

  Element common(size_t from) const {
    Element element = in(from).element;
    for (size_t i = from + 1; i < inputs.size(); ++i) {
      const Element other = in(i).element;
      if (other == element) continue;
      const bool unit = (element == Element::unit && other == Element::boolean) ||
                        (element == Element::boolean && other == Element::unit);
      element = unit ? Element::unit : Element::real;
    }
    return element == Element::category ? Element::real : element;
  }

  Element pointwise_element() const {
    switch (op) {
      case Op::exp:
      case Op::softplus:
      case Op::erfcx: return Element::positive;
      case Op::sigmoid: return Element::unit;
      case Op::sqrt:
      case Op::square:
      case Op::reciprocal: return is_positive(in(0).element) ? Element::positive : Element::real;
      case Op::abs: return is_positive(in(0).element) ? Element::positive : Element::real;
      case Op::floor: return Element::integer;
      case Op::is_finite:
      case Op::logical_not:
      case Op::less:
      case Op::less_equal:
      case Op::equal:
      case Op::logical_and:
      case Op::logical_or: return Element::boolean;
      case Op::add: {
        const Element a = in(0).element, b = in(1).element;
        const bool positive = (is_positive(a) && is_nonnegative(b)) || (is_positive(b) && is_nonnegative(a));
        return positive ? Element::positive : Element::real;
      }
      case Op::mul: {
        const Element a = in(0).element, b = in(1).element;
        if (is_positive(a) && is_positive(b)) return Element::positive;
        const bool units =
            (a == Element::unit || a == Element::boolean) && (b == Element::unit || b == Element::boolean);
        return units ? Element::unit : Element::real;
      }
      case Op::div:
      case Op::minimum:
        return is_positive(in(0).element) && is_positive(in(1).element) ? Element::positive : Element::real;
      case Op::maximum:
        return is_positive(in(0).element) || is_positive(in(1).element) ? Element::positive : Element::real;
      case Op::pow: return is_positive(in(0).element) ? Element::positive : Element::real;
      case Op::fma:
        return is_positive(in(0).element) && is_positive(in(1).element) && is_nonnegative(in(2).element)
                   ? Element::positive
                   : Element::real;
      case Op::select: return common(1);
      case Op::expect: return in(0).element;
      default: return Element::real;
    }
  }

  Type reduce() const {
    if (op == Op::argmax && attributes.axes.size() != 1) fail("it takes one axis");
    if (op == Op::log_determinant) need_pair();
    Type type{Element::real, without(in(0).axes, attributes.axes)};
    if (op == Op::argmax) {
      type.element = Element::category;
      type.range = axis(0);
    } else if (op == Op::sum && (is_positive(in(0).element) || in(0).element == Element::count)) {
      type.element = in(0).element;
    } else if (op == Op::sum && in(0).element == Element::boolean) {
      type.element = Element::count;
    } else if (op == Op::reduce_max) {
      type.element = common(0);
    }
    return type;
  }

  Type contract() const {
    Type type{Element::positive, without(all_axes(), attributes.axes)};
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!is_positive(in(i).element)) type.element = Element::real;
    return type;
  }

  Type rename() const {
    Type type = in(0);
    if (attributes.axes.size() % 2) fail("the axes to rename come in pairs");
    for (size_t i = 0; i < attributes.axes.size(); i += 2)
      if (type.has(axis(i))) need_equal(axis(i), axis(i + 1));
    for (AxisId& id : type.axes)
      for (size_t i = 0; i < attributes.axes.size(); i += 2)
        if (id == attributes.axes[i]) {
          id = attributes.axes[i + 1];
          break;
        }
    const size_t before = type.axes.size();
    type.axes = sorted(type.axes);
    if (type.axes.size() != before) fail("two axes would have one name");
    return type;
  }

  Type gather() const {
    if (in(1).element != Element::category && in(1).element != Element::integer)
      fail("the index is not a category");
    Axes axes = without(in(0).axes, {axis(0)});
    axes.insert(axes.end(), in(1).axes.begin(), in(1).axes.end());
    return {in(0).element, sorted(axes), in(0).range};
  }

  void need(const Type& type, AxisId id) const {
    if (!type.has(id)) fail(fmt::format("the axis `{}` is missing", module.axis(id).name));
  }

  Type matrix() const {
    need_pair();
    need(in(0), axis(0));
    need(in(0), axis(1));
    return {Element::real, in(0).axes};
  }

  Type apply() const {
    need_pair();
    need(in(0), axis(0));
    need(in(0), axis(1));
    need(in(1), axis(0));
    if (in(1).has(axis(1))) fail("the vector has the matrix's column axis");
    return {Element::real, without(all_axes(), {axis(1)})};
  }

  /// Element-wise densities keep every axis. A category consumes the axis that it ranges over (its twin in a
  /// table that has both), a multivariate value the pair D, D' of its matrix; `attributes.axes` names event
  /// axes that neither rule finds.
  Type logpdf() const {
    if (!attributes.axes.empty()) return {Element::real, without(all_axes(), attributes.axes, false)};
    Axes axes = all_axes();
    if (op == Op::logpdf && in(0).element == Element::category && in(0).range >= 0) {
      const auto twin = module.find_axis(module.axis(in(0).range).name + "'");
      AxisId event = in(0).range;
      Axes slots;
      for (size_t i = 1; i < inputs.size(); ++i) {
        if (twin && in(i).has(*twin)) event = *twin;
        slots.insert(slots.end(), in(i).axes.begin(), in(i).axes.end());
      }
      // The value keeps its axes: of all values at once (`iota`) the event is one of them.
      Axes kept = without(sorted(slots), {event}, false);
      kept.insert(kept.end(), in(0).axes.begin(), in(0).axes.end());
      return {Element::real, sorted(kept)};
    }
    const bool matrix_slot = attributes.text.find(".cov") != std::string::npos ||
                             attributes.text.find(".cholesky") != std::string::npos ||
                             attributes.text.find(".precision_matrix") != std::string::npos;
    if (matrix_slot)
      for (AxisId id : all_axes()) {
        const auto twin = module.find_axis(module.axis(id).name + "'");
        if (twin && std::find(axes.begin(), axes.end(), *twin) != axes.end())
          axes = without(axes, {id, *twin});
      }
    return {Element::real, axes};
  }

  /// The first result of the function that is named.
  const Type& result_of_callee() const {
    const Function* found = module.find(attributes.function);
    if (!found || found->outputs.empty())
      fail(fmt::format("there is no function `{}` with a result", attributes.function));
    const NodeId result = found->outputs[0].node;
    if (result < 0 || static_cast<size_t>(result) >= found->nodes.size()) fail("its function has no result");
    if (found->arguments.size() != inputs.size())
      fail(fmt::format("`{}` takes {} arguments", found->name, found->arguments.size()));
    for (size_t i = 0; op == Op::call && i < inputs.size(); ++i) {
      const NodeId argument = found->arguments[i];
      const bool exists = argument >= 0 && static_cast<size_t>(argument) < found->nodes.size();
      if (!exists || (*found)[argument].type.axes != in(i).axes)
        fail(fmt::format("argument {} has other axes", i));
    }
    return (*found)[result].type;
  }

  Type slice() const {
    const int64_t size = module.axis(axis(0)).size;
    const double at = attributes.number;
    if (!(at >= 0) || at != std::floor(at) || (size != unknown_size && at >= static_cast<double>(size)))
      fail(fmt::format("there is no element {} along `{}`", at, module.axis(axis(0)).name));
    return {in(0).element, without(in(0).axes, {axis(0)}), in(0).range};
  }

  Type reshape() const {
    const ReshapeAxes axes = reshape_axes(attributes);
    if (repeats(attributes.axes)) fail("an axis stands twice");
    for (AxisId id : axes.to)
      if (in(0).has(id)) fail(fmt::format("the input has the axis `{}` already", module.axis(id).name));
    const int64_t before = module.elements({Element::real, axes.from}),
                  after = module.elements({Element::real, axes.to});
    if (before != after && before != unknown_size && after != unknown_size)
      fail(fmt::format("it has {} elements, not {}", before, after));
    Axes all = without(in(0).axes, axes.from);
    all.insert(all.end(), axes.to.begin(), axes.to.end());
    return {in(0).element, sorted(all), in(0).range};
  }

  /// The image and the filters of a convolution; the sizes along one side.
  void check_window(AxisId image, AxisId steps, AxisId kernel, int64_t stride, int64_t before) const {
    const int64_t n = module.axis(image).size, m = module.axis(steps).size, k = module.axis(kernel).size;
    if (stride < 1 || before < 0) fail("its stride is at least 1, and its offsets are from 0");
    if (k != unknown_size && before >= k) fail("a filter would stand outside of the image");
    if (n != unknown_size && m != unknown_size && (m - 1) * stride - before >= n)
      fail(fmt::format("{} steps of {} leave the axis `{}`, which has {}", m, stride, module.axis(image).name,
                       n));
  }

  Type convolution() const {
    const Convolution c = convolution_of(attributes);
    if (repeats(attributes.axes)) fail("its axes are eight different ones");
    const bool forward = op != Op::conv2d_transpose;
    const ImageAxes image = forward ? c.in : c.out, steps = forward ? c.out : c.in;
    check_window(image.rows, steps.rows, c.kernel_rows, c.stride, c.top);
    check_window(image.columns, steps.columns, c.kernel_columns, c.stride, c.left);
    Axes filters = sorted({c.in.channels, c.out.channels, c.kernel_rows, c.kernel_columns});
    need_all(in(0), {c.in.channels, c.in.rows, c.in.columns});
    if (op == Op::conv2d_filters) {
      need_all(in(1), {c.out.channels, c.out.rows, c.out.columns});
      return {Element::real, std::move(filters)};
    }
    if (in(1).axes != filters) fail("its filters have the channels of both sides and the axes of the kernel");
    Axes axes = without(in(0).axes, {c.in.channels, c.in.rows, c.in.columns});
    axes.insert(axes.end(), {c.out.channels, c.out.rows, c.out.columns});
    if (repeats(axes)) fail("the input has an axis of the result");
    return {Element::real, sorted(std::move(axes))};
  }

  Type infer(const Type& leaf_type) const {
    switch (row(op).shape) {
      case ShapeRule::leaf:
        if (op == Op::constant) return {attributes.number > 0 ? Element::positive : Element::real, {}};
        if (op == Op::iota) return {Element::category, {axis(0)}, axis(0)};
        if (op == Op::identity) need_pair();
        if (op == Op::identity) return {Element::real, sorted({axis(0), axis(1)})};
        return leaf_type;
      case ShapeRule::pointwise: return {pointwise_element(), all_axes()};
      case ShapeRule::reduce: return reduce();
      case ShapeRule::contract: return contract();
      case ShapeRule::broadcast: {
        Axes axes = in(0).axes;
        axes.insert(axes.end(), attributes.axes.begin(), attributes.axes.end());
        return {in(0).element, sorted(axes), in(0).range};
      }
      case ShapeRule::rename: return rename();
      case ShapeRule::gather: return gather();
      case ShapeRule::one_hot:
        if (in(0).element != Element::category) fail("the input is not a category");
        if (in(0).has(axis(0))) fail("the input has the axis already");
        return {Element::boolean, with(in(0).axes, axis(0))};
      case ShapeRule::stack: {
        const int64_t size = module.axis(axis(0)).size;
        if (size != unknown_size && size != static_cast<int64_t>(inputs.size()))
          fail(fmt::format("the axis `{}` has another size", module.axis(axis(0)).name));
        return {common(0), with(all_axes(), axis(0))};
      }
      case ShapeRule::slice: return slice();
      case ShapeRule::diag:
        need_pair();
        need(in(0), axis(0));
        if (in(0).has(axis(1))) fail("it is a matrix already");
        return {Element::real, with(in(0).axes, axis(1))};
      case ShapeRule::eigenvalues:
      case ShapeRule::diagonal:
        need_pair();
        need(in(0), axis(0));
        return {Element::real, without(in(0).axes, {axis(1)})};
      case ShapeRule::reshape: return reshape();
      case ShapeRule::matrix: return matrix();
      case ShapeRule::apply: return apply();
      case ShapeRule::matmul: return {Element::real, without(all_axes(), attributes.axes)};
      case ShapeRule::conv: return convolution();
      case ShapeRule::call: return result_of_callee();
      case ShapeRule::scan: {
        const Type& body = result_of_callee();
        return {body.element, with(body.axes, axis(0)), body.range};
      }
      case ShapeRule::logpdf: return logpdf();
    }
    fail("the op has no shape rule");
  }
};

}  // namespace

Type infer_type(const Module& module, const Function& function, Op op, const std::vector<NodeId>& inputs,
                const Attributes& attributes, const Type& leaf) {
  for (NodeId id : inputs)
    if (id < 0 || static_cast<size_t>(id) >= function.nodes.size())
      throw InternalError("an input is not a node");
  const int arity = row(op).arity;
  const Inference inference{module, function, op, inputs, attributes};
  if (arity >= 0 && inputs.size() != static_cast<size_t>(arity))
    inference.fail("it has the wrong number of inputs");
  if (arity < 0 && inputs.empty() && op != Op::call) inference.fail("it has no input");
  return inference.infer(leaf);
}

}  // namespace lvm::ir
