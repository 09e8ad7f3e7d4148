#include "certify/updates.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "certify/gain.h"
#include "certify/moves.h"
#include "certify/posterior.h"
#include "ir/passes/global_posteriors.h"
#include "ir/program/medians.h"
#include "runtime/fit.h"
#include "runtime/walker.h"

namespace lvm::certificate {

using ir::Block;
using ir::BlockClass;
using ir::Solver;

namespace {

constexpr double epsilon = 2.220446049250313e-16;
constexpr double closed_tolerance = 1e-11;  // nats a row
constexpr double end_tolerance = 1e-6;      // nats, where a fit has ended
constexpr double fit_tolerance = 1e-10;     // nats that are left to gain when it ends
constexpr int64_t most_iterations = 20'000;
constexpr int most_halvings = 60;
constexpr double least_q = 1e-290;

}  // namespace

Climbed::Climbed(const Subject& subject, LogJoint& joint, const std::vector<double>& log_joint)
    : joint_(joint), point_(is_point(subject.plan)), q_(log_joint.size(), 0) {
  const int64_t states = joint.states(), points = joint.points();
  for (int64_t row = 0; row < joint.rows(); ++row) {
    const double w = subject.data.weights ? subject.data.weights[row] : 1;
    weights_.push_back(w);
    if (!(w > 0)) continue;
    weight_ += w;
    const double* at = log_joint.data() + row * states * points;
    const std::vector<double> integrated = of_states(joint, row, at);
    const double* of_row = integrated.data();
    const double evidence = log_sum(of_row, states);
    const int64_t best = std::max_element(of_row, of_row + states) - of_row;
    for (int64_t s = 0; s < states; ++s) {
      const double q = point_ ? (s == best ? 1 : 0) : std::exp(of_row[s] - evidence);
      if (!(q >= least_q)) continue;
      const std::vector<double> shares =
          joint.design() ? joint.design()->law(row, at + s * points).weights : std::vector<double>{1};
      for (int64_t p = 0; p < points; ++p) {
        const double share = w * q * shares[static_cast<size_t>(p)];
        q_[static_cast<size_t>((row * states + s) * points + p)] = share;
        noise_ += 4 * epsilon * std::abs(share) * (std::abs(at[s * points + p]) + 10);
      }
    }
  }
}

double Climbed::expected(const Parameters& parameters) {
  const std::vector<double> log_joint = joint_(parameters);
  double sum = 0;
  for (size_t i = 0; i < q_.size(); ++i)
    if (q_[i] != 0) sum += q_[i] * log_joint[i];
  return sum + joint_.log_prior(parameters);
}

double Climbed::objective(const Parameters& parameters) {
  const std::vector<double> log_joint = joint_(parameters);
  const int64_t states = joint_.states();
  double sum = 0;
  for (int64_t row = 0; row < joint_.rows(); ++row) {
    const double w = weights_[static_cast<size_t>(row)];
    const std::vector<double> integrated =
        of_states(joint_, row, log_joint.data() + row * states * joint_.points());
    const double* of_row = integrated.data();
    if (w > 0) sum += w * (point_ ? *std::max_element(of_row, of_row + states) : log_sum(of_row, states));
  }
  return sum + joint_.log_prior(parameters);
}

namespace {

struct Trial {
  const Subject& subject;
  const Options& options;
  Climbed& climbed;
  const Parameters& before;
  Parameters after;
  /// Nats a row that Q loses at most because `after` are doubles: more than its own rounding costs an element
  /// where others depend on it.
  double rounding = 0;

  /// What the best move of the block promises, at `where`.
  struct At {
    const Parameters& where;
    double allowed;
    bool saddles = false;
  };
  template <typename Function>
  void best_gain(Certificate& c, const ir::ParameterSlot& slot, const At& place, Function function) const {
    const auto& [where, allowed, saddles] = place;
    const double at = function(where);
    c.all = static_cast<int64_t>(count_moves(subject.program, slot));
    const bool kinks = ir::is_median(subject.program, slot.name);
    if (kinks) c.all *= 2;
    const std::vector<Move> smooth = moves(subject.program, slot, where, options.moves);
    for (const Move& move : kinks ? one_sided(smooth) : smooth) {
      const auto value = [&](double u) {
        Parameters moved = where;
        move.apply(moved, u);
        return function(moved);
      };
      const Gain g =
          gain({value, at, climbed.noise(), move.first_step, move.last_step, move.inward, saddles});
      // What the rounding of the parameter itself costs.
      const double rounded = std::abs(g.curvature) * move.rounding * move.rounding / 2;
      const double excess = g.nats - rounded;
      ++c.checked;
      if (excess <= c.found) continue;
      c.found = excess;
      c.place =
          fmt::format("element {}: slope {:.3g}, curvature {:.3g}", move.element + 1, g.slope, g.curvature);
    }
    c.allowed = allowed;
    if (!(c.found <= allowed)) c.verdict = Verdict::failed;
  }

