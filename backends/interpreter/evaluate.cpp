// The value rule of each op. Loops run over the result's elements with the strides of each input: axes that
// an input lacks have stride 0, which is all that broadcasting over names means.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "backends/interpreter/interpret.h"
#include "backends/interpreter/linear.h"
#include "backends/interpreter/walk.h"
#include "ir/tensor/convolution.h"
#include "ir/tensor/scalar.h"

namespace lvm::interpreter {

using ir::Attributes;
using ir::AxisId;
using ir::Function;
using ir::Module;
using ir::Node;
using ir::Op;
using ir::ShapeRule;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

ir::InternalError no_value_rule(Op op) {
  return ir::InternalError(fmt::format("`{}` has no value rule", ir::row(op).name));
}

struct Evaluation {
  const Module& module;
  const Function& function;
  const Environment& environment;
  int64_t rows;
  std::vector<Value>& values;

  int64_t size_of(AxisId id) const {
    const ir::Axis& axis = module.axis(id);
    if (axis.kind == ir::AxisKind::rows) return rows;
    if (axis.size == ir::unknown_size)
      throw ir::InternalError("the axis `" + axis.name + "` has no size yet");
    return axis.size;
  }

  Value make(std::vector<AxisId> axes) const {
    Value value{std::move(axes), {}, {}};
    for (AxisId id : value.axes) value.sizes.push_back(size_of(id));
    value.data.resize(static_cast<size_t>(count(value.sizes)), 0.0);
    return value;
  }

  const Value& in(const Node& node, size_t i) const { return values[static_cast<size_t>(node.inputs.at(i))]; }

  /// What types cannot tell while sizes are unknown.
  static void need_size(const Node& node, int64_t found, int64_t needed) {
    if (found != needed)
      throw ir::InternalError(
          fmt::format("`{}`: {} elements where {} are needed", ir::row(node.op).name, found, needed));
  }

  Value leaf(const Node& node) const {
    const Attributes& a = node.attributes;
    Value value = make(node.type.axes);
    switch (node.op) {
      case Op::constant: value.data[0] = a.number; return value;
      case Op::iota:
        for (size_t i = 0; i < value.data.size(); ++i) value.data[i] = static_cast<double>(i);
        return value;
      case Op::identity: {
        const int64_t n = size_of(a.axes[0]);
        need_size(node, size_of(a.axes[1]), n);
        for (int64_t i = 0; i < n; ++i) value.data[i * n + i] = 1;
        return value;
      }
      default: break;
    }
    const std::string key = fmt::format("{}.{}", ir::row(node.op).name, a.text);
    const auto found = environment.find(key);
    if (found == environment.end()) throw ir::InternalError("no value for `" + key + "`");
    if (found->second.data.size() != value.data.size())
      throw ir::InternalError("`" + key + "` has another size");
    value.data = found->second.data;
    return value;
  }

  Value pointwise(const Node& node) const {
    const Op op = node.op;
    if (const ir::Scalar1 f = ir::scalar1(op)) return map<1>(node, [f](double a) { return f(a); });
    if (const ir::Scalar2 f = ir::scalar2(op))
      return map<2>(node, [f](double a, double b) { return f(a, b); });
    if (op == Op::fma) return map<3>(node, [](double a, double b, double c) { return std::fma(a, b, c); });
    if (op == Op::select) return map<3>(node, [](double a, double b, double c) { return a != 0 ? b : c; });
    throw no_value_rule(op);
  }

  template <size_t arity, class F>
  Value map(const Node& node, F f) const {
    Value value = make(node.type.axes);
    std::vector<std::vector<int64_t>> s;
    const double* x[arity];
    for (size_t i = 0; i < arity; ++i) {
      s.push_back(strides(in(node, i), value.axes));
      x[i] = in(node, i).data.data();
    }
    double* out = value.data.data();
    Walk walk(value.sizes, std::move(s));
    int64_t length = 1;
    const std::vector<int64_t> step = walk.take_run(length);
    for (; !walk.done(); walk.next()) {
      const auto& o = walk.offsets;
      for (int64_t k = 0; k < length; ++k) {
        if constexpr (arity == 1) *out++ = f(x[0][o[0] + k * step[0]]);
        if constexpr (arity == 2) *out++ = f(x[0][o[0] + k * step[0]], x[1][o[1] + k * step[1]]);
        if constexpr (arity == 3)
          *out++ = f(x[0][o[0] + k * step[0]], x[1][o[1] + k * step[1]], x[2][o[2] + k * step[2]]);
      }
    }
    return value;
  }

