#pragma once
// Program: what the run time walks. State, data slots, Tensor functions split by binding time, and the phases
// of a fit.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/program/frame.h"
#include "ir/program/gaussian_steps.h"
#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// The set that a parameter lives in. The last axis (two for matrices) is the event.
enum class Domain : uint8_t { real, positive, unit, simplex, ordered, covariance, correlation };
std::string_view name(Domain domain);

/// A named block of doubles, row-major over the declared order of its axes.
struct Slot {
  std::string name;
  std::vector<AxisId> axes;  // in layout order: the node's sorted axes
  int64_t offset = 0;        // in doubles, from the start of its buffer
  int64_t size = 0;          // doubles
  /// Two of `axes` under whose exchange a statistic stays the same: compiled code adds up what is on and
  /// below the diagonal.
  std::vector<AxisId> symmetric = {};
};

/// The distribution that a parameter's first numbers are drawn from: all `mean`, or about it.
struct StartDraw {
  enum class Kind : uint8_t { constant, uniform, normal } kind = Kind::constant;
  double mean = 0;
  double spread = 0;  // half the width of a uniform, the standard deviation of a normal
};
struct ParameterSlot : Slot {
  Domain domain = Domain::real;
  bool fixed = false;
  std::vector<double> start;    // `fixed` and `init` values; empty: chosen by the start
  std::vector<uint8_t> mask;    // 0: held at zero, where EM keeps what starts there; empty: none
  int64_t free_dimensions = 0;  // for AIC and BIC
  std::vector<AxisId>
      event;  // of simplex and ordered {K}, of matrices {D, D'}; empty: the last one or two of `axes`
  bool internal = false;  // state of the optimiser: no parameter of the model
  bool follows = false;   // a running statistic of batches: no parameter that is climbed
  StartDraw draw = {};    // of the gradient route, where `start` is empty: of its coordinates
};

/// What a data slot that the run time draws is filled with, one number an element and row.
/// `flags`: 1 with the probability that the table has. `layer`: uniform in [0, 1) on a grid of 2^-32, in
/// training steps alone.
enum class Draws : uint8_t { none, normal, uniform, flags, layer };

/// A data or given variable: `size` consecutive entries of lvm_frame::columns from `offset`, one a cell of
/// its axes.
struct DataSlot : Slot {
  Element element = Element::real;
  Draws draws = Draws::none;
};

/// One condition that compiled code checks; element i of it fails with code 1 + offset + i.
struct Check : Slot {
  enum class Kind : uint8_t { collapse, empty, not_finite, not_positive_definite };
  Kind kind = Kind::not_finite;
  std::string message;  // "component {} has collapsed: …": {} is the element
};

/// One step of a phase: run a function of the module.
struct Phase {
  std::string name;                    // "em"
  std::vector<std::string> functions;  // in order: "prepare", "rows", "update"
};

/// Derived scalars between a Program and the run time: ln P(parameters), a part of the objective (written by
/// `prepare`), and the part of each Newton step that `update` takes (written by the run time: 1, and less
/// where the objective would fall).
inline constexpr const char* log_prior_slot = "log_prior";
inline constexpr const char* newton_step_slot = "newton.step";

/// A latent whose hard assignment (k-means) starts a run: `start` reads it as the data column `slot`.
struct StartLatent {
  std::string latent;
  std::string slot = "assignment";
  int64_t states = 0;
  bool observed = false;  // in some rows: its own data column then has the assignment
  int64_t block = 0;      // latents of one block depend on each other
  std::string in_order =
      "";  // a data variable that rises with the number of the value; empty: none is known to
  std::vector<std::string> features = {};  // data variables that tell something of it; none: all
  std::vector<std::string> angles = {};    // data variables that are angles
};
/// A continuous latent whose values start a run: `start` reads them as the data columns of `slot`.
struct StartValues {
  std::string latent, slot;
  bool scores =
      false;  // standardised scores of the data columns, an element of the latent each; else all are `value`
  double value = 0;
  bool one_scale = false;  // of the columns, whose own spreads then count
  std::string cells = "";  // a data variable whose cells, without their noise, are the values
  int64_t steps = 0;       // of a chain: the values of so many rows before, of the entry of the latent itself
};
/// Row outputs: the posterior mean and standard deviation of each element of a continuous latent.
inline constexpr const char* posterior_mean_prefix = "mean_";
inline constexpr const char* posterior_sd_prefix = "sd_";

