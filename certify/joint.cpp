#include "certify/joint.h"

#include <algorithm>
#include <cmath>

#include "ir/families/family.h"
#include "ir/passes/enumerate.h"

namespace lvm::certificate {

using ir::AxisId;
using ir::Builder;
using ir::Node;
using ir::NodeId;
using ir::Op;

namespace {

std::vector<AxisId> without_row(std::vector<AxisId> axes) {
  std::erase(axes, ir::row_axis);
  return axes;
}

bool is_latent(const std::vector<LatentAxis>& latents, const std::string& name) {
  return std::ranges::any_of(latents, [&](const LatentAxis& latent) { return latent.name == name; });
}

/// Nodes of the model in a function of its own. A latent has one value for all rows at a time: its leaf loses
/// the row axis, and everything that depends on it alone is computed once.
class Copy {
 public:
  Copy(Builder& to, const ir::Function& from, const std::vector<LatentAxis>& latents)
      : b_(to), from_(from), latents_(latents), made_(from.nodes.size(), ir::no_node) {}

  NodeId operator()(NodeId id) {
    if (made_[static_cast<size_t>(id)] != ir::no_node) return made_[static_cast<size_t>(id)];
    std::vector<NodeId> inputs;
    for (const NodeId input : from_[id].inputs) inputs.push_back((*this)(input));
    const NodeId made = make(from_[id], std::move(inputs));
    return made_[static_cast<size_t>(id)] = made;
  }

 private:
  NodeId make(const Node& node, std::vector<NodeId> inputs) {
    const bool named = node.op == Op::latent || node.op == Op::data;
    if (named && is_latent(latents_, node.attributes.text)) {
      return b_.leaf(Op::data, node.attributes.text, {node.type.element, {}, node.type.range});
    }
    if (node.op == Op::logpdf) {
      const ir::Family* family = ir::find_family(node.attributes.text);
      if (!family) throw ir::InternalError("no density for " + node.attributes.text);
      return family->log_density(b_, inputs.front(),
                                 {{inputs.begin() + 1, inputs.end()}, node.attributes.axes});
    }
    if (node.op == Op::latent) return b_.leaf(Op::data, node.attributes.text, node.type);
    const bool leaf =
        inputs.empty() && node.op != Op::constant && node.op != Op::iota && node.op != Op::identity;
    return leaf ? b_.leaf(node.op, node.attributes.text, node.type, node.range)
                : b_.make(node.op, std::move(inputs), node.attributes, node.range);
  }

