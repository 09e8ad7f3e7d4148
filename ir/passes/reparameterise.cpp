#include "ir/passes/reparameterise.h"

#include <algorithm>
#include <cmath>

#include "ir/families/family.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/classify.h"
#include "ir/passes/enumerate.h"

namespace lvm::ir {

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

/// Latents that are summed over together, and q of their values.
struct Sum {
  std::vector<FiniteLatent> latents;
  std::vector<AxisId> axes;
  bool given;              // q is given: `log_q` holds it
  NodeId log_q = no_node;  // [row, …, K]
  NodeId q = no_node;
};

struct Reparameterisation {
  const Model& model;
  GradientSettings settings;
  Builder b;
  std::vector<Estimated> order;
  AxisId sample = -1;                       // the axis of several draws; -1: a single one
  Enumeration push;                         // of each node of the model
  std::vector<std::optional<Drawn>> drawn;  // by variable
  std::vector<Sum> sums;                    // conditions first
  std::vector<NodeId> reconstruction = {},
                      prior = {};  // terms of the bound: of data, and of latents less ln q
  NodeId score = no_node;

  Reparameterisation(const Model& m, Module& module)
      : model(m),
        settings(draw_settings(m)),
        b(module, module.functions.front()),
        order(estimators(m)),
        push(b, m.function(), m, finite(order)),
        drawn(m.variables.size()) {
    const bool draws = std::ranges::any_of(order, [](const Estimated& e) { return e.states < 0; });
    if (settings.samples > 1 && draws) sample = module.add_axis({.name = "sample", .size = settings.samples});
  }

  static std::vector<FiniteLatent> finite(const std::vector<Estimated>& order) {
    std::vector<FiniteLatent> list;
    for (const Estimated& e : order) {
      if (e.states >= 0) list.push_back({.variable = e.variable, .states = e.states, .observed = e.observed});
    }
    return list;
  }

  NodeId copy(NodeId node) { return push(node); }
  const Variable& variable(int index) const { return model.variables[static_cast<size_t>(index)]; }
  Slots copied_slots(const Node& density) {
    Slots slots({}, density.attributes.axes);
    for (size_t i = 1; i < density.inputs.size(); ++i) slots.push_back(copy(density.inputs[i]));
    return slots;
  }

  /// The noise of a draw beside its elements: one number, several, or one for each value that an element may
  /// have.
  Type noise_type(const Variable& z, const Reparameterised& draw) {
    Type type{Element::real, z.type.axes, -1};
    if (sample >= 0) type.axes.push_back(sample);
    if (draw.noises > 1) type.axes.push_back(noise_axis(b.module(), draw.noises));
    if (draw.shape == NoiseShape::range) type.axes.push_back(z.type.range);
    std::ranges::sort(type.axes);
    return type;
  }

  void draw(const Estimated& e) {
    const Variable& z = variable(e.variable);
    const Node density = model.function()[e.q->log_density];
    Slots slots = copied_slots(density);
    const Family* family = find_family(density.attributes.text);
    const Type type = noise_type(z, *family->draw);
    const NodeId noise = b.leaf(Op::data, noise_prefix + z.name, type, e.q->range);
    if (family->draw->shape == NoiseShape::rank) {
      Type along = type;
      std::ranges::replace(along.axes, density.attributes.axes.at(0), density.attributes.axes.at(1));
      std::ranges::sort(along.axes);
      slots.push_back(b.leaf(Op::data, noise_prefix + z.name + factor_noise, along, e.q->range));
    }
    if (family->draw->shape == NoiseShape::range) slots.event = {z.type.range};
    const NodeId value = family->draw->sample(b, noise, slots);
    push.replace(z.node, value);
    drawn[static_cast<size_t>(e.variable)] = Drawn{family, std::move(slots), noise, value, density.type.axes};
    if (e.how == Estimator::score) score = plus(score, log_q(e.variable));
  }

  NodeId known(const Variable& label) {
    return b.unary(Op::is_finite, b.leaf(Op::data, label.name, label.type, label.range));
  }