  /// Walks the result and, for each of its elements, the axes summed over: step(offsets into the inputs) in
  /// row-major order.
  template <class Begin, class Step, class End>
  Value fold(const Node& node, const std::vector<AxisId>& over, Begin begin, Step step, End end) const {
    Value value = make(node.type.axes);
    std::vector<int64_t> inner_sizes;
    for (AxisId id : over) inner_sizes.push_back(size_of(id));
    std::vector<std::vector<int64_t>> outer, inner;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      outer.push_back(strides(in(node, i), value.axes));
      inner.push_back(strides(in(node, i), over));
    }
    Walk walk(value.sizes, std::move(outer)), within(inner_sizes, std::move(inner));
    for (double& v : value.data) {
      begin();
      for (within.restart(walk.offsets); !within.done(); within.next()) step(within.offsets);
      v = end();
      walk.next();
    }
    return value;
  }

  Value reduce(const Node& node) const {
    const auto& axes = node.attributes.axes;
    const std::vector<double>& x = in(node, 0).data;
    switch (node.op) {
      case Op::sum: {
        double sum = 0;
        return fold(node, axes, [&] { sum = 0; }, [&](auto& o) { sum += x[o[0]]; }, [&] { return sum; });
      }
      case Op::reduce_max: {
        double top = 0;
        return fold(
            node, axes, [&] { top = -infinity; }, [&](auto& o) { top = ir::greater(top, x[o[0]]); },
            [&] { return top; });
      }
      case Op::logsumexp: {
        std::vector<double> seen;
        return fold(
            node, axes, [&] { seen.clear(); }, [&](auto& o) { seen.push_back(x[o[0]]); },
            [&] {
              double top = -infinity, sum = 0;
              for (double v : seen) top = ir::greater(top, v);
              if (std::isinf(top) || std::isnan(top)) return top;
              for (double v : seen) sum += std::exp(v - top);
              return top + std::log(sum);
            });
      }
      case Op::argmax: {
        double top = 0;
        int64_t at = 0, i = 0;
        return fold(
            node, axes, [&] { top = -infinity, at = 0, i = 0; },
            [&](auto& o) {
              if (x[o[0]] > top) top = x[o[0]], at = i;
              ++i;
            },
            [&] { return static_cast<double>(at); });
      }
      case Op::log_determinant: return matrices(node);
      default: throw no_value_rule(node.op);
    }
  }

  Value contract(const Node& node) const {
    std::vector<const double*> x;
    for (size_t i = 0; i < node.inputs.size(); ++i) x.push_back(in(node, i).data.data());
    double sum = 0;
    return fold(
        node, node.attributes.axes, [&] { sum = 0; },
        [&](auto& o) {
          double product = x[0][o[0]];
          for (size_t i = 1; i < x.size(); ++i) product *= x[i][o[i]];
          sum += product;
        },
        [&] { return sum; });
  }

  /// Copies elements: `from` has the input's axes under the names that they have in the result.
  Value copy(const Node& node, const Value& from) const {
    Value value = make(node.type.axes);
    Walk walk(value.sizes, {strides(from, value.axes)});
    for (double& v : value.data) {
      v = from.data[static_cast<size_t>(walk.offsets[0])];
      walk.next();
    }
    return value;
  }

  Value rename(const Node& node) const {
    Value from = in(node, 0);
    const auto& pairs = node.attributes.axes;
    for (AxisId& id : from.axes)
      for (size_t i = 0; i < pairs.size(); i += 2)
        if (id == pairs[i]) {
          id = pairs[i + 1];
          break;
        }
    for (size_t i = 0; i < from.axes.size(); ++i) need_size(node, from.sizes[i], size_of(from.axes[i]));
    return copy(node, from);
  }

  Value gather(const Node& node) const {
    const Value& table = in(node, 0);
    const Value& index = in(node, 1);
    Value value = make(node.type.axes);
    const AxisId axis = node.attributes.axes[0];
    const int64_t stride = strides(table, {axis})[0], size = size_of(axis);
    // An axis of the index stays its own even where the table has the same name only along the consumed axis.
    std::vector<int64_t> table_strides = strides(table, value.axes);
    for (size_t i = 0; i < value.axes.size(); ++i)
      if (value.axes[i] == axis) table_strides[i] = 0;
    Walk walk(value.sizes, {table_strides, strides(index, value.axes)});
    for (double& v : value.data) {
      const double k = index.data[static_cast<size_t>(walk.offsets[1])];
      v = k >= 0 && k < static_cast<double>(size)
              ? table.data[static_cast<size_t>(walk.offsets[0] + stride * static_cast<int64_t>(k))]
              : std::numeric_limits<double>::quiet_NaN();
      walk.next();
    }
    return value;
  }

