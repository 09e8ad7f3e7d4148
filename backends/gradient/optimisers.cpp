#include "backends/gradient/optimisers.h"

#include <algorithm>
#include <array>

namespace lvm::gradient {

using ir::NodeId;
using ir::Op;

namespace {

/// 1 / (1 - b^t) of the two averages of adam.
constexpr const char* mean_share = "optimiser.mean";
constexpr const char* square_share = "optimiser.square";

NodeId constant(OptimiserStep& at, std::string_view option) {
  return at.b.constant(at.optimiser[option]);
}

/// a s + (1 - a) x.
NodeId average(OptimiserStep& at, double a, NodeId s, NodeId x) {
  return at.b.add(at.b.mul(at.b.constant(a), s), at.b.mul(at.b.constant(1 - a), x));
}

/// w + rate x.
NodeId moved(OptimiserStep& at, NodeId x) {
  return at.b.add(at.parameter, at.b.mul(at.rate, x));
}

/// x / (sqrt(s) + epsilon).
NodeId scaled(OptimiserStep& at, NodeId x, NodeId s) {
  return at.b.div(x, at.b.add(at.b.unary(Op::sqrt, s), constant(at, "epsilon")));
}

NodeId square(OptimiserStep& at, NodeId x) {
  return at.b.unary(Op::square, x);
}

NodeId sgd(OptimiserStep& at) {
  return moved(at, at.gradient);
}

/// v <- a v + g (Polyak 1964, as Sutskever et al. 2013, eq. 1), w <- w + rate v.
NodeId momentum(OptimiserStep& at) {
  at.states[0] = at.b.add(at.b.mul(constant(at, "momentum"), at.states[0]), at.gradient);
  return moved(at, at.states[0]);
}

/// s <- s + g^2 (Duchi, Hazan & Singer 2011).
NodeId adagrad(OptimiserStep& at) {
  at.states[0] = at.b.add(at.states[0], square(at, at.gradient));
  return moved(at, scaled(at, at.gradient, at.states[0]));
}

/// s <- a s + (1 - a) g^2 (Tieleman & Hinton 2012).
NodeId rmsprop(OptimiserStep& at) {
  at.states[0] = average(at, at.optimiser["decay"], at.states[0], square(at, at.gradient));
  return moved(at, scaled(at, at.gradient, at.states[0]));
}

/// m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2, each over 1 - b^t (Kingma & Ba 2015, algorithm 1).
NodeId adam(OptimiserStep& at) {
  const double beta1 = at.optimiser["beta1"], beta2 = at.optimiser["beta2"];
  at.states[0] = average(at, beta1, at.states[0], at.gradient);
  at.states[1] = average(at, beta2, at.states[1], square(at, at.gradient));
  if (at.optimiser["bias_correction"] == 0) return moved(at, scaled(at, at.states[0], at.states[1]));
  const auto share = [&](const char* name) {
    return at.b.leaf(Op::derived, name, {ir::Element::real, {}, -1});
  };
  const NodeId mean = at.b.mul(at.states[0], share(mean_share));
  return moved(at, scaled(at, mean, at.b.mul(at.states[1], share(square_share))));
}

/// Decay of w itself, outside the moments (Loshchilov & Hutter 2019, algorithm 2).
NodeId adamw(OptimiserStep& at) {
  const NodeId next = adam(at);
  return at.b.sub(next, at.b.mul(at.b.mul(at.rate, constant(at, "weight_decay")), at.parameter));
}

struct Rule {
  std::string_view name;
  std::vector<std::string_view> states;
  NodeId (*apply)(OptimiserStep&);
  bool decays = false;  // by itself
};

const Rule& rule(const ir::Optimiser& optimiser) {
  static const std::array<Rule, 6> rules = {{
      {"sgd", {}, sgd},
      {"momentum", {"velocity"}, momentum},
      {"adagrad", {"square"}, adagrad},
      {"rmsprop", {"square"}, rmsprop},
      {"adam", {"mean", "square"}, adam},
      {"adamw", {"mean", "square"}, adamw, true},
  }};
  const auto found = std::ranges::find(rules, optimiser.row->name, &Rule::name);
  if (found == rules.end()) throw ir::InternalError("an optimiser without a rule");
  return *found;
}

}  // namespace

std::vector<std::string_view> states(const ir::Optimiser& optimiser) {
  return rule(optimiser).states;
}

std::vector<SharedScalar> shared_scalars(ir::Builder& b, const ir::Optimiser& optimiser, NodeId step) {
  const bool corrects =
      std::ranges::count(optimiser.row->options, "bias_correction", &ir::OptimiserOption::name) > 0;
  if (!corrects || optimiser["bias_correction"] == 0) return {};
  const auto share = [&](std::string_view beta) {
    const NodeId power = b.binary(Op::pow, b.constant(optimiser[beta]), step);
    return b.unary(Op::reciprocal, b.sub(b.constant(1), power));
  };
  const NodeId mean = share("beta1");
  return {{mean_share, mean}, {square_share, share("beta2")}};
}

NodeId step(OptimiserStep& at) {
  const Rule& of = rule(at.optimiser);
  // The bound is raised, so a penalty on |w|^2 / 2 pulls against g.
  if (!of.decays && at.optimiser["weight_decay"] > 0)
    at.gradient = at.b.sub(at.gradient, at.b.mul(constant(at, "weight_decay"), at.parameter));
  return of.apply(at);
}

}  // namespace lvm::gradient
