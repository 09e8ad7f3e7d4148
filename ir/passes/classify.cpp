#include "ir/passes/classify.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace lvm::ir {
namespace {

struct Context {
  const Function& function;
  const Subject& subject;
  const std::vector<Dependence>& known;  // of the nodes before this one
  NodeId node;
  const Node& at() const { return function[node]; }
  NodeId input(size_t i) const { return at().inputs[i]; }
  const Dependence& of(size_t i) const { return known[static_cast<size_t>(input(i))]; }
  size_t arity() const { return at().inputs.size(); }
};

using Rule = Dependence (*)(const Context&);

Dependence top(const Context& c) {
  return {.form = Form::nonlinear, .culprit = c.node};
}

bool linear(const Dependence& d) {
  return d.form == Form::view || d.form == Form::scale || d.form == Form::affine ||
         (d.form == Form::pos_power && d.exponent == 1);
}

Dependence with(const Context& c, const Dependence& d, Form form) {
  return {.form = form, .selections = d.selections, .culprit = d.form == form ? d.culprit : c.node};
}

bool discrete(const Dependence& d) {
  return d.form == Form::select || d.form == Form::gate;
}

/// What holds for every op: constants stay constant, the first NonLinear stays the reason, functions of a
/// finite variable are gates.
std::optional<Dependence> shared(const Context& c) {
  bool all_constant = true, any_discrete = false, all_gates = true;
  for (size_t i = 0; i < c.arity(); ++i) {
    const Dependence& d = c.of(i);
    if (d.form == Form::nonlinear) return d;
    all_constant = all_constant && d.form == Form::constant;
    any_discrete = any_discrete || discrete(d) || (c.subject.finite && d.form == Form::view);
    all_gates =
        all_gates && (d.form == Form::constant || discrete(d) || (c.subject.finite && d.form == Form::view));
  }
  if (all_constant) return Dependence{};
  if (any_discrete) return all_gates ? Dependence{.form = Form::gate, .culprit = c.node} : top(c);
  return std::nullopt;
}

/// c v^k, with a view of a positive variable as its plain case.
std::optional<Dependence> as_power(const Context& c, const Dependence& d) {
  if (d.form == Form::pos_power) return d;
  if (d.form == Form::view && c.subject.positive) {
    Dependence power = d;
    power.form = Form::pos_power;
    return power;
  }
  return std::nullopt;
}

bool is_positive(const Function& f, NodeId node) {
  const Node& n = f[node];
  if (n.op == Op::constant) return n.attributes.number > 0;
  return n.type.element == Element::positive;
}

Dependence rule_leaf(const Context&) {
  return {};
}
Dependence rule_nonlinear(const Context& c) {
  return top(c);
}

/// Ops that only repeat or keep elements in place.
Dependence rule_keep(const Context& c) {
  return c.of(0);
}

/// A linear map of one input that mixes or moves elements.
Dependence rule_linear_map(const Context& c) {
  for (size_t i = 0; i < c.arity(); ++i) {
    if (c.of(i).form != Form::constant && !linear(c.of(i))) return top(c);
  }
  return {.form = Form::affine, .culprit = c.node};
}

Dependence rule_neg(const Context& c) {
  const Dependence& d = c.of(0);
  if (d.form == Form::quadratic) return d;
  if (!linear(d)) return top(c);
  return with(c, d, d.form == Form::affine ? Form::affine : Form::scale);
}

Dependence rule_add(const Context& c) {
  const Dependence &a = c.of(0), &b = c.of(1);
  const auto at_most = [](const Dependence& d, bool quadratic) {
    return d.form == Form::constant || linear(d) || (quadratic && d.form == Form::quadratic);
  };
  if (at_most(a, false) && at_most(b, false)) {
    if (b.form == Form::constant && a.form == Form::affine) return a;
    if (a.form == Form::constant && b.form == Form::affine) return b;
    return {.form = Form::affine, .culprit = c.node};
  }
  if (at_most(a, true) && at_most(b, true)) return {.form = Form::quadratic, .culprit = c.node};
  return top(c);
}

Dependence times_constant(const Context& c, const Dependence& d, NodeId factor, double power) {
  if (is_positive(c.function, factor)) {
    if (auto result = as_power(c, d)) {
      result->coefficients.emplace_back(factor, power);
      result->culprit = c.node;
      return *result;
    }
  }
  if (d.form == Form::quadratic || d.form == Form::affine) return with(c, d, d.form);
  return linear(d) ? with(c, d, Form::scale) : top(c);
}

/// c1 v^k1 * c2 v^k2 of the same elements of v.
std::optional<Dependence> power_product(const Context& c, double sign) {
  auto a = as_power(c, c.of(0));
  const auto b = as_power(c, c.of(1));
  if (!a || !b || a->selections != b->selections) return std::nullopt;
  if (c.function[c.input(0)].type.axes != c.function[c.input(1)].type.axes) return std::nullopt;
  for (const auto& [node, power] : b->coefficients) a->coefficients.emplace_back(node, sign * power);
  a->exponent += sign * b->exponent;
  a->culprit = c.node;
  if (a->exponent == 0) return std::nullopt;
  return a;
}

Dependence rule_mul(const Context& c) {
  if (c.of(0).form == Form::constant) return times_constant(c, c.of(1), c.input(0), 1);
  if (c.of(1).form == Form::constant) return times_constant(c, c.of(0), c.input(1), 1);
  if (const auto product = power_product(c, 1)) return *product;
  if (linear(c.of(0)) && linear(c.of(1))) return {.form = Form::quadratic, .culprit = c.node};
  return top(c);
}

Dependence powered(const Context& c, const Dependence& d, double power) {
  auto result = as_power(c, d);
  if (!result || power == 0) return top(c);
  result->exponent *= power;
  for (auto& [node, exponent] : result->coefficients) exponent *= power;
  result->culprit = c.node;
  return *result;
}

Dependence rule_div(const Context& c) {
  if (c.of(1).form == Form::constant) return times_constant(c, c.of(0), c.input(1), -1);
  if (const auto quotient = power_product(c, -1)) return *quotient;
  if (c.of(0).form != Form::constant || !is_positive(c.function, c.input(0))) return top(c);
  Dependence result = powered(c, c.of(1), -1);
  if (result.form == Form::pos_power) result.coefficients.emplace_back(c.input(0), 1);
  return result;
}

Dependence rule_square(const Context& c) {
  if (as_power(c, c.of(0))) return powered(c, c.of(0), 2);
  return linear(c.of(0)) ? Dependence{.form = Form::quadratic, .culprit = c.node} : top(c);
}
Dependence rule_sqrt(const Context& c) {
  return powered(c, c.of(0), 0.5);
}
Dependence rule_reciprocal(const Context& c) {
  return powered(c, c.of(0), -1);
}

Dependence rule_pow(const Context& c) {
  const Node& exponent = c.function[c.input(1)];
  if (exponent.op != Op::constant || c.of(1).form != Form::constant) return top(c);
  if (exponent.attributes.number == 2) return rule_square(c);
  if (exponent.attributes.number == 1) return c.of(0);
  return powered(c, c.of(0), exponent.attributes.number);
}

Dependence rule_log(const Context& c) {
  auto power = as_power(c, c.of(0));
  if (!power) return top(c);
  power->form = Form::log_of;
  power->culprit = c.node;
  return *power;
}

Dependence rule_exp(const Context& c) {
  if (c.of(0).form != Form::log_of) return top(c);
  Dependence power = c.of(0);
  power.form = Form::pos_power;
  return power;
}

/// A product of all inputs, summed over axes.
Dependence rule_contract(const Context& c) {
  int moving = 0;
  for (size_t i = 0; i < c.arity(); ++i) {
    const Dependence& d = c.of(i);
    if (d.form == Form::constant) continue;
    if (!linear(d)) return top(c);
    ++moving;
  }
  if (moving > 2) return top(c);
  return {.form = moving == 1 ? Form::affine : Form::quadratic, .culprit = c.node};
}

Dependence rule_fma(const Context& c) {
  const Dependence &a = c.of(0), &b = c.of(1), &add = c.of(2);
  const bool moves = a.form != Form::constant && b.form != Form::constant;
  for (const Dependence* d : {&a, &b, &add}) {
    if (d->form != Form::constant && !linear(*d) && !(d == &add && d->form == Form::quadratic)) return top(c);
  }
  const bool square = moves || add.form == Form::quadratic;
  return {.form = square ? Form::quadratic : Form::affine, .culprit = c.node};
}

/// The condition must be free of v: then each side is taken as it stands, so an affine choice stays affine.
Dependence rule_select(const Context& c) {
  if (c.of(0).form != Form::constant) return top(c);
  for (const size_t side : {size_t{1}, size_t{2}}) {
    if (c.of(side).form != Form::constant && !linear(c.of(side))) return top(c);
  }
  return {.form = Form::affine, .culprit = c.node};
}

Dependence rule_gather(const Context& c) {
  const Dependence &table = c.of(0), &index = c.of(1);
  if (index.form != Form::constant) return top(c);  // a finite index is handled before the rules
  if (table.form == Form::affine || table.form == Form::quadratic) return table;
  if (table.form != Form::view && table.form != Form::scale && table.form != Form::pos_power) return top(c);
  const AxisId axis = c.at().attributes.axes.at(0);
  for (const auto& [node, power] : table.coefficients) {
    if (c.function[node].type.has(axis)) return top(c);  // the coefficient is selected with the variable
  }
  Dependence result = table;
  result.selections.push_back({c.input(1), axis});
  return result;
}

/// A product with a constant matrix (or kernel) is linear; with a constant vector it is linear in the matrix.
Dependence rule_bilinear(const Context& c) {
  return rule_contract(c);
}

/// L x with a constant L.
Dependence rule_apply(const Context& c) {
  return c.of(0).form == Form::constant && linear(c.of(1))
             ? Dependence{.form = Form::affine, .culprit = c.node}
             : top(c);
}

Rule rule_of(Op op) {
  switch (op) {
    case Op::constant:
    case Op::data:
    case Op::parameter:
    case Op::derived:
    case Op::statistic:
    case Op::latent:
    case Op::argument:
    case Op::iota:
    case Op::identity: return rule_leaf;
    case Op::neg: return rule_neg;
    case Op::exp: return rule_exp;
    case Op::log: return rule_log;
    case Op::sqrt: return rule_sqrt;
    case Op::square: return rule_square;
    case Op::reciprocal: return rule_reciprocal;
    case Op::add:
    case Op::sub: return rule_add;
    case Op::mul: return rule_mul;
    case Op::div: return rule_div;
    case Op::pow: return rule_pow;
    case Op::fma: return rule_fma;
    case Op::select: return rule_select;
    case Op::broadcast: return rule_keep;
    case Op::sum:
    case Op::rename:
    case Op::stack:
    case Op::slice:
    case Op::diag:
    case Op::diagonal:
    case Op::reshape: return rule_linear_map;
    case Op::contract: return rule_contract;
    case Op::gather: return rule_gather;
    case Op::triangular_apply:
    case Op::triangular_solve:
    case Op::solve: return rule_apply;
    case Op::matmul:
    case Op::conv2d:
    case Op::conv2d_transpose:
    case Op::conv2d_filters: return rule_bilinear;
    case Op::abs:
    case Op::expm1:
    case Op::log1p:
    case Op::sigmoid:
    case Op::softplus:
    case Op::tanh:
    case Op::relu:
    case Op::erf:
    case Op::lgamma:
    case Op::digamma:
    case Op::trigamma:
    case Op::erfcx:
    case Op::cos:
    case Op::sin:
    case Op::binet:
    case Op::binet_slope:
    case Op::binet_curve:
    case Op::log_bessel:
    case Op::bessel_ratio:
    case Op::bessel_slope:
    case Op::log_gamma_draw:
    case Op::log_gamma_draw_slope:
    case Op::floor:
    case Op::is_finite:
    case Op::logical_not:
    case Op::maximum:
    case Op::minimum:
    case Op::less:
    case Op::less_equal:
    case Op::equal:
    case Op::logical_and:
    case Op::logical_or:
    case Op::reduce_max:
    case Op::logsumexp:
    case Op::argmax:
    case Op::one_hot:
    case Op::cholesky:
    case Op::triangular_inverse:
    case Op::inverse:
    case Op::log_determinant:
    case Op::eigenvalues:
    case Op::call:
    case Op::scan:
    case Op::logpdf:
    case Op::expect:
    case Op::entropy:
    case Op::sample: return rule_nonlinear;
  }
  throw InternalError("classify: an op without a rule");
}

/// T[v]: a row of a table, chosen by the finite variable itself.
bool is_selection(const Context& c) {
  return c.at().op == Op::gather && c.subject.finite && c.input(1) == c.subject.node &&
         c.of(0).form == Form::constant;
}

}  // namespace