  Value one_hot(const Node& node) const {
    Value value = make(node.type.axes);
    Value along = make({node.attributes.axes[0]});
    Walk walk(value.sizes, {strides(in(node, 0), value.axes), strides(along, value.axes)});
    for (double& v : value.data) {
      v = in(node, 0).data[static_cast<size_t>(walk.offsets[0])] == static_cast<double>(walk.offsets[1]) ? 1
                                                                                                         : 0;
      walk.next();
    }
    return value;
  }

  Value stack(const Node& node) const {
    Value value = make(node.type.axes);
    Value along = make({node.attributes.axes[0]});
    need_size(node, static_cast<int64_t>(node.inputs.size()), static_cast<int64_t>(along.data.size()));
    std::vector<std::vector<int64_t>> s = {strides(along, value.axes)};
    for (size_t i = 0; i < node.inputs.size(); ++i) s.push_back(strides(in(node, i), value.axes));
    Walk walk(value.sizes, std::move(s));
    for (double& v : value.data) {
      const auto which = static_cast<size_t>(walk.offsets[0]);
      v = in(node, which).data[static_cast<size_t>(walk.offsets[which + 1])];
      walk.next();
    }
    return value;
  }

  Value slice(const Node& node) const {
    const Value& from = in(node, 0);
    Value value = make(node.type.axes);
    if (!(node.attributes.number < static_cast<double>(size_of(node.attributes.axes[0]))))
      throw ir::InternalError(fmt::format("`slice`: no element {}", node.attributes.number));
    const int64_t start =
        strides(from, node.attributes.axes)[0] * static_cast<int64_t>(node.attributes.number);
    Walk walk(value.sizes, {strides(from, value.axes)});
    for (double& v : value.data) {
      v = from.data[static_cast<size_t>(start + walk.offsets[0])];
      walk.next();
    }
    return value;
  }

  /// The axes of the first list become those of the second: both are walked in the order listed.
  Value reshape(const Node& node) const {
    const ir::ReshapeAxes axes = ir::reshape_axes(node.attributes);
    const Value& from = in(node, 0);
    Value value = make(node.type.axes);
    need_size(node, static_cast<int64_t>(from.data.size()), static_cast<int64_t>(value.data.size()));
    const auto offsets = [&](const Value& of, const std::vector<AxisId>& listed) {
      std::vector<int64_t> sizes, all;
      for (AxisId id : listed) sizes.push_back(size_of(id));
      for (Walk walk(sizes, {strides(of, listed)}); !walk.done(); walk.next()) all.push_back(walk.offsets[0]);
      return all;
    };
    const std::vector<int64_t> read = offsets(from, axes.from), write = offsets(value, axes.to);
    std::vector<AxisId> kept;
    std::vector<int64_t> sizes;
    for (AxisId id : value.axes)
      if (std::find(axes.to.begin(), axes.to.end(), id) == axes.to.end())
        kept.push_back(id), sizes.push_back(size_of(id));
    for (Walk walk(sizes, {strides(from, kept), strides(value, kept)}); !walk.done(); walk.next())
      for (size_t i = 0; i < read.size(); ++i)
        value.data[static_cast<size_t>(walk.offsets[1] + write[i])] =
            from.data[static_cast<size_t>(walk.offsets[0] + read[i])];
    return value;
  }

