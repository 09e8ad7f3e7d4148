#pragma once
// Model: the typed factor graph that analysis makes of the syntax tree. Plates and rows stay symbolic.
// Expressions are Tensor nodes of the function "model" in `module`; everything else points into it by NodeId.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "ir/tensor/tensor.h"

namespace lvm::ir {

enum class Role : uint8_t { data, given, weight, latent, parameter, constant };
std::string_view name(Role role);

/// Where an axis takes its size from.
enum class SizeSource : uint8_t { literal, columns, levels };

struct ModelAxis {
  AxisId id;
  SizeSource source = SizeSource::literal;
  SourceRange range;
};

/// How a data, given or weight variable finds its columns. Empty patterns: by name.
struct Binding {
  enum class Preprocess : uint8_t { none, binarise_threshold, binarise_stochastic, scale };
  std::vector<std::string> patterns;  // "w", "b*", "!b7", and "x1".."x9" as the text "x1..x9"
  Preprocess preprocess = Preprocess::none;
  double low = 0, high = 0;  // threshold: low; else what becomes 0 and 1
  SourceRange range;
};

/// How the numbers of a network's weight begin. Fans: how many inputs one output sums up, and how many
/// outputs one input enters.
enum class Initialiser : uint8_t {
  zero,
  one,
  glorot_uniform,  // Glorot & Bengio 2010, eq. 16: within ±sqrt(6 / (fan in + fan out))
  he_normal,       // He, Zhang, Ren & Sun 2015, eq. 10: variance 2 / fan in
  lecun_normal,    // LeCun, Bottou, Orr & Müller 1998, sec. 4.6: variance 1 / fan in
  fan_in_uniform,  // within ±1 / sqrt(fan in), as PyTorch's layers begin, weights and biases alike
  uniform,
  normal,  // of the scale that is given
};
std::string_view name(Initialiser initialiser);

struct WeightStart {
  Initialiser initialiser = Initialiser::zero;
  double scale = 0;                               // of `uniform` and `normal`
  std::vector<AxisId> fan_in = {}, fan_out = {};  // a fan is the product of the sizes of these axes
};

/// Of axes whose sizes are known.
StartDraw start_draw(const Module& module, const WeightStart& start);

struct Variable {
  std::string name;
  Role role;
  Type type;                          // data and latents of rows carry the row axis
  Domain domain = Domain::real;       // parameters: simplex, covariance, …
  std::vector<AxisId> declared_axes;  // as written (covariance[K, D]: K, D, D'), without the row axis: order
                                      // of the user's parameters
  NodeId node = no_node;              // its leaf in `function`
  SourceRange range;                  // of the name in its declaration

  Binding binding;  // data, given, weight
  bool missing = false;
  AxisId states = -1;  // of a finite latent, one a row: the axis of its values
  int64_t patterns =
      0;  // sets of observed cells that rows of the bound table have; 0: not known, or none is absent
  std::string plate;  // `per`
  bool global = false;
  int posterior_of = -1;  // of a parameter of q(v), v one for the whole model: v's index
  bool fixed = false, init = false;
  std::vector<double> value;  // of fixed and init parameters and constants, row-major over declared_axes
  std::vector<uint8_t> mask;  // empty: none
  /// The prior of a parameter: a logpdf node over its leaf; no_node without one.
  NodeId prior = no_node;
  SourceRange prior_range;
  std::string network;       // of a weight: the `net` that owns it; empty: a parameter of the model
  WeightStart start;         // of a weight
  NodeId follows = no_node;  // of a running statistic: what a training step moves it towards, by no gradient:
  double momentum = 0;       // value <- momentum value + (1 - momentum) follows
};

/// What networks compute differs between the steps that train them and every other use: a scalar `derived`
/// leaf, 1 or 0.
inline constexpr const char* training_leaf = "training";
/// `data` leaves with this prefix and the name of a layer: uniform in [0, 1), drawn anew for each row of each
/// training step.
inline constexpr const char* noise_prefix = "noise.";

/// A reference to a variable, with the position in a sequence: `z[t-1]` is {z, step, -1}.
struct VariableUse {
  enum class Place : uint8_t { row, step, first };
  int variable;
  Place place = Place::row;
  int offset = 0;
};

/// Rows of a series that a factor holds for, counted from 0: all from `first` on, or that one alone.
struct Steps {
  int64_t first = 0;
  bool alone = false;
  bool all() const { return first == 0 && !alone; }
};

/// P(variable | parents) = …
struct Factor {
  VariableUse variable;
  std::vector<VariableUse> parents;
  NodeId log_density;  // a logpdf node; its axes beyond the row axis are summed by build_elbo
  SourceRange range;   // of the whole declaration
  SourceRange distribution_range;
  Steps steps = {};  // of a model whose rows are steps (ir/passes/chain_rows.h)
};

enum class PosteriorForm : uint8_t { exact, point, automatic, distribution };

/// q(variables | parents) = …
struct Posterior {
  std::vector<int> variables;
  std::vector<VariableUse> parents;
  PosteriorForm form;
  NodeId log_density = no_node;  // for `distribution`
  bool factored = false;         // came from a factorisation: exact is then the optimal coordinate factor
  bool joins_rows = false;       // of latents of the whole model: those of rows stood beside them
  SourceRange range;             // of the left side `q(z | y)`
};

/// Fit settings with the language's defaults; `range` by name for messages.
struct FitSettings {
  std::string method = "auto";
  int64_t iterations = 1000;
  double tolerance = 1e-6;  // the remaining gain by Aitken's estimate, in nats
  int64_t restarts = 1;
  bool accelerate = false;  // leaps of SQUAREM between the iterations
  uint64_t seed = 1;
  std::map<std::string, std::string> others;  // settings of the gradient route, as text
  std::map<std::string, SourceRange> ranges;
};

/// Something the language has and the compiler cannot do yet, found by analysis; the plan refuses it with its
/// range.
struct Unsupported {
  std::string what;  // "a neural network", "a row weight"
  std::string way_out;
  SourceRange range;
};

/// Rows that share the values of these columns are a group; what is `per` the plate is one for all of them.
struct ModelPlate {
  std::string name;
  std::vector<std::string> columns;
  SourceRange range;
};

/// Rows with equal values of `by` are a series, in the order of the column `order`: each row is a step.
struct ModelSequence {
  std::string name;
  std::vector<std::string> by;
  std::string order;  // empty: as the table has them
  SourceRange range;
};

/// A variable that has the value of another one `steps` rows before.
struct Lag {
  int variable, of;
  int steps;
};

struct Model {
  std::string name;
  Module module;  // level elbo; axis 0 is `row`; holds the function "model"
  std::vector<ModelAxis> axes;
  std::vector<ModelPlate> plates;
  std::optional<ModelSequence> sequence;
  std::vector<Lag> lags;  // made by ir/passes/chain_rows: in the order of their steps
  std::vector<Variable> variables;
  std::vector<Factor> factors;
  std::vector<Posterior> posteriors;         // after analysis: covers every latent
  std::vector<Posterior> global_posteriors;  // of latents of the whole model, once they are parameters
                                             // (ir/passes/global_posteriors)
  FitSettings fit;
  std::vector<Unsupported> unsupported;

  const Function& function() const { return module.functions.front(); }
  std::optional<int> find(std::string_view name) const;
  /// The variable that weighs the rows; null where every row counts once.
  const Variable* row_weight() const;
};

inline constexpr AxisId row_axis = 0;

std::string print(const Model& model);

}  // namespace lvm::ir
