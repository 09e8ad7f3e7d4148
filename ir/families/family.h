#pragma once
// A family is a distribution's mathematics in one file: log density, sufficient statistics, closed forms.
// `families()` is the registry.

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// The slots of a logpdf node in its order, and the event axes that the node names (its `attributes.axes`):
/// Multinomial, Dirichlet and the Wisharts cannot tell them from the types alone.
struct Slots : std::vector<NodeId> {
  using std::vector<NodeId>::vector;
  Slots(std::vector<NodeId> nodes, std::vector<AxisId> axes = {})
      : std::vector<NodeId>(std::move(nodes)), event(std::move(axes)) {}
  std::vector<AxisId> event;
};

/// Writes ln p(value | slots) as Tensor arithmetic (level step). `value` and `slots` are the inputs of a
/// logpdf node in its order. The result has the axes of the logpdf node: those of value and slots without
/// event axes.
using LogDensity = std::function<NodeId(Builder&, NodeId value, const Slots& slots)>;

/// A term a row of a log density: an expression in the value and the slots, written like a density.
using Term = LogDensity;

/// ln p = a ln r - b r + (free of r),  r = slot^sign: rates, precisions (sign 1), scales (sign -1), standard
/// deviations (sign -2). a and b do not hold the slot.
struct RateForm {
  size_t slot;
  double sign;
  Term a, b;
};

/// ln p = a ln s + b ln(1 - s) + (free of s),  s = slot. a and b do not hold the slot.
struct OddsForm {
  size_t slot;
  Term a, b;
};

/// ln p = a v - b psi(v) + (free of v),  v = slot, psi'(v) a mean of which v = link(mean) is a rising
/// function: at the top v = link(sum a / sum b).
struct LinkForm {
  size_t slot;
  Term a, b;
  std::function<NodeId(Builder&, NodeId mean)> link;
};

/// ln p = -1/2 tr(A^-1 M) - df/2 ln|A| + df/2 l - df d/2 ln 2 - ln Gamma_d(df/2) + (free of df and A),  A =
/// scale^sign, d x d, where the slots are df and scale, and M and l are of the value alone.
struct MatrixForm {
  double sign;
  Term matrix, log_determinant;  // M [.., D, D'] and l
};

/// The log density of those elements of a vector that are observed, the others integrated out, and how to
/// complete the moments of the observed ones. `observed` is a bool for each element of the vector; absent
/// elements of `value` are 0.
struct Marginal {
  NodeId log_density;
  NodeId centred;        // d = value - mean, 0 where absent
  NodeId impute, spare;  // E[d | observed] = impute d,  Cov[d | observed] = spare
};
using MarginalDensity = std::function<Marginal(Builder&, NodeId value, const Slots& slots, NodeId observed)>;

/// The log density of y - mean where value and mean are both measured from one origin, with nothing between
/// them left that depends on both: u = W value - W mean instead of u = W (value - mean). The first product
/// needs no mean and its operand is the same for all means; W mean is of parameters alone. Digits are lost
/// where W mean is large beside u.
struct Separated {
  NodeId log_density;
  NodeId size;  // | |W| |mean| |^2, for each mean
};
using SeparatedDensity = std::function<Separated(Builder&, NodeId value, const Slots& slots)>;

/// Where a guarded Newton begins: the slots' values from the mean and the variance of `feature` over the rows
/// of a component (method of moments, or a rule near it). The result has one node a slot, inside the slot's
/// domain for any mean and any variance >= 0 that data of the support can have; a slot that the rule does not
/// know is `no_node`.
struct MomentStart {
  std::function<NodeId(Builder&, NodeId value)> feature = {};  // empty: the value itself
  std::function<std::vector<NodeId>(Builder&, NodeId mean, NodeId variance, const Slots& slots)> slots = {};
  /// A second feature, whose mean stands in the place of the variance. Empty: the variance of the first.
  std::function<NodeId(Builder&, NodeId value)> other = {};
};

