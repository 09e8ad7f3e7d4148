#pragma once
// Writes the value of one element of a Tensor node as straight Loop code: what is stored is loaded, all else
// is expanded in place.

#include <functional>
#include <map>
#include <optional>
#include <span>

#include "ir/loop/layout.h"

namespace lvm::loop {

class Evaluator {
 public:
  Evaluator(const ir::Module& module, const ir::Function& function, Builder& builder, Arena& arena);

  /// Axes whose reductions are loops; those of all others are unrolled. By AxisId.
  std::vector<char> looped;
  /// Where nodes are stored, by NodeId.
  std::vector<std::optional<Storage>> storage;
  /// Numbers of the frame are singles; functions of one number are computed in double.
  bool single = false;
  /// The first row at work, in the columns and in tiles; none outside of loops over rows.
  Value column_row = no_value, tile_row = no_value;
  /// Groups of eight rows at work. The binding of the row axis tells how far a group lies behind the first
  /// one: 0, 8 …
  int64_t groups = 1;

  Binding unbound() const { return Binding(module_.axes.size()); }

  /// Type real or flag; of nodes with rows also reals or flags.
  Value value(NodeId node, const Binding& binding);
  Value real(NodeId node, const Binding& binding) { return as_real(value(node, binding)); }
  Value as_real(Value value);
  Value as_flag(Value value);
  Value number(double value) { return b_.constant(single ? Type::single : Type::real, value); }

  Value load(const Storage& storage, const Binding& binding);
  void store(const Storage& storage, const Binding& binding, Value value);
  Place place(const Storage& storage, const Binding& binding);

  /// The product of several nodes, multiplied from the left.
  Value product(std::span<const NodeId> factors, const Binding& binding);
  /// accumulator + product of the factors; the last product is fused with the sum. No accumulator: the
  /// product.
  Value add_product(std::span<const NodeId> factors, const Binding& binding, Value accumulator);

  /// Of a sum over rows and other axes: this row's term, summed over the others.
  Value row_term(NodeId node, const Binding& binding);

  /// Keeps `node` over `axis` in scratch at the present binding of its other axes, until the loop that is
  /// open closes.
  void keep(NodeId node, AxisId axis, const Binding& binding, Storage storage);
  /// Calls `body` at each position of `axes`, all unrolled.
  void over_unrolled(std::span<const AxisId> axes, Binding& binding,
                     const std::function<void(const Binding&)>& body) const;
  bool has_rows(NodeId node) const { return function_[node].type.has(row_axis); }
  /// A sum of each row, over axes of which the first is a loop.
  bool sums_in_loop(NodeId node) const;

 private:
  using Step = std::function<Value(const Binding&, Value accumulator)>;
  struct Local {
    AxisId axis;
    Binding binding;
    Storage storage;
  };

  const ir::Module& module_;
  const ir::Function& function_;
  Builder& b_;
  Arena& arena_;
  std::map<std::vector<int64_t>, Value> memo_;
  std::vector<std::vector<std::vector<int64_t>>> memo_in_;  // keys that each open loop added
  std::map<NodeId, Local> locals_;
  std::vector<std::vector<NodeId>> locals_in_;

  const ir::Node& node(NodeId id) const { return function_[id]; }
  [[noreturn]] void refuse(const ir::Node& node, std::string_view why) const;
  std::vector<int64_t> key(NodeId id, const Binding& binding) const;
  const Local* local(NodeId id, const Binding& binding) const;
  Binding of_group(const Binding& binding, int64_t group) const;
  void remember(NodeId id, const Binding& binding, Value made);

  Value expand(NodeId id, const Binding& binding);
  using Function1 = Value (*)(Builder&, Value);
  Value precise(Function1 function, Value x, Function1 of_single = nullptr);
  Value unary(const ir::Node& node, Value a);
  Value binary(const ir::Node& node, Value a, Value b);
  Value pointwise(const ir::Node& node, const Binding& binding);
  Value leaf(const ir::Node& node, const Binding& binding);
  Value position(Index index);  // as a real

  // evaluate_reduce.cpp
  Value zero_of(const ir::Node& node, double zero);
  Value fold(std::span<const AxisId> axes, std::span<const NodeId> inputs, Binding binding, Value accumulator,
             double first, const ir::Node& node, const Step& step);
  Value sum(const ir::Node& node, const Binding& binding);
  std::vector<NodeId> factors_of(const ir::Node& sum) const;
  Value sum_of_groups(NodeId id, const Binding& binding);
  Value contract(const ir::Node& node, const Binding& binding);
  Value greatest(const ir::Node& node, const Binding& binding);
  Value log_sum_exp(const ir::Node& node, const Binding& binding);
  Value arg_max(const ir::Node& node, const Binding& binding);
  Value offset_apply(const ir::Node& node, const Binding& binding);
  Value triangular_apply(const ir::Node& node, const Binding& binding, Value start = no_value);
  Value triangular_solve(NodeId id, const Binding& binding);
  Value gather(const ir::Node& node, const Binding& binding);
  Value choose(Index index, int64_t count, const std::function<Value(int64_t)>& each);

  // evaluate_local.cpp
  void make_locals(AxisId axis, NodeId id, const Binding& binding);
  void make_local(AxisId axis, NodeId id, const Binding& binding);

  // evaluate_apply.cpp: of triangular_apply over a long axis
  using ApplyBlock =
      std::function<std::vector<Value>(Value first, int64_t count, const std::vector<Value>& carried)>;
  NodeId squared_apply(const ir::Node& sum) const;
  void keep_vector(const ir::Node& apply, const Binding& binding);
  std::vector<Value> over_blocks(const ir::Node& apply, std::vector<Value> first, const ApplyBlock& body);
  std::vector<Value> apply_rows(const ir::Node& apply, const Binding& binding, Value first, int64_t count);
  void fill_apply(const ir::Node& apply, const Binding& binding, const Storage& to);
  std::vector<Value> sum_of_squares(const ir::Node& apply, const Binding& binding);
};

/// exp(logsumexp) safe where all terms are -inf: the greatest, or 0 where that is not finite.
Value finite_or_zero(Builder& b, Value greatest);

}  // namespace lvm::loop
