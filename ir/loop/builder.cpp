#include "ir/loop/builder.h"

#include <bit>
#include <utility>

namespace lvm::loop {

namespace {

size_t hash(const Instruction& instruction) {
  size_t h = 1469598103934665603U;
  auto mix = [&h](uint64_t x) {
    h = (h ^ x) * 1099511628211U;
    h ^= h >> 29;
  };
  mix(static_cast<uint64_t>(instruction.op));
  mix(static_cast<uint64_t>(instruction.type));
  mix(static_cast<uint64_t>(instruction.buffer));
  mix(std::bit_cast<uint64_t>(instruction.number));
  mix(static_cast<uint64_t>(instruction.integer));
  for (Value operand : instruction.operands) mix(static_cast<uint64_t>(operand));
  return h;
}

bool same(const Instruction& a, const Instruction& b) {
  return a.op == b.op && a.type == b.type && a.buffer == b.buffer && a.integer == b.integer &&
         a.operands == b.operands && std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number);
}

}  // namespace

Builder::Builder(std::string name) {
  function_.name = std::move(name);
  function_.regions.emplace_back();
  open_ = {0};
  known_in_.emplace_back();
}

Value Builder::append(Instruction instruction) {
  auto id = static_cast<Value>(function_.instructions.size());
  function_.instructions.push_back(std::move(instruction));
  function_.regions[static_cast<size_t>(open_.back())].body.push_back(id);
  return id;
}

Value Builder::make(Instruction instruction) {
  if (!row(instruction.op).pure) return append(std::move(instruction));
  size_t h = hash(instruction);
  auto [from, to] = known_.equal_range(h);
  for (auto it = from; it != to; ++it) {
    if (same(function_[it->second], instruction)) return it->second;
  }
  Value id = append(std::move(instruction));
  known_.emplace(h, id);
  known_in_.back().push_back(h);
  return id;
}

Value Builder::make(Op op, Type type, std::vector<Value> operands) {
  return make(Instruction{.op = op, .type = type, .operands = std::move(operands)});
}

Value Builder::constant(Type type, double number, int64_t integer) {
  return make(
      Instruction{.op = Op::constant, .type = type, .operands = {}, .number = number, .integer = integer});
}

Value Builder::real_like(double value, Value like) {
  const Type of = type(like);
  if (is_number(of)) return constant(of, value, 0);
  return constant(is_vector(of) ? Type::reals : Type::real, value, 0);
}

Value Builder::integer_like(int64_t value, Value like) {
  return constant(is_vector(type(like)) ? Type::integers : Type::index, 0, value);
}

Value Builder::table(Value index, std::span<const double> values) {
  std::vector<Value> operands = {index};
  for (const double value : values) operands.push_back(real(value));
  return make(Op::table, Type::real, std::move(operands));
}

Value Builder::broadcast(Value a) {
  const Instruction& from = function_[a];
  if (is_vector(from.type)) return a;
  if (from.op == Op::constant) return constant(widened(from.type), from.number, from.integer);
  return make(Op::broadcast, widened(from.type), {a});
}

Value Builder::convert(Value a, Type to) {
  const Instruction& from = function_[a];
  if (from.type == to) return a;
  if (from.op == Op::constant) return constant(to, from.number, 0);
  return make(Op::convert, to, {a});
}

Value Builder::in_precision_of(Value a, Value like) {
  const Type of = type(like);
  if (!is_number(type(a)) || !is_number(of)) return a;
  const bool single = of == Type::single || of == Type::singles;
  if (is_vector(type(a))) return convert(a, single ? Type::singles : Type::reals);
  return convert(a, single ? Type::single : Type::real);
}

Value Builder::in_double(Value a) {
  return is_number(type(a)) ? convert(a, is_vector(type(a)) ? Type::reals : Type::real) : a;
}

bool Builder::same_width(Value& a, Value& b) {
  const bool single = type(a) == Type::single || type(a) == Type::singles;
  if (single)
    b = in_precision_of(b, a);
  else
    a = in_precision_of(a, type(b) == Type::single || type(b) == Type::singles ? b : a);
  if (is_vector(type(a)) && !is_vector(type(b))) b = broadcast(b);
  if (is_vector(type(b)) && !is_vector(type(a))) a = broadcast(a);
  return is_vector(type(a));
}

Value Builder::binary(Op op, Value a, Value b) {
  same_width(a, b);
  return make(op, type(a), {a, b});
}

Value Builder::compare(Op op, Value a, Value b) {
  Type type = same_width(a, b) ? Type::flags : Type::flag;
  return make(op, type, {a, b});
}

Value Builder::fma(Value a, Value b, Value c) {
  same_width(a, b);
  same_width(a, c);
  same_width(b, c);
  return make(Op::fma, type(a), {a, b, c});
}

Value Builder::polynomial(Value x, std::span<const double> coefficients) {
  Value sum = real_like(coefficients.back(), x);
  for (size_t i = coefficients.size() - 1; i-- > 0;) sum = fma(sum, x, real_like(coefficients[i], x));
  return sum;
}

Value Builder::polynomial_by_halves(Value x, Value square, std::span<const double> coefficients) {
  const auto horner = [&](size_t least) {
    const size_t count = coefficients.size(), last = count - 1 - (count - 1 - least) % 2;
    Value sum = real_like(coefficients[last], x);
    for (size_t i = last; i > least; i -= 2) sum = fma(sum, square, real_like(coefficients[i - 2], x));
    return sum;
  };
  const Value even = horner(0), odd = horner(1);
  return fma(odd, x, even);
}

