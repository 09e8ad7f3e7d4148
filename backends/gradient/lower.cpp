#include "backends/gradient/lower.h"

#include <algorithm>

#include "backends/em/emission.h"
#include "backends/em/slots.h"
#include "backends/gradient/domains.h"
#include "backends/gradient/optimisers.h"
#include "ir/families/family.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/differentiate.h"
#include "ir/passes/simplify.h"

namespace lvm::gradient {

using ir::AxisId;
using ir::BindingTime;
using ir::Builder;
using ir::Element;
using ir::Function;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::OutputKind;
using ir::Variable;

namespace {

/// Copies nodes of the canonical function: densities become arithmetic, parameters what their coordinates stand for.
class Expansion {
 public:
  Expansion(Builder& to, const ir::Model& model, const Function& from)
      : b_(to), model_(model), from_(from), made_(from.nodes.size(), ir::no_node) {}

  NodeId operator()(NodeId id) {
    // Inputs have smaller indices: no recursion, however deep a network is.
    std::vector<bool> needed(static_cast<size_t>(id) + 1, false);
    needed[static_cast<size_t>(id)] = true;
    for (NodeId at = id; at >= 0; --at) {
      if (!needed[static_cast<size_t>(at)]) continue;
      for (const NodeId input : from_[at].inputs) needed[static_cast<size_t>(input)] = true;
    }
    for (NodeId at = 0; at <= id; ++at) {
      NodeId& made = made_[static_cast<size_t>(at)];
      if (needed[static_cast<size_t>(at)] && made == ir::no_node) made = make(from_[at]);
    }
    return made_[static_cast<size_t>(id)];
  }

 private:
  NodeId make(const Node& node) {
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(made_[static_cast<size_t>(input)]);
    if (node.op == Op::logpdf) {
      const ir::Family* family = ir::find_family(node.attributes.text);
      if (!family) throw ir::InternalError("no density for " + node.attributes.text);
      return family->log_density(b_, inputs.front(), {{inputs.begin() + 1, inputs.end()}, node.attributes.axes});
    }
    const bool named = ir::row(node.op).shape == ir::ShapeRule::leaf && ir::row(node.op).attributes == ir::PrintedAttributes::text;
    if (!named) return b_.make(node.op, std::move(inputs), node.attributes, node.range);
    if (node.op != Op::parameter) return b_.leaf(node.op, node.attributes.text, node.type, node.range);
    const Variable& parameter = model_.variables[static_cast<size_t>(*model_.find(node.attributes.text))];
    return natural(b_, parameter, coordinates(b_, parameter));
  }

 public:
  static NodeId coordinates(Builder& b, const Variable& parameter) {
    const Element element = parameter.fixed ? parameter.type.element : Element::real;
    return b.leaf(Op::parameter, parameter.name, {element, parameter.type.axes, -1}, parameter.range);
  }

 private:
  Builder& b_;
  const ir::Model& model_;
  const Function& from_;
  std::vector<NodeId> made_;
};

struct Lowering {
  const ir::Model& model;
  const Function& canonical;
  ir::GradientSettings settings;
  std::vector<const Variable*> parameters;
  ir::Program program;

  Lowering(const ir::Model& m, const ir::Module& c, const ir::Plan& plan)
      : model(m), canonical(c.functions.front()), settings(ir::gradient_settings(m.fit)) {
    program.model = model.name;
    program.method = plan.method;
    program.row_major = true;
    program.objective_name = plan.objective_name;
    program.module = {.name = model.name + ".gradient", .level = ir::Level::step, .axes = c.axes};
    for (const Variable& v : model.variables) {
      if (v.role == ir::Role::parameter) parameters.push_back(&v);
    }
  }

  const ir::Output* result(std::string_view name) const {
    const auto found = std::ranges::find(canonical.outputs, name, &ir::Output::name);
    return found == canonical.outputs.end() ? nullptr : &*found;
  }
  NodeId scalar(Builder& b, const char* derived) { return b.leaf(Op::derived, derived, {Element::real, {}, -1}); }

  NodeId total(Builder& b, NodeId row) { return b.reduce(Op::sum, ir::times_row_weight(b, model, row), {ir::row_axis}); }

  /// [row]: of drawn latents as it is, of enumerated ones ln P(y), without latents the sum of the factors.
  NodeId bound_of_rows(Builder& b, Expansion& expand) {
    for (const char* name : {"bound", "ln P"}) {
      if (const ir::Output* found = result(name)) return expand(found->node);
    }
    NodeId sum = ir::no_node;
    for (const ir::Factor& factor : model.factors) {
      const NodeId density = expand(result(model.variables[static_cast<size_t>(factor.variable.variable)].name)->node);
      const NodeId row = b.reduce(Op::sum, density, em::without(b.type(density).axes, {ir::row_axis}));
      sum = sum == ir::no_node ? row : b.add(sum, row);
    }
    return sum;
  }