  /// All three as one sum over (batch, channels, steps, kernel): it adds to the operand that is the result.
  Value convolution(const Node& node) const {
    const ir::Convolution c = ir::convolution_of(node.attributes);
    const bool forward = node.op != Op::conv2d_transpose;
    const ir::ImageAxes image = forward ? c.in : c.out, steps = forward ? c.out : c.in;
    Value value = make(node.type.axes);
    std::vector<AxisId> order = {image.channels, steps.channels, steps.rows,
                                 steps.columns,  c.kernel_rows,  c.kernel_columns};
    for (size_t i = 0; i < 2; ++i)
      for (AxisId id : in(node, i).axes)
        if (std::find(order.begin(), order.end(), id) == order.end() && id != image.rows &&
            id != image.columns)
          order.push_back(id);
    std::vector<int64_t> sizes;
    for (AxisId id : order) sizes.push_back(size_of(id));
    // Steps and kernel also count where in the image they stand.
    std::vector<int64_t> row(order.size(), 0), column(order.size(), 0);
    row[2] = column[3] = c.stride;
    row[4] = column[5] = 1;
    Walk walk(sizes,
              {strides(value, order), strides(in(node, 0), order), strides(in(node, 1), order), row, column});
    // The result, and the operands by their place among the strides above.
    const size_t over_image = forward ? 1 : 0;
    const Value& whole = forward ? in(node, 0) : value;
    const std::vector<int64_t> along = strides(whole, {image.rows, image.columns});
    const int64_t height = size_of(image.rows), width = size_of(image.columns);
    for (; !walk.done(); walk.next()) {
      const int64_t r = walk.offsets[3] - c.top, s = walk.offsets[4] - c.left;
      if (r < 0 || r >= height || s < 0 || s >= width) continue;
      int64_t at[3] = {walk.offsets[0], walk.offsets[1], walk.offsets[2]};
      at[over_image] += r * along[0] + s * along[1];
      value.data[static_cast<size_t>(at[0])] +=
          in(node, 0).data[static_cast<size_t>(at[1])] * in(node, 1).data[static_cast<size_t>(at[2])];
    }
    return value;
  }

  Value diagonals(const Node& node) const {
    Value value = make(node.type.axes);
    const AxisId r = node.attributes.axes[0], c = node.attributes.axes[1];
    need_size(node, size_of(c), size_of(r));
    const bool to_matrix = node.op == Op::diag;
    std::vector<int64_t> s = strides(in(node, 0), value.axes);
    if (!to_matrix) {  // one index moves along both axes of the input
      const auto at = std::find(value.axes.begin(), value.axes.end(), r) - value.axes.begin();
      s[static_cast<size_t>(at)] += strides(in(node, 0), {c})[0];
    }
    Value rows_axis = make({r}), columns_axis = make({c});
    Walk walk(value.sizes, {s, strides(rows_axis, value.axes), strides(columns_axis, value.axes)});
    for (double& v : value.data) {
      const bool off = to_matrix && walk.offsets[1] != walk.offsets[2];
      v = off ? 0.0 : in(node, 0).data[static_cast<size_t>(walk.offsets[0])];
      walk.next();
    }
    return value;
  }

