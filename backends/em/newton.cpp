// The step of one group: parameters v_1 … v_P of the same axes, solved together for each element.
//
//   g_i = sum w d ln p / d v_i,   h_ij = sum w d2 ln p / d v_i d v_j      by differentiation of the density
//   as it is written,
//
// in coordinates u without bounds: v = e^u for positive v, 1 / (1 + e^-u) for probabilities. With J = dv/du,
// J' = d2v/du2,
//   G_i = g_i J_i,   H_ij = h_ij J_i J_j + [i = j] g_i J'_i.
// The direction is (-H)^-1 G by L D L', where a pivot that is not positive is replaced by its size: the
// matrix that is solved is positive definite, so that the direction climbs (modified Cholesky: Nocedal &
// Wright 2006, section 3.4).

#include "backends/em/newton.h"

#include <algorithm>

#include "backends/em/priors.h"

namespace lvm::em {

using ir::Block;
using ir::Domain;
using ir::Op;

namespace {

constexpr double longest_step = 2;  // in the logarithm: a factor of 7.4
constexpr double longest_real_step =
    10;  // of 1 + |v|: where the density is nearly flat a step has no length of its own
constexpr double least_pivot = 1e-8;

struct Coordinate {
  NodeId value, jacobian, curvature;  // v, J, J'
};

struct NewtonStep {
  UpdateContext& c;
  Builder& b;
  std::vector<const Block*> blocks;
  std::vector<AxisId> axes;
  std::vector<Coordinate> at;
  std::vector<NodeId> gradient;
  std::vector<std::vector<NodeId>> curvature;  // -H, lower triangle

  NewtonStep(UpdateContext& context, int group) : c(context), b(context.update) {
    for (const Block& block : c.setting.plan.blocks) {
      if (!block.latent && block.group == group) blocks.push_back(&block);
    }
    axes = variable(0).type.axes;
    for (size_t i = 0; i < blocks.size(); ++i) at.push_back(coordinate(variable(i)));
  }
  const ir::Variable& variable(size_t i) const { return variable_of(c.setting, blocks[i]->name); }

  Coordinate coordinate(const ir::Variable& v) {
    const NodeId value = read_parameter(c, v.name);
    switch (v.domain) {
      case Domain::positive: return {value, value, value};
      case Domain::unit: {
        const NodeId other = b.sub(b.constant(1), value);
        const NodeId j = b.mul(value, other);
        return {value, j, b.mul(j, b.sub(other, value))};
      }
      case Domain::real: return {value, b.constant(1), b.constant(0)};
      case Domain::simplex:
      case Domain::ordered:
      case Domain::covariance:
      case Domain::correlation: break;
    }
    throw ir::InternalError("parameter " + v.name + " has no coordinates for a Newton step");
  }

  NodeId sum(NodeId a, NodeId term) { return a == ir::no_node ? term : b.add(a, term); }

  void add_factor(size_t emission, std::vector<NodeId>& first, std::vector<std::vector<NodeId>>& second) {
    std::vector<size_t> here;
    std::vector<std::string> names;
    for (size_t i = 0; i < blocks.size(); ++i) {
      const std::vector<int>& factors = blocks[i]->factors;
      if (std::find(factors.begin(), factors.end(), c.emissions[emission].factor) == factors.end()) continue;
      here.push_back(i);
      names.push_back(blocks[i]->name);
    }
    if (here.empty()) return;
    const DensityTerms terms = density_terms(b.module(), c.setting, c.emissions[emission], names);
    for (size_t i = 0; i < here.size(); ++i) {
      first[here[i]] =
          sum(first[here[i]], c.statistics.expected(b, emission, axes, "d_" + names[i], terms.first[i]));
      for (size_t j = 0; j <= i; ++j) {
        NodeId& total = second[here[i]][here[j]];
        const std::string name = "d2_" + (i == j ? names[i] : names[j] + "_" + names[i]);
        total = sum(total, c.statistics.expected(b, emission, axes, name, terms.second[i][j]));
      }
    }
  }

  void derive() {
    const size_t count = blocks.size();
    std::vector<NodeId> first(count, ir::no_node);
    std::vector<std::vector<NodeId>> second(count, std::vector<NodeId>(count, ir::no_node));
    for (size_t e = 0; e < c.emissions.size(); ++e) add_factor(e, first, second);
    const NodeId zero = b.constant(0);
    for (size_t i = 0; i < count; ++i) {
      if (const auto prior = prior_derivatives(c, blocks[i]->name)) {
        first[i] = sum(first[i], prior->first);
        second[i][i] = sum(second[i][i], prior->second);
      }
      gradient.push_back(b.mul(first[i], at[i].jacobian));
      curvature.emplace_back();
      for (size_t j = 0; j <= i; ++j) {
        const NodeId h = second[i][j] == ir::no_node ? zero : second[i][j];
        const NodeId scale = b.mul(at[i].jacobian, at[j].jacobian);
        NodeId changed = b.mul(h, scale);
        if (i == j) changed = b.add(changed, b.mul(first[i], at[i].curvature));
        curvature.back().push_back(b.unary(Op::neg, changed));
      }
    }
  }