  /// What every pass over a batch sums up. Returns the bound, or with a weighted divergence what is climbed instead.
  NodeId sums(Builder& b, Expansion& expand) {
    const NodeId bound = bound_of_rows(b, expand);
    b.output(OutputKind::objective, "objective", total(b, bound));
    if (!result("divergence")) return bound;
    const NodeId reconstruction = expand(result("reconstruction")->node), divergence = expand(result("divergence")->node);
    b.output(OutputKind::statistic, "reconstruction", total(b, reconstruction));
    b.output(OutputKind::statistic, "divergence", total(b, divergence));
    if (settings.beta == 1 && settings.kl_warmup == 0) return bound;
    return b.sub(reconstruction, b.mul(scalar(b, ir::divergence_slot), divergence));
  }

  void add_step() {
    Function function{.name = "step", .time = BindingTime::rows};
    Builder b(program.module, function);
    Expansion expand(b, model, canonical);
    const NodeId climbed = total(b, sums(b, expand));
    std::vector<NodeId> leaves;
    std::vector<const Variable*> free;
    for (const Variable* p : parameters) {
      if (p->fixed) continue;
      free.push_back(p);
      leaves.push_back(Expansion::coordinates(b, *p));
    }
    const std::vector<NodeId> gradients = ir::differentiate(b, climbed, leaves);
    for (size_t i = 0; i < free.size(); ++i) b.output(OutputKind::statistic, ir::gradient_prefix + free[i]->name, gradients[i]);
    program.module.functions.push_back(std::move(function));
  }

  void add_bound() {
    Function function{.name = "bound", .time = BindingTime::rows};
    Builder b(program.module, function);
    Expansion expand(b, model, canonical);
    sums(b, expand);
    b.output(OutputKind::row, "bound", bound_of_rows(b, expand));
    // To say which factor is not finite.
    for (const ir::Factor& factor : model.factors) {
      const ir::Output& term = *result(model.variables[static_cast<size_t>(factor.variable.variable)].name);
      if (canonical[term.node].type.axes == std::vector<AxisId>{ir::row_axis}) b.output(OutputKind::row, "ln P(" + term.name + ")", expand(term.node));
    }
    program.module.functions.push_back(std::move(function));
  }

  static std::string state_name(const Variable& p, std::string_view state) { return p.name + ".optimiser." + std::string(state); }

  /// d/du of ln P(parameters), shared by the rows of the whole table; none without priors.
  std::vector<NodeId> prior_gradients(Builder& b, const std::vector<NodeId>& leaves) {
    const ir::Output* prior = result(ir::log_prior_slot);
    if (!prior) return {};
    Expansion expand(b, model, canonical);
    return ir::differentiate(b, expand(prior->node), leaves);
  }

  /// The gradient of the mean bound a row, with the prior's share.
  void add_optimise() {
    Function function{.name = "optimise", .time = BindingTime::update};
    Builder b(program.module, function);
    const NodeId rate = scalar(b, ir::rate_slot), step_number = scalar(b, ir::step_slot);
    const NodeId per_row = b.unary(Op::reciprocal, scalar(b, ir::batch_rows_slot));
    std::vector<NodeId> leaves, gradients;
    std::vector<const Variable*> free;
    for (const Variable* p : parameters) {
      if (p->fixed) continue;
      free.push_back(p);
      leaves.push_back(Expansion::coordinates(b, *p));
    }
    const std::vector<NodeId> priors = prior_gradients(b, leaves);
    for (size_t i = 0; i < free.size(); ++i) {
      const NodeId sum = b.leaf(Op::statistic, ir::gradient_prefix + free[i]->name, {Element::real, free[i]->type.axes, -1});
      NodeId g = b.mul(sum, per_row);
      if (!priors.empty()) g = b.add(g, b.div(priors[i], scalar(b, ir::data_rows_slot)));
      gradients.push_back(g);
    }
    clip(b, gradients);
    for (size_t i = 0; i < free.size(); ++i) {
      OptimiserStep at{b, settings.optimiser, leaves[i], gradients[i], {}, rate, step_number};
      for (const std::string_view state : states(settings.optimiser))
        at.states.push_back(b.leaf(Op::parameter, state_name(*free[i], state), {Element::real, free[i]->type.axes, -1}));
      const NodeId next = step(at);
      b.output(OutputKind::parameter, free[i]->name, next);
      const auto names = states(settings.optimiser);
      for (size_t s = 0; s < names.size(); ++s) b.output(OutputKind::parameter, state_name(*free[i], names[s]), at.states[s]);
    }
    program.module.functions.push_back(std::move(function));
  }

