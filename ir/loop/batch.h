#pragma once
// The schedule of a function over rows of a batched Program: values of rows lie column by column in scratch; large products of
// matrices become stages of their own, and what stands between them is fused into kernels. A kernel works on the rows that its frame
// has, which may be a stretch of a tile: pointers to columns, scratch and row outputs then start at the stretch.

#include "ir/loop/evaluate.h"
#include "ir/program/stages.h"

namespace lvm::loop {

class BatchSchedule {
 public:
  BatchSchedule(const ir::Program& program, const ir::Function& function);
  /// The compiled kernels; `stages` says in which order they run.
  std::vector<Function> run();
  ir::Stages stages;

 private:
  /// Values that one nest of loops computes, or one product.
  struct Group {
    std::vector<AxisId> axes;
    std::vector<NodeId> nodes;
    bool product = false;
  };
  /// A kernel that is being written.
  struct Kernel;

  const ir::Program& program_;
  const ir::Module& module_;
  const ir::Function& function_;
  std::vector<char> live_, kept_;
  std::vector<std::optional<ir::Product>> products_;
  std::vector<std::optional<Storage>> storage_;
  std::vector<int> group_of_;
  std::vector<Group> groups_;
  std::vector<Function> kernels_;

  const ir::Node& node(NodeId id) const { return function_[id]; }
  bool of_rows(NodeId id) const { return node(id).type.has(row_axis); }
  bool is_row_sum(NodeId id) const;
  void place_leaves();
  void find_products();
  std::optional<ir::Product> product_of_rows(NodeId id) const;
  std::optional<ir::Product> product_over_rows(NodeId id) const;
  bool keeps(NodeId id) const;
  void place_kept();
  Storage columns(const std::vector<AxisId>& axes);
  ir::MatrixPlace matrix(NodeId id) const;
  int earliest_group(NodeId id, NodeId user, bool same_position) const;
  void form_groups();
  void write_kernels();
  void write_sums();
  std::string kernel_name() const;
};

}  // namespace lvm::loop