/// What a component that closes in on a few rows takes to 0: the variance of an element, and that variance
/// beside the square of its size (`no_node` where values have no size of their own). Near right where small.
struct Narrowness {
  NodeId variance;
  NodeId relative = no_node;
};
using NarrownessOf = std::function<Narrowness(Builder&, const Slots& slots)>;

/// What a draw is made from: standard normal or uniform numbers in (0, 1).
enum class Noise : uint8_t { normal, uniform };

/// What the noise of a draw is spread over.
enum class NoiseShape : uint8_t {
  element,  // the elements of the value; several numbers each along `noise_axis`
  rank,     // those, and another one along the second event axis, which stands behind the slots
  range,    // the values that each element of a category may have
};

/// A draw from the family as a function of its slots: value = sample(noise, slots), with noise of a law that
/// is free of them. Where it is smooth, derivatives pass through it (Kingma & Welling 2014, section 2.4). The
/// terms ignore `value` but for `sample`, where it is the noise.
struct Reparameterised {
  Noise noise;
  std::string_view equation;  // of a sample, for people
  Term sample;
  Term entropy;         // H of an event: [.., without event axes]. Empty: it is estimated by draws
  Term mean, variance;  // of an element; empty where they are not known
  /// ln q of the draw that this noise makes, where that is less work than the density of the draw. Empty: it
  /// is not.
  Term density_of_noise = {};
  Term mean_log = {},
       mean_log_rest = {};  // E ln z and E ln(1 - z) of an element. Empty where they are not known
  /// Numbers of noise an element; several stand along the axis `noise_axis(number)`.
  int noises = 1;
  NoiseShape shape = NoiseShape::element;
  bool in_steps = false;  // the values are isolated: no derivative passes through a draw
};

/// Of the noise of a draw that takes several numbers an element; no variable's axis has such a name.
AxisId noise_axis(Module& module, int number);

/// What a density that is linear in the value, its logarithm and that of 1 - value needs of a value that is
/// drawn.
struct LogMeans {
  NodeId mean, log, rest;  // E z, E ln z, E ln(1 - z)
};
struct ExpectedByLogs {
  std::function<NodeId(Builder&, const LogMeans& of, const Slots& slots)> density;
  bool with_rest = false;  // it reads `rest`
};

/// E[ln p(value | slots)] over a value of independent elements of given mean and variance, where ln p is
/// quadratic in it.
using ExpectedDensity = std::function<NodeId(Builder&, NodeId mean, NodeId variance, const Slots& slots)>;

/// One parameterisation of one family: "Normal.mean.cov".
struct Family {
  std::string_view parameterisation;
  LogDensity log_density;
  std::vector<RateForm> rates = {};
  std::vector<OddsForm> odds = {};
  MomentStart start = {};
  /// Of a slot that takes any real predictor (logits, log_rate): the predictor at which the value would be
  /// its own mean, kept finite (ln(y + 1/2)), and the slot. Empty: there is none.
  Term link = {};
  size_t link_slot = 0;
  /// Of vectors whose elements can be absent one by one. Empty: there is none.
  MarginalDensity marginal = {};
  /// Of densities of an affine function of value and mean. Empty: there is none.
  SeparatedDensity separated = {};
  /// Of continuous elements. Empty where the likelihood has a bound whatever the slots are.
  NarrownessOf narrowness = {};
  std::vector<LinkForm> links = {};
  /// Of random matrices with degrees of freedom and a scale. Empty: there is none.
  std::optional<MatrixForm> matrix = {};
  /// Of families whose draws can be differentiated. Empty: there is none.
  std::optional<Reparameterised> draw = {};
  /// Empty where ln p is not quadratic in the value.
  ExpectedDensity expected = {};
  /// Empty where ln p is not linear in logarithms.
  ExpectedByLogs expected_by_logs = {};
};

const Family* find_family(std::string_view parameterisation);
const std::vector<Family>& families();

}  // namespace lvm::ir
