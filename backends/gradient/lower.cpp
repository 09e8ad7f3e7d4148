#include "backends/gradient/lower.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/em/emission.h"
#include "backends/em/slots.h"
#include "backends/gradient/absent.h"
#include "backends/gradient/domains.h"
#include "backends/gradient/optimisers.h"
#include "ir/families/family.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/differentiate.h"
#include "ir/passes/reparameterise.h"
#include "ir/passes/simplify.h"
#include "ir/passes/split_binding_times.h"

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

/// What layers compute that are another function while networks are trained.
enum class Mode : uint8_t { evaluation, training };

bool is_training_leaf(const Node& node) {
  return node.op == Op::derived && node.attributes.text == ir::training_leaf;
}

/// Copies nodes of the canonical function: densities become arithmetic, parameters what their coordinates
/// stand for.
class Expansion {
 public:
  Expansion(Builder& to, const ir::Model& model, const Function& from, Mode mode = Mode::evaluation)
      : b_(to), model_(model), from_(from), mode_(mode), made_(from.nodes.size(), ir::no_node) {}

  NodeId operator()(NodeId id) {
    // Inputs have smaller indices: no recursion, however deep a network is.
    std::vector<bool> needed(static_cast<size_t>(id) + 1, false);
    needed[static_cast<size_t>(id)] = true;
    for (NodeId at = id; at >= 0; --at) {
      if (!needed[static_cast<size_t>(at)]) continue;
      if (chooses_mode(from_[at])) {
        needed[static_cast<size_t>(chosen(from_[at]))] = true;
        continue;
      }
      for (const NodeId input : from_[at].inputs) needed[static_cast<size_t>(input)] = true;
    }
    for (NodeId at = 0; at <= id; ++at) {
      NodeId& made = made_[static_cast<size_t>(at)];
      if (needed[static_cast<size_t>(at)] && made == ir::no_node) made = make(from_[at]);
    }
    return made_[static_cast<size_t>(id)];
  }

 private:
  bool chooses_mode(const Node& node) const {
    return node.op == Op::select && is_training_leaf(from_[node.inputs[0]]);
  }
  NodeId chosen(const Node& node) const { return node.inputs[mode_ == Mode::training ? 1 : 2]; }

  /// The side of the mode, with the axes of both.
  NodeId of_mode(const Node& node) {
    const NodeId side = made_[static_cast<size_t>(chosen(node))];
    std::vector<AxisId> missing;
    for (const AxisId axis : node.type.axes) {
      if (!b_.type(side).has(axis)) missing.push_back(axis);
    }
    return missing.empty() ? side : b_.make(Op::broadcast, {side}, {.axes = missing});
  }

  NodeId make(const Node& node) {
    if (chooses_mode(node)) return of_mode(node);
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(made_[static_cast<size_t>(input)]);
    if (node.op == Op::logpdf) {
      const ir::Family* family = ir::find_family(node.attributes.text);
      if (!family) throw ir::InternalError("no density for " + node.attributes.text);
      const ir::Slots slots{{inputs.begin() + 1, inputs.end()}, node.attributes.axes};
      return of_observed(b_, model_, inputs.front(),
                         [&](NodeId value) { return family->log_density(b_, value, slots); });
    }
    const bool named = ir::row(node.op).shape == ir::ShapeRule::leaf &&
                       ir::row(node.op).attributes == ir::PrintedAttributes::text;
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
  Mode mode_;
  std::vector<NodeId> made_;
};

/// Outputs of the combined function that `bound` has under the rest of the name.
constexpr std::string_view evaluation_prefix = "evaluation.";

struct Lowering {
  const ir::Model& model;
  const Function& canonical;
  ir::GradientSettings settings;
  std::vector<const Variable*> parameters, free,
      running;  // running: statistics that follow those of the batches
  ir::Program program;

  Lowering(const ir::Model& m, const ir::Module& c, const ir::Plan& plan)
      : model(m), canonical(c.functions.front()), settings(ir::draw_settings(m)) {
    program.model = model.name;
    program.method = plan.method;
    program.batched = true;
    // Small batches would leave threads without rows where all rows are passed over.
    constexpr int64_t least_tile = 128;
    program.tile_rows = std::clamp<int64_t>((settings.batch + LVM_LANES - 1) / LVM_LANES * LVM_LANES,
                                            least_tile, LVM_TILE_ROWS);
    program.trained_otherwise = has_modes();
    program.objective_name = plan.objective_name;
    program.module = {.name = model.name + ".gradient", .level = ir::Level::step, .axes = c.axes};
    for (const Variable& v : model.variables) {
      if (v.role != ir::Role::parameter) continue;
      parameters.push_back(&v);
      if (v.follows != ir::no_node)
        running.push_back(&v);
      else if (!v.fixed)
        free.push_back(&v);
    }
  }

