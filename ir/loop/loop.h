#pragma once
// Loop: what machine code is made of. SSA values that are scalars or vectors of eight doubles (or floats),
// and nested counted loops. Already vectorised: the same text on every machine, which only splits the vectors
// over its registers.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ir/program/stages.h"

namespace lvm::loop {

inline constexpr int64_t lane_count = 8;

using Value = int32_t;  // the index of the instruction that makes it
inline constexpr Value no_value = -1;

enum class Type : uint8_t { none, real, index, flag, reals, integers, flags, pointer, single, singles };
std::string_view name(Type type);
bool is_vector(Type type);
bool is_number(Type type);  // real or single, of either width
Type widened(Type type);    // the vector type of a scalar type; a vector type stays

/// The blocks of numbers behind the frame. Places in them count numbers of the type that is loaded or stored.
enum class Buffer : uint8_t { none, parameters, derived, statistics, output, scratch };
std::string_view name(Buffer buffer);

enum class Op : uint8_t {
#define LVM_LOOP_OP(name, operands, pure) name,
#include "ir/loop/ops.def"
#undef LVM_LOOP_OP
};

struct OpRow {
  std::string_view name;
  int operands;
  bool pure;
};
const OpRow& row(Op op);

struct Instruction {
  Op op;
  Type type = Type::none;
  Buffer buffer = Buffer::none;
  std::vector<Value> operands;
  double number = 0;
  int64_t integer = 0;
  std::string_view symbol = {};  // of static storage
  int32_t region = -1;
};

struct Region {
  std::vector<Value> arguments;  // of a loop's body: induction, carried…
  std::vector<Value> body;       // in order; the last is `yield`, or `leave` in region 0
};

/// How often a function runs, which decides what its translation may cost.
enum class Use : uint8_t {
  small,  // once an iteration, over parameters alone
  rows,   // for each tile of rows, or each pattern of absent cells, of each iteration
  spare,  // for each tile of rows, if at all: after a fit, or in the place of a faster one; translated at its
          // first call
};

struct Function {
  std::string name;  // of the Program's function
  Use use = Use::rows;
  std::vector<Instruction> instructions;
  std::vector<Region> regions;  // 0: the outermost
  const Instruction& operator[](Value value) const { return instructions[static_cast<size_t>(value)]; }
};

/// The functions of one Program.
struct Unit {
  std::vector<Function> functions;
  ir::StagedFunctions staged = {};  // of a batched Program: how its functions over rows are made of these
};

std::string print(const Function& function);
std::string print(const Unit& unit);

/// Empty when it is well formed, else one line a fault: values before use and in scope, types of operands,
/// loops closed.
std::vector<std::string> verify(const Function& function);

}  // namespace lvm::loop
