#pragma once
// The C++ interface of lvm: compile a model, bind it to a table, fit it.
//
//   lvm::Model model = lvm::compile_file("gmm.lvm");
//   lvm::Data data = lvm::read_data("faithful.csv");
//   lvm::BoundModel bound = lvm::bind(model, data);
//   lvm::Fit fit = lvm::fit(bound, {.restarts = 5});
//   if (!fit.ok()) std::cerr << fit.report().render();
//
// A user's mistake never throws: every step gives a value whose report() holds it, and a step after a failed
// one fails with the same report. `lvm::Fault` is thrown only for a fault of lvm itself. Values are handles
// to immutable data: cheap to copy, and safe to read from several threads at once.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lvm {

std::string version();

/// A fault of lvm: a broken invariant inside the compiler or the run time. Please report it with the model.
struct Fault : std::logic_error {
  using std::logic_error::logic_error;
};

/// A second place that helps to understand the first; counted from 1.
struct Note {
  uint32_t line = 0, column = 0;
  std::string text;
};

/// One thing that the compiler, a reader or a fit has to say.
struct Message {
  std::string code;   // "E0412"; `explain_code` has the long text
  bool error = true;  // else a warning
  std::string text;   // what was seen
  std::string rule;   // what holds everywhere; may be empty
  std::string label;  // the words beside the place
  std::string hint;   // a way out; may be empty
  // Where in the model, all counted from 1, the end exclusive; 0: no place.
  std::string file;
  uint32_t line = 0, column = 0, end_line = 0, end_column = 0;
  std::vector<Note> notes;
  // Where in the data; row 0: no row.
  std::string table;
  int64_t row = 0;
  std::string column_name, cell;
};

/// The messages of a step and of those before it, sorted by place.
class Report {
 public:
  bool has_errors() const;
  const std::vector<Message>& messages() const { return messages_; }
  /// As `lvmc` shows them: header, place, the line with carets, rule and hint.
  std::string render(bool color = false) const;
  /// A file could not be read or written: nothing was found wrong inside it.
  bool file_error() const { return file_error_; }

  struct State;
  Report() = default;
  explicit Report(State state);

 private:
  std::vector<Message> messages_;
  std::shared_ptr<const State> state_;
  bool file_error_ = false;
};

/// The long text of a diagnostic such as "E0412"; none for an unknown code.
std::optional<std::string> explain_code(std::string_view code);

/// The nearest of `candidates` when it is near enough to be meant.
std::optional<std::string> did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// What can be printed, in the order of the pipeline. From `program` on the data must be bound.
enum class Stage : uint8_t { ast, model, elbo, plan, canonical, program, loop, llvm, assembly };
inline constexpr std::string_view stage_names[] = {"ast",     "model", "elbo", "plan", "canonical",
                                                   "program", "loop",  "llvm", "asm"};

struct CompileOptions {
  std::string file_name = "model.lvm";          // for messages
  std::map<std::string, std::string> settings;  // axis sizes, constants and fit settings: {"K", "2"}
};

struct PlanBlock {
  std::string name;     // "z", "mean"
  bool latent = false;  // else a parameter
  std::string solver;   // "enumerate", "normalised_counts", …
  std::string kind;     // "exact", "closed", "conditional", "newton", "gradient", "fixed"
  std::string reason;
};

class Model {
 public:
  bool ok() const;
  const Report& report() const;
  std::string name() const;
  std::vector<PlanBlock> plan() const;
  std::string objective_name() const;
  /// The bound, the plan with reasons, each update and its cost, as text.
  std::string explain() const;
  /// The bound and the updates for an `article` with amsmath.
  std::string explain_latex() const;
  /// Stages up to `canonical`.
  std::string emit(Stage stage) const;

  struct State;
  std::shared_ptr<const State> state;
};

Model compile(std::string_view text, const CompileOptions& options = {});
/// `options.file_name` becomes `path`.
Model compile_file(const std::string& path, CompileOptions options = {});

struct Formatted {
  Report report;
  std::string text;      // the canonical layout; empty after errors
  bool changed = false;  // it differs from what was given
};
Formatted format(std::string_view text, const std::string& file_name);
Formatted format_file(const std::string& path);

struct ReadOptions {
  char delimiter = 0;                     // 0: found from the first line
  std::vector<std::string> missing = {};  // texts of missing cells beside the empty one, `NA` and `NaN`
  int threads = 0;                        // 0: as many as the machine has
};

/// A column of a host: cell `row` is `values[row * stride]`, copied before the call returns; NaN is a missing
/// cell.
struct HostColumn {
  std::string name;
  const double* values = nullptr;
  int64_t stride = 1;
};