std::string_view name(Form form) {
  switch (form) {
    case Form::constant: return "constant";
    case Form::view: return "view";
    case Form::pos_power: return "pos_power";
    case Form::scale: return "scale";
    case Form::affine: return "affine";
    case Form::quadratic: return "quadratic";
    case Form::select: return "select";
    case Form::gate: return "gate";
    case Form::log_of: return "log_of";
    case Form::nonlinear: return "nonlinear";
  }
  return "";
}

Dependence classify(const Function& function, NodeId expression, const Subject& subject) {
  std::vector<Dependence> known(static_cast<size_t>(expression) + 1);
  for (NodeId id = 0; id <= expression; ++id) {
    const Context context{function, subject, known, id};
    Dependence& result = known[static_cast<size_t>(id)];
    if (id == subject.node) {
      result.form = Form::view;
    } else if (is_selection(context)) {
      result = {.form = Form::select, .culprit = id};
    } else if (auto decided = shared(context)) {
      result = *decided;
    } else {
      result = rule_of(function[id].op)(context);
    }
  }
  return known[static_cast<size_t>(expression)];
}

bool is_affine(const Dependence& d) {
  return d.form == Form::constant || linear(d);
}

bool is_pos_power(const Dependence& d) {
  return d.form == Form::pos_power || d.form == Form::view;
}

bool depends_on(const Function& function, NodeId expression, NodeId leaf) {
  std::vector<bool> reached(static_cast<size_t>(expression) + 1, false);
  for (NodeId id = 0; id <= expression; ++id) {
    const auto& inputs = function[id].inputs;
    reached[static_cast<size_t>(id)] = id == leaf || std::any_of(inputs.begin(), inputs.end(), [&](NodeId i) {
                                         return reached[static_cast<size_t>(i)];
                                       });
  }
  return reached[static_cast<size_t>(expression)];
}

}  // namespace lvm::ir