  const ir::Output* result(std::string_view name) const {
    const auto found = std::ranges::find(canonical.outputs, name, &ir::Output::name);
    return found == canonical.outputs.end() ? nullptr : &*found;
  }
  NodeId scalar(Builder& b, const char* derived) {
    return b.leaf(Op::derived, derived, {Element::real, {}, -1});
  }

  NodeId total(Builder& b, NodeId row) {
    return b.reduce(Op::sum, ir::times_row_weight(b, model, row), {ir::row_axis});
  }

  /// [row]: of drawn latents as it is, of enumerated ones ln P(y), without latents the sum of the factors.
  NodeId bound_of_rows(Builder& b, Expansion& expand) {
    for (const char* name : {"bound", "ln P"}) {
      if (const ir::Output* found = result(name)) return expand(found->node);
    }
    NodeId sum = ir::no_node;
    for (const ir::Factor& factor : model.factors) {
      const NodeId density =
          expand(result(model.variables[static_cast<size_t>(factor.variable.variable)].name)->node);
      const NodeId row = b.reduce(Op::sum, density, em::without(b.type(density).axes, {ir::row_axis}));
      sum = sum == ir::no_node ? row : b.add(sum, row);
    }
    return sum;
  }

  /// What every pass over a batch sums up. Returns the bound, or with a weighted divergence what is climbed
  /// instead.
  NodeId sums(Builder& b, Expansion& expand, const std::string& prefix = {}) {
    const NodeId bound = bound_of_rows(b, expand);
    b.output(OutputKind::objective, prefix + "objective", total(b, bound));
    if (!result("divergence")) return bound;
    const NodeId reconstruction = expand(result("reconstruction")->node),
                 divergence = expand(result("divergence")->node);
    b.output(OutputKind::statistic, prefix + "reconstruction", total(b, reconstruction));
    b.output(OutputKind::statistic, prefix + "divergence", total(b, divergence));
    if (settings.beta == 1 && settings.kl_warmup == 0) return bound;
    return b.sub(reconstruction, b.mul(scalar(b, ir::divergence_slot), divergence));
  }

  /// What weighs the derivative of ln q of each draw: the bound f that it leads to, less what the other draws
  /// of its row lead to, which it does not move (Mnih & Rezende 2016; Kool, van Hoof & Welling 2019). Of a
  /// mean over k draws f_j counts a k-th part, and
  ///   (f_j - 1 / (k - 1) sum over i != j of f_i) / k = (f_j - mean f) / (k - 1);
  /// of importance weights w the whole of ln 1/k sum w counts, less ln 1/(k - 1) sum over i != j of w_i.
  NodeId signal(Builder& b, Expansion& expand) {
    const std::optional<AxisId> sample = b.module().find_axis("sample");
    const ir::Output* weight = result(ir::score_weight_result);
    const NodeId reconstruction =
        weight ? ir::no_node : expand(result(ir::score_reconstruction_result)->node);
    NodeId f = weight ? expand(weight->node) : reconstruction;
    if (!weight) {
      NodeId divergence = expand(result(ir::score_divergence_result)->node);
      if (settings.beta != 1 || settings.kl_warmup > 0)
        divergence = b.mul(scalar(b, ir::divergence_slot), divergence);
      f = b.sub(f, divergence);
    }
    const auto k = static_cast<double>(settings.samples);
    if (settings.samples < 2) return f;
    if (!weight) {
      const NodeId mean = b.mul(b.reduce(Op::sum, f, {*sample}), b.constant(1 / k));
      return b.mul(b.sub(f, mean), b.constant(1 / (k - 1)));
    }
    const AxisId other = b.module().twin(*sample);
    const NodeId itself = b.binary(Op::equal, b.make(Op::iota, {}, {.axes = {*sample}}),
                                   b.make(Op::iota, {}, {.axes = {other}}));
    const NodeId never = b.constant(-std::numeric_limits<double>::infinity());
    const NodeId rest =
        b.reduce(Op::logsumexp, b.select(itself, never, b.rename(f, *sample, other)), {other});
    const NodeId whole = b.reduce(Op::logsumexp, f, {*sample});
    return b.sub(b.sub(whole, rest), b.constant(std::log(k / (k - 1))));
  }

  /// A step computes something else than `bound` does.
  bool has_modes() const { return std::ranges::any_of(canonical.nodes, is_training_leaf); }