/// Finite latents of steps that depend on earlier steps. Rows are steps in order, series behind series. The
/// state of a step is a word of `order` letters, its own first: the values of all latents of a step are a
/// letter. Beside the other functions a Program has
///   `emissions`  a tile of rows, parameters -> row outputs: ln P(data | state) of each state, its greatest,
///   and exp of the others beside it;
///                of a chain whose transitions differ from row to row, the same of them, [own letter, …, the
///                oldest].
/// Between `emissions` and any function that reads the posterior the run time walks the series, and gives a
/// row as data columns: P(state | all data), P(state of the step before | data up to it), and the two parts
/// of ln P(data | data of earlier steps) = ln scale + peak.
struct Chain {
  std::vector<std::string> latents = {};  // of a letter; the last runs fastest
  std::vector<int64_t> values = {};       // how many each has
  int64_t letters = 0;
  int64_t order = 1;
  bool of_rows =
      false;  // the transitions differ from row to row; else they are the derived slots of the same names
  bool point = false;  // the best path instead of all
  int64_t states() const;
};
inline constexpr const char* emissions_function = "emissions";
inline constexpr const char* chain_prefix = "chain.";
inline constexpr const char* chain_log_slot = "chain.log";        // row output, [states]
inline constexpr const char* chain_weight_slot = "chain.weight";  // row output, [states]: exp(log - peak)
inline constexpr const char* chain_peak_slot = "chain.peak";      // row output, and data column
inline constexpr const char* chain_log_transition_slot =
    "chain.log_transition";  // [own letter, …, the oldest]
inline constexpr const char* chain_transition_slot =
    "chain.transition";                                           // exp of it, of rows less the row's peak
inline constexpr const char* chain_states_slot = "chain.states";  // data columns, [states]
inline constexpr const char* chain_before_slot =
    "chain.before";  // data columns, [states], 0 in the first rows of a series
inline constexpr const char* chain_scale_slot = "chain.scale";  // data column

/// What `start` reads of the hard assignment of an earlier step: starts[of], `steps` rows before.
struct StartLag {
  std::string slot;
  size_t of = 0;
  int64_t steps = 1;
};

/// "<data>.observed": a derived slot that the run time writes for each pattern of observed cells, 1 where a
/// cell is there and 0 where it is absent. A Program that has one is walked pattern by pattern, over rows
/// sorted by their patterns, with 0 in absent cells:
///   `pattern`  derived values, parameters -> more derived values, before the first rows of each pattern;
///   `impute`   the statistics of the rows of one pattern -> the same completed by what its absent cells are
///   expected to be.
/// `start` reads none of this: absent cells then hold values that the run time chose.
inline constexpr const char* observed_suffix = ".observed";
inline constexpr const char* pattern_function = "pattern";
inline constexpr const char* impute_function = "impute";

/// Where sums over rows may be taken about one origin for all states, which costs less, a Program has beside
/// `rows`
///   `rows_about_origin`  the same sums with moments about the origin: a point among the states' means,
///   written by `prepare`; `recentre`           those sums -> what `rows` would have summed, about each
///   state's mean.
/// They are right to a relative rounding of 2^-52 times the derived scalar `separation`: the greatest squared
/// distance of a mean from the origin, in standard deviations of its state. The run time calls `rows` where
/// that is more than `most_separation`.
inline constexpr const char* origin_rows_function = "rows_about_origin";
inline constexpr const char* recentre_function = "recentre";
inline constexpr const char* separation_slot = "separation";
inline constexpr double most_separation = 0x1p16;