  /// Of a label that a row has q is a point mass.
  void give(const Estimated& e) {
    const Variable& c = variable(e.variable);
    Sum sum{.latents = {{.variable = e.variable, .states = e.states, .observed = e.observed}},
            .axes = {e.states},
            .given = true};
    sum.log_q = row_sum(copy(e.q->log_density));
    sum.q = b.unary(Op::exp, sum.log_q);
    if (e.observed) {
      const NodeId cell = b.leaf(Op::data, c.name, c.type, c.range),
                   value = b.make(Op::iota, {}, {.axes = {e.states}});
      const NodeId same = b.select(b.binary(Op::equal, cell, value), b.constant(1), b.constant(0));
      sum.log_q = b.select(known(c), b.constant(0), sum.log_q);
      sum.q = b.select(known(c), same, sum.q);
    }
    sums.push_back(std::move(sum));
  }

  /// Exact: latents that factors join are summed over together.
  void sum_out(const std::vector<FiniteLatent>& latents) {
    for (const std::vector<size_t>& block : joint_blocks(model, latents)) {
      Sum sum{.latents = {}, .axes = {}, .given = false};
      for (const size_t i : block) {
        sum.latents.push_back(latents[i]);
        sum.axes.push_back(latents[i].states);
      }
      std::ranges::sort(sum.axes);
      sums.push_back(std::move(sum));
    }
  }

  void draw_all() {
    for (size_t i = 0; i < order.size(); ++i) {
      const Estimated& e = order[i];
      if (e.how == Estimator::pathwise || e.how == Estimator::score) draw(e);
      if (e.how == Estimator::enumerated) give(e);
      if (e.how != Estimator::summed) continue;
      std::vector<FiniteLatent> together;
      for (; i < order.size() && order[i].q == e.q; ++i)
        together.push_back(
            {.variable = order[i].variable, .states = order[i].states, .observed = order[i].observed});
      --i;
      sum_out(together);
    }
    size_t made = 0;
    for (const Posterior& q : model.posteriors) made += q.variables.size();
    if (made != order.size()) throw InternalError("posteriors that condition on each other in a circle");
  }

  /// With every axis of `axes`, so that a sum over them counts it once an element.
  NodeId spread(NodeId value, const std::vector<AxisId>& axes) {
    std::vector<AxisId> missing;
    for (const AxisId axis : axes) {
      if (!b.type(value).has(axis)) missing.push_back(axis);
    }
    return missing.empty() ? value : b.make(Op::broadcast, {value}, {.axes = missing});
  }

  bool is_states(AxisId axis) const {
    return std::ranges::any_of(order, [&](const Estimated& e) { return e.states >= 0 && e.states == axis; });
  }

  /// Sums what a row has: [row], also [row, sample, K…].
  NodeId row_sum(NodeId value) {
    std::vector<AxisId> axes;
    for (const AxisId axis : b.type(value).axes) {
      if (axis != row_axis && axis != sample && !is_states(axis)) axes.push_back(axis);
    }
    return b.reduce(Op::sum, value, axes);
  }

  /// The mean over draws of what depends on them.
  NodeId mean_of_draws(NodeId value) {
    if (sample < 0 || !b.type(value).has(sample)) return value;
    return b.mul(b.reduce(Op::sum, value, {sample}), b.constant(1 / static_cast<double>(settings.samples)));
  }

  bool has_any(NodeId value, const std::vector<AxisId>& axes) const {
    return std::ranges::any_of(axes, [&](AxisId axis) { return b.type(value).has(axis); });
  }

  /// The sum over values of q times the term, as far as it depends on them.
  NodeId average(const Sum& sum, NodeId term) {
    std::vector<AxisId> over;
    for (const AxisId axis : sum.axes) {
      if (b.type(term).has(axis)) over.push_back(axis);
    }
    if (over.empty()) return term;
    // q of the others adds up to 1.
    return b.contract({sum.q, spread(term, sum.axes)}, sum.axes);
  }

  /// E_q of a term, with the q of everything.
  NodeId expected(NodeId term) {
    for (size_t i = sums.size(); i-- > 0;) term = average(sums[i], term);
    return mean_of_draws(term);
  }

  NodeId log_density(const Factor& factor) { return row_sum(copy(factor.log_density)); }