/// A table in memory.
class Data {
 public:
  bool ok() const;
  const Report& report() const;
  int64_t rows() const;
  std::vector<std::string> columns() const;
  double read_seconds() const;

  struct State;
  std::shared_ptr<const State> state;
};

/// CSV or TSV with a header, NumPy's .npy or IDX, each also as gzip; "-" is the standard input.
Data read_data(const std::string& path, const ReadOptions& options = {});
/// Several files with the same columns are one table, their rows one behind the other.
Data read_data(const std::vector<std::string>& paths, const ReadOptions& options = {});
Data make_data(const std::vector<HostColumn>& columns, int64_t rows);

struct BindOptions {
  std::map<std::string, std::vector<std::string>>
      columns;  // variable -> columns, instead of what the model says
};

/// Which columns a variable of the model reads, and how many of their cells are absent.
struct BoundVariable {
  std::string name;
  std::vector<std::string> columns;
  int64_t cells = 0, absent = 0;
};

class BoundModel {
 public:
  bool ok() const;
  const Report& report() const;
  int64_t rows() const;
  std::vector<BoundVariable> variables() const;
  /// Free dimensions of all parameters, as AIC and BIC count them.
  int64_t free_parameters() const;
  std::string explain() const;
  std::string explain_latex() const;
  std::string emit(Stage stage) const;

  struct State;
  std::shared_ptr<const State> state;
};

BoundModel bind(const Model& model, const Data& data, const BindOptions& options = {});
/// Uses data up that nobody else holds, so that the cells are in memory once.
BoundModel bind(const Model& model, Data&& data, const BindOptions& options = {});

/// A named block of numbers, row-major over `shape`; a scalar has no shape.
struct Values {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<double> values;
};

/// Reads `{"parameters": {"mean": [[…], …], …}}` (as `lvmc run --json` and `--save` write) or the inner
/// object alone.
struct ParameterFile {
  Report report;
  std::vector<Values> parameters;
};
ParameterFile read_parameters(const std::string& path);

/// Which code computes: LLVM's, or the slow reference semantics (the same results to rounding).
enum class Backend : uint8_t { compiled, interpreter };

struct Progress {
  int64_t restart = 1, restarts = 1;  // counted from 1
  int64_t iteration = 0;
  double objective = 0;  // total over rows, in nats
  double change = 0;     // since the iteration before
  double remaining = 0;  // nats still to gain by Aitken's estimate; NaN: not known yet
  double seconds = 0;
};

/// What is absent is as the model's `fit { … }` says.
struct FitOptions {
  std::optional<std::string> method = {};  // "auto", or what the model was compiled for: "em", "gradient"
  std::optional<int64_t> iterations = {};
  std::optional<double> tolerance = {};  // nats of remaining gain
  std::optional<int64_t> restarts = {};
  std::optional<bool> accelerate = {};  // leaps of SQUAREM between the iterations, taken where they gain
  std::optional<uint64_t> seed = {};
  int threads = 0;  // 0: as many as the machine has; results do not depend on it
  Backend backend = Backend::compiled;
  std::vector<Values> init = {};  // start here instead of a random start: every parameter that is not fixed
  /// After every objective; false stops the fit. Restarts run side by side: it may be called from another
  /// thread, but never twice at once.
  std::function<bool(const Progress&)> progress = {};
  bool standard_errors =
      false;  // of the parameters, from the observed information: costs passes over the data
  /// Of fits by gradients: the state of the run is kept in this file after each epoch. With `resume` the run
  /// goes on from it, to the same bits as without the interruption; the state of another model, table, seed
  /// or setting (but `epochs`) is refused.
  std::string checkpoint = {};
  bool resume = false;
};

struct Parameter : Values {
  std::string domain;             // "real", "simplex", "covariance", …
  std::vector<std::string> axes;  // names: "K", "D", "D'"
  std::vector<std::vector<std::string>>
      labels;  // for each axis a name for each index: columns, levels, or 1, 2, …
  bool fixed = false;
  /// Of each value, where they were asked for and exist; NaN of fixed values and of those on a bound.
  std::vector<double> standard_errors = {};
};

/// One start of a fit.
struct Run {
  int64_t number = 1;
  std::string stop;     // "converged", "iterations", "stopped", "failed", …
  std::string message;  // of a failed run: what collapsed
  int64_t iterations = 0;
  double objective = 0;                      // the last one
  int64_t leaps_tried = 0, leaps_taken = 0;  // with `accelerate`
  double begin = 0, seconds = 0;             // begin: since the fit began
};

/// What one function of the compiled program took, in all runs. Seconds are added over threads.
struct FunctionTime {
  std::string name;  // as `--emit=program` has them; `reduce` are the sums over threads and patterns
  int64_t calls = 0;
  int64_t rows = 0;  // of functions over rows: in all calls
  double seconds = 0;
};

