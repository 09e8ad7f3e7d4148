#include "networks.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ir/passes/differentiate.h"

namespace lvm::test {
namespace {

using ir::AxisId;

std::string key_of(const ir::Variable& variable) {
  switch (variable.role) {
    case ir::Role::data:
    case ir::Role::given:
    case ir::Role::weight: return "data." + variable.name;
    case ir::Role::latent: return "latent." + variable.name;
    case ir::Role::parameter:
    case ir::Role::constant: return "parameter." + variable.name;
  }
  return {};
}

double element(const ir::Type& type, int64_t range, std::mt19937_64& random) {
  const double u = std::uniform_real_distribution<double>(0, 1)(random);
  switch (type.element) {
    case ir::Element::positive: return 0.2 + u;
    case ir::Element::unit: return 0.1 + 0.8 * u;
    case ir::Element::boolean: return u < 0.5 ? 0 : 1;
    case ir::Element::category: return std::floor(u * static_cast<double>(range));
    case ir::Element::real:
    case ir::Element::count:
    case ir::Element::integer: return 2 * u - 1;
  }
  return u;
}

}  // namespace

Networks::Networks(const std::string& text, const std::map<std::string, int64_t>& sizes, int64_t rows)
    : rows_(rows) {
  const SourceFile source("test.lvm", text);
  Analysed analysed = analyse_text(source);
  if (analysed.diagnostics.has_errors()) throw std::runtime_error(render_all(analysed.diagnostics, &source));
  model_ = std::move(analysed.model);
  for (ir::Axis& axis : model_.module.axes) {
    std::string name = axis.name;
    while (name.ends_with('\'')) name.pop_back();
    if (const auto size = sizes.find(name); size != sizes.end()) axis.size = size->second;
  }
  std::mt19937_64 random(11);
  for (const ir::Variable& v : model_.variables) leaves_[key_of(v)] = random_value(v.type, random);
  for (const ir::Node& node : model_.function().nodes)
    if (node.op == ir::Op::data && node.attributes.text.starts_with(ir::noise_prefix))
      leaves_["data." + node.attributes.text] = random_value(node.type, random);
  set_training(true);
}

void Networks::set_training(bool training) {
  leaves_[std::string("derived.") + ir::training_leaf] = {{}, {}, {training ? 1.0 : 0.0}};
}

const Numbers& Networks::leaf(const std::string& key) const {
  return leaves_.at(key).data;
}

interpreter::Value Networks::random_value(const ir::Type& type, std::mt19937_64& random) const {
  interpreter::Value value{type.axes, {}, {}};
  size_t count = 1;
  for (const AxisId axis : type.axes) {
    value.sizes.push_back(axis == ir::row_axis ? rows_ : model_.module.axis(axis).size);
    count *= static_cast<size_t>(value.sizes.back());
  }
  const int64_t range = type.range < 0 ? 0 : model_.module.axis(type.range).size;
  for (size_t i = 0; i < count; ++i) value.data.push_back(element(type, range, random));
  return value;
}

const ir::Variable& Networks::variable(const std::string& name) const {
  return model_.variables.at(static_cast<size_t>(model_.find(name).value()));
}

// For each number in the order of the declaration its place in memory, which follows the sorted axes.
std::vector<size_t> Networks::stored_places(const ir::Variable& variable) const {
  std::vector<AxisId> order = variable.declared_axes;
  if (variable.type.has(ir::row_axis)) order.insert(order.begin(), ir::row_axis);
  std::vector<size_t> strides, sizes, places;
  for (const AxisId axis : order) {
    size_t stride = 1;
    for (const AxisId later : variable.type.axes)
      if (later > axis) stride *= static_cast<size_t>(model_.module.axis(later).size);
    strides.push_back(stride);
    sizes.push_back(static_cast<size_t>(axis == ir::row_axis ? rows_ : model_.module.axis(axis).size));
  }
  std::vector<size_t> index(order.size(), 0);
  const size_t count = leaves_.at(key_of(variable)).data.size();
  for (size_t i = 0; i < count; ++i) {
    size_t place = 0;
    for (size_t a = 0; a < order.size(); ++a) place += index[a] * strides[a];
    places.push_back(place);
    for (size_t a = order.size(); a-- > 0;) {
      if (++index[a] < sizes[a]) break;
      index[a] = 0;
    }
  }
  return places;
}

Numbers Networks::numbers(const std::string& name) const {
  const ir::Variable& v = variable(name);
  Numbers out;
  for (const size_t place : stored_places(v)) out.push_back(leaves_.at(key_of(v)).data.at(place));
  return out;
}

void Networks::set(const std::string& name, const Numbers& numbers) {
  const ir::Variable& v = variable(name);
  const auto places = stored_places(v);
  for (size_t i = 0; i < places.size(); ++i) leaves_[key_of(v)].data.at(places[i]) = numbers.at(i);
}

ir::NodeId Networks::slot_of_p(const std::string& name, size_t slot) const {
  for (const ir::Factor& factor : model_.factors)
    if (factor.variable.variable == *model_.find(name))
      return model_.function()[factor.log_density].inputs.at(slot + 1);
  throw std::runtime_error("no P of " + name);
}

ir::NodeId Networks::slot_of_q(const std::string& name, size_t slot) const {
  for (const ir::Posterior& q : model_.posteriors)
    if (q.variables.front() == *model_.find(name))
      return model_.function()[q.log_density].inputs.at(slot + 1);
  throw std::runtime_error("no q of " + name);
}

Numbers Networks::value(ir::NodeId node) const {
  ir::Module module = model_.module;
  ir::Function function{.name = "value"};
  ir::Builder b(module, function);
  std::vector<ir::NodeId> replace;
  const ir::NodeId copied = b.copy(model_.function(), node, replace);
  return interpreter::evaluate(module, function, leaves_)[static_cast<size_t>(copied)].data;
}

Numbers Networks::gradient(ir::NodeId node, const std::string& parameter) const {
  ir::Module module = model_.module;
  ir::Function function{.name = "gradient"};
  ir::Builder b(module, function);
  std::vector<ir::NodeId> replace;
  const ir::NodeId copied = b.copy(model_.function(), node, replace);
  const std::vector<AxisId> axes = b.type(copied).axes;
  const ir::NodeId sum = b.reduce(ir::Op::sum, copied, axes);
  const ir::NodeId leaf = b.leaf(ir::Op::parameter, parameter, variable(parameter).type);
  const ir::NodeId gradient = ir::differentiate(b, sum, {leaf}).front();
  return interpreter::evaluate(module, function, leaves_)[static_cast<size_t>(gradient)].data;
}

double Networks::gradient_fault(ir::NodeId node) {
  ir::Module module = model_.module;
  ir::Function function{.name = "gradient"};
  ir::Builder b(module, function);
  std::vector<ir::NodeId> replace;
  const ir::NodeId copied = b.copy(model_.function(), node, replace);
  const std::vector<AxisId> axes = b.type(copied).axes;
  // Weights of its elements, so that each has a cotangent of its own.
  std::mt19937_64 random(23);
  leaves_["data.cotangent"] = random_value({ir::Element::real, axes, -1}, random);
  const ir::NodeId cotangent = b.leaf(ir::Op::data, "cotangent", {ir::Element::real, axes, -1});
  const ir::NodeId sum = b.reduce(ir::Op::sum, b.mul(copied, cotangent), axes);
  std::vector<ir::NodeId> leaves;
  for (size_t i = 0; i < function.nodes.size(); ++i)
    if (function.nodes[i].op == ir::Op::parameter || function.nodes[i].op == ir::Op::latent)
      leaves.push_back(static_cast<ir::NodeId>(i));
  const auto gradients = ir::differentiate(b, sum, leaves);
  const auto all = interpreter::evaluate(module, function, leaves_);
  double fault = 0;
  for (size_t n = 0; n < leaves.size(); ++n) {
    const ir::Node leaf = function[leaves[n]];
    const std::string key = (leaf.op == ir::Op::latent ? "latent." : "parameter.") + leaf.attributes.text;
    const Numbers& slopes = all[static_cast<size_t>(gradients[n])].data;
    for (size_t i = 0; i < slopes.size(); ++i) {
      const auto at = [&](double step) {
        auto moved = leaves_;
        moved[key].data.at(i) += step;
        return interpreter::evaluate(module, function, moved)[static_cast<size_t>(sum)].data.at(0);
      };
      const auto slope = [&](double h) { return (at(h) - at(-h)) / (2 * h); };
      const double difference = (4 * slope(5e-4) - slope(1e-3)) / 3;
      fault = std::max(fault, std::abs(difference - slopes[i]) / std::max(1.0, std::abs(difference)));
    }
  }
  return fault;
}

}  // namespace lvm::test
