// Latents of a conjugate family: ln P(row, z) is linear in its statistics, whose coefficients its prior and
// each factor give:
//
//   Gamma          (shape - 1) ln z - rate z;        a factor  a ln r - b r,  r = c z     adds a to the
//   shape, b c to the rate InverseGamma   the same of 1/z Beta           (a - 1) ln z + (b - 1) ln(1 - z); a
//   factor  A ln z + B ln(1 - z)       adds A and B Dirichlet      sum of (alpha_k - 1) ln z_k;      a factor
//   sum of n_k ln z_k          adds n_k to alpha_k
// (Bishop 2006, section 2.4.2). The evidence is ln P(row, z) - ln q(z) at one z (Besag 1989; Chib 1995).

#include <algorithm>
#include <cmath>

#include "backends/em/continuous.h"
#include "backends/em/solvers.h"

namespace lvm::em {

using ir::Op;

namespace {

struct Conjugate {
  Builder& b;
  const Setting& setting;
  const ir::NodeLatent& latent;
  const ir::Variable& z;
  NodeId leaf;  // canonical
  NodeId first = ir::no_node, second = ir::no_node;

  Conjugate(Builder& builder, const Setting& s, const ir::NodeLatent& l)
      : b(builder),
        setting(s),
        latent(l),
        z(s.model.variables[static_cast<size_t>(l.variable)]),
        leaf(node_leaf(s, l.variable)) {}

  void add(NodeId& to, NodeId term) { to = to == ir::no_node ? term : b.add(to, term); }

  void prior(const Emission& e) {
    Expansion expand(b, setting);
    const auto slot = [&](size_t i) { return expand(e.slots.at(i)); };
    if (e.family == "Dirichlet") {
      first = slot(0);
      if (!b.type(first).has(event())) first = b.make(Op::broadcast, {first}, {.axes = {event()}});
      return;
    }
    const bool exponential = e.family == "Exponential";
    const std::string& last = e.slot_names.back();
    if (e.family == "Gamma" || exponential) {
      first = exponential ? b.constant(1) : slot(0);
      const NodeId given = slot(exponential ? 0 : 1);
      second = last == "rate"    ? given
               : last == "scale" ? b.unary(Op::reciprocal, given)
                                 : b.div(first, given);
    } else {
      first = slot(0);
      second = slot(1);
    }
  }

  /// K of a Dirichlet.
  AxisId event() const { return z.declared_axes.back(); }

  /// Summed over what the latent has no axis of; a term that is the same for several elements counts for
  /// each.
  NodeId summed(const Emission& e, NodeId term) {
    const std::vector<AxisId> elements = without(e.axes, latent.axes());
    const std::vector<AxisId> missing = without(elements, b.type(term).axes);
    if (!missing.empty()) term = b.make(Op::broadcast, {term}, {.axes = missing});
    if (e.absent == Absent::elements) {
      Expansion plain(b, setting);
      term = b.select(plain.observed(e), term, b.constant(0));
    }
    return b.reduce(Op::sum, term,
                    without(b.type(term).axes, united(united(z.type.axes, {ir::row_axis}), finite_axes())));
  }
  std::vector<AxisId> finite_axes() const { return without(setting.states, latent.axes()); }

  void factor(const Emission& e) {
    const ir::Family& family = *ir::find_family(parameterisation_of(e));
    const bool positive = z.type.element == ir::Element::positive;
    for (size_t slot = 0; slot < e.slots.size(); ++slot) {
      const ir::Dependence d =
          ir::classify(setting.function(), e.slots[slot], {.node = leaf, .positive = positive});
      if (d.form == ir::Form::constant) continue;
      Expansion expand(b, setting);
      expand.replace(leaf, b.constant(1));  // its terms do not hold the latent
      if (z.domain == ir::Domain::simplex) {
        const NodeId value = expand(e.value);
        const bool category = b.type(value).element == ir::Element::category;
        add(first, summed(e, category ? b.make(Op::one_hot, {value}, {.axes = {event()}}) : value));
        continue;
      }
      if (e.absent == Absent::elements) expand.fill_absent(e);
      const NodeId value = expand(e.value);
      ir::Slots slots({}, setting.function()[e.log_density].attributes.axes);
      for (const NodeId each : e.slots) slots.push_back(expand(each));
      for (const ir::RateForm& form : family.rates) {
        if (form.slot != slot) continue;
        NodeId coefficient = form.b(b, value, slots);
        for (const auto& [node, p] : d.coefficients)
          coefficient = b.mul(coefficient, power(b, expand(node), p * form.sign));
        add(first, summed(e, form.a(b, value, slots)));
        add(second, summed(e, coefficient));
      }
      for (const ir::OddsForm& form : family.odds) {
        if (form.slot != slot) continue;
        add(first, summed(e, form.a(b, value, slots)));
        add(second, summed(e, form.b(b, value, slots)));
      }
    }
  }

  NodeId one_less(NodeId x) { return b.sub(b.constant(1), x); }
  /// The first of two along the axis of the sides, and the second.
  NodeId either(NodeId one, NodeId other) {
    const NodeId side = b.make(Op::equal, {b.make(Op::iota, {}, {.axes = {latent.sides}}), b.constant(1)});
    return b.select(side, one, other);
  }

  /// m (1 ± sqrt(1 - e)),  e = (exp E ln w / E w)^2, as m (1 + r) and m e / (1 + r).
  NodeId gamma_nodes() {
    const NodeId log_e = b.mul(b.constant(2), b.sub(b.unary(Op::digamma, first), b.unary(Op::log, first)));
    const NodeId above = b.add(b.constant(1), b.unary(Op::sqrt, b.unary(Op::neg, b.unary(Op::expm1, log_e))));
    const NodeId below = b.div(b.unary(Op::exp, log_e), above);
    return b.mul(b.div(first, second), either(above, below));
  }