  /// A pivot that carries no digits, or that is not positive, becomes positive.
  NodeId guarded(NodeId pivot, NodeId diagonal) {
    const NodeId size = b.mul(b.constant(least_pivot), b.unary(Op::abs, diagonal));
    const NodeId least = b.binary(Op::maximum, size, b.constant(1e-300));
    return b.binary(Op::maximum, b.unary(Op::abs, pivot), least);
  }

  std::vector<NodeId> direction() {
    const size_t count = blocks.size();
    std::vector<std::vector<NodeId>> lower(count, std::vector<NodeId>(count, ir::no_node));
    std::vector<NodeId> pivot, x;
    for (size_t i = 0; i < count; ++i) {
      NodeId own = curvature[i][i], right = gradient[i];
      for (size_t j = 0; j < i; ++j) {
        NodeId entry = curvature[i][j];
        for (size_t k = 0; k < j; ++k) entry = b.sub(entry, b.mul(b.mul(lower[i][k], lower[j][k]), pivot[k]));
        lower[i][j] = b.div(entry, pivot[j]);
        own = b.sub(own, b.mul(b.unary(Op::square, lower[i][j]), pivot[j]));
        right = b.sub(right, b.mul(lower[i][j], x[j]));
      }
      pivot.push_back(guarded(own, curvature[i][i]));
      x.push_back(right);
    }
    for (size_t i = count; i-- > 0;) {
      x[i] = b.div(x[i], pivot[i]);
      for (size_t k = i + 1; k < count; ++k) x[i] = b.sub(x[i], b.mul(lower[k][i], x[k]));
    }
    return x;
  }

  NodeId longest(size_t i) {
    if (variable(i).domain != Domain::real) return b.constant(longest_step);
    return b.mul(b.constant(longest_real_step), b.add(b.constant(1), b.unary(Op::abs, at[i].value)));
  }

  /// No coordinate moves further than its longest step. Where that turns the direction away from the climb,
  /// all coordinates are shortened alike.
  std::vector<NodeId> bounded(const std::vector<NodeId>& x) {
    std::vector<NodeId> cut;
    NodeId climb = b.constant(0), share = b.constant(1);
    for (size_t i = 0; i < x.size(); ++i) {
      const NodeId most = longest(i);
      const NodeId low = b.binary(Op::maximum, x[i], b.unary(Op::neg, most));
      cut.push_back(b.binary(Op::minimum, low, most));
      climb = b.add(climb, b.mul(gradient[i], cut.back()));
      const NodeId size = b.binary(Op::maximum, b.unary(Op::abs, x[i]), most);
      share = b.binary(Op::minimum, share, b.div(most, size));
    }
    if (x.size() == 1) return cut;
    const NodeId climbs = b.binary(Op::less, b.constant(0), climb);
    for (size_t i = 0; i < x.size(); ++i) cut[i] = b.select(climbs, cut[i], b.mul(share, x[i]));
    return cut;
  }

  /// Itself the mean of a VonMises, and nothing else.
  bool is_angle(size_t i) const {
    if (blocks[i]->factors.size() != 1) return false;
    const Emission& e = c.emissions[emission_of(c, *blocks[i])];
    if (e.family != "VonMises") return false;
    const ir::Node& mean = c.setting.function()[e.slots.front()];
    return mean.op == Op::parameter && mean.attributes.text == blocks[i]->name;
  }
  /// The same angle from -π to π.
  NodeId on_circle(NodeId angle) {
    constexpr double half_turn = 3.14159265358979323846;
    const NodeId turns =
        b.unary(Op::floor, b.mul(b.constant(0.5 / half_turn), b.add(angle, b.constant(half_turn))));
    return b.sub(angle, b.mul(b.constant(2 * half_turn), turns));
  }

  NodeId moved(size_t i, NodeId direction) {
    const NodeId step = b.leaf(Op::derived, ir::newton_step_slot, {ir::Element::real, {}, -1});
    const NodeId value = at[i].value;
    if (variable(i).domain == Domain::real) {
      const NodeId next = b.add(value, b.mul(step, direction));
      return is_angle(i) ? on_circle(next) : next;
    }
    const NodeId factor = b.unary(Op::exp, b.mul(step, direction));
    const NodeId odds = b.mul(value, factor);
    if (variable(i).domain == Domain::positive) return odds;
    return b.div(odds, b.add(odds, b.sub(b.constant(1), value)));
  }

  void write() {
    derive();
    const std::vector<NodeId> x = bounded(direction());
    for (size_t i = 0; i < blocks.size(); ++i) {
      const NodeId next = moved(i, x[i]);
      // Where a component has lost its rows there is no direction: the checks name it.
      const NodeId kept = b.select(b.unary(Op::is_finite, next), next, at[i].value);
      b.output(ir::OutputKind::parameter, blocks[i]->name, kept);
    }
  }
};

}  // namespace

bool has_newton(const ir::Plan& plan) {
  return std::any_of(plan.blocks.begin(), plan.blocks.end(),
                     [](const Block& block) { return ir::is_newton(block); });
}

void solve_newton(UpdateContext& context, int group) {
  NewtonStep(context, group).write();
}

}  // namespace lvm::em