/// Seconds by phase.
struct Profile {
  double read = 0;                      // the files
  double compile = 0;                   // from the text to the plan
  double bind = 0;                      // columns found, checked and packed
  double lower = 0;                     // the plan and the Program at the sizes of the data
  double code = 0;                      // machine code; 0 where an earlier fit had made it
  double start = 0;                     // of the best run, its first objective included
  double iteration = 0;                 // of the best run, on average
  std::vector<FunctionTime> functions;  // in the order of an iteration
};

struct LatentMoments {
  std::vector<double> mean, sd;
};

class Fit {
 public:
  bool ok() const;
  const Report& report() const;

  std::string model_name, method, objective_name;
  bool converged = false;
  bool stopped = false;  // by `progress`
  std::string stop;      // of the best run
  int64_t iterations = 0, rows = 0, free_parameters = 0;
  double total_weight = 0;  // the sum of the rows' weights; their number where they have none
  /// Of a model with a plate: its name, and what each group is called. `rows` then counts groups,
  /// `total_weight` the rows of the table.
  std::string plate;
  std::vector<std::string> group_names;
  uint64_t seed = 0;
  double objective = 0;                  // total over rows, in nats, without the prior
  std::optional<double> log_prior = {};  // of the parameters; the objective plus this never drops in a run
  double aic = 0, bic = 0;  // smaller is better, as for all three; NaN of a `complete_log_likelihood`
  /// BIC plus twice the entropy of the responsibilities (Biernacki, Celeux and Govaert 2000); of a
  /// `complete_log_likelihood` BIC with it in the place of the log likelihood. NaN without a single finite
  /// latent, unless that is the objective.
  double icl = 0;
  size_t best = 0;  // index into `runs`
  std::vector<Run> runs;
  std::vector<Parameter> parameters;
  std::vector<PlanBlock> plan;
  std::vector<BoundVariable> variables;
  std::vector<double> trace;          // of the best run: the objective of each iteration from 0
  std::vector<double> trace_seconds;  // when each was known, since the fit began
  /// Of the method "gradient" an entry is an epoch, and its objective the sum over the batches as they were
  /// met. Its parts are E ln P(data | latents) and the divergence of q from P (both totals in nats); empty
  /// where they are not kept apart.
  std::vector<double> trace_reconstruction, trace_divergence;
  std::vector<double> trace_held_out;   // the bound of the rows held out, a total; empty without such rows
  std::optional<double> held_out = {};  // at the parameters that are returned
  int64_t held_out_rows = 0;
  Profile profile;
  double compile_seconds = 0, read_seconds = 0, fit_seconds = 0;

  double per_row() const { return objective / total_weight; }
  const Parameter* find(std::string_view name) const;
  /// The text of the model that was fitted.
  std::string model_text() const;
  /// q(z = k | y) for each row: rows x states, row-major; empty without a finite latent.
  /// Several latents are told apart by name; empty for a name that is none of them.
  std::vector<double> responsibilities(std::string_view latent = {}) const;
  /// Mean and standard deviation of a continuous latent with an exact posterior, element by element: rows x
  /// elements, row-major; empty for a name that is none of them.
  LatentMoments moments(std::string_view latent) const;

  struct State;
  std::shared_ptr<const State> state;
};

Fit fit(const BoundModel& bound, const FitOptions& options = {});

class FittedModel;

/// Writes everything that questions about the fit need into one file in the layout of safetensors: the
/// model's text and settings, the columns that its variables took, and the parameters. The file is there
/// whole or not at all.
Report save(const Fit& fit, const std::string& path);
Report save(const FittedModel& fitted, const std::string& path);
/// What `load` gives of the file that `save` writes. It lets go of the table.
FittedModel fitted_model(const Fit& fit);

/// A model with its parameters, from such a file: it answers for any table with the columns of the first one.
class FittedModel {
 public:
  bool ok() const;
  const Report& report() const;
  std::string name() const;
  std::string method() const;
  uint64_t seed() const;
  std::string model_text() const;
  const std::vector<Values>& parameters() const;
  /// Of the fit: "objective", "rows", "iterations", … as text.
  const std::map<std::string, std::string>& metrics() const;

  struct State;
  std::shared_ptr<const State> state;
};
FittedModel load(const std::string& path);

/// Variables find the columns of the fit by their names, and categories keep their numbers; `options` come
/// first.
BoundModel bind(const FittedModel& fitted, const Data& data, const BindOptions& options = {});