  /// E_q[ln P(z | …)]: [row], or [row, sample] where its conditions are draws.
  NodeId closed(const Factor& factor) {
    const Node density = model.function()[factor.log_density];
    const Variable& z = variable(factor.variable.variable);
    const Drawn& q = *drawn[static_cast<size_t>(factor.variable.variable)];
    const Slots slots = copied_slots(density);
    const auto moment = [&](const Term& term) {
      return term ? spread(term(b, no_node, q.slots), z.type.axes) : no_node;
    };
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

  /// The density of the draw, expanded once all sizes are known.
  NodeId log_q(int variable_index) {
    const Drawn& q = *drawn[static_cast<size_t>(variable_index)];
    const Reparameterised& draw = *q.family->draw;
    if (draw.density_of_noise) return row_sum(draw.density_of_noise(b, q.noise, q.slots));
    if (draw.shape != NoiseShape::rank) return row_sum(q.family->log_density(b, q.value, q.slots));
    std::vector<NodeId> inputs = {q.value};
    inputs.insert(inputs.end(), q.slots.begin(), q.slots.end() - 1);
    return row_sum(b.make(Op::logpdf, std::move(inputs),
                          {.text = std::string(q.family->parameterisation), .axes = q.slots.event}));
  }

  NodeId plus(NodeId total, NodeId term) { return total == no_node ? term : b.add(total, term); }
  NodeId total(const std::vector<NodeId>& terms) {
    NodeId sum = no_node;
    for (const NodeId term : terms) sum = plus(sum, term);
    return sum == no_node ? b.constant(0) : sum;
  }

  /// Takes the terms that depend on these values out of the list and adds them up; none: no_node.
  NodeId take(std::vector<NodeId>& terms, const std::vector<AxisId>& axes) {
    NodeId sum = no_node;
    for (const NodeId term : terms) {
      if (has_any(term, axes)) sum = plus(sum, term);
    }
    std::erase_if(terms, [&](NodeId term) { return has_any(term, axes); });
    return sum;
  }

  /// The best q of these values is proportional to exp of all that depends on them; what it leaves is ln of
  /// the sum. Where data stand in it their share is E_q of them, and the divergence has the rest.
  void collapse(Sum& sum) {
    const NodeId of_data = take(reconstruction, sum.axes), of_latents = take(prior, sum.axes);
    NodeId joint = of_data == no_node      ? of_latents
                   : of_latents == no_node ? of_data
                                           : b.add(of_data, of_latents);
    if (joint == no_node) joint = b.constant(0);
    joint = where_possible(b, model, sum.latents, spread(joint, sum.axes));
    const EnumeratedPosterior made = exact_posterior(b, joint, sum.axes);
    sum.q = made.q;
    if (of_data == no_node) return prior.push_back(made.evidence);
    const NodeId share = average(sum, of_data);
    reconstruction.push_back(share);
    prior.push_back(b.sub(made.evidence, share));
  }

  bool is_prior(const Factor& factor) const { return is_hidden(model, factor.variable.variable); }

  /// E ln P(y | ...) and the divergence, each a row's; results for each factor.
  void write_bound() {
    std::vector<std::pair<std::string, NodeId>> factors;
    for (const Factor& factor : model.factors) {
      const bool is_closed =
          drawn[static_cast<size_t>(factor.variable.variable)] && has_closed_expectation(model, factor);
      const NodeId term = is_closed ? closed(factor) : log_density(factor);
      factors.emplace_back(variable(factor.variable.variable).name, term);
      (is_prior(factor) ? prior : reconstruction).push_back(term);
    }
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (drawn[i]) prior.push_back(entropy(static_cast<int>(i)));
    }
    for (const Sum& sum : sums) {
      if (sum.given) prior.push_back(b.unary(Op::neg, sum.log_q));
    }
    for (size_t i = sums.size(); i-- > 0;) {
      if (!sums[i].given) {
        collapse(sums[i]);
        continue;
      }
      for (std::vector<NodeId>* terms : {&reconstruction, &prior}) {
        if (const NodeId moved = take(*terms, sums[i].axes); moved != no_node)
          terms->push_back(average(sums[i], moved));
      }
    }
    for (const auto& [name, term] : factors) b.output(OutputKind::result, name, expected(term));
  }

  NodeId bound() {
    write_bound();
    const NodeId data = total(reconstruction), divergence = b.unary(Op::neg, total(prior));
    if (score != no_node) {
      b.output(OutputKind::result, score_result, spread_over_draws(score));
      b.output(OutputKind::result, score_reconstruction_result, spread_over_draws(data));
      b.output(OutputKind::result, score_divergence_result, spread_over_draws(divergence));
    }
    const NodeId reconstructed = mean_of_draws(data), diverged = mean_of_draws(divergence);
    b.output(OutputKind::result, "reconstruction", spread(reconstructed, {row_axis}));
    b.output(OutputKind::result, "divergence", spread(diverged, {row_axis}));
    return b.sub(reconstructed, diverged);
  }