  /// What `optimise` reads: the derivative in each free parameter, then what each running statistic follows.
  std::vector<std::string> target_names() const {
    std::vector<std::string> names;
    for (const Variable* p : free) names.push_back(ir::gradient_prefix + p->name);
    for (const Variable* p : running) names.push_back(ir::follows_prefix + p->name);
    return names;
  }

  /// The bound, its parts and its derivative in every free parameter, before binding times are split.
  Function combined() {
    Function function{.name = "step", .time = BindingTime::rows};
    Builder b(program.module, function);
    Expansion expand(b, model, canonical, Mode::training), evaluate(b, model, canonical);
    std::vector<ir::Seed> seeds = {{total(b, sums(b, expand)), b.constant(1)}};
    if (const ir::Output* score = result(ir::score_result)) {
      const NodeId log_q = expand(score->node);
      seeds.push_back({log_q, ir::times_row_weight(b, model, signal(b, expand))});
    }
    std::vector<NodeId> leaves;
    for (const Variable* p : free) leaves.push_back(Expansion::coordinates(b, *p));
    std::vector<NodeId> targets = ir::differentiate(b, seeds, leaves);
    for (const Variable* p : running) targets.push_back(expand(result(ir::follows_prefix + p->name)->node));
    if (has_modes()) sums(b, evaluate, std::string(evaluation_prefix));
    b.output(OutputKind::row, "bound", bound_of_rows(b, evaluate));
    for (const ir::Output& output : canonical.outputs) {
      if (result("bound") && output.kind == OutputKind::result && output.name.starts_with("q("))
        b.output(OutputKind::row, output.name, evaluate(output.node));
    }
    // To say which factor is not finite.
    for (const ir::Factor& factor : model.factors) {
      const ir::Output& term = *result(model.variables[static_cast<size_t>(factor.variable.variable)].name);
      if (canonical[term.node].type.axes == std::vector<AxisId>{ir::row_axis})
        b.output(OutputKind::row, "ln P(" + term.name + ")", evaluate(term.node));
    }
    const std::vector<std::string> names = target_names();
    for (size_t i = 0; i < names.size(); ++i) b.output(OutputKind::result, names[i], targets[i]);
    return function;
  }

  /// Before sums over rows are looked for: a rule may take what does not depend on a row out of a sum.
  Function simplified(Function function) const {
    ir::Module module{
        .name = program.module.name, .level = program.module.level, .axes = program.module.axes};
    module.functions.push_back(std::move(function));
    return std::move(ir::simplify(module).functions.front());
  }

  /// Sums over rows: what a tile gives. Everything behind them is done once a step.
  static bool is_row_sum(const Function& function, const Node& node) {
    return !node.type.has(ir::row_axis) && std::ranges::any_of(node.inputs, [&](NodeId input) {
      return function[input].type.has(ir::row_axis);
    });
  }

  /// Sums over rows that rows read again, as those of batch_norm: statistics too, computed before what reads
  /// them.
  static void add_inner_sums(Function& all) {
    std::vector<bool> live(all.nodes.size(), false), read(all.nodes.size(), false);
    for (const ir::Output& output : all.outputs) live[static_cast<size_t>(output.node)] = true;
    for (size_t at = all.nodes.size(); at-- > 0;) {
      if (!live[at]) continue;
      for (const NodeId input : all.nodes[at].inputs)
        live[static_cast<size_t>(input)] = read[static_cast<size_t>(input)] = true;
    }
    int64_t inner = 0;
    for (size_t at = 0; at < all.nodes.size(); ++at) {
      const auto id = static_cast<NodeId>(at);
      if (!live[at] || !read[at] || !is_row_sum(all, all.nodes[at]) ||
          std::ranges::count(all.outputs, id, &ir::Output::node) > 0)
        continue;
      all.outputs.push_back({OutputKind::statistic, "batch.sum." + std::to_string(inner++), id});
    }
  }