Value Builder::bits(Value a) {
  return make(Op::bits, is_vector(type(a)) ? Type::integers : Type::index, {a});
}

Value Builder::from_bits(Value a) {
  return make(Op::from_bits, is_vector(type(a)) ? Type::reals : Type::real, {a});
}

Value Builder::integer(Op op, Value a, Value b) {
  same_width(a, b);
  const Instruction &x = function_[a], &y = function_[b];
  bool constant_x = x.op == Op::constant, constant_y = y.op == Op::constant;
  if (op == Op::int_add && constant_y && y.integer == 0) return a;
  if (op == Op::int_add && constant_x && x.integer == 0) return b;
  if (op == Op::int_mul && constant_y && y.integer == 1) return a;
  if (constant_x && constant_y && x.type == Type::index) {
    if (op == Op::int_add) return index(x.integer + y.integer);
    if (op == Op::int_sub) return index(x.integer - y.integer);
    if (op == Op::int_mul) return index(x.integer * y.integer);
  }
  return make(op, x.type, {a, b});
}

Value Builder::shift(Op op, Value a, int64_t by) {
  return make(Instruction{.op = op, .type = type(a), .operands = {a}, .integer = by});
}

Value Builder::int_equal(Value a, Value b) {
  return compare(Op::int_equal, a, b);
}
Value Builder::int_less(Value a, Value b) {
  return compare(Op::int_less, a, b);
}

Value Builder::select(Value flag, Value yes, Value no) {
  if (same_width(yes, no)) flag = broadcast(flag);
  if (is_vector(type(flag))) {
    yes = broadcast(yes);
    no = broadcast(no);
  }
  return make(Op::select, type(yes), {flag, yes, no});
}

Value Builder::load(Type type, Place place) {
  Value at = place.index == no_value ? index(0) : place.index;
  return append(
      {.op = Op::load, .type = type, .buffer = place.buffer, .operands = {at}, .integer = place.offset});
}

void Builder::store(Place place, Value value) {
  Value at = place.index == no_value ? index(0) : place.index;
  append({.op = Op::store, .buffer = place.buffer, .operands = {at, value}, .integer = place.offset});
}

Value Builder::gather(Buffer buffer, int64_t offset, Value integers, Type type) {
  return append(
      {.op = Op::gather, .type = type, .buffer = buffer, .operands = {integers}, .integer = offset});
}

Value Builder::address(Place place) {
  Value at = place.index == no_value ? index(0) : place.index;
  return make(Instruction{.op = Op::address,
                          .type = Type::pointer,
                          .buffer = place.buffer,
                          .operands = {at},
                          .integer = place.offset});
}

void Builder::open_region(int32_t region) {
  open_.push_back(region);
  known_in_.emplace_back();
  if (on_open) on_open();
}

void Builder::close_region() {
  if (on_close) on_close();
  int32_t region = open_.back();
  for (size_t h : known_in_.back()) {
    auto [from, to] = known_.equal_range(h);
    for (auto it = from; it != to; ++it) {
      const auto& body = function_.regions[static_cast<size_t>(region)].body;
      // Ids grow with time, so that the values of the innermost region are those from its first on.
      if (it->second >= body.front()) {
        known_.erase(it);
        break;
      }
    }
  }
  known_in_.pop_back();
  open_.pop_back();
}

std::vector<Value> Builder::loop(Value from, Value to, int64_t step, std::vector<Value> first,
                                 const Body& body) {
  auto region = static_cast<int32_t>(function_.regions.size());
  function_.regions.emplace_back();
  std::vector<Value> operands = {from, to};
  operands.insert(operands.end(), first.begin(), first.end());
  Value made = append({.op = Op::loop_for, .operands = operands, .integer = step, .region = region});
  auto argument = [&](Op op, Type type) {
    auto id = static_cast<Value>(function_.instructions.size());
    function_.instructions.push_back({.op = op, .type = type, .operands = {}});
    function_.regions[static_cast<size_t>(region)].arguments.push_back(id);
    return id;
  };
  Value induction = argument(Op::induction, Type::index);
  std::vector<Value> carried;
  for (Value value : first) carried.push_back(argument(Op::carried, type(value)));
  open_region(region);
  std::vector<Value> next = body(induction, carried);
  append({.op = Op::yield, .operands = std::move(next)});
  close_region();
  std::vector<Value> results;
  for (size_t i = 0; i < first.size(); ++i) {
    results.push_back(append(
        {.op = Op::result, .type = type(first[i]), .operands = {made}, .integer = static_cast<int64_t>(i)}));
  }
  return results;
}

void Builder::loop(Value from, Value to, int64_t step, const std::function<void(Value)>& body) {
  loop(from, to, step, {}, [&](Value i, const std::vector<Value>&) {
    body(i);
    return std::vector<Value>{};
  });
}

Value Builder::call(std::string_view symbol, Type type, std::vector<Value> operands) {
  return append({.op = Op::call, .type = type, .operands = std::move(operands), .symbol = symbol});
}

Function Builder::take() {
  canonicalise(function_);
  return std::move(function_);
}

void Builder::leave(Value code) {
  append({.op = Op::leave, .operands = {code}});
}

}  // namespace lvm::loop
