#include "ir/passes/chain_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "ir/passes/slot_rules.h"

namespace lvm::ir {

namespace {

using Place = VariableUse::Place;

struct LaggedUse {
  int variable;
  int lag;
};

/// How leaves are called in `factor`, and what they mean there.
using Leaves = std::map<std::string, LaggedUse>;

class Chaining {
 public:
  explicit Chaining(const Model& model) : from_(model), to_(model) {}

  Model run() {
    to_.module.functions.front().nodes.clear();
    to_.module.functions.front().outputs.clear();
    to_.lags.clear();
    for (const Factor& factor : from_.factors) leaves_.push_back(leaves_of(factor));
    add_lags();
    for (size_t i = 0; i < from_.factors.size(); ++i) find_roles(i);
    if (!to_.unsupported.empty()) return from_refused();
    for (Variable& v : to_.variables) give_roles(v);
    Builder builder(to_.module, to_.module.functions.front());
    b_ = &builder;
    for (Variable& v : to_.variables) make_leaf(v);
    for (size_t i = 0; i < from_.variables.size(); ++i) rebuild_own(i);
    for (size_t i = 0; i < from_.factors.size(); ++i) rebuild_factor(i);
    for (Posterior& q : to_.posteriors) add_to_posterior(q);
    return std::move(to_);
  }

 private:
  const Function& function() const { return from_.function(); }
  const Variable& variable(int i) const { return from_.variables[static_cast<size_t>(i)]; }
  std::string step_name(int v, int lag) const {
    return lag == 0 ? variable(v).name
                    : fmt::format("{}[{}{:+}]", variable(v).name, from_.sequence->name, -lag);
  }
  void refuse(std::string what, std::string way_out, SourceRange range) {
    to_.unsupported.push_back({std::move(what), std::move(way_out), range});
  }
  /// Nothing can be said of a model that was refused; its lags stay unsaid.
  Model from_refused() const {
    Model model = from_;
    model.unsupported = to_.unsupported;
    return model;
  }

  Leaves leaves_of(const Factor& factor) {
    Leaves found;
    const VariableUse& own = factor.variable;
    std::vector<VariableUse> uses = factor.parents;
    uses.push_back(own);
    for (const VariableUse& use : uses) {
      const std::string& name = variable(use.variable).name;
      if (use.place == Place::row) continue;
      const bool first = own.place == Place::first;
      if (!first && use.place == Place::first) {
        refuse(fmt::format("a step that depends on the first `{}`", name), "depend on earlier steps: `[t-1]`",
               factor.range);
        continue;
      }
      const int lag = first ? own.offset - use.offset : -use.offset;
      if (lag < 0) continue;  // analysis has refused it
      found[step_name(use.variable, lag)] = {use.variable, lag};
      if (first)
        found[fmt::format("{}[first{}]", name, use.offset == 0 ? "" : fmt::format("{:+}", use.offset))] = {
            use.variable, lag};
    }
    return found;
  }

  /// Finite latents that reach back have all steps between, so that the state of a chain is one word of equal
  /// letters.
  void add_lags() {
    std::map<int, int> longest;
    int order = 0;
    for (const Leaves& leaves : leaves_) {
      for (const auto& [name, use] : leaves) {
        if (use.lag == 0) continue;
        longest[use.variable] = std::max(longest[use.variable], use.lag);
        if (variable(use.variable).states >= 0) order = std::max(order, use.lag);
      }
    }
    std::vector<int> reaching;
    for (const auto& [v, lag] : longest) reaching.push_back(v);
    std::ranges::sort(reaching, {}, [&](int v) { return std::pair(variable(v).states, v); });
    for (int lag = 1; lag <= std::max(order, longest_of(longest)); ++lag) {
      for (const int v : reaching) {
        if (lag <= (variable(v).states >= 0 ? order : longest[v])) add_lag(v, lag);
      }
    }
    Variable step;
    step.name = from_.sequence->name;
    step.role = Role::given;
    step.type = {Element::real, {row_axis}, -1};
    step.range = from_.sequence->range;
    to_.variables.push_back(std::move(step));
  }
  static int longest_of(const std::map<int, int>& longest) {
    int most = 0;
    for (const auto& [v, lag] : longest) most = std::max(most, lag);
    return most;
  }

