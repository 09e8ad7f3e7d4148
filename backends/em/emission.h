#pragma once
// One factor of the model at level step, inside the function that is being built: its terms of ln P(y, z =
// k), its pieces for moments.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/families/family.h"
#include "ir/passes/classify.h"
#include "ir/passes/finite_chain.h"
#include "ir/passes/nodes.h"
#include "ir/passes/plan.h"

namespace lvm::em {

using ir::AxisId;
using ir::Builder;
using ir::NodeId;

/// What the lowering of one model knows.
struct Setting {
  const ir::Model& model;
  const ir::Module& canonical;
  const ir::Plan& plan;
  std::vector<ir::FiniteLatent> latents = {};
  std::vector<ir::NodeLatent> continuous = {};
  std::optional<ir::FiniteChain> chain = {};
  std::vector<AxisId> states =
      {};  // the axes of the finite ones' values and of the continuous ones' nodes, sorted

  Setting(const ir::Model& m, const ir::Module& c, const ir::Plan& p);
  /// Some, or all, of the axes are those of latents.
  bool has_states(const std::vector<AxisId>& axes) const;
  bool all_states(const std::vector<AxisId>& axes) const;
  bool one_latent(const std::vector<AxisId>& axes) const { return axes.size() == 1 && all_states(axes); }
  const std::string& latent_of(AxisId states) const;
  /// How messages call an element over axes of which some are latents': "component {}".
  std::string component(const std::vector<AxisId>& axes) const;
  const ir::Function& function() const { return canonical.functions.front(); }
};

/// How absent cells of a factor's value are integrated out: the terms of independent elements are dropped one
/// by one; a vector is conditioned on what is observed of it, for each pattern of observed elements.
enum class Absent : uint8_t { never, elements, patterns };

/// A factor in the canonical function: a logpdf node whose slots hold no latent any more.
struct Emission {
  int factor = -1;
  std::string variable;  // "y"
  std::string name;      // the same, and of the first steps "y[first]"
  ir::Steps steps = {};
  std::string family;  // "Normal"
  std::vector<std::string> slot_names;
  NodeId log_density = ir::no_node;  // in the canonical function
  NodeId value = ir::no_node;
  std::vector<NodeId> slots;
  std::vector<AxisId>
      axes;  // all elements of one row: without row, with K where z matters, with axes that data select
  bool of_latent = false;  // P(z | ...), z finite
  bool of_continuous = false;
  Absent absent = Absent::never;
  std::vector<ir::Selection> selections;  // table axes that data columns index
};

std::vector<Emission> emissions(const Setting& setting);

/// The canonical leaf of a continuous latent, or of an earlier step of it.
NodeId node_leaf(const Setting& setting, int latent);
/// The same, and no_node where no factor mentions it.
NodeId find_node_leaf(const Setting& setting, int latent);

/// "Normal.mean.cov": what finds the family.
std::string parameterisation_of(const Emission& emission);
/// The axes of the value's elements.
std::vector<AxisId> elements_of(const Setting& setting, const Emission& emission);
/// "<data>.observed", of a factor whose rows are walked by patterns: a bool an element.
NodeId observed_leaf(Builder& b, const Setting& setting, const Emission& emission);
/// "<data>.origin": a derived slot, an element for each of the value's.
NodeId origin_leaf(Builder& b, const Setting& setting, const Emission& emission);
/// The axes of a slot for each row, with those that data select and without the row.
std::vector<AxisId> slot_axes(const ir::Function& canonical, NodeId slot);
/// Which of the nodes up to `node` it needs, itself included.
std::vector<bool> needed_by(const ir::Function& function, NodeId node);

std::vector<AxisId> without(std::vector<AxisId> axes, const std::vector<AxisId>& removed);
std::vector<AxisId> united(std::vector<AxisId> axes, const std::vector<AxisId>& more);
std::vector<AxisId> common(const std::vector<AxisId>& axes, const std::vector<AxisId>& other);
bool contains(const std::vector<AxisId>& axes, AxisId axis);

/// Copies nodes of the canonical function into a function of level step: densities become arithmetic.
class Expansion {
 public:
  /// tables: `table[c]` of a data column c becomes the table itself, with its own axis: what functions
  /// without rows need.
  enum class Rows : uint8_t { each, tables };
  Expansion(Builder& to, const Setting& setting, Rows rows = Rows::each);
  NodeId operator()(NodeId canonical_node);
  /// From now on the nodes `made` stand for the continuous latent `name`.
  void place_latent(const std::string& name, NodeId made);
  const std::map<std::string, NodeId>& latents() const { return latents_; }
  /// The same, but that `made` stands for a canonical leaf, whatever did before.
  Expansion with(NodeId canonical_leaf, NodeId made) const;
  /// From now on `made` stands for a canonical node.
  void replace(NodeId canonical_node, NodeId made) { made_[static_cast<size_t>(canonical_node)] = made; }
  /// A bool a row and element of the value, or for the rows of one pattern a bool an element: the cell is
  /// there.
  NodeId observed(const Emission& emission);
  /// From now on absent cells of this factor's value are 0: a derivative of what leaves them out would else
  /// be 0 times NaN.
  void fill_absent(const Emission& emission);
  /// From now on value and mean of this factor are measured from the origin that its states share.
  void share_origin(const Emission& emission);
  /// Of a factor that does: its density, and value - origin.
  struct AboutOrigin {
    NodeId log_density, value;
    NodeId origin, separation;  // of parameters alone
  };
  const AboutOrigin* about_origin(const Emission& emission) const;
  /// Of a factor whose value is conditioned on what is observed of it.
  const ir::Marginal& marginal(const Emission& emission);
  bool of_parameters(NodeId step_node) const;
  /// ln P of one factor for each row (and k): its density summed over the elements of the value; 0 in rows
  /// that it does not hold for.
  NodeId term(const Emission& emission);
  /// The same in rows that it holds for; of others anything.
  NodeId term_where_it_holds(const Emission& emission);
  /// A bool a row: the factor holds for it. no_node: for all.
  NodeId holds(const Emission& emission);
  /// ln P(y, z = k), or ln P(y): the sum of all terms, those of parameters alone gathered into one.
  NodeId log_joint(const std::vector<Emission>& emissions);

 private:
  NodeId corrected(const Emission& emission, NodeId density);
  NodeId sum_elements(NodeId density, const std::vector<AxisId>& axes);
  NodeId origin_of(const Emission& emission, NodeId mean);

  Builder& to_;
  const Setting& setting_;
  Rows rows_;
  std::vector<NodeId> made_;
  std::map<std::string, NodeId> latents_;  // continuous ones
  std::map<int, NodeId> observed_;         // by factor
  std::map<int, ir::Marginal> marginals_;  // by factor
  std::map<int, AboutOrigin> about_origin_;
};

}  // namespace lvm::em
