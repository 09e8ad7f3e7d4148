#include "ir/passes/global_posteriors.h"

#include <algorithm>

#include "ir/passes/classify.h"
#include "ir/passes/slot_rules.h"

namespace lvm::ir {
namespace {

/// A parameter of q(v), called v.suffix.
struct Part {
  const char* suffix;
  Domain domain;
  std::vector<AxisId> axes;  // declared
};

bool of_groups(const Variable& v) {
  return v.role == Role::latent && !v.plate.empty();
}
bool of_rows(const Variable& v) {
  return v.role == Role::latent && v.plate.empty() && !v.global;
}

const Factor* prior_factor(const Model& model, int variable) {
  const auto found =
      std::ranges::find(model.factors, variable, [](const Factor& f) { return f.variable.variable; });
  return found == model.factors.end() ? nullptr : &*found;
}

/// What the mean of a Normal sums over of its coefficients v: axes that v has and the mean, and what selects
/// of v, have not.
std::vector<AxisId> summed_axes(const Model& model, const Variable& v) {
  const Function& f = model.function();
  for (size_t i = 0; i < model.factors.size(); ++i) {
    const FactorParts parts = parts_of(model, static_cast<int>(i));
    if (parts.family != "Normal" || !depends_on(f, parts.slots.at(0), v.node)) continue;
    std::vector<AxisId> kept = f[parts.slots[0]].type.axes;
    for (NodeId id = 0; id <= parts.slots[0]; ++id)
      if (f[id].op == Op::gather && depends_on(f, f[id].inputs[0], v.node))
        kept.push_back(f[id].attributes.axes.at(0));
    std::vector<AxisId> rest;
    for (const AxisId axis : v.declared_axes)
      if (std::ranges::find(kept, axis) == kept.end()) rest.push_back(axis);
    return rest;
  }
  return {};
}

std::vector<Part> parts_of_posterior(Model& model, const Variable& v) {
  const Node prior = model.function()[v.prior];
  const std::string family = split_density(prior.attributes.text).family;
  const std::vector<AxisId>& axes = v.declared_axes;
  if (family == "Dirichlet") return {{"alpha", Domain::positive, axes}};
  if (family == "Beta") return {{"a", Domain::positive, axes}, {"b", Domain::positive, axes}};
  if (family == "Gamma" || family == "Exponential")
    return {{"shape", Domain::positive, axes}, {"rate", Domain::positive, axes}};
  if (family == "InverseGamma") return {{"shape", Domain::positive, axes}, {"scale", Domain::positive, axes}};
  if (family == "Wishart" || family == "InverseWishart")
    return {{"df", Domain::positive, {axes.begin(), axes.end() - 2}}, {"scale", Domain::covariance, axes}};
  if (family != "Normal") return {};
  const bool vectors = std::ranges::any_of(v.type.axes, [&](AxisId axis) { return !prior.type.has(axis); });
  const std::vector<AxisId> events(axes.begin(), axes.end() - (vectors ? 1 : 0));
  if (has_tied_spread(model, v)) return {{"mean", Domain::real, axes}, {"kappa", Domain::positive, events}};
  if (vectors) return {};
  if (const std::vector<AxisId> summed = summed_axes(model, v); !summed.empty()) {
    if (summed.size() > 1) return {};
    std::vector<AxisId> square = axes;
    std::erase(square, summed[0]);
    square.push_back(summed[0]);
    square.push_back(model.module.twin(summed[0]));
    return {{"mean", Domain::real, axes}, {"cov", Domain::covariance, square}};
  }
  return {{"mean", Domain::real, axes}, {"var", Domain::positive, axes}};
}

struct Rewriting {
  const Model& from;
  Model to;
  Builder b;
  std::vector<NodeId> of_rows_, of_tables_;  // of groups: what the row selects; the whole table

  explicit Rewriting(const Model& model)
      : from(model),
        to(model),
        b(to.module, to.module.functions.front()),
        of_rows_(model.function().nodes.size(), no_node),
        of_tables_(of_rows_) {
    to.module.functions.front().nodes.clear();
    to.module.functions.front().outputs.clear();
    b = Builder(to.module, to.module.functions.front());
  }

  bool moves(const Variable& v) const {
    return v.role == Role::latent && v.states < 0 && (v.global || (groups && of_groups(v)));
  }
  bool groups = groups_beside_rows(from);
  AxisId group_axis = -1;
  NodeId group_of_row = no_node;

  /// A column of the table says which group a row is of.
  void add_groups() {
    const ModelPlate& plate = from.plates.front();
    group_axis = to.module.add_axis({.name = plate.name, .size = unknown_size});
    to.axes.push_back({group_axis, SizeSource::levels, plate.range});
    Variable v{};
    v.name = plate.name;
    v.role = Role::given;
    v.type = {Element::category, {row_axis}, group_axis};
    v.range = plate.range;
    v.binding.patterns = plate.columns;
    v.binding.range = plate.range;
    v.node = group_of_row = b.leaf(Op::data, v.name, v.type, v.range);
    to.variables.push_back(std::move(v));
    to.plates.clear();
    for (Variable& each : to.variables)
      if (each.role != Role::latent) each.plate.clear();
  }