  void add_lag(int of, int lag) {
    Variable v = variable(of);
    if (v.role == Role::data && v.missing && v.states < 0)
      refuse(fmt::format("`{}`, whose cells may be absent,", step_name(of, lag)),
             fmt::format("drop `missing` of `{}`", v.name), v.range);
    v.name = step_name(of, lag);
    v.role = v.role == Role::latent || v.states >= 0 ? Role::latent : Role::given;
    v.missing = false;
    v.binding = {};
    if (v.states >= 0) {
      const Axis axis = from_.module.axis(v.states);
      v.states = axis_named(fmt::format("{}.{}", axis.name, lag), axis.size);
      if (v.type.range >= 0) v.type.range = v.states;
    }
    to_.lags.push_back({static_cast<int>(to_.variables.size()), of, lag});
    to_.variables.push_back(std::move(v));
  }
  AxisId axis_named(const std::string& name, int64_t size) {
    if (const auto found = to_.module.find_axis(name)) return *found;
    return to_.module.add_axis({.name = name, .kind = AxisKind::fixed, .size = size});
  }
  int made(LaggedUse use) const { return lagged(to_, use.variable, use.lag); }
  AxisId states_of(LaggedUse use) const { return to_.variables[static_cast<size_t>(made(use))].states; }

  // Which axis of `to` stands for an axis of a leaf (or of an op that makes one) of `from`.
  using Key = std::pair<NodeId, AxisId>;

  void find_roles(size_t factor) {
    const Leaves& leaves = leaves_[factor];
    const NodeId density = from_.factors[factor].log_density;
    std::vector<bool> needed(static_cast<size_t>(density) + 1, false);
    needed[static_cast<size_t>(density)] = true;
    for (NodeId id = density; id >= 0; --id) {
      if (!needed[static_cast<size_t>(id)]) continue;
      const Node& node = function()[id];
      for (const NodeId input : node.inputs) needed[static_cast<size_t>(input)] = true;
      if (node.op != Op::gather) continue;
      if (const LaggedUse* use = finite(leaves, node.inputs[1]))
        give(node.inputs[0], node.attributes.axes[0], states_of(*use), node.range);
    }
    const FactorParts parts = parts_of(from_, static_cast<int>(factor));
    const LaggedUse* value = parts.family == "Categorical" ? finite(leaves, parts.value) : nullptr;
    if (!value || function()[parts.value].type.element != Element::category) return;
    const AxisId range = function()[parts.value].type.range;
    for (const NodeId slot : parts.slots) {
      const auto twin = from_.module.find_axis(from_.module.axis(range).name + "'");
      const bool by_twin = twin && function()[slot].type.has(*twin);
      give(slot, by_twin ? *twin : range, states_of(*value), from_.factors[factor].distribution_range);
    }
  }
  const LaggedUse* finite(const Leaves& leaves, NodeId leaf) const {
    const Node& node = function()[leaf];
    if (node.op != Op::latent && node.op != Op::data) return nullptr;
    const auto found = leaves.find(node.attributes.text);
    if (found == leaves.end() || variable(found->second.variable).states < 0) return nullptr;
    return &found->second;
  }