struct ScoreOptions {
  int64_t importance =
      0;  // draws a row for an estimate of ln P(y); 0: the bound instead. Of models by gradients alone
  uint64_t seed = 1;
  int threads = 0;
  Backend backend = Backend::compiled;
};

/// How probable rows are under a fitted model, in nats.
struct Score {
  bool ok() const { return !report.has_errors(); }
  Report report;
  std::string name;    // "log_likelihood", "importance_log_likelihood", "elbo", …
  bool exact = false;  // else `values` are means over `draws`
  int64_t draws = 0;
  std::vector<double> values;     // a row
  std::vector<double> errors;     // their Monte Carlo standard errors; empty where exact
  std::vector<double> effective;  // with `importance`: of how many draws the weights are worth
  std::vector<double> weights;    // of the rows; empty: each counts once
  double total = 0, error = 0, total_weight = 0;
  /// With `importance`: the bound by the same draws, which is no greater but for chance.
  std::optional<double> bound = {}, bound_error = {};
};
/// `bound` is of the same fitted model.
Score score(const FittedModel& fitted, const BoundModel& bound, const ScoreOptions& options = {});

/// What was found of one latent or one parameter when the compiled code was held against ln P(y, z) as the
/// model is written.
struct Certificate {
  std::string name;
  bool latent = false;  // else a parameter
  std::string solver;   // as in PlanBlock
  std::string verdict;  // "certified", "failed", "open": not decided on these rows
  std::string claim;    // "Q is at its top"
  double found = 0,
         allowed = 0;            // the largest deviation of a posterior, relative; the greatest gain, in nats
  int64_t checked = 0, all = 0;  // rows, or coordinates of a parameter
  std::string place;             // of `found`, or why it is open
};

struct CertifyOptions {
  uint64_t seed = 1;
  Backend backend = Backend::compiled;
};

/// Certificates of all latents and parameters; `report` has an error for each that failed.
struct Certification {
  bool ok() const { return !report.has_errors(); }
  Report report;
  std::vector<Certificate> certificates;
  int64_t rows = 0;     // that were used
  bool random = false;  // they were made up: there was no table
};

/// On rows of the table that the model is bound to, spread over it.
Certification certify(const BoundModel& bound, const CertifyOptions& options = {});
/// On random rows.
Certification certify(const Model& model, const CertifyOptions& options = {});

/// By what settings are compared: smaller is better.
enum class Criterion : uint8_t { aic, bic, icl };
inline constexpr std::string_view criterion_names[] = {"aic", "bic", "icl"};

/// Settings to try: all combinations of one value each.
struct SweepAxis {
  std::string name;
  std::vector<std::string> values;
};

/// One fit of a sweep; a fit that failed says why.
struct SweepEntry {
  std::map<std::string, std::string> settings;
  bool ok = false;
  std::string failure;
  double objective = 0, aic = 0, bic = 0, icl = 0;
  int64_t free_parameters = 0, runs = 0, failed_runs = 0;
  bool converged = false;
  double seconds = 0;
};

struct SweepOptions {
  std::vector<SweepAxis> axes;
  Criterion criterion = Criterion::bic;
  FitOptions fit = {};
  std::function<void(const SweepEntry&)> begin = {};  // before each fit: its settings are known
};

struct Sweep {
  std::vector<SweepEntry> entries;
  std::optional<size_t> best;  // index into `entries`; none where every fit failed
  Fit fit;                     // the best one
  Criterion criterion = Criterion::bic;
  Report report;  // of the best fit; of the first where all failed
  bool stopped = false;
};

/// Compiles the model file at every combination of settings, and fits each.
Sweep sweep(const std::string& path, const CompileOptions& compile_options, const Data& data,
            const BindOptions& bind_options, const SweepOptions& options);

/// What a run was asked for: it can be done again.
struct RunInputs {
  std::string model;
  std::vector<std::string> data;
  std::map<std::string, std::string> settings;
  std::map<std::string, std::vector<std::string>> columns;
  ReadOptions read;
  FitOptions fit;
  std::string init;
};
std::string config_to_json(const Fit& fit, const RunInputs& inputs);

/// The best fit as `to_json(Fit)` gives it, with `sweep` and `selected`.
std::string to_json(const Sweep& sweep);

/// One JSON object; the keys that other programs may rely on are listed in docs/cli.md.
std::string to_json(const Fit& fit);
/// The parameters alone, as `read_parameters` takes them.
std::string parameters_to_json(const Fit& fit);
std::string to_json(const Score& score);
/// `block`, `kind`, `solver`, `exact` and `reason` of each.
std::string plan_to_json(const std::vector<PlanBlock>& plan);
/// Messages as a JSON array.
std::string to_json(const Report& report);
/// The same with `certificates`.
std::string to_json(const Certification& certification);

}  // namespace lvm
