#include "runtime/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "runtime/batched_calls.h"
#include "runtime/batches.h"
#include "runtime/initial_values.h"
#include "runtime/numbers.h"
#include "runtime/run.h"
#include "runtime/walker.h"

namespace lvm::runtime {
namespace {

using Rows = std::span<const int64_t>;

template <class S>
const S* find_slot(const std::vector<S>& slots, std::string_view name) {
  const auto found = std::ranges::find(slots, name, &S::name);
  return found == slots.end() ? nullptr : &*found;
}

/// Sums over rows of one pass.
struct Sums {
  double bound = 0, reconstruction = 0, divergence = 0;
};

template <class Real>
class Trainer {
 public:
  Trainer(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
          const TrainOptions& options)
      : program_(program),
        functions_(functions),
        options_(options),
        table_(program, data),
        tile_(program),
        pool_(options.pool ? options.pool : std::make_shared<Pool>(1)),
        calls_(program, functions, initial_values(program, options.fit.initial, options.fit.seed)),
        next_(calls_.parameters) {
    const double held = options.settings.holdout < 1
                            ? std::floor(options.settings.holdout * static_cast<double>(data.rows))
                            : options.settings.holdout;
    const int64_t trained = data.rows - std::min(static_cast<int64_t>(held), data.rows - 1);
    for (int64_t row = 0; row < data.rows; ++row) {
      if (data.counts(row)) (row < trained ? trained_ : held_out_).push_back(row);
    }
    calls_.set(ir::data_rows_slot, table_.weight(trained_));
  }

  Fitted go(Diagnostics& diagnostics);

 private:
  static Numbers<Real> as_real(const std::vector<double>& values) {
    Numbers<Real> out;
    for (const double value : values) out.push_back(static_cast<Real>(value));
    return out;
  }
  double sum(const char* statistic) const {
    const ir::Slot* slot = find_slot(program_.statistics, statistic);
    return slot ? static_cast<double>(calls_.statistics[static_cast<size_t>(slot->offset)])
                : std::numeric_limits<double>::quiet_NaN();
  }

  void call(const char* function, lvm_frame frame) {
    FunctionTimer timer(times_, function);
    timer.count(1, frame.rows);
    calls_.call(function, frame);
  }
  void gather(Rows rows, Site site, uint32_t draw) {
    FunctionTimer timer(times_, "gather");
    timer.count(1, static_cast<int64_t>(rows.size()));
    constexpr int64_t together = 32;  // rows that one thread gathers
    const auto count = static_cast<int64_t>(rows.size());
    const auto gather_part = [&](int64_t part, int) {
      tile_.fill(table_, rows, part * together, std::min(count, (part + 1) * together), options_.fit.seed,
                 site, draw);
    };
    pool_->run((count + together - 1) / together, gather_part);
  }
  /// `after` sees each tile's rows and row outputs.
  template <class After>
  void call_rows(const char* function, Rows rows, Site site, uint32_t draw, const After& after) {
    for (size_t from = 0; from < rows.size(); from += static_cast<size_t>(program_.tile_rows)) {
      const Rows part =
          rows.subspan(from, std::min<size_t>(static_cast<size_t>(program_.tile_rows), rows.size() - from));
      gather(part, site, draw);
      lvm_frame frame{};
      frame.columns = tile_.columns();
      frame.output = calls_.output.data();
      frame.rows = static_cast<int32_t>(part.size());
      frame.first_row = static_cast<int64_t>(from);
      call(function, frame);
      after(part);
    }
  }
  void call_rows(const char* function, Rows rows, Site site, uint32_t draw) {
    call_rows(function, rows, site, draw, [](Rows) {});
  }

  bool finite_statistics() {
    constexpr size_t together = 1 << 15;
    const std::span<const Real> all(calls_.statistics);
    std::atomic<bool> finite = true;
    pool_->run(static_cast<int64_t>((all.size() + together - 1) / together), [&](int64_t part, int) {
      const size_t from = static_cast<size_t>(part) * together;
      if (!all_finite(all.subspan(from, std::min(together, all.size() - from)))) finite = false;
    });
    return finite;
  }

  void add(Sums& to) const {
    to.bound += sum("objective");
    to.reconstruction += sum("reconstruction");
    to.divergence += sum("divergence");
  }

  Failure step(Rows rows, Sums& sums);
  Failure epoch(int64_t number, Sums& sums);
  Sums pass(const std::vector<int64_t>& rows, uint32_t number);
  Failure not_finite(Rows rows);
  /// Of the whole run, before the next step.
  double part_done() const {
    return static_cast<double>(steps_) / static_cast<double>(options_.settings.epochs * steps_an_epoch());
  }
  int64_t steps_an_epoch() const {
    const auto rows = static_cast<int64_t>(trained_.size());
    return (rows + options_.settings.batch - 1) / options_.settings.batch;
  }
  double log_prior();