  /// Linear algebra over axes {D, D'}, one matrix at a time over all other axes.
  Value matrices(const Node& node) const {
    const AxisId r = node.attributes.axes.at(0), c = node.attributes.axes.at(1);
    const int64_t n = size_of(r);
    need_size(node, size_of(c), n);
    Value value = make(node.type.axes);
    const auto batch_of = [&](const std::vector<AxisId>& axes) {
      std::vector<AxisId> rest;
      for (AxisId id : axes)
        if (id != r && id != c) rest.push_back(id);
      return rest;
    };
    const std::vector<AxisId> batch = batch_of(value.axes);
    std::vector<int64_t> sizes;
    for (AxisId id : batch) sizes.push_back(size_of(id));
    std::vector<std::vector<int64_t>> s = {strides(value, batch)};
    for (size_t i = 0; i < node.inputs.size(); ++i) s.push_back(strides(in(node, i), batch));
    const auto inner = [&](const Value& v) { return strides(v, {r, c}); };
    for (Walk walk(sizes, s); !walk.done(); walk.next()) {
      const auto read = [&](size_t which, bool matrix) {
        const Value& from = in(node, which);
        const auto step = inner(from);
        std::vector<double> block;
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < (matrix ? n : 1); ++j)
            block.push_back(
                from.data[static_cast<size_t>(walk.offsets[which + 1] + i * step[0] + j * step[1])]);
        return block;
      };
      const auto result = small(node, n, read);
      const auto step = inner(value);
      const bool has_row = value.axes.end() != std::find(value.axes.begin(), value.axes.end(), r);
      const bool square = result.size() == static_cast<size_t>(n * n) && has_row && step[1] != 0;
      for (size_t e = 0; e < result.size(); ++e) {
        const int64_t i = square ? static_cast<int64_t>(e) / n : static_cast<int64_t>(e),
                      j = square ? static_cast<int64_t>(e) % n : 0;
        value.data[static_cast<size_t>(walk.offsets[0] + i * step[0] + j * step[1])] = result[e];
      }
    }
    return value;
  }

  template <class Read>
  std::vector<double> small(const Node& node, int64_t n, Read read) const {
    switch (node.op) {
      case Op::cholesky: return cholesky(read(0, true), n);
      case Op::triangular_inverse: return triangular_inverse(read(0, true), n);
      case Op::inverse: return inverse(read(0, true), n);
      case Op::log_determinant: return {log_determinant(read(0, true), n)};
      case Op::eigenvalues: return eigenvalues(read(0, true), n);
      case Op::triangular_solve: return triangular_solve(read(0, true), read(1, false), n);
      case Op::solve: return solve(read(0, true), read(1, false), n);
      case Op::triangular_apply: {
        const auto l = read(0, true), x = read(1, false);
        std::vector<double> u(static_cast<size_t>(n), 0.0);
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j <= i; ++j) u[i] += l[i * n + j] * x[j];
        return u;
      }
      default: throw no_value_rule(node.op);
    }
  }

  Value call(const Node& node) const {
    const Function* callee = module.find(node.attributes.function);
    if (!callee) throw ir::InternalError("no function `" + node.attributes.function + "`");
    Environment inner = environment;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      inner[fmt::format("argument.{}", (*callee)[callee->arguments.at(i)].attributes.text)] = in(node, i);
    const auto all = evaluate(module, *callee, inner);
    return all[static_cast<size_t>(callee->outputs.at(0).node)];
  }

  /// Inputs: one carry, then values a step. Each step's result is the next carry; the result stacks them
  /// along axes[0].
  Value scan(const Node& node) const {
    const Function* body = module.find(node.attributes.function);
    if (!body || node.inputs.empty()) throw ir::InternalError("`scan` names no function or has no carry");
    const AxisId axis = node.attributes.axes.at(0);
    Value value = make(node.type.axes), carry = in(node, 0);
    const Value along = make({axis});
    for (int64_t t = 0; t < size_of(axis); ++t) {
      Environment inner = environment;
      const auto argument = [&](size_t i) {
        return "argument." + (*body)[body->arguments.at(i)].attributes.text;
      };
      inner[argument(0)] = carry;
      for (size_t i = 1; i < node.inputs.size(); ++i) {
        const Value& from = in(node, i);
        Value step{{}, {}, {}};
        for (size_t a = 0; a < from.axes.size(); ++a)
          if (from.axes[a] != axis) step.axes.push_back(from.axes[a]), step.sizes.push_back(from.sizes[a]);
        const int64_t start = strides(from, {axis})[0] * t;
        for (Walk walk(step.sizes, {strides(from, step.axes)}); !walk.done(); walk.next())
          step.data.push_back(from.data[static_cast<size_t>(start + walk.offsets[0])]);
        inner[argument(i)] = step;
      }
      carry = evaluate(module, *body, inner)[static_cast<size_t>(body->outputs.at(0).node)];
      Walk walk(carry.sizes, {strides(value, carry.axes)});
      for (double v : carry.data) {
        value.data[static_cast<size_t>(strides(value, {axis})[0] * t + walk.offsets[0])] = v;
        walk.next();
      }
    }
    return value;
  }

  Value node_value(const Node& node) const {
    switch (ir::row(node.op).shape) {
      case ShapeRule::leaf: return leaf(node);
      case ShapeRule::pointwise: return pointwise(node);
      case ShapeRule::reduce: return reduce(node);
      case ShapeRule::contract:
      case ShapeRule::matmul: return contract(node);
      case ShapeRule::broadcast: return copy(node, in(node, 0));
      case ShapeRule::rename: return rename(node);
      case ShapeRule::gather: return gather(node);
      case ShapeRule::one_hot: return one_hot(node);
      case ShapeRule::stack: return stack(node);
      case ShapeRule::slice: return slice(node);
      case ShapeRule::diag:
      case ShapeRule::diagonal: return diagonals(node);
      case ShapeRule::reshape: return reshape(node);
      case ShapeRule::conv: return convolution(node);
      case ShapeRule::matrix:
      case ShapeRule::apply:
      case ShapeRule::eigenvalues: return matrices(node);
      case ShapeRule::call: return call(node);
      case ShapeRule::scan: return scan(node);
      case ShapeRule::logpdf: break;
    }
    throw no_value_rule(node.op);
  }
};

}  // namespace

std::vector<Value> evaluate(const Module& module, const Function& function, const Environment& environment) {
  int64_t rows = 0;
  for (const auto& [key, value] : environment)
    for (size_t i = 0; i < value.axes.size(); ++i)
      if (module.axis(value.axes[i]).kind == ir::AxisKind::rows) rows = value.sizes[i];
  std::vector<Value> values(function.nodes.size());
  const Evaluation evaluation{module, function, environment, rows, values};
  for (size_t i = 0; i < function.nodes.size(); ++i) values[i] = evaluation.node_value(function.nodes[i]);
  return values;
}

}  // namespace lvm::interpreter