  NodeId spread_over_draws(NodeId value) {
    return spread(value, sample < 0 ? std::vector<AxisId>{row_axis} : std::vector<AxisId>{row_axis, sample});
  }

  /// ln 1/k sum of P(y, z) / q(z | y) over k draws, P(y, z) summed over the finite latents.
  NodeId importance_bound() {
    NodeId weight = no_node;
    std::vector<std::pair<std::string, NodeId>> factors;
    for (const Factor& factor : model.factors) {
      factors.emplace_back(variable(factor.variable.variable).name, log_density(factor));
      weight = plus(weight, factors.back().second);
    }
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (drawn[i]) weight = b.sub(weight, log_q(static_cast<int>(i)));
    }
    for (size_t i = sums.size(); i-- > 0;) {
      weight = where_possible(b, model, sums[i].latents, spread(weight, sums[i].axes));
      const EnumeratedPosterior made = exact_posterior(b, weight, sums[i].axes);
      sums[i].q = made.q;
      weight = made.evidence;
    }
    for (const auto& [name, term] : factors) b.output(OutputKind::result, name, expected(term));
    if (score != no_node) {
      b.output(OutputKind::result, score_result, spread_over_draws(score));
      b.output(OutputKind::result, score_weight_result, spread_over_draws(weight));
    }
    if (sample < 0) return weight;
    const double log_samples = std::log(static_cast<double>(settings.samples));
    return b.sub(b.reduce(Op::logsumexp, spread(weight, {sample}), {sample}), b.constant(log_samples));
  }

  /// What running statistics of layers follow; the mean over draws.
  void write_followed() {
    for (const Variable& v : model.variables) {
      if (v.follows != no_node)
        b.output(OutputKind::result, follows_prefix + v.name, mean_of_draws(copy(v.follows)));
    }
  }

  /// The posterior of each finite latent, the mean over draws: [row, K].
  void write_posteriors() {
    for (const Sum& sum : sums) {
      for (const FiniteLatent& latent : sum.latents) {
        std::vector<AxisId> others = sum.axes;
        std::erase(others, latent.states);
        NodeId q = b.reduce(Op::sum, sum.q, others);
        // Its conditions that are summed over, from the nearest one on.
        for (size_t i = static_cast<size_t>(&sum - sums.data()); i-- > 0;) q = average(sums[i], q);
        b.output(OutputKind::result, "q(" + variable(latent.variable).name + ")",
                 spread(mean_of_draws(q), {row_axis}));
      }
    }
  }

  void write() {
    draw_all();
    const NodeId row = spread(settings.importance ? importance_bound() : bound(), {row_axis});
    NodeId objective = b.reduce(Op::sum, times_row_weight(b, model, row), {row_axis});
    b.output(OutputKind::result, "bound", row);
    write_followed();
    write_posteriors();
    NodeId log_prior = no_node;
    for (const Variable& v : model.variables) {
      if (v.prior == no_node) continue;
      const NodeId density = copy(v.prior);
      log_prior = plus(log_prior, b.reduce(Op::sum, density, b.type(density).axes));
    }
    if (log_prior != no_node) {
      b.output(OutputKind::result, "log_prior", log_prior);
      objective = b.add(objective, log_prior);
    }
    b.output(OutputKind::objective, "objective", objective);
  }
};

}  // namespace

bool has_closed_expectation(const Model& model, const Factor& factor) {
  const int index = factor.variable.variable;
  const Variable& z = model.variables[static_cast<size_t>(index)];
  const Posterior* q = drawn_posterior(model, index);
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
    for (size_t other = 0; other < model.variables.size(); ++other) {
      const auto at = static_cast<int>(other);
      if (!is_hidden(model, at) || !depends_on(model.function(), slot, model.variables[other].node)) continue;
      if (model.variables[other].node == z.node || posterior_depends(model, at, index)) return true;
    }
    return false;
  });
}

Module reparameterise(const Model& model, const Plan&) {
  Module module{.name = model.name + ".canonical", .level = Level::canonical, .axes = model.module.axes};
  module.functions.push_back({.name = "canonical"});
  Reparameterisation(model, module).write();
  return module;
}

}  // namespace lvm::ir