  void make_parameter(size_t index) {
    Variable& v = to.variables[index];
    const NodeId old = v.node;
    const bool grouped = !v.plate.empty();
    v.role = Role::parameter;
    v.global = true;
    v.plate.clear();
    std::erase(v.type.axes, row_axis);
    if (grouped) {
      v.type.axes.push_back(group_axis);  // the last of all axes
      v.declared_axes.insert(v.declared_axes.begin(), group_axis);
    }
    v.node = b.leaf(Op::parameter, v.name, v.type, v.range);
    of_tables_[static_cast<size_t>(old)] = v.node;
    of_rows_[static_cast<size_t>(old)] =
        grouped ? b.make(Op::gather, {v.node, group_of_row}, {.axes = {group_axis}}) : v.node;
  }

  NodeId copied(NodeId id, std::vector<NodeId>& made) {
    return id == no_node ? no_node : b.copy(from.function(), id, made);
  }

  void take_prior(size_t index) {
    const Factor* factor = prior_factor(from, static_cast<int>(index));
    if (!factor) return;
    Variable& v = to.variables[index];
    v.prior = copied(factor->log_density, of_tables_);
    v.prior_range = factor->distribution_range;
    std::erase_if(to.factors,
                  [&](const Factor& each) { return each.variable.variable == static_cast<int>(index); });
  }

  void take_posterior(size_t index) {
    const auto at = static_cast<int>(index);
    for (Posterior& q : to.posteriors) {
      if (std::ranges::find(q.variables, at) == q.variables.end()) continue;
      auto known = std::ranges::find_if(
          to.global_posteriors, [&](const Posterior& each) { return each.range.begin == q.range.begin; });
      if (known == to.global_posteriors.end()) {
        to.global_posteriors.push_back(q);
        known = to.global_posteriors.end() - 1;
        known->variables.clear();
        known->joins_rows = std::ranges::any_of(
            q.variables, [&](int each) { return of_rows(from.variables[static_cast<size_t>(each)]); });
      }
      known->variables.push_back(at);
    }
  }

  void add_parts(size_t index) {
    const Variable v = to.variables[index];
    if (v.prior == no_node) return;
    for (const Part& part : parts_of_posterior(to, v)) {
      Variable made{};
      made.name = v.name + "." + part.suffix;
      made.role = Role::parameter;
      made.domain = part.domain;
      made.range = v.range;
      made.declared_axes = part.axes;
      const bool positive = part.domain == Domain::positive;
      made.type = {positive ? Element::positive : Element::real, part.axes, -1};
      std::ranges::sort(made.type.axes);
      made.posterior_of = static_cast<int>(index);
      made.node = b.leaf(Op::parameter, made.name, made.type, v.range);
      to.variables.push_back(std::move(made));
    }
  }

  Model go() {
    if (groups) add_groups();
    std::vector<size_t> moved;
    for (size_t i = 0; i < from.variables.size(); ++i)
      if (moves(from.variables[i])) moved.push_back(i);
    for (const size_t i : moved) make_parameter(i);
    for (const size_t i : moved) take_prior(i);
    for (const size_t i : moved) take_posterior(i);
    for (size_t i = 0; i < from.variables.size(); ++i) {
      if (std::ranges::count(moved, i) > 0) continue;
      Variable& v = to.variables[i];
      v.node = copied(v.node, of_rows_);
      v.prior = copied(v.prior, of_rows_);
      v.follows = copied(v.follows, of_rows_);
    }
    for (Factor& factor : to.factors) factor.log_density = copied(factor.log_density, of_rows_);
    for (Posterior& q : to.posteriors) {
      std::erase_if(q.variables,
                    [&](int each) { return std::ranges::count(moved, static_cast<size_t>(each)) > 0; });
      q.log_density = copied(q.log_density, of_rows_);
    }
    std::erase_if(to.posteriors, [](const Posterior& q) { return q.variables.empty(); });
    for (const size_t i : moved) add_parts(i);
    return std::move(to);
  }
};

}  // namespace

bool groups_beside_rows(const Model& model) {
  return std::ranges::any_of(model.variables, of_groups) && std::ranges::any_of(model.variables, of_rows);
}

std::optional<int> shrunk_by(const Model& model, const Variable& spread) {
  std::optional<int> found;
  for (size_t i = 0; i < model.variables.size(); ++i) {
    const Variable& v = model.variables[i];
    if (v.prior == no_node || v.node == spread.node || !depends_on(model.function(), v.prior, spread.node))
      continue;
    const Node& prior = model.function()[v.prior];
    const DensityText text = split_density(prior.attributes.text);
    const bool fits = v.global && text.family == "Normal" && prior.type.axes == v.type.axes &&
                      prior.inputs.at(2) == spread.node;
    if (found || !fits || (text.slot_names.at(1) != "precision" && text.slot_names.at(1) != "var")) return {};
    found = static_cast<int>(i);
  }
  return found;
}

bool has_tied_spread(const Model& model, const Variable& v) {
  const Node& prior = model.function()[v.prior];
  if (split_density(prior.attributes.text).family != "Normal") return false;
  const auto meets = [&](const Variable& other) {
    return std::ranges::any_of(model.factors, [&](const Factor& factor) {
      return depends_on(model.function(), factor.log_density, v.node) &&
             depends_on(model.function(), factor.log_density, other.node);
    });
  };
  return std::ranges::any_of(model.variables, [&](const Variable& other) {
    return other.global && other.role == Role::parameter && other.node != v.node &&
           depends_on(model.function(), prior.inputs.at(2), other.node) && meets(other);
  });
}

Model global_posteriors(Model model) {
  const bool none = std::ranges::none_of(
      model.variables, [](const Variable& v) { return v.global && v.role == Role::latent; });
  if (none && !groups_beside_rows(model)) return model;
  return Rewriting(model).go();
}

}  // namespace lvm::ir
