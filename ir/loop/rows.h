#pragma once
// The schedule of a function over a tile of rows: phases one behind the other, each a nest of loops with the
// rows inside.
//
//   for each run of rows that fits the first-level cache
//     for each kept node, in order:   for its long axes: for eight rows: compute, store        (emissions for
//     each k) for a softmax:                  for eight rows: greatest over k; exp and sum over k; log; scale
//     for each row output:            the same nest, stored to the output
//     for the statistics:             for the latent's axis: blocks of sums in registers: for eight rows: add

#include <set>

#include "ir/loop/evaluate.h"
#include "ir/loop/schedule.h"

namespace lvm::loop {

class RowsSchedule {
 public:
  RowsSchedule(const ir::Program& program, const ir::Function& function, const Target& target);
  Function run();
  int64_t scratch_bytes() const { return arena_.bytes(); }
  /// The statistics of which only the lower triangle is summed, each with the two axes that may be exchanged.
  std::vector<std::pair<std::string, std::vector<AxisId>>> symmetric() const;

 private:
  /// r = exp(x - logsumexp x): computed with the logsumexp, from one exp.
  struct Softmax {
    NodeId normaliser, result;
  };
  /// A sum over rows: the product of factors, for each position of its axes.
  struct Statistic {
    NodeId node = ir::no_node;
    std::string slot;
    std::vector<NodeId> factors;
    std::vector<AxisId> outer, inner;
    Strides strides;
    int64_t offset = 0;
    bool masked = false;     // a factor is 0 in the rows beyond the last
    bool symmetric = false;  // equal under exchange of its two inner axes: only the lower triangle is summed
    bool reduces = false;    // over more than rows
    // With two inner axes: the factors that do not have the second one, and those that do.
    std::vector<NodeId> left, right;
    bool separable() const { return !left.empty(); }
  };
  /// One sum in a register.
  struct Element {
    const Statistic* statistic;
    Binding binding;
  };
  /// A vector over an inner axis, kept in scratch for the present position of the outer axes.
  struct Panel {
    std::vector<NodeId> factors;
    AxisId axis;
    Storage storage;
  };
  using Elements = std::vector<Element>;
  /// What the sums of all states of a latent have in common, at one position of their inner axes.
  struct Feature {
    const Statistic* statistic;
    Binding binding;
    std::vector<NodeId> factors;  // none: 1
    Storage storage;
  };

  const ir::Program& program_;
  const ir::Module& module_;
  const ir::Function& function_;
  Target target_;
  Arena arena_;
  Builder b_;
  Evaluator values_;
  std::vector<char> live_, kept_, masked_;
  std::vector<int> uses_;
  std::vector<double> cost_;
  std::set<AxisId> latent_axes_;
  std::vector<Softmax> softmax_;
  std::vector<Statistic> statistics_;
  std::vector<Panel> panels_;
  bool one_block_ = false;  // the sums of the present group fit in registers together
  int64_t run_rows_ = 0;    // rows of a run
  Value run_first_ = no_value, run_count_ = no_value;

  const ir::Node& node(NodeId id) const { return function_[id]; }
  bool is_row(NodeId id) const { return node(id).type.has(row_axis); }
  bool sums_rows(const ir::Node& n) const;
  [[noreturn]] void refuse(const ir::Node& node, std::string_view why) const;

  // rows_analysis.cpp
  void find_loops();
  void find_softmax();
  void choose_kept();
  bool keeps(NodeId id) const;
  bool sums_in_place(NodeId id) const;
  void find_masked();
  void find_statistics();
  void split_factors(Statistic& statistic) const;
  bool equal_exchanged(NodeId a, Binding names_a, NodeId b, Binding names_b) const;
  bool is_symmetric(const Statistic& statistic) const;
  void place_leaves();
  void place_kept();
  NodeId logits_of(NodeId id) const;
  void choose_run();

  // rows.cpp
  using GroupBody = std::function<void(int64_t groups)>;
  void each_row(int64_t groups, const GroupBody& body);
  void nest(const std::vector<AxisId>& axes, const std::function<void(Binding&)>& body, int64_t groups = 1);
  int64_t groups_of(NodeId id) const;
  void over(std::span<const AxisId> axes, Binding& binding, const std::function<void(Binding&)>& body);
  void prologue();
  void phase(NodeId id);
  using SoftmaxStep = std::function<Value(Binding&, Value carried)>;
  /// Nested loops over the positions of `axes`, in order; one value or none is carried from step to step.
  std::vector<Value> along_all(std::span<const AxisId> axes, const Binding& binding,
                               const std::vector<Value>& first, const SoftmaxStep& step);
  void softmax_phase(const Softmax& softmax);
  void write_outputs();
  Value row_mask();
  void run_phases();

  // rows_statistics.cpp
  void write_statistics();
  void group(const std::vector<const Statistic*>& members);
  Elements positions(const Statistic& statistic, const Binding& binding);
  void members(const std::vector<const Statistic*>& members, const Binding& binding);
  Value add_to(const Element& element, Value accumulator);
  void block(const Elements& elements, const std::vector<std::pair<const Panel*, Binding>>& fills);
  Place lanes_of(const Statistic& statistic, const Binding& binding);
  Value factor_product(const Statistic& statistic, const std::vector<NodeId>& factors,
                       const Binding& binding);
  void make_panels(const std::vector<const Statistic*>& members);
  bool at_hand(const std::vector<NodeId>& factors) const;
  const Panel* panel(const std::vector<NodeId>& factors) const;
  void vectors(const std::vector<const Statistic*>& members, const Binding& binding);
  void pairs(const Statistic& statistic, const Binding& binding);
  void pairs_unrolled(const Statistic& statistic, const Binding& binding);
  void pairs_looped(const Statistic& statistic, const Binding& binding);

  // rows_shared.cpp
  NodeId shared_weight(const Statistic& statistic) const;
  bool is_shared(const std::vector<const Statistic*>& statistics) const;
  bool forms_feature(const Statistic& statistic) const;
  std::vector<Feature> make_features(const std::vector<const Statistic*>& statistics);
  void add_features(std::span<const Feature> features, AxisId states_axis, const std::vector<Index>& states);
  void shared_group(const std::vector<const Statistic*>& statistics);
};

}  // namespace lvm::loop
