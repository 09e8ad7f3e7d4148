// Puts the instructions between two effects into the order in which effects need them, and drops what none
// needs. The text of a function then depends on its meaning alone, not on the order in which a C++ compiler
// evaluates arguments.

#include <algorithm>

#include "ir/loop/builder.h"

namespace lvm::loop {

namespace {

class Ranks {
 public:
  explicit Ranks(const Function& function) : function_(function), rank(function.instructions.size(), -1) {
    region(0);
  }

  static bool stays(Op op) {
    return op == Op::store || op == Op::call || op == Op::loop_for || op == Op::leave || op == Op::yield ||
           op == Op::result;
  }

 private:
  const Function& function_;
  int next_ = 0;

  /// Operands come before what uses them.
  void need(Value id) {
    if (rank[static_cast<size_t>(id)] >= 0) return;
    const Instruction& i = function_[id];
    if (i.op == Op::result) return;
    for (Value operand : i.operands) need(operand);
    rank[static_cast<size_t>(id)] = next_++;
  }

  void region(int32_t which) {
    for (Value id : function_.regions[static_cast<size_t>(which)].body) {
      const Instruction& i = function_[id];
      if (!stays(i.op) || i.op == Op::result) continue;
      for (Value operand : i.operands) need(operand);
      if (i.op == Op::loop_for) region(i.region);
    }
  }

 public:
  std::vector<int> rank;
};

}  // namespace

void canonicalise(Function& function) {
  Ranks ranks(function);
  auto rank = [&](Value id) { return ranks.rank[static_cast<size_t>(id)]; };
  for (Region& region : function.regions) {
    auto& body = region.body;
    std::erase_if(body, [&](Value id) { return !Ranks::stays(function[id].op) && rank(id) < 0; });
    for (auto from = body.begin(); from != body.end();) {
      auto to = std::find_if(from, body.end(), [&](Value id) { return Ranks::stays(function[id].op); });
      std::sort(from, to, [&](Value a, Value b) { return rank(a) < rank(b); });
      from = to == body.end() ? to : to + 1;
    }
  }
}

}  // namespace lvm::loop