  void give(NodeId id, AxisId axis, AxisId role, SourceRange range) {
    const Node& node = function()[id];
    if (!node.type.has(axis)) return;
    const bool makes = (node.op == Op::broadcast || node.op == Op::stack || node.op == Op::one_hot) &&
                       std::ranges::count(node.attributes.axes, axis) > 0;
    if (node.inputs.empty() || makes) {
      const auto [at, fresh] = roles_.try_emplace({id, axis}, role);
      if (!fresh && at->second != role) {
        const std::string name =
            node.attributes.text.empty() ? "one expression" : "`" + node.attributes.text + "`";
        refuse(fmt::format("{} along the values of a latent at two different steps", name),
               "give each step a parameter of its own", range);
      }
      const auto parameter =
          fresh && node.op == Op::parameter ? from_.find(node.attributes.text) : std::nullopt;
      if (parameter && variable(*parameter).prior != no_node) {
        // Its event axis is no axis of the density.
        for (const NodeId input : function()[variable(*parameter).prior].inputs)
          give(input, axis, role, range);
      }
      return;
    }
    if (node.op == Op::rename) {
      AxisId source = axis;
      for (size_t i = 0; i + 1 < node.attributes.axes.size(); i += 2) {
        if (node.attributes.axes[i + 1] == axis) source = node.attributes.axes[i];
      }
      return give(node.inputs[0], source, role, range);
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool consumed = node.op == Op::gather && i == 0 && node.attributes.axes[0] == axis;
      if (!consumed) give(node.inputs[i], axis, role, range);
    }
  }

  void give_roles(Variable& v) {
    for (const auto& [key, role] : roles_) {
      const Node& node = function()[key.first];
      if (node.op != Op::parameter || node.attributes.text != v.name) continue;
      const AxisId before = key.second;
      for (AxisId& axis : v.declared_axes) axis = axis == before ? -role - 2 : axis;  // axes change at once
      for (AxisId& axis : v.type.axes) axis = axis == before ? -role - 2 : axis;
    }
    for (std::vector<AxisId>* axes : {&v.declared_axes, &v.type.axes}) {
      for (AxisId& axis : *axes) axis = axis < -1 ? -axis - 2 : axis;
    }
    std::ranges::sort(v.type.axes);
  }

  void make_leaf(Variable& v) {
    if (v.role == Role::weight || v.role == Role::constant) return;
    const bool of_rows = v.role == Role::data || v.role == Role::given;
    v.node = b_->leaf(v.role == Role::latent ? Op::latent
                      : of_rows              ? Op::data
                                             : Op::parameter,
                      v.name, v.type, v.range);
  }

  /// A node of `to`, and what became of the axes of the node of `from`.
  struct Made {
    NodeId node = no_node;
    std::map<AxisId, AxisId> axes;
  };
  using Nodes = std::map<NodeId, Made>;

  Made rebuild(NodeId id, const Leaves& leaves, Nodes& nodes) {
    if (const auto known = nodes.find(id); known != nodes.end()) return known->second;
    const Node& node = function()[id];
    Made made;
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) {
      const Made each = rebuild(input, leaves, nodes);
      inputs.push_back(each.node);
      for (const auto& [before, after] : each.axes) made.axes[before] = after;
    }
    for (const AxisId axis : node.type.axes) {
      if (const auto role = roles_.find({id, axis}); role != roles_.end()) made.axes[axis] = role->second;
    }
    const bool named =
        row(node.op).shape == ShapeRule::leaf && row(node.op).attributes == PrintedAttributes::text;
    if (named) {
      const auto use = leaves.find(node.attributes.text);
      const auto index =
          use != leaves.end() ? std::optional(this->made(use->second)) : to_.find(node.attributes.text);
      if (!index || *index < 0)
        throw InternalError("a leaf of a sequence without a variable: " + node.attributes.text);
      made.node = to_.variables[static_cast<size_t>(*index)].node;
      if (made.node == no_node) made.node = b_->leaf(node.op, node.attributes.text, node.type, node.range);
    } else if (node.op == Op::rename) {
      std::vector<AxisId> pairs;
      const std::map<AxisId, AxisId> before = made.axes;
      for (size_t i = 0; i + 1 < node.attributes.axes.size(); i += 2)
        made.axes.erase(node.attributes.axes[i]);
      for (size_t i = 0; i + 1 < node.attributes.axes.size(); i += 2) {
        const AxisId source = node.attributes.axes[i], target = node.attributes.axes[i + 1];
        if (const auto role = before.find(source); role != before.end()) {
          made.axes[target] = role->second;  // the leaf has been renamed
        } else {
          pairs.insert(pairs.end(), {source, target});
        }
      }
      made.node = pairs.empty()
                      ? inputs.front()
                      : b_->make(Op::rename, std::move(inputs), {.axes = std::move(pairs)}, node.range);
    } else {
      Attributes attributes = node.attributes;
      for (AxisId& axis : attributes.axes) {
        if (const auto after = made.axes.find(axis); after != made.axes.end()) axis = after->second;
      }
      made.node = b_->make(node.op, std::move(inputs), std::move(attributes), node.range);
    }
    std::erase_if(made.axes, [&](const auto& each) { return !node.type.has(each.first); });
    return nodes[id] = made;
  }

