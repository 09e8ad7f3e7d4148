#include "ir/passes/reparameterise.h"

#include <algorithm>
#include <cmath>

#include "ir/families/family.h"
#include "ir/model/gradient_settings.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/classify.h"

namespace lvm::ir {

const Posterior* drawn_posterior(const Model& model, int variable) {
  for (const Posterior& q : model.posteriors) {
    if (q.form == PosteriorForm::distribution && q.variables == std::vector<int>{variable}) return &q;
  }
  return nullptr;
}

namespace {

Slots slots_of(const Node& density) {
  return {{density.inputs.begin() + 1, density.inputs.end()}, density.attributes.axes};
}

/// A latent as a function of noise.
struct Drawn {
  const Family* family;
  Slots slots;
  NodeId noise, value;       // [row, …, sample]
  std::vector<AxisId> axes;  // of the log density: those of z without event axes
};

struct Reparameterisation {
  const Model& model;
  GradientSettings settings;
  Builder b;
  AxisId sample = -1;  // the axis of several draws; -1: a single one
  std::vector<NodeId> made;  // of each node of the model
  std::vector<std::optional<Drawn>> drawn;  // by variable

  Reparameterisation(const Model& m, Module& module)
      : model(m),
        settings(gradient_settings(m.fit)),
        b(module, module.functions.front()),
        made(m.function().nodes.size(), no_node),
        drawn(m.variables.size()) {
    if (settings.samples > 1) sample = module.add_axis({.name = "sample", .size = settings.samples});
  }

  NodeId copy(NodeId node) { return b.copy(model.function(), node, made); }
  const Variable& variable(int index) const { return model.variables[static_cast<size_t>(index)]; }

  bool ready(const Posterior& q) const {
    return std::ranges::all_of(q.parents, [&](const VariableUse& parent) {
      return !drawn_posterior(model, parent.variable) || drawn[static_cast<size_t>(parent.variable)];
    });
  }

  void draw(const Posterior& q) {
    const int index = q.variables.front();
    const Variable& z = variable(index);
    const Node density = model.function()[q.log_density];
    Slots slots({}, density.attributes.axes);
    for (size_t i = 1; i < density.inputs.size(); ++i) slots.push_back(copy(density.inputs[i]));
    Type type{Element::real, z.type.axes, -1};
    if (sample >= 0) type.axes.push_back(sample);
    const Family* family = find_family(density.attributes.text);
    if (family->draw->noises > 1) type.axes.push_back(noise_axis(b.module(), family->draw->noises));
    std::ranges::sort(type.axes);
    const NodeId noise = b.leaf(Op::data, "noise." + z.name, type, q.range);
    const NodeId value = family->draw->sample(b, noise, slots);
    made[static_cast<size_t>(z.node)] = value;
    drawn[static_cast<size_t>(index)] = Drawn{family, std::move(slots), noise, value, density.type.axes};
  }

  /// Conditions come first: q(z, c | y) = q(z | y) q(c | z).
  void draw_all() {
    size_t left = 0;
    do {
      const size_t before = left;
      left = 0;
      for (const Posterior& q : model.posteriors) {
        if (q.form != PosteriorForm::distribution || drawn[static_cast<size_t>(q.variables.front())]) continue;
        if (ready(q)) {
          draw(q);
        } else {
          ++left;
        }
      }
      if (left > 0 && left == before) throw InternalError("posteriors that condition on each other in a circle");
    } while (left > 0);
  }

  /// With every axis of `axes`, so that a sum over them counts it once an element.
  NodeId spread(NodeId value, const std::vector<AxisId>& axes) {
    std::vector<AxisId> missing;
    for (const AxisId axis : axes) {
      if (!b.type(value).has(axis)) missing.push_back(axis);
    }
    return missing.empty() ? value : b.make(Op::broadcast, {value}, {.axes = missing});
  }

  /// Sums what a row has: [row] or [row, sample].
  NodeId row_sum(NodeId value) {
    std::vector<AxisId> axes;
    for (const AxisId axis : b.type(value).axes) {
      if (axis != row_axis && axis != sample) axes.push_back(axis);
    }
    return b.reduce(Op::sum, value, axes);
  }

  /// The mean over draws of what depends on them.
  NodeId expected(NodeId value) {
    if (sample < 0 || !b.type(value).has(sample)) return value;
    return b.mul(b.reduce(Op::sum, value, {sample}), b.constant(1 / static_cast<double>(settings.samples)));
  }

  NodeId log_density(const Factor& factor) {
    const NodeId made_density = copy(factor.log_density);
    return row_sum(made_density);
  }

  /// E_q[ln P(z | …)]: [row], or [row, sample] where its conditions are draws.
  NodeId closed(const Factor& factor) {
    const Node density = model.function()[factor.log_density];
    const Variable& z = variable(factor.variable.variable);
    const Drawn& q = *drawn[static_cast<size_t>(factor.variable.variable)];
    Slots slots({}, density.attributes.axes);
    for (size_t i = 1; i < density.inputs.size(); ++i) slots.push_back(copy(density.inputs[i]));
    const auto moment = [&](const Term& term) { return term ? spread(term(b, no_node, q.slots), z.type.axes) : no_node; };
    const Reparameterised& draw = *q.family->draw;
    const Family& p = *find_family(density.attributes.text);
    const NodeId mean = moment(draw.mean);
    if (p.expected) return row_sum(p.expected(b, mean, moment(draw.variance), slots));
    const NodeId log = moment(draw.mean_log);
    return row_sum(p.expected_by_logs.density(b, {mean, log, moment(draw.mean_log_rest)}, slots));
  }

