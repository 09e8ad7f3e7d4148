#include <fmt/format.h>

#include <iterator>

#include "ir/loop/loop.h"

namespace lvm::loop {

namespace {

class Printer {
 public:
  explicit Printer(const Function& function)
      : function_(function), number_(function.instructions.size(), -1) {}

  std::string run() {
    out_ = fmt::format("function \"{}\"\n", function_.name);
    body(0, 1);
    return std::move(out_);
  }

 private:
  const Function& function_;
  std::vector<int> number_;  // printed names count in the order of the text
  int next_ = 0;
  std::string out_;

  std::string value(Value id) const { return fmt::format("%{}", number_[static_cast<size_t>(id)]); }

  std::string define(Value id) {
    number_[static_cast<size_t>(id)] = next_++;
    return value(id);
  }

  std::string operands(const Instruction& instruction, size_t from = 0) const {
    std::string text;
    for (size_t i = from; i < instruction.operands.size(); ++i) {
      text += fmt::format("{}{}", i == from ? " " : ", ", value(instruction.operands[i]));
    }
    return text;
  }

  void line(int indent, const std::string& text) {
    fmt::format_to(std::back_inserter(out_), "{:{}}{}\n", "", 2 * indent, text);
  }

  void loop(const Instruction& instruction, int indent) {
    const Region& region = function_.regions[static_cast<size_t>(instruction.region)];
    std::string head =
        fmt::format("for {} from {} to {} step {}", define(region.arguments[0]),
                    value(instruction.operands[0]), value(instruction.operands[1]), instruction.integer);
    for (size_t i = 1; i < region.arguments.size(); ++i) {
      head += fmt::format("{}{} = {}", i == 1 ? " carry " : ", ", define(region.arguments[i]),
                          value(instruction.operands[i + 1]));
    }
    line(indent, head);
    body(instruction.region, indent + 1);
  }

  std::string place(const Instruction& instruction) const {
    return fmt::format("{}[{} + {}]", name(instruction.buffer), value(instruction.operands[0]),
                       instruction.integer);
  }

  std::string right(const Instruction& i) const {
    std::string_view op = row(i.op).name;
    switch (i.op) {
      case Op::constant:
        return is_number(i.type) ? fmt::format("constant {}", i.number)
                                 : fmt::format("constant {}", i.integer);
      case Op::load:
      case Op::gather:
      case Op::address: return fmt::format("{} {}", op, place(i));
      case Op::store: return fmt::format("store {}, {}", place(i), value(i.operands[1]));
      case Op::shift_left:
      case Op::shift_right:
      case Op::result: return fmt::format("{}{}, {}", op, operands(i), i.integer);
      case Op::call: return fmt::format("call {}{}", i.symbol, operands(i));
      case Op::loop_for:
      case Op::induction:
      case Op::carried:
      case Op::yield:
      case Op::leave:
      case Op::lanes:
      case Op::rows:
      case Op::table:
      case Op::broadcast:
      case Op::convert:
      case Op::power_of_two:
      case Op::load_column:
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
      case Op::bits:
      case Op::from_bits:
      case Op::to_real:
      case Op::to_index:
      case Op::int_add:
      case Op::int_sub:
      case Op::int_mul:
      case Op::int_and:
      case Op::int_or:
      case Op::int_xor:
      case Op::int_min:
      case Op::int_equal:
      case Op::int_less:
      case Op::less:
      case Op::less_equal:
      case Op::equal:
      case Op::flag_and:
      case Op::flag_or:
      case Op::flag_not:
      case Op::select:
      case Op::reduce_add: return fmt::format("{}{}", op, operands(i));
    }
    return {};
  }

  void body(int32_t region, int indent) {
    for (Value id : function_.regions[static_cast<size_t>(region)].body) {
      const Instruction& instruction = function_[id];
      if (instruction.op == Op::loop_for) {
        loop(instruction, indent);
      } else if (instruction.op == Op::result) {
        // The loop itself has no name: its results stand directly behind it.
        std::string left = define(id);
        line(indent, fmt::format("{} : {} = result {}", left, name(instruction.type), instruction.integer));
      } else if (instruction.type == Type::none) {
        line(indent, right(instruction));
      } else {
        std::string text = right(instruction);
        std::string left = define(id);
        line(indent, fmt::format("{} : {} = {}", left, name(instruction.type), text));
      }
    }
  }
};

}  // namespace

std::string print(const Function& function) {
  return Printer(function).run();
}

std::string print(const Unit& unit) {
  std::string text;
  for (const Function& function : unit.functions) text += (text.empty() ? "" : "\n") + print(function);
  return text;
}

}  // namespace lvm::loop