/// A Program of the method "gradient" is `batched`. Its parameters are coordinates without bounds: `natural`
/// makes those of the model from them. Functions:
///   `prepare`   parameters -> derived values, before each step;
///   `step`      a tile of a batch -> the bound, its parts, and the sums over rows that its derivative is
///   made of; `optimise`  these sums -> the parameters and the state of the optimiser behind one step;
///   `bound`     a tile -> the bound and its parts, a row and in sum;
///   `natural`   parameters -> the same inside their domains;
///   `prior`     parameters -> the derived value `log_prior`, where they have priors.
/// Derived scalars that the run time writes before each step:
inline constexpr const char* batch_rows_slot = "batch.rows";         // the weight of the batch's rows
inline constexpr const char* data_rows_slot = "data.rows";           // and of all rows
inline constexpr const char* rate_slot = "rate";                     // of the optimiser, from its schedule
inline constexpr const char* step_slot = "step";                     // counted from 1
inline constexpr const char* divergence_slot = "divergence.weight";  // beta, and less while it warms up
inline constexpr const char* gradient_prefix = "gradient.";
inline constexpr const char* follows_prefix =
    "follows.";  // and the name of a running statistic: its value in the batch

/// A parameter that is a weighted median of cells: the run time writes it behind `update`, from the rows'
/// weights at the old parameters.
struct Median {
  std::string parameter;
  std::string variable;  // its cells; elements that the parameter has no axis of are pooled
  std::string weights =
      "";  // a row output over `states`, an axis of the parameter; empty: each row counts once
  AxisId states = -1;
};

struct Program {
  std::string model;
  std::string method;            // "em", "gradient"
  bool single = false;           // numbers of the frame are floats, not doubles
  bool narrow_products = false;  // and products of `step` have bfloat16 operands
  bool trained_otherwise =
      false;                  // layers of `step` compute something else than in `bound`, which evaluates them
  bool second_order = false;  // what functions over rows sum is quadratic in the cells: mean and covariance
                              // of the columns are sufficient
  bool batched = false;  // statistics have no lanes: the first tile of a batch (first_row 0) sets them, the
                         // others are added
  int64_t tile_rows = LVM_TILE_ROWS;  // at most so many rows a call of a batched function
  Module module;  // level step: once, prepare, pattern, rows, rows_about_origin, posterior, impute, recentre,
                  // start, update, begin
  std::vector<DataSlot> data;
  std::vector<ParameterSlot> parameters;
  std::vector<Median> medians;
  std::vector<Slot> derived;     // written by once and prepare
  std::vector<Slot> statistics;  // the objective is the slot named "objective"
  std::vector<Slot> row_outputs;
  std::vector<Check> checks;
  std::vector<Phase> phases;
  int64_t scratch_bytes = 0;  // the greatest need of its compiled functions; set by `schedule`

  std::string objective_name = "log_likelihood";
  std::vector<StartValues>
      start_values;  // their slots are the last of `data` but for those of `starts`, in the same order
  std::vector<StartLatent> starts;     // their slots are the last of `data`, in the same order
  std::vector<StartLag> start_lags;    // their slots stand before those of `start_values`
  std::optional<Chain> chain;          // the slots of its columns stand before all of these
  std::optional<GaussianSteps> steps;  // the same

  int64_t parameter_doubles() const;
  int64_t derived_doubles() const;
  int64_t statistic_doubles() const;
  int64_t data_columns() const;
  /// From one column of a batched function to the next: more than the rows of a tile, and no power of two, so
  /// that equal rows of neighbouring columns share no cache set.
  int64_t batch_stride() const { return tile_rows + 16; }
};

std::string print(const Program& program);
/// Lays the slots of each buffer out one behind the other.
void assign_offsets(Program& program);
/// The other half of each symmetric statistic of `program.statistics`, from what compiled code has summed.
void complete_symmetric(const Program& program, double* statistics);

/// The functions of a Program as callables: compiled ones, or the reference interpreter behind the same
/// frame.
using Executable = std::map<std::string, std::function<int32_t(lvm_frame*)>>;

}  // namespace lvm::ir