  Builder& b_;
  const ir::Function& from_;
  const std::vector<LatentAxis>& latents_;
  std::vector<NodeId> made_;
};

}  // namespace

LogJoint::LogJoint(const ir::Model& model, const ir::Program& layout, const runtime::BoundData& data)
    : layout_(layout), globals_(model, layout), rows_(data.rows) {
  for (const ir::FiniteLatent& finite : ir::finite_latents(model)) {
    LatentAxis latent{model.variables[static_cast<size_t>(finite.variable)].name,
                      model.module.axis(finite.states).size};
    if (finite.observed) {
      const double* column = data.packed.column(data.find(latent.name)->first).packed();
      latent.known.assign(column, column + rows_);
    }
    states_ *= latent.states;
    latents_.push_back(std::move(latent));
  }
  const bool finite = std::ranges::none_of(
      model.variables, [](const ir::Variable& v) { return v.role == ir::Role::latent && v.states < 0; });
  if (!data.series.empty() && finite) {
    std::vector<std::string> names;
    std::vector<int64_t> values;
    for (const LatentAxis& latent : latents_) {
      names.push_back(latent.name);
      values.push_back(latent.states);
    }
    paths_.emplace(model, names, values, data.series);
  }
  write(model);
  fill(model, data);
}

/// Nothing in the rows of a series that the factor is not about.
NodeId LogJoint::where_it_holds(Builder& b, const ir::Model& model, const ir::Factor& factor,
                                NodeId density) {
  if (factor.steps.all()) return density;
  const NodeId step = b.leaf(Op::data, model.sequence->name, {ir::Element::real, {ir::row_axis}, -1});
  const NodeId first = b.constant(static_cast<double>(factor.steps.first));
  const NodeId holds = factor.steps.alone ? b.binary(Op::equal, step, first)
                                          : b.unary(Op::logical_not, b.binary(Op::less, step, first));
  return b.select(holds, density, b.constant(0));
}

void LogJoint::write(const ir::Model& model) {
  module_ = {.name = model.name + ".joint", .level = ir::Level::step, .axes = model.module.axes};
  module_.functions = {{.name = "joint", .time = ir::BindingTime::rows}, {.name = "prior"}};
  Builder joint(module_, module_.functions.front()), prior(module_, module_.functions.back());
  Copy of_rows(joint, model.function(), latents_), of_parameters(prior, model.function(), latents_);
  NodeId total = joint.constant(0), log_prior = prior.constant(0);
  for (const ir::Factor& factor : model.factors) {
    const ir::Variable& variable = model.variables[static_cast<size_t>(factor.variable.variable)];
    NodeId density = ir::no_node;
    if (variable.role == ir::Role::data && variable.missing && !is_latent(latents_, variable.name)) {
      const Node& logpdf = model.function()[factor.log_density];
      const NodeId value = of_rows(logpdf.inputs.front());
      if (std::ranges::any_of(joint.type(value).axes, [&](AxisId axis) { return !logpdf.type.has(axis); })) {
        std::vector<NodeId> slots;
        for (size_t i = 1; i < logpdf.inputs.size(); ++i) slots.push_back(of_rows(logpdf.inputs[i]));
        vectors_.push_back(observed_vector(module_, joint.function(), logpdf, value, std::move(slots)));
        vectors_.back().factor = static_cast<int>(&factor - model.factors.data());
        continue;
      }
      // Absent cells of independent elements are integrated out: their terms are 1.
      density = of_rows(factor.log_density);
      density = joint.select(joint.binary(Op::equal, value, value), density, joint.constant(0));
    } else {
      density = of_rows(factor.log_density);
    }
    const std::vector<AxisId> elements = without_row(joint.type(density).axes);
    total = joint.add(total, where_it_holds(joint, model, factor, joint.reduce(Op::sum, density, elements)));
  }
  for (const ir::Variable& variable : model.variables) {
    if (variable.prior == ir::no_node) continue;
    const NodeId density = of_parameters(variable.prior);
    const std::vector<AxisId> elements = prior.type(density).axes;
    log_prior = prior.add(log_prior, prior.reduce(Op::sum, density, elements));
  }
  joint.output(ir::OutputKind::result, "ln P(y, z)", total);
  prior.output(ir::OutputKind::result, "ln P(parameters)", log_prior);
}

void LogJoint::fill(const ir::Model& model, const runtime::BoundData& data) {
  for (const runtime::BoundVariable& bound : data.variables) {
    const ir::Variable& variable = model.variables[static_cast<size_t>(*model.find(bound.name))];
    interpreter::Value value{variable.type.axes, {}, {}};
    for (const AxisId axis : value.axes)
      value.sizes.push_back(axis == ir::row_axis ? rows_ : module_.axis(axis).size);
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t e = 0; e < bound.size; ++e) value.data.push_back(data.packed.column(bound.first + e)[row]);
    }
    environment_["data." + bound.name] = std::move(value);
  }
}

void LogJoint::set(const Parameters& parameters) {
  for (const ir::ParameterSlot& slot : layout_.parameters) {
    interpreter::Value value{slot.axes, {}, {}};
    for (const AxisId axis : slot.axes) value.sizes.push_back(module_.axis(axis).size);
    value.data.assign(parameters.begin() + slot.offset, parameters.begin() + slot.offset + slot.size);
    environment_["parameter." + slot.name] = std::move(value);
  }
}

std::vector<double> LogJoint::operator()(const Parameters& parameters) {
  std::vector<double> all = of_rows(parameters);
  return paths_ ? paths_->sums(all) : steps_ ? of_series(all) : all;
}

std::vector<double> LogJoint::of_rows(const Parameters& parameters) {
  set(parameters);
  if (!globals_.any()) return at_values();
  std::vector<double> mean;
  const std::vector<GlobalNodes::Values> nodes = globals_.nodes(parameters);
  for (const GlobalNodes::Values& values : nodes) {
    for (const auto& [name, value] : values) environment_["parameter." + name] = value;
    const std::vector<double> at = at_values();
    mean.resize(at.size());
    for (size_t i = 0; i < at.size(); ++i) mean[i] += at[i] / static_cast<double>(nodes.size());
  }
  return mean;
}