  /// `step` and `bound` with the sums as statistics, and `prepare` for what depends on parameters alone.
  /// Returns what `optimise` reads as its nodes.
  std::vector<NodeId> add_row_functions(Builder& optimise) {
    Function all = simplified(combined());
    const std::vector<std::string> names = target_names();
    std::vector<NodeId> gradients;
    for (const std::string& name : names)
      gradients.push_back(std::ranges::find(all.outputs, name, &ir::Output::name)->node);
    std::vector<NodeId> replaced(all.nodes.size(), ir::no_node);
    std::vector<bool> needed(all.nodes.size(), false);
    for (const NodeId gradient : gradients) needed[static_cast<size_t>(gradient)] = true;
    int64_t unnamed = 0;
    for (size_t at = all.nodes.size(); at-- > 0;) {
      if (!needed[at]) continue;
      const Node& node = all.nodes[at];
      if (!is_row_sum(all, node)) {
        for (const NodeId input : node.inputs) needed[static_cast<size_t>(input)] = true;
        continue;
      }
      const auto named = std::ranges::find(gradients, static_cast<NodeId>(at));
      const std::string name = named == gradients.end()
                                   ? "sum." + std::to_string(unnamed++)
                                   : names[static_cast<size_t>(named - gradients.begin())];
      all.outputs.push_back({OutputKind::statistic, name, static_cast<NodeId>(at)});
      replaced[at] = optimise.leaf(Op::statistic, name, {Element::real, node.type.axes, -1});
    }
    for (NodeId& gradient : gradients) gradient = optimise.copy(all, gradient, replaced);
    std::erase_if(all.outputs, [](const ir::Output& output) { return output.kind == OutputKind::result; });
    add_inner_sums(all);
    ir::SplitFunctions split = ir::split_binding_times(program.module, all);
    {
      Builder b(program.module, split.prepare);
      for (const SharedScalar& each : shared_scalars(b, settings.optimiser, scalar(b, ir::step_slot)))
        b.output(OutputKind::derived, each.name, each.value);
    }
    if (!split.prepare.outputs.empty()) program.module.functions.push_back(std::move(split.prepare));
    for (const bool bound : {false, true}) {
      program.module.functions.push_back(
          ir::extract(program.module, split.rows, bound ? "bound" : "step", BindingTime::rows,
                      [&](const ir::Output& output) {
                        if (output.name.starts_with(evaluation_prefix))
                          return bound ? output.name.substr(evaluation_prefix.size()) : std::string();
                        const bool own = !bound || !program.trained_otherwise;
                        const bool part = output.kind == OutputKind::objective ||
                                          output.name == "reconstruction" || output.name == "divergence";
                        const bool wanted = part ? own : bound == (output.kind == OutputKind::row);
                        return wanted ? output.name : std::string();
                      }));
    }
    return gradients;
  }

  static std::string state_name(const Variable& p, std::string_view state) {
    return p.name + ".optimiser." + std::string(state);
  }

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
    std::vector<NodeId> gradients = add_row_functions(b);
    const std::vector<NodeId> followed(gradients.begin() + static_cast<std::ptrdiff_t>(free.size()),
                                       gradients.end());
    gradients.resize(free.size());
    const NodeId rate = scalar(b, ir::rate_slot);
    // Names with a dot are those of layers.
    const double biases = settings.optimiser["bias_rate"];
    const NodeId bias_rate = biases == 1 ? rate : b.mul(rate, b.constant(biases));
    const NodeId per_row = b.unary(Op::reciprocal, scalar(b, ir::batch_rows_slot));
    std::vector<NodeId> leaves;
    for (const Variable* p : free) leaves.push_back(Expansion::coordinates(b, *p));
    const std::vector<NodeId> priors = prior_gradients(b, leaves);
    for (size_t i = 0; i < free.size(); ++i) {
      gradients[i] = b.mul(gradients[i], per_row);
      if (!priors.empty())
        gradients[i] = b.add(gradients[i], b.div(priors[i], scalar(b, ir::data_rows_slot)));
    }
    clip(b, gradients);
    for (size_t i = 0; i < free.size(); ++i) {
      OptimiserStep at{b,         settings.optimiser,
                       leaves[i], gradients[i],
                       {},        free[i]->name.ends_with(".bias") ? bias_rate : rate};
      const auto names = states(settings.optimiser);
      for (const std::string_view state : names)
        at.states.push_back(
            b.leaf(Op::parameter, state_name(*free[i], state), {Element::real, free[i]->type.axes, -1}));
      const NodeId next = step(at);
      b.output(OutputKind::parameter, free[i]->name, next);
      for (size_t s = 0; s < names.size(); ++s)
        b.output(OutputKind::parameter, state_name(*free[i], names[s]), at.states[s]);
    }
    for (size_t i = 0; i < running.size(); ++i) {
      const Variable& p = *running[i];
      const NodeId kept = b.mul(Expansion::coordinates(b, p), b.constant(p.momentum));
      b.output(OutputKind::parameter, p.name, b.add(kept, b.mul(followed[i], b.constant(1 - p.momentum))));
    }
    program.module.functions.push_back(simplified(std::move(function)));
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
    for (const Variable* p : parameters)
      b.output(OutputKind::parameter, p->name, natural(b, *p, Expansion::coordinates(b, *p)));
    program.module.functions.push_back(std::move(function));
  }

