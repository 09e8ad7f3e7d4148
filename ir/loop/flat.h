#pragma once
// The schedule of an update that works element by element (the step of an optimiser): one loop over the
// elements of each parameter, eight at a time, whatever its shape. A kernel takes any stretch of elements:
// the pointers of its frame then start there.

#include "ir/loop/evaluate.h"
#include "ir/program/stages.h"

namespace lvm::loop {

class FlatSchedule {
 public:
  FlatSchedule(const ir::Program& program, const ir::Function& function)
      : program_(program), function_(function) {}
  /// False where a value is no function of the same element of parameters and statistics, and of scalars.
  bool applies() const;
  std::vector<Function> run();
  ir::Stages stages;

 private:
  const ir::Program& program_;
  const ir::Function& function_;
  const ir::Node& node(ir::NodeId id) const { return function_[id]; }
  bool reads_only(const std::vector<const ir::Output*>& outputs) const;
  std::vector<char> needed(const std::vector<const ir::Output*>& outputs) const;
  Function write(const std::vector<const ir::Output*>& outputs, const std::string& name);
};

}  // namespace lvm::loop
