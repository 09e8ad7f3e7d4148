#include "ir/loop/loop.h"

#include <array>

namespace lvm::loop {

std::string_view name(Type type) {
  switch (type) {
    case Type::none: return "none";
    case Type::real: return "real";
    case Type::index: return "index";
    case Type::flag: return "flag";
    case Type::reals: return "realx8";
    case Type::integers: return "indexx8";
    case Type::flags: return "flagx8";
    case Type::pointer: return "pointer";
    case Type::single: return "single";
    case Type::singles: return "singlex8";
  }
  return "";
}

bool is_vector(Type type) {
  return type == Type::reals || type == Type::integers || type == Type::flags || type == Type::singles;
}

bool is_number(Type type) {
  return type == Type::real || type == Type::reals || type == Type::single || type == Type::singles;
}

Type widened(Type type) {
  switch (type) {
    case Type::real: return Type::reals;
    case Type::index: return Type::integers;
    case Type::flag: return Type::flags;
    case Type::single: return Type::singles;
    case Type::none:
    case Type::reals:
    case Type::integers:
    case Type::flags:
    case Type::pointer:
    case Type::singles: return type;
  }
  return type;
}

std::string_view name(Buffer buffer) {
  switch (buffer) {
    case Buffer::none: return "none";
    case Buffer::parameters: return "parameters";
    case Buffer::derived: return "derived";
    case Buffer::statistics: return "statistics";
    case Buffer::output: return "output";
    case Buffer::scratch: return "scratch";
  }
  return "";
}

const OpRow& row(Op op) {
  static constexpr std::array rows = {
#define LVM_LOOP_OP(name, operands, pure) OpRow{#name, operands, pure},
#include "ir/loop/ops.def"
#undef LVM_LOOP_OP
  };
  return rows[static_cast<size_t>(op)];
}

}  // namespace lvm::loop