  void add_prior() {
    const ir::Output* prior = result(ir::log_prior_slot);
    if (!prior) return;
    Function function{.name = "prior", .time = BindingTime::prepare};
    Builder b(program.module, function);
    Expansion expand(b, model, canonical);
    b.output(OutputKind::derived, ir::log_prior_slot, expand(prior->node));
    program.module.functions.push_back(simplified(std::move(function)));
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

  /// Decompositions are computed in double alone.
  bool has_linear_algebra() const {
    return std::ranges::any_of(program.module.functions, [](const Function& function) {
      return std::ranges::any_of(function.nodes, [](const Node& node) {
        const ir::ShapeRule shape = ir::row(node.op).shape;
        return shape == ir::ShapeRule::matrix || shape == ir::ShapeRule::apply ||
               shape == ir::ShapeRule::eigenvalues || node.op == Op::log_determinant;
      });
    });
  }

  /// Of a latent what its family draws from.
  ir::Draws noise_of(std::string name) const {
    if (name.ends_with(ir::factor_noise))
      name.resize(name.size() - std::string_view(ir::factor_noise).size());
    const std::optional<int> latent = model.find(name);
    if (!latent) return ir::Draws::layer;
    const ir::Posterior& q = *ir::drawn_posterior(model, *latent);  // layers have a dot in their names
    const ir::Family& family = *ir::find_family(model.function()[q.log_density].attributes.text);
    return family.draw->noise == ir::Noise::normal ? ir::Draws::normal : ir::Draws::uniform;
  }

  void add_slots(const ir::Plan& plan) {
    program.data = em::data_slots(model);
    for (ir::DataSlot& slot : program.data) {
      const Variable& variable = model.variables[static_cast<size_t>(*model.find(slot.name))];
      if (variable.binding.preprocess == ir::Binding::Preprocess::binarise_stochastic)
        slot.draws = ir::Draws::flags;
    }
    const Function& step_function = *program.module.find("step");
    for (const Node& node : step_function.nodes) {
      const bool noise = node.op == Op::data && node.attributes.text.starts_with(ir::noise_prefix);
      if (!noise || std::ranges::count(program.data, node.attributes.text, &ir::DataSlot::name) > 0) continue;
      ir::DataSlot slot;
      slot.name = node.attributes.text;
      slot.axes = em::without(node.type.axes, {ir::row_axis});
      slot.draws = noise_of(slot.name.substr(std::string_view(ir::noise_prefix).size()));
      program.data.push_back(std::move(slot));
    }
    program.parameters = em::parameter_slots(model, plan);
    const size_t own = program.parameters.size();
    for (size_t i = 0; i < own; ++i) {
      const Variable& variable =
          model.variables[static_cast<size_t>(*model.find(program.parameters[i].name))];
      // What nobody gives is small and random: enough to tell states apart, little beside an activation's
      // bend.
      constexpr double spread = 0.1;
      program.parameters[i].draw = variable.network.empty()
                                       ? ir::StartDraw{ir::StartDraw::Kind::normal, 0, spread}
                                       : ir::start_draw(program.module, variable.start);
      const std::vector<AxisId> axes = program.parameters[i].axes;
      program.parameters[i].follows = variable.follows != ir::no_node;
      if (!program.parameters[i].fixed && !program.parameters[i].follows) add_state(variable, axes);
    }
    std::vector<std::string> derived = {ir::batch_rows_slot, ir::data_rows_slot, ir::rate_slot, ir::step_slot,
                                        ir::divergence_slot};
    if (program.module.find("prior")) derived.push_back(ir::log_prior_slot);
    for (std::string& name : derived) {
      ir::Slot slot;
      slot.name = std::move(name);
      slot.size = 1;
      program.derived.push_back(std::move(slot));
    }
    if (const Function* prepare = program.module.find("prepare")) {
      const auto made = em::output_slots(program.module, *prepare, OutputKind::derived);
      program.derived.insert(program.derived.end(), made.begin(), made.end());
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
  lowering.add_optimise();
  lowering.add_natural();
  lowering.add_prior();
  ir::Program& program = lowering.program;
  lowering.add_slots(plan);
  program.single = lowering.settings.single && !lowering.has_linear_algebra();
  program.narrow_products = program.single && lowering.settings.narrow;
  program.phases = {{.name = "minibatch", .functions = {"step", "optimise"}}};
  ir::assign_offsets(program);
  for (const std::string& fault : ir::verify(program.module)) {
    throw ir::InternalError("the gradient program is not well formed: " + fault + "\n" +
                            ir::print(program.module));
  }
  return std::move(program);
}

}  // namespace lvm::gradient
