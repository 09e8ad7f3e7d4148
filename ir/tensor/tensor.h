#pragma once
// Tensor: SSA functions over values whose shapes are lists of named axes. The one representation between
// Model and Loop.
//
// A node is (op, inputs, attributes, type, source range), immutable, named by its index; inputs always have
// smaller indices. Pointwise ops broadcast over names alone: the axes of the result are the union of the
// inputs' axes, in the module's axis order.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics/source.h"

namespace lvm::ir {

using AxisId = int32_t;
using NodeId = int32_t;
inline constexpr NodeId no_node = -1;
inline constexpr int64_t unknown_size = -1;

enum class AxisKind : uint8_t { fixed, rows, segment };

struct Axis {
  std::string name;  // "row", "K", "D", "D'" (a second index over the same range)
  AxisKind kind = AxisKind::fixed;
  int64_t size = unknown_size;  // fixed axes; unknown until the data are bound
  AxisId parent = -1;           // of a segment: the axis it groups
};

/// What a value may be. Arithmetic infers it: `positive * positive` is positive. All are stored as doubles,
/// category as 0, 1, ….
enum class Element : uint8_t { real, positive, unit, boolean, count, integer, category };

std::string_view name(Element element);

struct Type {
  Element element = Element::real;
  std::vector<AxisId> axes;  // sorted by AxisId, no repeats
  AxisId range = -1;         // of a category: the axis that it indexes
  bool operator==(const Type&) const = default;
  bool has(AxisId axis) const;
};

enum class Op : uint8_t {
#define LVM_OP(name, arity, shape, attributes) name,
#include "ir/tensor/ops.def"
#undef LVM_OP
};

enum class ShapeRule : uint8_t {
  leaf,
  pointwise,
  reduce,
  contract,
  broadcast,
  rename,
  gather,
  one_hot,
  stack,
  slice,
  diag,
  diagonal,
  reshape,
  matrix,
  apply,
  eigenvalues,
  matmul,
  conv,
  call,
  scan,
  logpdf,
};
enum class PrintedAttributes : uint8_t { none, number, text, axes, function };

struct OpRow {
  std::string_view name;
  int arity;  // -1: any
  ShapeRule shape;
  PrintedAttributes attributes;
};
const OpRow& row(Op op);
std::optional<Op> find_op(std::string_view name);

struct Attributes {
  double number = 0;
  std::string text = {};
  std::vector<AxisId> axes = {};
  std::string function = {};
  std::vector<int64_t> integers = {};  // of `reshape` and convolutions
  bool operator==(const Attributes&) const = default;
};

struct Node {
  Op op;
  std::vector<NodeId> inputs;
  Attributes attributes;
  Type type;
  SourceRange range;
};

/// When a function runs: its inputs decide (architecture, "Program").
enum class BindingTime : uint8_t { plain, once, prepare, rows, update };
std::string_view name(BindingTime time);

enum class OutputKind : uint8_t {
  result,     // of plain functions: in order
  derived,    // of prepare (and once): read by later functions as `derived "name"`
  statistic,  // of rows: summed over all rows; of update (`impute`): the completed sum
  objective,  // of rows: a scalar summed over all rows (printed as `objective "name"`)
  row,        // of rows: a value a row (responsibilities, assignment)
  parameter,  // of update: the new value
  check,      // bool, any axes: the function fails at the first false element
};
std::string_view name(OutputKind kind);

struct Output {
  OutputKind kind;
  std::string name;
  NodeId node;
};

struct Function {
  std::string name;
  BindingTime time = BindingTime::plain;
  std::vector<Node> nodes = {};
  std::vector<Output> outputs = {};
  std::vector<NodeId> arguments = {};  // of plain functions: their `argument` leaves in order
  const Node& operator[](NodeId id) const { return nodes[static_cast<size_t>(id)]; }
};

enum class Level : uint8_t { elbo, canonical, step };
std::string_view name(Level level);

struct Module {
  std::string name;
  Level level = Level::step;
  std::vector<Axis> axes = {};
  std::vector<Function> functions = {};

  AxisId add_axis(Axis axis);
  std::optional<AxisId> find_axis(std::string_view name) const;
  const Axis& axis(AxisId id) const { return axes[static_cast<size_t>(id)]; }
  /// The twin D' of D, made on first use: the same size, the second index of square matrices. It is placed
  /// right behind D by name, not by id: types stay sorted by id.
  AxisId twin(AxisId axis);
  Function* find(std::string_view name);
  const Function* find(std::string_view name) const;
  /// Number of elements of the fixed axes of `type`, the row axis left out; unknown_size if one is unknown.
  int64_t elements(const Type& type) const;
};

/// A broken invariant inside the compiler: never a user's mistake.
struct InternalError : std::logic_error {
  using std::logic_error::logic_error;
};

/// The type of a node from its op, inputs and attributes. Throws InternalError where the shapes do not fit.
/// For leaves the type is given by the caller and this returns it unchanged (iota, identity and constant
/// excepted).
Type infer_type(const Module& module, const Function& function, Op op, const std::vector<NodeId>& inputs,
                const Attributes& attributes, const Type& leaf);

/// Appends nodes to one function, with common subexpressions shared: building the same node twice gives the
/// same id.
class Builder {
 public:
  Builder(Module& module, Function& function);

  NodeId constant(double value);
  NodeId leaf(Op op, std::string text, Type type, SourceRange range = {});
  NodeId make(Op op, std::vector<NodeId> inputs, Attributes attributes = {}, SourceRange range = {});
  NodeId unary(Op op, NodeId a, SourceRange range = {}) { return make(op, {a}, {}, range); }
  NodeId binary(Op op, NodeId a, NodeId b, SourceRange range = {}) { return make(op, {a, b}, {}, range); }
  NodeId add(NodeId a, NodeId b) { return binary(Op::add, a, b); }
  NodeId sub(NodeId a, NodeId b) { return binary(Op::sub, a, b); }
  NodeId mul(NodeId a, NodeId b) { return binary(Op::mul, a, b); }
  NodeId div(NodeId a, NodeId b) { return binary(Op::div, a, b); }
  NodeId select(NodeId condition, NodeId yes, NodeId no) { return make(Op::select, {condition, yes, no}); }
  /// No axes: the node itself.
  NodeId reduce(Op op, NodeId a, std::vector<AxisId> axes);
  NodeId contract(std::vector<NodeId> factors, std::vector<AxisId> axes);
  NodeId rename(NodeId a, AxisId from, AxisId to);
  NodeId matrix(Op op, std::vector<NodeId> inputs, AxisId row, AxisId column);
  /// Copies `node` of `from` (of the same module's axes) with its inputs, mapping what `replace` names first.
  NodeId copy(const Function& from, NodeId node, std::vector<NodeId>& replace);

  void output(OutputKind kind, std::string name, NodeId node);
  const Type& type(NodeId id) const;
  Module& module() { return *module_; }
  Function& function() { return *function_; }

 private:
  Module* module_;
  Function* function_;
  std::vector<std::pair<size_t, NodeId>> known_;  // hash of a node -> id, open addressing
  void remember(size_t hash, NodeId id);
};

// text (printer.cpp, parser.cpp): parse(print(m)) == m
std::string print(const Module& module);
std::string print(const Module& module, const Function& function);
/// Throws std::invalid_argument with line and column on text that is not a module.
Module parse_module(std::string_view text);

/// Checks the invariants of the module's level; empty when it is well formed, else one line a fault.
std::vector<std::string> verify(const Module& module);

}  // namespace lvm::ir
