#include "runtime/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/assignments.h"
#include "runtime/start_values.h"
#include "runtime/starts.h"

namespace lvm::runtime {
namespace {

constexpr int most_halvings = 60;  // of a Newton step
constexpr int most_refusals = 5;   // of Newton steps in a row, by the same checks
constexpr int start_passes = 2;    // the second has moments about means that are already near

/// A bound of the sum of |ln P(y_i)| over the rows, from its sum L, which may be small by cancellation where
/// densities lie on both sides of 1. A cell adds ½ ln 2π + ln sd + ½ u²: with u² about 1 and sd near the
/// column's own that is at most 2 + ½ |ln variance|; the mixture adds at most ln K.
double size_of_objective(double objective, const ir::Program& program, const BoundData& data) {
  double row = 0;
  for (const ir::StartLatent& latent : program.starts) row += std::log(static_cast<double>(latent.states));
  for (const BoundVariable& v : data.variables) {
    if (v.role != ir::Role::data) continue;
    for (const double variance : v.variance) row += 2 + (variance > 0 ? std::abs(std::log(variance)) / 2 : 0);
  }
  return std::abs(objective) + data.total_weight * row;
}

std::string dump(const ir::Program& program, const std::vector<double>& parameters) {
  std::string out;
  for (const ir::ParameterSlot& slot : program.parameters) {
    const auto begin = parameters.begin() + slot.offset;
    const std::vector<double> values(begin, begin + std::min<int64_t>(slot.size, 256));
    out +=
        fmt::format("\n    {} = {:.17g}{}", slot.name, fmt::join(values, " "), slot.size > 256 ? " …" : "");
  }
  return out;
}

}  // namespace

Failure Run::move_to_assignment() {
  for (int pass = 0; pass < start_passes; ++pass) {
    // `update` may read what `prepare` derives; the checks of `prepare` are about a fit, not about the unit
    // start.
    if (walker_.has("prepare")) static_cast<void>(walker_.prepare(parameters_));
    if (Failure failure = walker_.rows("start", parameters_); !failure.empty()) return failure;
    if (Failure failure = walker_.update(parameters_, walker_.has("begin") ? "begin" : "update");
        !failure.empty())
      return failure;
    make_room(program_, parameters_);
  }
  return {};
}

Failure Run::start() {
  parameters_ = default_parameters(program_);
  if (!options_.initial.empty()) {
    set_parameters(program_, options_.initial, parameters_);
    return {};
  }
  const auto given = [](const ir::ParameterSlot& slot) { return !slot.start.empty(); };
  if (!walker_.has("start") || std::all_of(program_.parameters.begin(), program_.parameters.end(), given))
    return {};
  walker_.set_assignments(start_assignments(program_.starts, data_, options_.seed,
                                            static_cast<uint32_t>(restart_), walker_.pool()));
  walker_.set_start_values(
      start_values(program_, data_, options_.seed, static_cast<uint32_t>(restart_), walker_.pool()));
  const std::vector<double> origin = parameters_;
  if (Failure failure = move_to_assignment(); !failure.empty()) return failure;
  // `init` values start where they say, whatever the assignment suggests.
  for (const ir::ParameterSlot& slot : program_.parameters) {
    if (given(slot)) std::copy_n(origin.begin() + slot.offset, slot.size, parameters_.begin() + slot.offset);
  }
  return {};
}

/// Of an objective that is no number: the first row whose log likelihood is none.
std::string Run::culprit() {
  std::map<std::string, std::vector<double>> outputs;
  if (!walker_.walks_table() || !walker_.has("posterior") ||
      !walker_.row_outputs("posterior", parameters_, outputs).empty())
    return "";
  const auto terms = outputs.find("log_likelihood");
  if (terms == outputs.end()) return "";
  for (int64_t row = 0; row < data_.rows; ++row) {
    const double term = terms->second[static_cast<size_t>(row)];
    if (std::isfinite(term) || !data_.counts(row)) continue;
    return fmt::format(": {} in row {}", std::isnan(term) ? "it is no number" : "its probability is 0",
                       data_.table_row(row) + 1);
  }
  return "";
}

Failure Run::evaluate(double& objective) {
  unprepared_ = true;
  if (Failure failure = walker_.prepare(parameters_); !failure.empty()) return failure;
  unprepared_ = false;
  if (Failure failure = walker_.rows("rows", parameters_); !failure.empty()) return failure;
  objective = walker_.objective();
  return std::isfinite(objective) ? Failure() : fmt::format("the objective is {}{}", objective, culprit());
}

Rounding Run::rounding_of(double objective) const {
  const double* per_row = walker_.derived("rounding");
  const double by_parameters = per_row && *per_row > 0 ? *per_row * data_.total_weight : 0;
  return make_rounding(size_of_objective(objective, program_, data_), by_parameters);
}

void Run::check_drop(double objective, const Rounding& rounding) const {
  if (result_.trace.empty()) return;
  const TraceEntry& last = result_.trace.back();
  if (objective >= last.objective - rounding.allowed) return;
  throw ir::InternalError(fmt::format(
      "the objective of `{}` dropped by {:.3g} nats, and rounding explains {:.3g}\n  run {}, seed {}, "
      "iteration {}: {:.17g}, "
      "after {:.17g}\n  parameters before:{}\n  parameters after:{}",
      program_.model, last.objective - objective, rounding.allowed, restart_ + 1, options_.seed,
      last.iteration + 1, objective, last.objective, dump(program_, before_), dump(program_, parameters_)));
}

/// Halved steps creep up to the border of what a check allows. A run that it holds back again and again fails
/// by it.
Failure Run::not_held_back(const Failure& refused) {
  refusals_ = refused.empty() ? 0 : refusals_ + 1;
  refused_ = refused;
  return refusals_ < most_refusals ? Failure() : refused_;
}

/// One update. A Newton step that lets the objective fall below `least`, or carries it where it has no value,
/// is halved; at last only the closed forms move.
Failure Run::move(double& objective, double least) {
  before_ = parameters_;
  guarded_ = walker_.set_newton_step(part_);
  stuck_ = false;
  if (guarded_) walker_.keep_statistics();
  Failure refused;
  for (int halvings = 0;; ++halvings) {
    if (Failure failure = walker_.update(parameters_); !failure.empty()) return failure;
    Failure failure = evaluate(objective);
    stuck_ = halvings > most_halvings;
    if (!guarded_) return failure;
    if (stuck_) return failure.empty() ? not_held_back(refused) : failure;
    if (refused.empty() && unprepared_) refused = failure;
    if (failure.empty() && objective >= least) return not_held_back(refused);
    parameters_ = before_;
    walker_.restore_statistics();
    walker_.set_newton_step(halvings < most_halvings ? std::ldexp(part_, -halvings - 1) : 0);
    if (Failure unprepared = walker_.prepare(parameters_); !unprepared.empty()) return unprepared;
  }
}

/// From a point of EM to where the last three lead, unless the objective is lower there or has no value.
void Run::leap(Leap& leap, double& objective, Convergence& convergence) {
  leap.add(parameters_);
  if (convergence.near()) return;
  std::optional<std::vector<double>> proposed = leap.propose();
  if (!proposed) return;
  ++result_.outcome.leaps_tried;
  walker_.keep_statistics();
  std::swap(parameters_, *proposed);
  double there = 0;
  const bool taken = evaluate(there).empty() && there >= objective;
  if (taken) {
    ++result_.outcome.leaps_taken;
    objective = there;
    result_.outcome.objective = objective;
    convergence.restart(objective);
  } else {
    std::swap(parameters_, *proposed);
    walker_.restore_statistics();
    static_cast<void>(walker_.prepare(parameters_));  // it went well before
  }
  leap.settle(taken, parameters_);
}

/// Parameters that step side by side may each go the whole way to where all of them should go together: the
/// run then swings between two places of equal height, and gains nothing. Where the middle of the last step
/// is higher, it goes on from there, by shorter steps.
Failure Run::try_middle(double& objective, double least, bool& risen) {
  const std::vector<double> end = parameters_;
  for (size_t i = 0; i < end.size(); ++i) parameters_[i] = before_[i] / 2 + end[i] / 2;
  double middle = 0;
  const Failure failure = evaluate(middle);
  risen = failure.empty() && middle > least;
  if (risen) {
    part_ /= 2;
    objective = middle;
    return {};
  }
  parameters_ = end;
  return evaluate(objective);
}

bool Run::stopped(Stop& why) {
  if (options_.progress) {
    const std::vector<TraceEntry>& trace = result_.trace;
    Progress progress{restart_, result_.outcome.iterations, result_.outcome.objective,
                      0,        result_.remaining,          clock_.seconds()};
    if (trace.size() > 1) progress.gain = trace.back().objective - trace[trace.size() - 2].objective;
    if (!options_.progress(progress)) {
      why = Stop::stopped;
      return true;
    }
  }
  if (clock_.seconds() < options_.time_limit) return false;
  why = Stop::time_limit;
  return true;
}

Failure Run::climb() {
  Convergence convergence(options_.tolerance);
  RunOutcome& outcome = result_.outcome;
  Rounding rounding;
  std::optional<Leap> leaps;
  if (options_.accelerate) leaps.emplace(program_);
  double objective = 0;
  if (Failure failure = evaluate(objective); !failure.empty()) return failure;
  for (;; ++outcome.iterations) {
    const Rounding now = rounding_of(objective);
    check_drop(objective, {std::max(now.noise, rounding.noise), std::max(now.allowed, rounding.allowed)});
    rounding = now;
    outcome.objective = objective;
    result_.trace.push_back({outcome.iterations, clock_.seconds(), objective});
    convergence.add(objective, rounding);
    result_.remaining = convergence.remaining();
    result_.interrupted = stopped(outcome.stop);
    if (convergence.converged() && refusals_ > 0) return refused_;
    if (convergence.converged() && guarded_ && !result_.interrupted) {
      bool risen = false;
      const double least = objective + std::max(options_.tolerance, rounding.allowed);
      if (Failure failure = try_middle(objective, least, risen); !failure.empty()) return failure;
      if (risen) {
        convergence = Convergence(options_.tolerance);
        continue;
      }
    }
    if (convergence.converged() && stuck_)
      return "no part of a Newton step climbs: the run is stuck, and not at a top";
    if (convergence.converged()) outcome.stop = Stop::converged;
    if (result_.interrupted || convergence.converged()) break;
    if (outcome.iterations >= options_.iterations) {
      outcome.stop = Stop::iterations;
      break;
    }
    if (leaps) leap(*leaps, objective, convergence);
    if (Failure failure = move(objective, objective - rounding.allowed); !failure.empty()) return failure;
  }
  return {};
}

RunResult Run::go() {
  RunOutcome& outcome = result_.outcome;
  outcome.restart = restart_;
  outcome.begin = clock_.seconds();
  outcome.message = start();
  if (outcome.message.empty()) outcome.message = climb();
  outcome.seconds = clock_.seconds() - outcome.begin;
  if (outcome.message.empty()) {
    if (const double* prior = walker_.derived(ir::log_prior_slot)) result_.log_prior = *prior;
    result_.parameters = std::move(parameters_);
  } else {
    outcome.stop = Stop::failed;
  }
  return std::move(result_);
}

}  // namespace lvm::runtime
