#include "ir/passes/group_rows.h"

#include <algorithm>

namespace lvm::ir {

bool varies_in_groups(const Variable& v) {
  return (v.role == Role::data || v.role == Role::given) && v.plate.empty();
}

namespace {

struct Grouping {
  const Model& from;
  Model to;
  AxisId member;
  std::vector<NodeId> made;

  Grouping(const Model& model, int64_t longest)
      : from(model),
        to(model),
        member(to.module.add_axis({.name = model.plates.front().name + ".row", .size = longest})) {
    to.module.functions.front().nodes.clear();
    to.module.functions.front().outputs.clear();
    made.assign(model.function().nodes.size(), no_node);
  }

  bool varies(const Node& leaf) const {
    const auto v = std::ranges::find(from.variables, leaf.attributes.text, &Variable::name);
    return leaf.op == Op::data && v != from.variables.end() && varies_in_groups(*v);
  }

  void copy_nodes() {
    Builder b(to.module, to.module.functions.front());
    const Function& f = from.function();
    for (size_t id = 0; id < f.nodes.size(); ++id) {
      const Node& node = f.nodes[id];
      const bool named =
          row(node.op).shape == ShapeRule::leaf && row(node.op).attributes == PrintedAttributes::text;
      if (named) {
        Type type = node.type;
        if (varies(node)) type.axes.push_back(member);
        made[id] = b.leaf(node.op, node.attributes.text, std::move(type), node.range);
        continue;
      }
      std::vector<NodeId> inputs;
      for (const NodeId input : node.inputs) inputs.push_back(mapped(input));
      made[id] = b.make(node.op, std::move(inputs), node.attributes, node.range);
    }
    for (const Output& output : f.outputs) b.output(output.kind, output.name, mapped(output.node));
  }
  NodeId mapped(NodeId id) const { return id == no_node ? no_node : made[static_cast<size_t>(id)]; }
};

}  // namespace

Model group_rows(const Model& model, int64_t longest, bool ragged) {
  Grouping g(model, longest);
  g.copy_nodes();
  for (Variable& v : g.to.variables) {
    v.node = g.mapped(v.node);
    v.prior = g.mapped(v.prior);
    v.follows = g.mapped(v.follows);
    if (!varies_in_groups(v)) continue;
    v.type.axes.push_back(g.member);  // the last of all axes
    v.declared_axes.push_back(g.member);
    if (v.role == Role::data && ragged) v.missing = true;
  }
  for (Variable& v : g.to.variables) v.plate.clear();
  for (Factor& factor : g.to.factors) factor.log_density = g.mapped(factor.log_density);
  for (Posterior& q : g.to.posteriors) q.log_density = g.mapped(q.log_density);
  g.to.plates.clear();
  return std::move(g.to);
}

}  // namespace lvm::ir