  /// Constants and priors are nodes too.
  void rebuild_own(size_t i) {
    Nodes nodes;
    const Variable& v = from_.variables[i];
    if (v.prior != no_node) to_.variables[i].prior = rebuild(v.prior, {}, nodes).node;
    if (v.role == Role::constant && v.node != no_node)
      to_.variables[i].node = rebuild(v.node, {}, nodes).node;
  }

  void rebuild_factor(size_t i) {
    Nodes nodes;
    Factor& factor = to_.factors[i];
    const VariableUse own = factor.variable;
    factor.log_density = rebuild(factor.log_density, leaves_[i], nodes).node;
    factor.steps = own.place == Place::first ? Steps{own.offset, true} : Steps{firsts(own.variable), false};
    factor.variable = {own.variable};
    factor.parents.clear();
    for (const auto& [name, use] : leaves_[i]) {
      const int parent = made(use);
      const auto same = [&](const VariableUse& each) { return each.variable == parent; };
      if (parent != own.variable && std::ranges::none_of(factor.parents, same))
        factor.parents.push_back({parent});
    }
  }
  /// How many of its first steps have a distribution of their own.
  int firsts(int of) const {
    int count = 0;
    for (const Factor& factor : from_.factors) {
      if (factor.variable.variable == of && factor.variable.place == Place::first)
        count = std::max(count, factor.variable.offset + 1);
    }
    return count;
  }

  void add_to_posterior(Posterior& q) {
    const std::vector<int> own = q.variables;
    for (const Lag& lag : to_.lags) {
      const bool latent = to_.variables[static_cast<size_t>(lag.variable)].role == Role::latent;
      if (latent && std::ranges::count(own, lag.of) > 0) q.variables.push_back(lag.variable);
    }
    for (VariableUse& parent : q.parents) parent = {parent.variable};
  }

  const Model& from_;
  Model to_;
  std::vector<Leaves> leaves_;  // of each factor
  std::map<Key, AxisId> roles_;
  Builder* b_ = nullptr;
};

}  // namespace

Model chain_rows(const Model& model) {
  return Chaining(model).run();
}

Model by_steps(const Model& model) {
  return model.sequence ? chain_rows(model) : model;
}

int longest_lag(const Model& model) {
  int most = 0;
  for (const Lag& lag : model.lags) most = std::max(most, lag.steps);
  return most;
}

int lagged(const Model& model, int of, int steps) {
  if (steps == 0) return of;
  const auto found =
      std::ranges::find_if(model.lags, [&](const Lag& lag) { return lag.of == of && lag.steps == steps; });
  return found == model.lags.end() ? -1 : found->variable;
}

bool is_lag(const Model& model, int variable) {
  return std::ranges::any_of(model.lags, [&](const Lag& lag) { return lag.variable == variable; });
}

}  // namespace lvm::ir
