#pragma once
// fit: walks a Program from one or several starts to its best parameters.  The parameters that are returned
// are those whose objective was computed last: no update follows.  Any number of threads gives the same bits.

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/function_times.h"

namespace lvm::runtime {

struct Progress {
  int64_t restart = 0;    // from 0
  int64_t iteration = 0;  // updates done in this run
  double objective = 0;
  double gain = 0;                                              // over the iteration before
  double remaining = std::numeric_limits<double>::quiet_NaN();  // nats still to gain by Aitken's estimate;
                                                                // NaN: not known yet
  double seconds = 0;                                           // since fit began
};

struct FitOptions {
  int64_t iterations = 1000;  // updates a run; 0 evaluates the start
  double tolerance =
      1e-6;  // nats: a run has converged when what remains to be gained is less; 0: do all iterations
  int64_t restarts = 1;
  uint64_t seed = 1;
  bool accelerate = false;  // leaps of SQUAREM between the iterations
  int threads = 0;          // 0: as many as the machine has
  /// By name, in slot layout; either empty or with every parameter that is not fixed, inside its domain. One
  /// run from there.
  std::map<std::string, std::vector<double>> initial = {};
  /// Called after every objective; false stops the fit, which then returns its best so far. Runs go on side
  /// by side: the call may come from another thread, but never two at once.
  std::function<bool(const Progress&)> progress = {};
  double time_limit = std::numeric_limits<double>::infinity();  // seconds
};

enum class Stop : uint8_t { converged, iterations, epochs, patience, time_limit, stopped, failed };
std::string_view name(Stop stop);

/// How one run ended.
struct RunOutcome {
  int64_t restart = 0;
  int64_t iterations = 0;
  Stop stop = Stop::failed;
  double objective = -std::numeric_limits<double>::infinity();  // the last one
  int64_t leaps_tried = 0, leaps_taken = 0;                     // with `accelerate`
  double begin = 0, seconds = 0;                                // begin: since the fit began
  std::string message;                                          // of a failed run: which check and component
};

struct TraceEntry {
  int64_t iteration = 0;
  double seconds = 0;
  double objective = 0;
  // Of the gradient route; NaN where there is none.
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();
  double reconstruction = none, divergence = none;  // the parts of `objective`
  double held_out = none;                           // the bound of the rows held out
};

struct FittedParameter {
  std::string name;
  ir::Domain domain = ir::Domain::real;
  bool fixed = false;
  std::vector<ir::AxisId> axes;  // layout order: sorted
  std::vector<int64_t> shape;
  std::vector<double> values;  // row-major over `axes`
};

struct Fitted {
  bool ok = false;                          // some run reached parameters
  std::vector<FittedParameter> parameters;  // in the Program's order
  std::string objective_name;
  double objective = 0;                  // at `parameters`, with the logarithm of their prior
  std::optional<double> log_prior = {};  // where parameters have priors
  bool converged = false;
  Stop stop = Stop::failed;
  int64_t iterations = 0;  // of the best run
  int64_t best = 0;        // index into `runs`
  int64_t rows = 0;
  double total_weight = 0;  // `rows`, or the sum of their weights
  uint64_t seed = 0;
  double seconds = 0;
  int64_t free_parameters = 0;
  double aic = 0, bic = 0;              // NaN where the objective is no likelihood of the data
  std::optional<double> icl = {};       // where the objective says it
  std::optional<double> held_out = {};  // the bound of the rows held out, at `parameters`
  int64_t held_out_rows = 0;
  std::vector<TraceEntry> trace;  // of the best run, from iteration 0
  std::vector<RunOutcome> runs;
  FunctionTimes times;  // of all runs

  const FittedParameter* find(const std::string& name) const;
};

/// Errors (every run failed, too few rows) and warnings (not converged, runs that collapsed) go to
/// `diagnostics`. Throws ir::InternalError with a dump when the objective drops by more than rounding
/// explains.
Fitted fit(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
           const FitOptions& options, Diagnostics& diagnostics);

/// The parameters of the model from values in the Program's layout.
std::vector<FittedParameter> to_parameters(const ir::Program& program, const std::vector<double>& values);

/// Values by name in the Program's order of slots.
std::vector<double> to_program_layout(const ir::Program& program,
                                      const std::vector<FittedParameter>& parameters);

/// The objective at given parameters (Program layout), or why there is none.
struct Evaluation {
  double objective = std::numeric_limits<double>::quiet_NaN();
  std::string failure;  // empty: ok
};
Evaluation evaluate(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                    const std::vector<FittedParameter>& parameters, int threads);

/// What the function "posterior" (or "rows" where there is none) writes a row: by name,
/// doubles[rows][elements].
struct RowOutputs {
  std::map<std::string, std::vector<double>> values;
  std::string failure;
};
RowOutputs posterior(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                     const std::vector<FittedParameter>& parameters, int threads);

/// Of a program with a chain: by the names of its latents the values of the most probable path of each
/// series.
RowOutputs best_path(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                     const std::vector<FittedParameter>& parameters, int threads);

/// Reorders row-major values from the axes `from` to the axes `to` (the same axes in another order), for the
/// order that the user declared: permute(values, fitted.axes, variable.declared_axes, module).
std::vector<double> permute(const std::vector<double>& values, const std::vector<ir::AxisId>& from,
                            const std::vector<ir::AxisId>& to, const ir::Module& module);

}  // namespace lvm::runtime