  /// Where a block with a closed form is at its best: a mean that was weighted by the old spread, beside
  /// that.
  Parameters place_of(const Block& block) const {
    Parameters where = after;
    const ir::Variable& v = subject.model.variables[static_cast<size_t>(*subject.model.find(block.name))];
    const bool of_shared = v.global &&
                           (block.solver == Solver::moments || block.solver == Solver::least_squares) &&
                           !ir::has_tied_spread(subject.model, v);
    if (!of_shared && block.block_class != BlockClass::conditional) return where;
    for (const Block& other : subject.plan.blocks) {
      const bool held =
          block.solver == Solver::rate ? other.solver == Solver::median : other.solver == Solver::scatter;
      if (other.latent || (other.factor != block.factor && other.factor >= 0) || !held) continue;
      for (const std::string& name : moved_by(other)) {
        const ir::ParameterSlot& slot = slot_of(name);
        std::copy_n(before.begin() + slot.offset, slot.size, where.begin() + slot.offset);
      }
    }
    return where;
  }

  /// The parameters of the program that a block writes: its own, or those of its posterior.
  std::vector<std::string> moved_by(const Block& block) const {
    std::vector<std::string> names;
    for (const ir::Variable& v : subject.model.variables)
      if (v.posterior_of >= 0 &&
          subject.model.variables[static_cast<size_t>(v.posterior_of)].name == block.name)
        names.push_back(v.name);
    if (names.empty()) names.push_back(block.name);
    return names;
  }

