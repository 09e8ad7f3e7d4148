#pragma once
// Builds one Loop function. Pure instructions that stand in scope are shared, and scalars widen where they
// meet vectors.

#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "ir/loop/loop.h"

namespace lvm::loop {

/// A place in a buffer: doubles from its start.
struct Place {
  Buffer buffer = Buffer::none;
  Value index = no_value;  // none: 0
  int64_t offset = 0;
};

/// Orders the instructions between two effects by need, and drops those that none needs.
void canonicalise(Function& function);

class Builder {
 public:
  explicit Builder(std::string name);

  Value constant(Type type, double number, int64_t integer = 0);
  Value real(double value) { return constant(Type::real, value, 0); }
  Value reals(double value) { return constant(Type::reals, value, 0); }
  Value index(int64_t value) { return constant(Type::index, 0, value); }
  /// A constant of the width of `like`.
  Value real_like(double value, Value like);
  Value integer_like(int64_t value, Value like);
  /// values[index]: the numbers lie beside the code.
  Value table(Value index, std::span<const double> values);
  Value lanes() { return make(Op::lanes, Type::reals, {}); }
  Value rows() { return make(Op::rows, Type::index, {}); }
  Value broadcast(Value a);
  /// A number in the precision of `like`.
  Value in_precision_of(Value a, Value like);
  Value in_double(Value a);

  Value load(Type type, Place place);
  void store(Place place, Value value);
  Value load_column(Value column, Value row, Type type = Type::reals) {
    return make(Op::load_column, type, {column, row});
  }
  Value gather(Buffer buffer, int64_t offset, Value integers, Type type = Type::reals);
  Value address(Place place);

  Value add(Value a, Value b) { return binary(Op::add, a, b); }
  Value sub(Value a, Value b) { return binary(Op::sub, a, b); }
  Value mul(Value a, Value b) { return binary(Op::mul, a, b); }
  Value div(Value a, Value b) { return binary(Op::div, a, b); }
  Value maximum(Value a, Value b) { return binary(Op::maximum, a, b); }
  Value minimum(Value a, Value b) { return binary(Op::minimum, a, b); }
  Value fma(Value a, Value b, Value c);
  Value unary(Op op, Value a) { return make(op, type(a), {a}); }
  Value neg(Value a) { return unary(Op::neg, a); }
  Value abs(Value a) { return unary(Op::abs, a); }
  Value sqrt(Value a) { return unary(Op::sqrt, a); }
  Value floor(Value a) { return unary(Op::floor, a); }
  Value round_even(Value a) { return unary(Op::round_even, a); }
  /// c0 + x (c1 + x (…)), by fma.
  Value polynomial(Value x, std::span<const double> coefficients);
  /// The same of at least two coefficients, as E(x²) + x O(x²): as many operations in half the time where
  /// each waits for the last.
  Value polynomial_by_halves(Value x, Value square, std::span<const double> coefficients);

  Value bits(Value a);
  Value from_bits(Value a);
  /// Of a single: 2^n.
  Value power_of_two(Value n) { return unary(Op::power_of_two, n); }
  Value to_real(Value a) { return make(Op::to_real, Type::real, {a}); }
  Value to_index(Value a) { return make(Op::to_index, Type::index, {a}); }
  Value integer(Op op, Value a, Value b);  // int_add … int_min, with sums and products of constants folded
  Value shift(Op op, Value a, int64_t by);
  Value int_equal(Value a, Value b);
  Value int_less(Value a, Value b);

  Value less(Value a, Value b) { return compare(Op::less, a, b); }
  Value less_equal(Value a, Value b) { return compare(Op::less_equal, a, b); }
  Value equal(Value a, Value b) { return compare(Op::equal, a, b); }
  Value flag_and(Value a, Value b) { return binary(Op::flag_and, a, b); }
  Value flag_or(Value a, Value b) { return binary(Op::flag_or, a, b); }
  Value flag_not(Value a) { return unary(Op::flag_not, a); }
  Value select(Value flag, Value yes, Value no);

  Value reduce_add(Value a) {
    return make(Op::reduce_add, type(a) == Type::singles ? Type::single : Type::real, {a});
  }

  using Body = std::function<std::vector<Value>(Value induction, const std::vector<Value>& carried)>;
  /// for (i = from; i < to; i += step); the body gives the next carried values. Returns their last values.
  std::vector<Value> loop(Value from, Value to, int64_t step, std::vector<Value> first, const Body& body);
  /// Without carried values.
  void loop(Value from, Value to, int64_t step, const std::function<void(Value)>& body);

  Value call(std::string_view symbol, Type type, std::vector<Value> operands);
  void leave(Value code);

  Type type(Value a) const { return function_[a].type; }
  const Function& function() const { return function_; }
  /// The finished function, in canonical order.
  Function take();
  /// How many loops are open; a value made at a depth dies when that loop closes.
  int depth() const { return static_cast<int>(open_.size()) - 1; }
  /// Called when a loop closes, for tables of values that others keep.
  std::function<void()> on_open, on_close;

 private:
  Function function_;
  std::vector<int32_t> open_;                     // regions, outermost first
  std::unordered_multimap<size_t, Value> known_;  // pure instructions in scope, by hash
  std::vector<std::vector<size_t>> known_in_;     // the hashes that each open region added
  Value make(Op op, Type type, std::vector<Value> operands);
  Value make(Instruction instruction);
  Value binary(Op op, Value a, Value b);
  Value compare(Op op, Value a, Value b);
  /// Gives both operands the greater width and the smaller precision; true for vectors.
  bool same_width(Value& a, Value& b);
  Value convert(Value a, Type type);
  Value append(Instruction instruction);
  void open_region(int32_t region);
  void close_region();
};

}  // namespace lvm::loop
