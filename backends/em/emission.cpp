#include "backends/em/emission.h"

#include <algorithm>

#include "backends/em/global.h"
#include "ir/families/family.h"
#include "ir/passes/build_elbo.h"

namespace lvm::em {

using ir::Function;
using ir::Node;
using ir::Op;
using ir::row_axis;

bool contains(const std::vector<AxisId>& axes, AxisId axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

std::vector<AxisId> without(std::vector<AxisId> axes, const std::vector<AxisId>& removed) {
  std::erase_if(axes, [&](AxisId axis) { return contains(removed, axis); });
  return axes;
}

std::vector<AxisId> united(std::vector<AxisId> axes, const std::vector<AxisId>& more) {
  for (const AxisId axis : more) {
    if (!contains(axes, axis)) axes.push_back(axis);
  }
  std::sort(axes.begin(), axes.end());
  return axes;
}

std::vector<AxisId> common(const std::vector<AxisId>& axes, const std::vector<AxisId>& other) {
  return without(axes, without(axes, other));
}

Setting::Setting(const ir::Model& m, const ir::Module& c, const ir::Plan& p)
    : model(m), canonical(c), plan(p), latents(ir::finite_latents(m)), chain(ir::finite_chain(m)) {
  ir::Module axes;
  axes.axes = c.axes;
  continuous = ir::node_latents(m, p, axes);
  for (const ir::FiniteLatent& latent : latents) states = united(states, {latent.states});
  for (const ir::NodeLatent& latent : continuous) states = united(states, latent.axes());
}

bool Setting::has_states(const std::vector<AxisId>& axes) const {
  return !common(axes, states).empty();
}

bool Setting::all_states(const std::vector<AxisId>& axes) const {
  return !axes.empty() && without(axes, states).empty();
}

const std::string& Setting::latent_of(AxisId axis) const {
  for (const ir::FiniteLatent& latent : latents) {
    if (latent.states == axis) return model.variables[static_cast<size_t>(latent.variable)].name;
  }
  throw ir::InternalError("an axis of no latent");
}

std::string Setting::component(const std::vector<AxisId>& axes) const {
  if (latents.size() == 1 || (chain && axes == chain->values.front() && axes.size() == 1))
    return "component {}";
  std::string names;
  for (const AxisId axis : common(axes, states))
    names += (names.empty() ? "`" : ", `") + latent_of(axis) + "`";
  return "state {} of " + names;
}

std::vector<bool> needed_by(const Function& f, NodeId node) {
  std::vector<bool> needed(static_cast<size_t>(node) + 1, false);
  needed[static_cast<size_t>(node)] = true;
  for (NodeId id = node; id >= 0; --id) {
    if (!needed[static_cast<size_t>(id)]) continue;
    for (const NodeId input : f[id].inputs) needed[static_cast<size_t>(input)] = true;
  }
  return needed;
}

namespace {

/// The gathers by data columns under a slot.
void collect_selections(const Function& f, NodeId node, std::vector<ir::Selection>& found) {
  const std::vector<bool> needed = needed_by(f, node);
  for (NodeId id = 0; id <= node; ++id) {
    const Node& n = f[id];
    if (!needed[static_cast<size_t>(id)] || n.op != Op::gather) continue;
    const ir::Selection selection{n.inputs[1], n.attributes.axes.at(0)};
    if (std::find(found.begin(), found.end(), selection) == found.end()) found.push_back(selection);
  }
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t dot = text.find('.'); dot != std::string::npos; dot = text.find('.', begin)) {
    parts.push_back(text.substr(begin, dot - begin));
    begin = dot + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

std::string parameterisation_of(const Emission& e) {
  std::string text = e.family;
  for (const std::string& slot : e.slot_names) text += "." + slot;
  return text;
}

std::vector<AxisId> elements_of(const Setting& setting, const Emission& e) {
  return without(setting.function()[e.value].type.axes, {row_axis});
}

NodeId observed_leaf(Builder& b, const Setting& setting, const Emission& e) {
  return b.leaf(Op::derived, e.variable + ir::observed_suffix,
                {ir::Element::boolean, elements_of(setting, e), -1});
}

NodeId origin_leaf(Builder& b, const Setting& setting, const Emission& e) {
  return b.leaf(Op::derived, e.variable + ".origin", {ir::Element::real, elements_of(setting, e), -1});
}

std::vector<AxisId> slot_axes(const Function& canonical, NodeId slot) {
  std::vector<ir::Selection> selections;
  collect_selections(canonical, slot, selections);
  std::vector<AxisId> axes = without(canonical[slot].type.axes, {row_axis});
  for (const ir::Selection& selection : selections) axes = united(axes, {selection.axis});
  return axes;
}

namespace {

Absent absence(const ir::Variable& variable, const ir::Type& value, const ir::Type& density) {
  if (variable.role != ir::Role::data || !variable.missing) return Absent::never;
  const bool vector = !without(value.axes, density.axes).empty();
  return vector ? Absent::patterns : Absent::elements;
}

}  // namespace

std::vector<Emission> emissions(const Setting& setting) {
  const Function& f = setting.function();
  std::vector<Emission> list;
  const auto inferred = [&](int variable) {
    return std::ranges::any_of(setting.latents,
                               [&](const ir::FiniteLatent& l) { return l.variable == variable; });
  };
  for (size_t i = 0; i < setting.model.factors.size(); ++i) {
    const ir::Variable& variable =
        setting.model.variables[static_cast<size_t>(setting.model.factors[i].variable.variable)];
    const std::string name = ir::factor_name(setting.model, setting.model.factors[i]);
    const auto output =
        std::find_if(f.outputs.begin(), f.outputs.end(), [&](const ir::Output& o) { return o.name == name; });
    if (output == f.outputs.end())
      throw ir::InternalError("the canonical function lacks the density of " + variable.name);
    const Node& density = f[output->node];
    Emission e;
    e.factor = static_cast<int>(i);
    e.variable = variable.name;
    e.name = name;
    e.steps = setting.model.factors[i].steps;
    e.slot_names = split(density.attributes.text);
    e.family = e.slot_names.front();
    e.slot_names.erase(e.slot_names.begin());
    e.log_density = output->node;
    e.value = density.inputs.front();
    e.slots.assign(density.inputs.begin() + 1, density.inputs.end());
    e.of_continuous = variable.role == ir::Role::latent && variable.states < 0;
    e.of_latent = inferred(setting.model.factors[i].variable.variable);
    for (const NodeId slot : e.slots) collect_selections(f, slot, e.selections);
    e.axes = without(density.type.axes, {row_axis});
    for (const ir::Selection& selection : e.selections) e.axes = united(e.axes, {selection.axis});
    if (!e.of_latent) e.absent = absence(variable, f[e.value].type, density.type);
    list.push_back(std::move(e));
  }
  return list;
}

NodeId find_node_leaf(const Setting& setting, int latent) {
  const std::string& name = setting.model.variables[static_cast<size_t>(latent)].name;
  const Function& f = setting.function();
  for (size_t id = 0; id < f.nodes.size(); ++id) {
    if (f.nodes[id].op == Op::data && f.nodes[id].attributes.text == name) return static_cast<NodeId>(id);
  }
  return ir::no_node;
}

NodeId node_leaf(const Setting& setting, int latent) {
  const NodeId leaf = find_node_leaf(setting, latent);
  if (leaf == ir::no_node)
    throw ir::InternalError("the canonical function does not use the latent " +
                            setting.model.variables[static_cast<size_t>(latent)].name);
  return leaf;
}

void Expansion::place_latent(const std::string& name, NodeId made) {
  const NodeId leaf = find_node_leaf(setting_, *setting_.model.find(name));
  if (leaf != ir::no_node) replace(leaf, made);
  latents_[name] = made;
}

Expansion Expansion::with(NodeId leaf, NodeId made) const {
  Expansion other = *this;
  const Function& f = setting_.function();
  std::vector<bool> moves(f.nodes.size(), false);
  moves[static_cast<size_t>(leaf)] = true;
  for (size_t id = 0; id < f.nodes.size(); ++id) {
    for (const NodeId input : f.nodes[id].inputs)
      if (moves[static_cast<size_t>(input)]) moves[id] = true;
    if (moves[id]) other.made_[id] = ir::no_node;
  }
  other.replace(leaf, made);
  return other;
}

Expansion::Expansion(Builder& to, const Setting& setting, Rows rows)
    : to_(to), setting_(setting), rows_(rows), made_(setting.function().nodes.size(), ir::no_node) {}

NodeId Expansion::operator()(NodeId id) {
  if (made_[static_cast<size_t>(id)] != ir::no_node) return made_[static_cast<size_t>(id)];
  const Node& node = setting_.function()[id];
  NodeId made = ir::no_node;
  const ir::Variable* global =
      node.op == Op::parameter ? global_named(setting_, node.attributes.text) : nullptr;
  if (global) {
    made = place_of(to_, setting_, *global);
  } else if (node.inputs.empty() && node.op != Op::constant && node.op != Op::iota &&
             node.op != Op::identity) {
    made = to_.leaf(node.op, node.attributes.text, node.type, node.range);
  } else if (node.op == Op::gather && rows_ == Rows::tables) {
    made = (*this)(node.inputs[0]);
  } else {
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) inputs.push_back((*this)(input));
    if (node.op == Op::logpdf) {
      const ir::Family* family = ir::find_family(node.attributes.text);
      if (!family) throw ir::InternalError("no density for " + node.attributes.text);
      made = family->log_density(to_, inputs.front(),
                                 {{inputs.begin() + 1, inputs.end()}, node.attributes.axes});
    } else {
      made = to_.make(node.op, std::move(inputs), node.attributes, node.range);
    }
  }
  return made_[static_cast<size_t>(id)] = made;
}

bool Expansion::of_parameters(NodeId step_node) const {
  const Function& f = to_.function();
  const std::vector<bool> needed = needed_by(f, step_node);
  for (NodeId id = 0; id <= step_node; ++id) {
    if (needed[static_cast<size_t>(id)] && (f[id].op == Op::data || f[id].type.has(row_axis))) return false;
  }
  return true;
}

/// sum of fma(-1/2, u^2, c) = fma(-1/2, sum of u^2, sum of c), so that the sum over c leaves the rows
/// function.
NodeId Expansion::sum_elements(NodeId density, const std::vector<AxisId>& axes) {
  if (axes.empty()) return density;
  const Node node = to_.function()[density];
  if (node.op != Op::fma || !of_parameters(node.inputs[0]) || !to_.type(node.inputs[0]).axes.empty() ||
      !of_parameters(node.inputs[2])) {
    return to_.reduce(Op::sum, density, axes);
  }
  const auto missing = without(axes, to_.type(node.inputs[2]).axes);
  NodeId constant = node.inputs[2];
  if (!missing.empty()) constant = to_.make(Op::broadcast, {constant}, {.axes = missing});
  return to_.make(Op::fma, {node.inputs[0], to_.reduce(Op::sum, node.inputs[1], axes),
                            to_.reduce(Op::sum, constant, axes)});
}

/// A cell that is absent is NaN, which differs from itself; of patterns the run time says it once for all
/// rows.
NodeId Expansion::observed(const Emission& e) {
  if (const auto known = observed_.find(e.factor); known != observed_.end()) return known->second;
  const NodeId value = (*this)(e.value);
  if (e.absent == Absent::elements) return to_.binary(Op::equal, value, value);
  return observed_leaf(to_, setting_, e);
}

void Expansion::fill_absent(const Emission& e) {
  const NodeId there = observed_[e.factor] = observed(e);
  // What fills them lies inside the support: ln 0 of a LogNormal times 0 would be no number.
  const ir::Element element = setting_.function()[e.value].type.element;
  const double inside = element == ir::Element::positive ? 1 : element == ir::Element::unit ? 0.5 : 0;
  replace(e.value, to_.select(there, (*this)(e.value), to_.constant(inside)));
}

const ir::Marginal& Expansion::marginal(const Emission& e) {
  const auto [at, added] = marginals_.try_emplace(e.factor);
  if (!added) return at->second;
  const ir::Family* family = ir::find_family(parameterisation_of(e));
  if (!family || !family->marginal)
    throw ir::InternalError("no marginal density for " + parameterisation_of(e));
  const NodeId value = (*this)(e.value);
  std::vector<NodeId> slots;
  for (const NodeId slot : e.slots) slots.push_back((*this)(slot));
  return at->second = family->marginal(to_, value, {std::move(slots)}, observed(e));
}

/// The mean of the means.
NodeId Expansion::origin_of(const Emission& e, NodeId mean) {
  const std::vector<AxisId> states = without(to_.type(mean).axes, elements_of(setting_, e));
  double means = 1;
  for (const AxisId axis : states) means *= static_cast<double>(to_.module().axis(axis).size);
  return to_.mul(to_.constant(1 / means), to_.reduce(Op::sum, mean, states));
}

void Expansion::share_origin(const Emission& e) {
  std::vector<NodeId> slots;
  for (const NodeId slot : e.slots) slots.push_back((*this)(slot));
  const NodeId origin = origin_of(e, slots.front());
  slots.front() = to_.sub(slots.front(), origin);
  // Rows read the origin that `prepare` has written.
  const NodeId value = to_.sub((*this)(e.value), origin_leaf(to_, setting_, e));
  const ir::Separated made =
      ir::find_family(parameterisation_of(e))->separated(to_, value, {std::move(slots)});
  const NodeId separation = to_.reduce(Op::reduce_max, made.size, to_.type(made.size).axes);
  about_origin_[e.factor] = {made.log_density, value, origin, separation};
}

const Expansion::AboutOrigin* Expansion::about_origin(const Emission& e) const {
  const auto found = about_origin_.find(e.factor);
  return found == about_origin_.end() ? nullptr : &found->second;
}

NodeId Expansion::holds(const Emission& emission) {
  return emission.steps.all() ? ir::no_node : ir::holds_in_row(to_, setting_.model, emission.steps);
}

/// An element's density and what stands beside it, which joins the part of the density that parameters alone
/// give.
NodeId Expansion::corrected(const Emission& emission, NodeId density) {
  const NodeId more = correction(to_, *this, setting_, emission);
  if (more == ir::no_node) return density;
  const Node node = to_.function()[density];
  if (node.op != Op::fma || !of_parameters(node.inputs[2]) || !of_parameters(more))
    return to_.add(density, more);
  return to_.make(Op::fma, {node.inputs[0], node.inputs[1], to_.add(node.inputs[2], more)});
}

NodeId Expansion::term(const Emission& emission) {
  const NodeId density = term_where_it_holds(emission), where = holds(emission);
  return where == ir::no_node ? density : to_.select(where, density, to_.constant(0));
}

NodeId Expansion::term_where_it_holds(const Emission& emission) {
  NodeId density = ir::no_node;
  switch (emission.absent) {
    case Absent::never: {
      const AboutOrigin* shared = about_origin(emission);
      density = corrected(emission, shared ? shared->log_density : (*this)(emission.log_density));
      break;
    }
    case Absent::elements: {
      const NodeId there = observed(emission);
      density = to_.select(there, corrected(emission, (*this)(emission.log_density)), to_.constant(0));
      break;
    }
    case Absent::patterns: density = marginal(emission).log_density; break;
  }
  return sum_elements(density, without(to_.type(density).axes, united({row_axis}, setting_.states)));
}

NodeId Expansion::log_joint(const std::vector<Emission>& emissions) {
  NodeId of_rows = ir::no_node, constant = ir::no_node;
  const auto add = [&](NodeId& sum, NodeId term) { sum = sum == ir::no_node ? term : to_.add(sum, term); };
  for (const Emission& emission : emissions) {
    const NodeId t = term(emission);
    add(of_parameters(t) ? constant : of_rows, t);
  }
  if (of_rows == ir::no_node) {
    of_rows = to_.make(Op::broadcast, {constant}, {.axes = {row_axis}});
    return of_rows;
  }
  if (constant == ir::no_node) return of_rows;
  const Node node = to_.function()[of_rows];
  if (node.op == Op::fma && of_parameters(node.inputs[2])) {
    return to_.make(Op::fma, {node.inputs[0], node.inputs[1], to_.add(node.inputs[2], constant)});
  }
  return to_.add(of_rows, constant);
}

}  // namespace lvm::em
