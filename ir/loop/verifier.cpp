#include <fmt/format.h>

#include "ir/loop/loop.h"

namespace lvm::loop {

namespace {

class Verifier {
 public:
  explicit Verifier(const Function& function)
      : function_(function), in_scope_(function.instructions.size()) {}

  std::vector<std::string> run() {
    const auto& top = function_.regions.front().body;
    if (top.empty() || function_[top.back()].op != Op::leave)
      fault(no_value, "the function does not end in `leave`");
    region(0);
    return std::move(faults_);
  }

 private:
  const Function& function_;
  std::vector<bool> in_scope_;
  std::vector<std::string> faults_;

  void fault(Value id, std::string_view what) {
    std::string_view op = id == no_value ? "function" : row(function_[id].op).name;
    faults_.push_back(fmt::format("\"{}\" {} {}: {}", function_.name, op, id, what));
  }

  Type operand(Value id, size_t i) const { return function_[function_[id].operands[i]].type; }

  void expect(Value id, size_t i, Type type) {
    if (operand(id, i) != type) {
      fault(id, fmt::format("operand {} is {}, not {}", i, name(operand(id, i)), name(type)));
    }
  }

  void same_types(Value id, size_t from) {
    for (size_t i = from; i < function_[id].operands.size(); ++i) expect(id, i, function_[id].type);
  }

  Type flag_of(Type type) const { return is_vector(type) ? Type::flags : Type::flag; }
  bool real(Type type) const { return is_number(type); }

  void types(Value id) {
    const Instruction& i = function_[id];
    switch (i.op) {
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
      case Op::fma:
      case Op::neg:
      case Op::abs:
      case Op::sqrt:
      case Op::floor:
      case Op::round_even:
      case Op::maximum:
      case Op::minimum:
        if (!real(i.type)) fault(id, "arithmetic of what is not real");
        same_types(id, 0);
        break;
      case Op::int_add:
      case Op::int_sub:
      case Op::int_mul:
      case Op::int_and:
      case Op::int_or:
      case Op::int_xor:
      case Op::int_min:
      case Op::shift_left:
      case Op::shift_right:
      case Op::flag_and:
      case Op::flag_or:
      case Op::flag_not:
        if (real(i.type)) fault(id, "bits of a real");
        same_types(id, 0);
        break;
      case Op::less:
      case Op::less_equal:
      case Op::equal:
      case Op::int_equal:
      case Op::int_less:
        if (operand(id, 0) != operand(id, 1)) fault(id, "operands differ in type");
        if (i.type != flag_of(operand(id, 0))) fault(id, "a comparison gives flags of the operands' width");
        break;
      case Op::select:
        expect(id, 0, flag_of(i.type));
        same_types(id, 1);
        break;
      case Op::broadcast:
        if (is_vector(operand(id, 0)) || i.type != widened(operand(id, 0))) fault(id, "not scalar to vector");
        break;
      case Op::table:
        expect(id, 0, Type::index);
        same_types(id, 1);
        for (size_t n = 1; n < i.operands.size(); ++n)
          if (function_[i.operands[n]].op != Op::constant) fault(id, "a table of what is not constant");
        break;
      case Op::convert:
        if (!real(i.type) || !real(operand(id, 0)) || is_vector(i.type) != is_vector(operand(id, 0)) ||
            i.type == operand(id, 0))
          fault(id, "converts a number to the other precision");
        break;
      case Op::power_of_two:
        if (i.type != Type::singles && i.type != Type::single) fault(id, "a power of two is a single");
        same_types(id, 0);
        break;
      case Op::load:
      case Op::address: expect(id, 0, Type::index); break;
      case Op::store:
        expect(id, 0, Type::index);
        if (!real(operand(id, 1))) fault(id, "only reals are stored");
        break;
      case Op::load_column:
        expect(id, 0, Type::index);
        expect(id, 1, Type::index);
        break;
      case Op::gather: expect(id, 0, Type::integers); break;
      case Op::to_real:
      case Op::leave: expect(id, 0, Type::index); break;
      case Op::to_index: expect(id, 0, Type::real); break;
      case Op::bits:
        if (operand(id, 0) != Type::real && operand(id, 0) != Type::reals)
          fault(id, "the bits of what is not real");
        break;
      case Op::from_bits:
        if (real(operand(id, 0))) fault(id, "of what is no integer");
        break;
      case Op::reduce_add:
        if (!real(operand(id, 0)) || widened(i.type) != operand(id, 0))
          fault(id, "of what is no vector of numbers");
        break;
      case Op::loop_for: loop(id); break;
      case Op::constant:
      case Op::lanes:
      case Op::rows:
      case Op::induction:
      case Op::carried:
      case Op::yield:
      case Op::result:
      case Op::call: break;
    }
  }

  void loop(Value id) {
    const Instruction& i = function_[id];
    if (i.region <= 0 || static_cast<size_t>(i.region) >= function_.regions.size())
      return fault(id, "no body");
    if (i.integer <= 0) fault(id, "its step is not positive");
    expect(id, 0, Type::index);
    expect(id, 1, Type::index);
    const Region& body = function_.regions[static_cast<size_t>(i.region)];
    size_t carried = i.operands.size() - 2;
    if (body.arguments.size() != carried + 1) return fault(id, "its body takes another number of values");
    if (body.body.empty() || function_[body.body.back()].op != Op::yield)
      return fault(id, "its body does not yield");
    Value yield = body.body.back();
    if (function_[yield].operands.size() != carried) return fault(yield, "yields another number of values");
    for (size_t c = 0; c < carried; ++c) {
      Type type = function_[body.arguments[c + 1]].type;
      if (operand(id, c + 2) != type) fault(id, fmt::format("carried value {} changes its type", c));
      if (operand(yield, c) != type) fault(yield, fmt::format("carried value {} changes its type", c));
    }
    for (Value argument : body.arguments) in_scope_[static_cast<size_t>(argument)] = true;
    region(i.region);
    for (Value argument : body.arguments) in_scope_[static_cast<size_t>(argument)] = false;
  }

  bool operands_known(Value id) {
    const Instruction& i = function_[id];
    if (row(i.op).operands >= 0 && row(i.op).operands != static_cast<int>(i.operands.size())) {
      fault(id, "another number of operands");
      return false;
    }
    for (Value operand : i.operands) {
      if (operand < 0 || static_cast<size_t>(operand) >= in_scope_.size() ||
          !in_scope_[static_cast<size_t>(operand)]) {
        fault(id, fmt::format("value {} is used out of its scope", operand));
        return false;
      }
    }
    return true;
  }

  void region(int32_t which) {
    const auto& body = function_.regions[static_cast<size_t>(which)].body;
    for (size_t at = 0; at < body.size(); ++at) {
      Value id = body[at];
      Op op = function_[id].op;
      if ((op == Op::yield || op == Op::leave) && at + 1 != body.size()) fault(id, "stands before the end");
      if (operands_known(id)) types(id);
      in_scope_[static_cast<size_t>(id)] = true;
    }
    for (Value id : body) in_scope_[static_cast<size_t>(id)] = false;
  }
};

}  // namespace

std::vector<std::string> verify(const Function& function) {
  return Verifier(function).run();
}

}  // namespace lvm::loop