std::vector<double> LogJoint::at_values() {
  std::vector<double> all(static_cast<size_t>(rows_ * states_ * points()));
  const ir::Function& function = module_.functions.front();
  for (int64_t part = 0; part < states_ * points(); ++part) {
    const int64_t state = part / points();
    place(state, part % points());
    const std::vector<interpreter::Value> values = interpreter::evaluate(module_, function, environment_);
    const std::vector<double>& log_joint = values[static_cast<size_t>(function.outputs.front().node)].data;
    for (int64_t row = 0; row < rows_; ++row) {
      double& to = all[static_cast<size_t>(row * states_ * points() + part)];
      to = contradicts(state, row) ? -HUGE_VAL
                                   : log_joint[log_joint.size() == 1 ? 0 : static_cast<size_t>(row)];
      for (const ObservedVector& vector : vectors_) to += log_density(module_, vector, values, row);
    }
  }
  return all;
}

void LogJoint::place(int64_t state, int64_t point) {
  for (size_t i = latents_.size(); i-- > 0; state /= latents_[i].states)
    environment_[latent_key(i)] = {{}, {}, {static_cast<double>(state % latents_[i].states)}};
  if (!design_) return;
  if (steps_) return place_steps(design_->at(point));
  interpreter::Value value{continuous_axes_, {}, design_->at(point)};
  for (const AxisId axis : continuous_axes_)
    value.sizes.push_back(axis == ir::row_axis ? rows_ : module_.axis(axis).size);
  environment_["data." + continuous_] = std::move(value);
}

void LogJoint::place_steps(const std::vector<double>& point) {
  for (const Steps::Leaf& leaf : steps_->leaves()) {
    interpreter::Value value{continuous_axes_, {}, steps_->scattered(point, leaf.steps)};
    for (const AxisId axis : continuous_axes_)
      value.sizes.push_back(axis == ir::row_axis ? rows_ : module_.axis(axis).size);
    environment_["data." + leaf.name] = std::move(value);
  }
}

/// [series][points] from [rows][points].
std::vector<double> LogJoint::of_series(const std::vector<double>& of_rows) const {
  std::vector<double> all(static_cast<size_t>(steps_->units() * points()));
  for (int64_t point = 0; point < points(); ++point) {
    const std::vector<double> sums = steps_->sums(of_rows.data() + point, points(), design_->at(point));
    for (size_t unit = 0; unit < sums.size(); ++unit)
      all[unit * static_cast<size_t>(points()) + static_cast<size_t>(point)] = sums[unit];
  }
  return all;
}

void LogJoint::set_design(const Steps& steps, const Design& design) {
  set_design(steps.leaves().front().name, design);
  steps_ = &steps;
}

void LogJoint::set_design(std::string latent, const Design& design) {
  continuous_ = std::move(latent);
  design_ = &design;
  for (const ir::Function& function : module_.functions)
    for (const Node& node : function.nodes)
      if (node.op == Op::data && node.attributes.text == continuous_) continuous_axes_ = node.type.axes;
}

bool LogJoint::integrates(int factor) const {
  return std::ranges::any_of(vectors_, [&](const ObservedVector& vector) { return vector.factor == factor; });
}

bool LogJoint::contradicts(int64_t state, int64_t row) const {
  for (size_t i = latents_.size(); i-- > 0; state /= latents_[i].states) {
    const std::vector<double>& known = latents_[i].known;
    if (known.empty() || std::isnan(known[static_cast<size_t>(row)])) continue;
    if (known[static_cast<size_t>(row)] != static_cast<double>(state % latents_[i].states)) return true;
  }
  return false;
}

double LogJoint::log_prior(const Parameters& parameters) {
  set(parameters);
  if (!globals_.any()) return prior_at_values();
  double mean = 0;
  const std::vector<GlobalNodes::Values> nodes = globals_.nodes(parameters);
  for (const GlobalNodes::Values& values : nodes) {
    for (const auto& [name, value] : values) environment_["parameter." + name] = value;
    mean += prior_at_values() / static_cast<double>(nodes.size());
  }
  return mean + globals_.entropy(parameters);
}

double LogJoint::prior_at_values() {
  const ir::Function& function = module_.functions.back();
  const auto values = interpreter::evaluate(module_, function, environment_);
  return values[static_cast<size_t>(function.outputs.front().node)].data.front();
}

}  // namespace lvm::certificate