  NodeId beta_nodes() {
    const NodeId all = b.unary(Op::digamma, b.add(first, second));
    const NodeId a = b.unary(Op::exp, b.sub(b.unary(Op::digamma, first), all));
    const NodeId c = b.unary(Op::exp, b.sub(b.unary(Op::digamma, second), all));
    return two_shares(a, c);
  }

  /// x and 1 - x have the geometric means a and c: the first of each.
  NodeId two_shares(NodeId a, NodeId c) {
    const NodeId below = b.mul(b.sub(one_less(a), c), b.add(one_less(a), c));
    const NodeId sum = b.add(b.constant(1), a);
    const NodeId above = b.mul(b.sub(sum, c), b.add(sum, c));
    const NodeId root = b.unary(Op::sqrt, b.binary(Op::maximum, b.mul(below, above), b.constant(0)));
    const NodeId square = b.unary(Op::square, a);
    const NodeId middle = b.sub(b.add(b.constant(1), square), b.unary(Op::square, c));
    const NodeId greater = b.mul(b.constant(0.5), b.add(middle, root));
    return either(greater, b.div(square, greater));
  }

  /// With G_k = exp E ln z_k all shares but two are G_k at both nodes, and these two divide what is left
  /// of 1.
  NodeId dirichlet_nodes() {
    const AxisId k = event();
    const NodeId total = b.reduce(Op::sum, first, {k});
    const NodeId geometric =
        b.unary(Op::exp, b.sub(b.unary(Op::digamma, first), b.unary(Op::digamma, total)));
    if (b.module().axis(k).size < 2)
      return b.add(b.mul(b.constant(0), geometric), either(b.constant(1), b.constant(1)));
    const NodeId one = share(geometric, 0), two = share(geometric, 1);
    const NodeId left = one_less(b.sub(b.sub(b.reduce(Op::sum, geometric, {k}), one), two));
    const NodeId a = b.div(one, left), c = b.div(two, left);
    // Each from its own equation, since 1 - x has no digits where x is near 1. The nodes of the second are
    // the other way round.
    const NodeId x = b.mul(left, two_shares(a, c)), y = b.mul(left, turned(two_shares(c, a)));
    const NodeId at = b.make(Op::iota, {}, {.axes = {k}});
    const auto is = [&](double i) { return b.make(Op::equal, {at, b.constant(i)}); };
    return b.select(is(0), x, b.select(is(1), y, geometric));
  }
  NodeId share(NodeId shares, int64_t k) {
    return b.make(Op::slice, {shares}, {.number = static_cast<double>(k), .axes = {event()}});
  }
  /// The other side's.
  NodeId turned(NodeId nodes) {
    const auto side = [&](double s) {
      return b.make(Op::slice, {nodes}, {.number = s, .axes = {latent.sides}});
    };
    return either(side(0), side(1));
  }
};

}  // namespace

ContinuousPosterior conjugate(Builder& b, const Setting& setting, const std::vector<Emission>& members,
                              const ir::NodeLatent& latent) {
  Conjugate q(b, setting, latent);
  std::string family;
  for (const Emission& e : members) {
    if (e.value != q.leaf) continue;
    q.prior(e);
    family = e.family;
  }
  for (const Emission& e : members)
    if (e.value != q.leaf) q.factor(e);
  const NodeId one = q.first, two = q.second;
  const bool shares = family == "Dirichlet";
  const NodeId total = shares ? b.reduce(Op::sum, one, {q.event()}) : b.add(one, two);
  ContinuousPosterior made{};
  NodeId place = ir::no_node;
  std::string_view law = "Gamma.shape.rate";
  if (shares) {
    law = "Dirichlet.alpha";
    made.nodes = q.dirichlet_nodes();
    place = made.mean = b.div(one, total);
    made.variance = b.div(b.mul(made.mean, q.one_less(made.mean)), b.add(total, b.constant(1)));
  } else if (family == "Beta") {
    law = "Beta.a.b";
    made.nodes = q.beta_nodes();
    place = made.mean = b.div(one, total);
    const NodeId spread = b.mul(made.mean, b.div(two, total));
    made.variance = b.div(spread, b.add(total, b.constant(1)));
  } else if (family == "InverseGamma") {
    law = "InverseGamma.shape.scale";
    made.nodes = b.unary(Op::reciprocal, q.gamma_nodes());
    place = b.div(two, one);
    // Infinite for shapes up to 1, and up to 2.
    const auto moment = [&](double least, NodeId value) {
      return b.select(b.binary(Op::less, b.constant(least), one), value, b.constant(HUGE_VAL));
    };
    const NodeId mean = b.div(two, b.sub(one, b.constant(1)));
    made.mean = moment(1, mean);
    made.variance = moment(2, b.div(b.unary(Op::square, mean), b.sub(one, b.constant(2))));
  } else {
    made.nodes = q.gamma_nodes();
    place = made.mean = b.div(one, two);
    made.variance = b.div(made.mean, two);
  }
  Expansion expand(b, setting);
  expand.replace(q.leaf, place);
  const ir::Slots slots =
      shares ? ir::Slots(std::vector<NodeId>{one}, {q.event()}) : ir::Slots(std::vector<NodeId>{one, two});
  NodeId log_q = ir::find_family(law)->log_density(b, place, slots);
  log_q = b.reduce(Op::sum, log_q, common(b.type(log_q).axes, without(q.z.type.axes, {ir::row_axis})));
  made.log_evidence = b.sub(expand.log_joint(members), log_q);
  return made;
}

}  // namespace lvm::em
