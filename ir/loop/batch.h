#pragma once
// The schedule of a function over rows of a batched Program: values of rows lie column by column in scratch;
// large products of matrices become stages of their own, and what stands between them is fused into kernels.
// A kernel works on the rows that its frame has, which may be a stretch of a tile: pointers to columns,
// scratch and row outputs then start at the stretch.

#include "ir/loop/columns.h"
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
  /// Values that one nest of loops computes, or one stage or reshape by itself.
  struct Group {
    std::vector<AxisId> axes;
    std::vector<NodeId> nodes;
    bool alone = false;
    int level = 0;
  };
  /// A kernel that is being written.
  struct Kernel;

  const ir::Program& program_;
  const ir::Module& module_;
  const ir::Function& function_;
  std::vector<char> live_, kept_;
  std::vector<char> inner_;  // sums over rows that other nodes read
  std::vector<int> level_;   // how many of them stand one behind the other in what a node is made of
  std::vector<std::optional<ir::Stage>> stage_of_;  // without places
  std::vector<std::optional<Storage>> storage_;
  std::vector<int> group_of_;
  std::vector<int> last_read_;  // the last group that reads a kept node
  Columns scratch_;
  std::vector<Group> groups_;
  std::vector<Function> kernels_;
  bool narrow_;                 // products have bfloat16 operands
  std::vector<char> narrowed_;  // values of rows that have copies in bfloat16

  const ir::Node& node(NodeId id) const { return function_[id]; }
  bool of_rows(NodeId id) const { return node(id).type.has(row_axis); }
  bool is_row_sum(NodeId id) const;
  void find_levels();
  void place_leaves();
  void find_stages();
  std::optional<ir::Product> product_of_rows(NodeId id) const;
  std::optional<ir::Product> product_over_rows(NodeId id) const;
  ir::Convolution2d convolution(NodeId id) const;
  std::vector<int64_t> moves(NodeId id) const;
  ir::Stage placed(NodeId id, ir::MatrixPlace result) const;
  void narrow_operands(NodeId id, std::vector<ir::Stage>& before);
  bool stands_alone(NodeId id) const;
  bool keeps(NodeId id) const;
  void place_kept();
  Storage columns(const std::vector<AxisId>& axes);
  Storage row_output(const ir::Output& output) const;
  Storage reshaped(NodeId id) const;
  ir::MatrixPlace matrix(NodeId id) const;
  int earliest_group(NodeId id, NodeId user, bool same_position) const;
  void form_groups();
  void find_last_reads();
  void note_read(NodeId id, int group);
  void free_columns(int group);
  void write_kernels();
  void write_row_outputs(std::optional<Kernel>& kernel);
  void write_inner_sums(int level);
  void write_sums();
  void write_sum(Kernel& kernel, const ir::Output& output);
  const ir::Slot& statistic(const ir::Output& output) const;
  std::string kernel_name() const;
};

}  // namespace lvm::loop