  const ir::Program& program_;
  const ir::Executable& functions_;
  const TrainOptions& options_;
  RowMajorTable<Real> table_;
  BatchTile<Real> tile_;
  std::shared_ptr<Pool> pool_;
  BatchedCalls<Real> calls_;
  Numbers<Real> next_;  // parameters behind a step that is not in place; fixed ones stand in both
  std::vector<int64_t> trained_, held_out_;
  uint32_t steps_ = 0;
  FunctionTimes times_;
  Clock clock_;
};

/// Fisher & Yates, keyed by the epoch.
void shuffle(std::vector<int64_t>& rows, uint64_t seed, uint32_t epoch) {
  const Random random(seed, Site::shuffle, epoch);
  for (size_t i = rows.size(); i-- > 1;) {
    const auto other =
        static_cast<size_t>(random.index(static_cast<int64_t>(i) + 1, static_cast<int64_t>(i)));
    std::swap(rows[i], rows[other]);
  }
}

/// Which row, and which factor, of a batch whose bound is not finite.
template <class Real>
Failure Trainer<Real>::not_finite(Rows rows) {
  Failure found;
  call_rows("bound", rows, Site::noise, steps_, [&](Rows part) {
    const auto value = [&](const ir::Slot& slot, size_t row) {
      return calls_.row_output(slot, 0, static_cast<int64_t>(row));
    };
    for (size_t i = 0; i < part.size() && found.empty(); ++i) {
      if (std::isfinite(value(program_.row_outputs.front(), i))) continue;
      // The first output is the bound itself.
      auto factor = std::find_if(program_.row_outputs.begin() + 1, program_.row_outputs.end(),
                                 [&](const ir::Slot& slot) { return !std::isfinite(value(slot, i)); });
      if (factor == program_.row_outputs.end()) factor = program_.row_outputs.begin();
      found = fmt::format("`{}` of row {} is {} before step {}", factor->name, part[i] + 1, value(*factor, i),
                          steps_);
    }
  });
  return found.empty() ? fmt::format("the derivative of the bound is not finite before step {}", steps_)
                       : found;
}

template <class Real>
Failure Trainer<Real>::step(Rows rows, Sums& sums) {
  const double rate = options_.settings.optimiser.rate(part_done());
  ++steps_;
  calls_.set(ir::batch_rows_slot, table_.weight(rows));
  calls_.set(ir::step_slot, steps_);
  calls_.set(ir::rate_slot, rate);
  calls_.prepare();
  call_rows("step", rows, Site::noise, steps_);
  add(sums);
  if (!finite_statistics()) return not_finite(rows);
  lvm_frame frame{};
  frame.output = (options_.in_place ? calls_.parameters : next_).data();
  call("optimise", frame);
  if (!options_.in_place) std::swap(calls_.parameters, next_);
  return {};
}

template <class Real>
Failure Trainer<Real>::epoch(int64_t number, Sums& sums) {
  std::vector<int64_t> order = trained_;
  shuffle(order, options_.fit.seed, static_cast<uint32_t>(number));
  const auto batch = static_cast<size_t>(options_.settings.batch);
  for (size_t from = 0; from < order.size(); from += batch) {
    const double warm = options_.settings.kl_warmup > 0
                            ? std::min(1.0, (static_cast<double>(number - 1) +
                                             static_cast<double>(from) / static_cast<double>(order.size())) /
                                                options_.settings.kl_warmup)
                            : 1.0;
    calls_.set(ir::divergence_slot, options_.settings.beta * warm);
    if (Failure failure = step(Rows(order).subspan(from, std::min(batch, order.size() - from)), sums);
        !failure.empty())
      return failure;
  }
  return {};
}

/// The bound of rows at the parameters as they are, with draws of their own.
template <class Real>
Sums Trainer<Real>::pass(const std::vector<int64_t>& rows, uint32_t number) {
  Sums sums;
  calls_.set(ir::divergence_slot, options_.settings.beta);
  calls_.prepare();
  for (size_t from = 0; from < rows.size(); from += static_cast<size_t>(program_.tile_rows)) {
    const Rows part = Rows(rows).subspan(
        from, std::min<size_t>(static_cast<size_t>(program_.tile_rows), rows.size() - from));
    call_rows("bound", part, Site::held_out_noise, number);
    add(sums);
  }
  return sums;
}

template <class Real>
double Trainer<Real>::log_prior() {
  lvm_frame frame{};
  Numbers<Real> derived = calls_.derived;
  frame.output = derived.data();
  call("prior", frame);
  return static_cast<double>(
      derived[static_cast<size_t>(find_slot(program_.derived, ir::log_prior_slot)->offset)]);
}

template <class Real>
Fitted Trainer<Real>::go(Diagnostics& diagnostics) {
  Fitted fitted;
  fitted.objective_name = program_.objective_name;
  fitted.rows = static_cast<int64_t>(trained_.size());
  fitted.total_weight = table_.weight(trained_);
  fitted.seed = options_.fit.seed;
  fitted.held_out_rows = static_cast<int64_t>(held_out_.size());
  RunOutcome outcome;
  outcome.stop = Stop::epochs;
  TrainState state = options_.from.value_or(TrainState{});
  if (options_.from) calls_.parameters = next_ = as_real(state.parameters);
  steps_ = static_cast<uint32_t>(state.epoch * steps_an_epoch());
  outcome.iterations = state.epoch;
  const double earlier = state.trace.empty() ? 0 : state.trace.back().seconds;
  for (int64_t number = state.epoch + 1; number <= options_.settings.epochs && outcome.stop == Stop::epochs;
       ++number) {
    Sums sums;
    outcome.message = epoch(number, sums);
    if (!outcome.message.empty()) {
      outcome.stop = Stop::failed;
      break;
    }
    outcome.iterations = number;
    TraceEntry entry{number, earlier + clock_.seconds(), sums.bound, sums.reconstruction, sums.divergence};
    if (!held_out_.empty()) entry.held_out = pass(held_out_, static_cast<uint32_t>(number)).bound;
    const double before =
        state.trace.empty() ? std::numeric_limits<double>::quiet_NaN() : state.trace.back().objective;
    state.epoch = number;
    state.trace.push_back(entry);
    if (options_.settings.patience > 0 && !held_out_.empty()) {
      if (entry.held_out > state.best_bound) {
        state.best_bound = entry.held_out;
        state.best_epoch = number;
        state.best.assign(calls_.parameters.begin(), calls_.parameters.end());
      } else if (number - state.best_epoch >= options_.settings.patience) {
        outcome.stop = Stop::patience;
      }
    }
    if (options_.keep) {
      state.parameters.assign(calls_.parameters.begin(), calls_.parameters.end());
      if (!options_.keep(state)) outcome.stop = Stop::stopped;
    }
    if (options_.fit.progress &&
        !options_.fit.progress({0, number, entry.objective, entry.objective - before,
                                std::numeric_limits<double>::quiet_NaN(), entry.seconds}))
      outcome.stop = Stop::stopped;
    else if (clock_.seconds() > options_.fit.time_limit)
      outcome.stop = Stop::time_limit;
  }
  fitted.trace = state.trace;
  if (!state.best.empty()) calls_.parameters = as_real(state.best);
  outcome.seconds = fitted.seconds = clock_.seconds();
  fitted.stop = outcome.stop;
  fitted.iterations = outcome.iterations;
  if (outcome.stop == Stop::failed) {
    diagnostics.report({.code = Code::training_failed,
                        .message = "the fit ended: " + outcome.message,
                        .hint = "a smaller `rate` of the optimiser, `clip`, or other starting values help"});
    fitted.runs.push_back(std::move(outcome));
    return fitted;
  }
  const auto last = static_cast<uint32_t>(options_.settings.epochs + 1);
  fitted.objective = outcome.objective = pass(trained_, last).bound;
  if (!held_out_.empty()) fitted.held_out = pass(held_out_, last).bound;
  if (functions_.contains("prior")) {
    fitted.log_prior = log_prior();
    fitted.objective += *fitted.log_prior;
  }
  lvm_frame frame{};
  next_ = calls_.parameters;
  frame.output = next_.data();
  call("natural", frame);
  fitted.parameters = to_parameters(program_, std::vector<double>(next_.begin(), next_.end()));
  for (const ir::ParameterSlot& slot : program_.parameters)
    fitted.free_parameters += slot.internal ? 0 : slot.free_dimensions;
  fitted.aic = fitted.bic = std::numeric_limits<double>::quiet_NaN();
  fitted.runs.push_back(std::move(outcome));
  fitted.ok = true;
  fitted.times = times_;
  fitted.seconds = clock_.seconds();
  return fitted;
}

}  // namespace

Fitted train(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
             const TrainOptions& options, Diagnostics& diagnostics) {
  if (program.single) return Trainer<float>(program, functions, data, options).go(diagnostics);
  return Trainer<double>(program, functions, data, options).go(diagnostics);
}

}  // namespace lvm::runtime