  /// g min(1, clip / |g|), over all parameters together (Pascanu, Mikolov & Bengio 2013, algorithm 1).
  void clip(Builder& b, std::vector<NodeId>& gradients) {
    const double most = settings.optimiser["clip"];
    if (most == 0) return;
    NodeId square = b.constant(0);
    for (const NodeId g : gradients) {
      const std::vector<AxisId> axes = b.type(g).axes;
      square = b.add(square, b.reduce(Op::sum, b.unary(Op::square, g), axes));
    }
    const NodeId norm = b.unary(Op::sqrt, square);
    const NodeId limit = b.constant(most);
    const NodeId part = b.select(b.binary(Op::less, limit, norm), b.div(limit, norm), b.constant(1));
    for (NodeId& g : gradients) g = b.mul(g, part);
  }

  void add_natural() {
    Function function{.name = "natural", .time = BindingTime::update};
    Builder b(program.module, function);
    for (const Variable* p : parameters) b.output(OutputKind::parameter, p->name, natural(b, *p, Expansion::coordinates(b, *p)));
    program.module.functions.push_back(std::move(function));
  }

  void add_prior() {
    const ir::Output* prior = result(ir::log_prior_slot);
    if (!prior) return;
    Function function{.name = "prior", .time = BindingTime::prepare};
    Builder b(program.module, function);
    Expansion expand(b, model, canonical);
    b.output(OutputKind::derived, ir::log_prior_slot, expand(prior->node));
    program.module.functions.push_back(std::move(function));
  }

  void add_state(const Variable& p, const std::vector<AxisId>& axes) {
    for (const std::string_view state : states(settings.optimiser)) {
      ir::ParameterSlot slot;
      slot.name = state_name(p, state);
      slot.axes = axes;
      slot.start.assign(static_cast<size_t>(em::element_count(program.module, axes)), 0);
      slot.internal = true;
      program.parameters.push_back(std::move(slot));
    }
  }

  void add_slots(const ir::Plan& plan) {
    program.data = em::data_slots(model);
    const Function& step_function = *program.module.find("step");
    for (const Node& node : step_function.nodes) {
      const bool noise = node.op == Op::data && node.attributes.text.starts_with("noise.");
      if (!noise || std::ranges::count(program.data, node.attributes.text, &ir::DataSlot::name) > 0) continue;
      const int latent = *model.find(node.attributes.text.substr(6));
      const auto q = std::ranges::find_if(model.posteriors, [&](const ir::Posterior& each) { return each.variables.front() == latent; });
      ir::DataSlot slot;
      slot.name = node.attributes.text;
      slot.axes = em::without(node.type.axes, {ir::row_axis});
      const ir::Family& family = *ir::find_family(model.function()[q->log_density].attributes.text);
      slot.draws = family.draw->noise == ir::Noise::normal ? ir::Draws::normal : ir::Draws::uniform;
      program.data.push_back(std::move(slot));
    }
    program.parameters = em::parameter_slots(model, plan);
    const size_t own = program.parameters.size();
    for (size_t i = 0; i < own; ++i) {
      const ir::ParameterSlot slot = program.parameters[i];
      if (!slot.fixed) add_state(model.variables[static_cast<size_t>(*model.find(slot.name))], slot.axes);
    }
    std::vector<std::string> derived = {ir::batch_rows_slot, ir::data_rows_slot, ir::rate_slot, ir::step_slot, ir::divergence_slot};
    if (program.module.find("prior")) derived.push_back(ir::log_prior_slot);
    for (std::string& name : derived) {
      ir::Slot slot;
      slot.name = std::move(name);
      slot.size = 1;
      program.derived.push_back(std::move(slot));
    }
    program.statistics = em::output_slots(program.module, step_function, OutputKind::objective);
    const auto more = em::output_slots(program.module, step_function, OutputKind::statistic);
    program.statistics.insert(program.statistics.end(), more.begin(), more.end());
    program.row_outputs = em::output_slots(program.module, *program.module.find("bound"), OutputKind::row);
  }
};

}  // namespace

ir::Program lower_gradient(const ir::Model& model, const ir::Module& canonical, const ir::Plan& plan) {
  Lowering lowering(model, canonical, plan);
  lowering.add_step();
  lowering.add_optimise();
  lowering.add_bound();
  lowering.add_natural();
  lowering.add_prior();
  ir::Program& program = lowering.program;
  program.module = ir::simplify(program.module);
  lowering.add_slots(plan);
  program.phases = {{.name = "minibatch", .functions = {"step", "optimise"}}};
  ir::assign_offsets(program);
  for (const std::string& fault : ir::verify(program.module)) {
    throw ir::InternalError("the gradient program is not well formed: " + fault + "\n" + ir::print(program.module));
  }
  return std::move(program);
}

}  // namespace lvm::gradient
