#pragma once
// classify: how an expression depends on one variable.  Purpose: closed forms are found by composing one
// class bottom-up, one transfer rule an op, and never by names of distributions. Before: an expression of
// level elbo without logpdf.  After: the smallest class of the lattice that the rules can prove,
//
//   Const < View < PosPower (c v^k, c > 0) < Scale (c v) < Affine (A v + b) < Quadratic,
//   Select (T[v]) < Gate (any function of a finite v),   LogOf (ln of a PosPower),   and the top NonLinear.
//
// Coefficients may hold other variables. `2 * sd[z]` is, for `sd`, PosPower with coefficient 2, exponent 1,
// selected by `z`; for `z` it is a Gate.

#include <string_view>
#include <utility>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

enum class Form : uint8_t {
  constant,
  view,
  pos_power,
  scale,
  affine,
  quadratic,
  select,
  gate,
  log_of,
  nonlinear,
};
std::string_view name(Form form);

/// `v[index]` along `axis`: the variable's own axis is replaced by the axes of the index.
struct Selection {
  NodeId index;
  AxisId axis;
  bool operator==(const Selection&) const = default;
};

struct Dependence {
  Form form = Form::constant;
  /// pos_power and log_of: c = product of coefficient^power, and k. A view is k = 1 without coefficients.
  std::vector<std::pair<NodeId, double>> coefficients = {};
  double exponent = 1;
  std::vector<Selection> selections = {};
  /// The op that made the class what it is, when it is above view: what a message points at.
  NodeId culprit = no_node;
};

/// The variable that is looked at: its leaf, and what is known of its values.
struct Subject {
  NodeId node;
  bool positive = false;  // positive numbers, or positive definite matrices
  bool finite = false;    // a category or a bool
};

Dependence classify(const Function& function, NodeId expression, const Subject& subject);

/// At most affine in the variable: constants, views, scales with exponent 1 and sums of them.
bool is_affine(const Dependence& dependence);
/// c v^k with a positive c that does not hold v.
bool is_pos_power(const Dependence& dependence);
/// True where the node has the leaf among its inputs, however far down.
bool depends_on(const Function& function, NodeId expression, NodeId leaf);

}  // namespace lvm::ir