  const ir::ParameterSlot& slot_of(const std::string& name) const {
    const auto& slots = subject.program.parameters;
    const auto found = std::ranges::find(slots, name, &ir::ParameterSlot::name);
    if (found == slots.end()) throw ir::InternalError("the program has no parameter `" + name + "`");
    return *found;
  }
};

/// The compiled step from `before`. A step that lets Q fall is halved, as a fit halves one that lets the
/// objective fall; the share that was taken at last.
std::string compiled_step(Trial& trial, double& share, double& rise) {
  const Subject& s = trial.subject;
  runtime::Walker walker(s.program, s.functions, s.data, 1);
  std::string failure = walker.prepare(trial.before);
  if (failure.empty()) failure = walker.rows("rows", trial.before);
  if (!failure.empty()) return failure;
  const double begin = trial.climbed.expected(trial.before);
  const bool guarded = walker.set_newton_step(1);
  walker.keep_statistics();
  share = 1;
  for (int halvings = 0;; ++halvings) {
    trial.after = trial.before;
    failure = walker.update(trial.after);
    if (!failure.empty()) return failure;
    rise = trial.climbed.expected(trial.after) - begin;
    if (!guarded || rise >= -trial.climbed.noise()) break;
    if (share == 0) return "";
    share = halvings < most_halvings ? share / 2 : 0;
    walker.restore_statistics();
    walker.set_newton_step(share);
  }
  if (const double* lost = walker.prepare(trial.after).empty() ? walker.derived("rounding") : nullptr)
    trial.rounding = *lost;
  return "";
}

/// Where a fit of these rows ends, that begins at `before`; empty with a reason where it does not end.
Parameters end_of_fit(const Trial& trial, std::string& reason) {
  const Subject& s = trial.subject;
  runtime::FitOptions options{.iterations = most_iterations, .tolerance = fit_tolerance, .threads = 1};
  for (const ir::ParameterSlot& slot : s.program.parameters) {
    const auto begin = trial.before.begin() + slot.offset;
    options.initial[slot.name] = {begin, begin + slot.size};
  }
  Diagnostics ignored;
  const runtime::Fitted fitted = runtime::fit(s.program, s.functions, s.data, options, ignored);
  if (!fitted.ok) {
    reason = fitted.runs.empty() ? "a fit of these rows failed"
                                 : "a fit of these rows ended: " + fitted.runs.front().message;
  } else if (!fitted.converged) {
    reason = fmt::format("a fit of these rows has not converged within {} iterations", fitted.iterations);
  }
  return reason.empty() ? runtime::to_program_layout(s.program, fitted.parameters) : Parameters();
}

struct Newton {
  double share, rise;
  Parameters end;
  std::string reason;
};

Certificate newton_certificate(const Trial& trial, const Block& block, const Newton& newton) {
  Certificate c{.block = block.name, .solver = block.solver};
  c.claim = "Q rises along the step, and where a fit ends the objective is level";
  if (newton.share == 0 || newton.rise < -trial.climbed.noise()) {
    c.verdict = Verdict::failed;
    c.found = newton.share == 0 ? HUGE_VAL : -newton.rise;
    c.place = newton.share == 0 ? fmt::format("the step lowers Q, and so does 2^-{} of it", most_halvings)
                                : "the step lowers Q";
  } else if (newton.end.empty()) {
    c.claim = "Q rises along the step";
    c.verdict = Verdict::open;
    c.place = newton.reason;
  } else {
    // The greatest ln P(y, z) has a kink wherever a row changes its state, and a difference across one is no
    // slope: of `point` what is level is Q given the states at the end.
    const bool point = trial.climbed.of_point();
    if (point) c.claim = "Q rises along the step, and where a fit ends it is level";
    std::optional<Climbed> at_end;
    if (point) at_end.emplace(trial.climbed.from(trial.subject, newton.end));
    const auto objective = [&](const Parameters& p) {
      return at_end ? at_end->expected(p) : trial.climbed.objective(p);
    };
    trial.best_gain(c, trial.slot_of(block.name), {newton.end, end_tolerance, true}, objective);
  }
  return c;
}

Certificate closed_certificate(const Trial& trial, const Block& block, const std::string& name) {
  Certificate c{.block = name, .solver = block.solver};
  c.claim = name == block.name ? "Q is at its top" : "given q of the others the bound is at its top";
  if (block.block_class == BlockClass::conditional)
    c.claim += block.solver == Solver::rate ? ", given the old location" : ", given the old spread";
  const auto expected = [&](const Parameters& p) { return trial.climbed.expected(p); };
  const Parameters where = trial.place_of(block);
  trial.best_gain(c, trial.slot_of(name),
                  {where, (closed_tolerance + trial.rounding) * trial.climbed.weight()}, expected);
  return c;
}

}  // namespace

std::vector<Certificate> certify_updates(const Subject& subject, const Options& options, Climbed& climbed,
                                         const Parameters& from, std::string& failure) {
  Trial trial{subject, options, climbed, from, {}, 0};
  Newton newton{};
  failure = compiled_step(trial, newton.share, newton.rise);
  if (!failure.empty()) return {};
  // Where absent elements are integrated out of Q, the step is at the top of another function, that holds
  // them.
  const auto generalised = [&](const Block& block) {
    return ir::is_newton(block) || climbed.integrates(block);
  };
  if (std::ranges::any_of(subject.plan.blocks, generalised)) newton.end = end_of_fit(trial, newton.reason);
  std::vector<Certificate> list;
  for (const Block& block : subject.plan.blocks) {
    if (block.latent) continue;
    if (block.solver == Solver::held) {
      const ir::ParameterSlot& slot = trial.slot_of(block.name);
      const auto begin = from.begin() + slot.offset;
      const bool same = std::equal(begin, begin + slot.size, trial.after.begin() + slot.offset);
      list.push_back({.block = block.name,
                      .solver = block.solver,
                      .verdict = same ? Verdict::certified : Verdict::failed,
                      .claim = "held",
                      .place = same ? "" : "the step moves it"});
      continue;
    }
    if (generalised(block)) {
      list.push_back(newton_certificate(trial, block, newton));
      continue;
    }
    for (const std::string& name : trial.moved_by(block))
      list.push_back(closed_certificate(trial, block, name));
  }
  return list;
}

}  // namespace lvm::certificate