  NodeId entropy(int variable_index) {
    const Drawn& q = *drawn[static_cast<size_t>(variable_index)];
    if (!q.family->draw->entropy) return b.unary(Op::neg, log_q(variable_index));
    const NodeId each = q.family->draw->entropy(b, no_node, q.slots);
    return row_sum(spread(each, q.axes));
  }

  NodeId log_q(int variable_index) {
    const Drawn& q = *drawn[static_cast<size_t>(variable_index)];
    const Reparameterised& draw = *q.family->draw;
    return row_sum(draw.density_of_noise ? draw.density_of_noise(b, q.noise, q.slots) : q.family->log_density(b, q.value, q.slots));
  }

  NodeId plus(NodeId total, NodeId term) { return total == no_node ? term : b.add(total, term); }

  bool is_drawn(const Factor& factor) const { return drawn[static_cast<size_t>(factor.variable.variable)].has_value(); }

  /// sum of E ln P(y | ...) - KL, and its two parts.
  NodeId bound() {
    NodeId reconstruction = no_node, divergence = no_node;
    for (const Factor& factor : model.factors) {
      const bool latent = is_drawn(factor);
      const NodeId term = expected(latent && has_closed_expectation(model, factor) ? closed(factor) : log_density(factor));
      b.output(OutputKind::result, variable(factor.variable.variable).name, term);
      NodeId& part = latent ? divergence : reconstruction;
      part = plus(part, latent ? b.unary(Op::neg, term) : term);
    }
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (drawn[i]) divergence = b.sub(divergence, expected(entropy(static_cast<int>(i))));
    }
    b.output(OutputKind::result, "reconstruction", spread(reconstruction, {row_axis}));
    b.output(OutputKind::result, "divergence", spread(divergence, {row_axis}));
    return b.sub(reconstruction, divergence);
  }

  /// ln 1/k sum of P(y, z) / q(z | y) over k draws.
  NodeId importance_bound() {
    NodeId weight = no_node;
    for (const Factor& factor : model.factors) {
      const NodeId term = log_density(factor);
      b.output(OutputKind::result, variable(factor.variable.variable).name, expected(term));
      weight = plus(weight, term);
    }
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (drawn[i]) weight = b.sub(weight, log_q(static_cast<int>(i)));
    }
    if (sample < 0) return weight;
    const double log_samples = std::log(static_cast<double>(settings.samples));
    return b.sub(b.reduce(Op::logsumexp, spread(weight, {sample}), {sample}), b.constant(log_samples));
  }

  /// What running statistics of layers follow; the mean over draws.
  void write_followed() {
    for (const Variable& v : model.variables) {
      if (v.follows != no_node) b.output(OutputKind::result, follows_prefix + v.name, expected(copy(v.follows)));
    }
  }

  void write() {
    draw_all();
    const NodeId row = spread(settings.importance ? importance_bound() : bound(), {row_axis});
    NodeId objective = b.reduce(Op::sum, times_row_weight(b, model, row), {row_axis});
    b.output(OutputKind::result, "bound", row);
    write_followed();
    NodeId prior = no_node;
    for (const Variable& v : model.variables) {
      if (v.prior == no_node) continue;
      const NodeId density = copy(v.prior);
      prior = plus(prior, b.reduce(Op::sum, density, b.type(density).axes));
    }
    if (prior != no_node) {
      b.output(OutputKind::result, "log_prior", prior);
      objective = b.add(objective, prior);
    }
    b.output(OutputKind::objective, "objective", objective);
  }
};

}  // namespace

bool has_closed_expectation(const Model& model, const Factor& factor) {
  const Variable& z = model.variables[static_cast<size_t>(factor.variable.variable)];
  const Posterior* q = drawn_posterior(model, factor.variable.variable);
  const Node& density = model.function()[factor.log_density];
  const Family* family = find_family(density.attributes.text);
  if (!q || !family) return false;
  const Family* drawn = find_family(model.function()[q->log_density].attributes.text);
  if (!drawn || !drawn->draw || !drawn->draw->entropy || !drawn->draw->mean) return false;
  const bool by_moments = family->expected && drawn->draw->variance;
  const bool by_logs = family->expected_by_logs.density && drawn->draw->mean_log &&
                       (!family->expected_by_logs.with_rest || drawn->draw->mean_log_rest);
  if (!by_moments && !by_logs) return false;
  // A condition of P(z | w) whose own draw is made from that of z is not independent of it.
  return std::ranges::none_of(slots_of(density), [&](NodeId slot) {
    return std::ranges::any_of(model.variables, [&](const Variable& other) {
      if (other.role != Role::latent || !depends_on(model.function(), slot, other.node)) return false;
      const Posterior* of_other = drawn_posterior(model, static_cast<int>(&other - model.variables.data()));
      return other.node == z.node || !of_other || depends_on(model.function(), of_other->log_density, z.node);
    });
  });
}

Module reparameterise(const Model& model, const Plan&) {
  Module module{.name = model.name + ".canonical", .level = Level::canonical, .axes = model.module.axes};
  module.functions.push_back({.name = "canonical"});
  Reparameterisation(model, module).write();
  return module;
}

}  // namespace lvm::ir
