#pragma once
// The schedule of functions over parameters alone (prepare, update): every value that is used again is kept
// in scratch or in its output; values over the same axes share one nest of loops; linear algebra is a call
// for each matrix of the batch. Nothing is unrolled: these functions run once an iteration, and their code
// has to be compiled before the first one.

#include "ir/loop/demand.h"
#include "ir/loop/evaluate.h"
#include "ir/loop/schedule.h"

namespace lvm::loop {

class SmallSchedule {
 public:
  SmallSchedule(const ir::Program& program, const ir::Function& function);
  Function run();
  int64_t scratch_bytes() const { return arena_.bytes(); }

 private:
  /// Nodes that one nest of loops computes, or one node that is a call.
  struct Group {
    std::vector<AxisId> axes;
    std::vector<NodeId> nodes;
    bool call = false;
    Conditions demand;  // elements where these do not hold are left out
  };

  const ir::Program& program_;
  const ir::Module& module_;
  const ir::Function& function_;
  Arena arena_;
  Builder b_;
  Evaluator values_;
  std::vector<char> live_, kept_;
  std::vector<Conditions> demands_;
  std::vector<int> group_of_;
  std::vector<Group> groups_;
  std::vector<std::optional<Storage>> planned_;  // storage of kept nodes from when they are computed on

  const ir::Node& node(NodeId id) const { return function_[id]; }
  [[noreturn]] void refuse(const ir::Node& node, std::string_view why) const;
  bool is_call(const ir::Node& n) const;
  bool keeps(NodeId id) const;
  void place_leaves();
  void place_kept();
  const ir::Slot& output_slot(const ir::Output& output) const;
  std::optional<Storage> output_storage(NodeId id) const;
  Storage matrix_storage(const std::vector<AxisId>& axes, const std::vector<AxisId>& last);
  int earliest_group(NodeId id, NodeId user, bool same_position) const;
  void form_groups();
  void write_group(const Group& group);
  bool write_products(const Group& group);
  void write_call(NodeId id);
  Storage packed(NodeId id, const std::vector<AxisId>& last);
  void copy_outputs();
  Value checks();
  void over(std::span<const AxisId> axes, Binding& binding, const std::function<void(Binding&)>& body,
            const Conditions& demand = {});
  Conditions demand_of(NodeId id) const;
  void where(const Conditions& ready, Binding& binding, const std::function<void()>& body);
};

}  // namespace lvm::loop
