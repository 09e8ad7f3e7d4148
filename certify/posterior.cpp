#include "certify/posterior.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "certify/certify_paths.h"
#include "runtime/walker.h"

namespace lvm::certificate {
namespace {

constexpr double tolerance = 1e-10;  // of the size of ln P
constexpr double least_q = 1e-290;   // below, a posterior has no digits

/// The row outputs of the compiled posterior, by name.
using Outputs = std::map<std::string, std::vector<double>>;

struct Rows {
  const Subject& subject;
  const LogJoint& joint;
  std::vector<double> log_joint;  // of the finite latents: [rows][states]
  const Outputs& outputs;
  std::vector<int64_t> chosen = {};

  const double* of(int64_t row) const { return log_joint.data() + row * joint.states(); }
  bool point = is_point(subject.plan);
  double evidence(int64_t row) const {
    return point ? *std::max_element(of(row), of(row) + joint.states()) : log_sum(of(row), joint.states());
  }
  /// Deviations are measured against it: ln P is a sum whose parts may cancel.
  double size(int64_t row) const {
    double largest = 1;
    for (int64_t s = 0; s < joint.states(); ++s)
      if (std::isfinite(of(row)[s])) largest = std::max(largest, std::abs(of(row)[s]));
    return largest;
  }
};

void note(Certificate& c, double deviation, const std::string& place) {
  if (deviation <= c.found) return;  // NaN goes on
  c.found = deviation;
  c.place = place;
}

/// The row's part of the objective against ln of the sum over all z of P(y, z).
void check_evidence(Certificate& c, const Rows& rows) {
  const std::vector<double>& compiled = rows.outputs.at("log_likelihood");
  for (const int64_t row : rows.chosen) {
    const double deviation =
        std::abs(compiled[static_cast<size_t>(row)] - rows.evidence(row)) / rows.size(row);
    note(c, deviation, fmt::format("row {} of those that were taken", row + 1));
  }
}

const std::vector<double>& posterior_of(const Rows& rows, const std::string& latent) {
  const auto alone = rows.outputs.find("responsibilities");
  return alone != rows.outputs.end() ? alone->second : rows.outputs.at("responsibilities_" + latent);
}

/// The values that have all mass are those of a greatest P(y, z).
void check_point(Certificate& c, const Rows& rows) {
  for (const int64_t row : rows.chosen) {
    int64_t state = 0;
    for (const LatentAxis& latent : rows.joint.latents()) {
      const double* q = posterior_of(rows, latent.name).data() + row * latent.states;
      const double* value = std::find(q, q + latent.states, 1.0);
      const bool one =
          value != q + latent.states && std::count(q, q + latent.states, 0.0) == latent.states - 1;
      if (!one)
        note(c, HUGE_VAL, fmt::format("row {} of those that were taken: no value has all mass", row + 1));
      state = state * latent.states + (one ? value - q : 0);
    }
    note(c, (rows.evidence(row) - rows.of(row)[state]) / rows.size(row),
         fmt::format("row {} of those that were taken", row + 1));
  }
}

/// ln of the sum of P(y, z) over all states in which latent `which` has the value `k`.
double marginal(const Rows& rows, size_t which, int64_t k, int64_t row) {
  int64_t inner = 1;
  const std::vector<LatentAxis>& latents = rows.joint.latents();
  for (size_t i = which + 1; i < latents.size(); ++i) inner *= latents[i].states;
  std::vector<double> terms;
  for (int64_t s = 0; s < rows.joint.states(); ++s)
    if (s / inner % latents[which].states == k) terms.push_back(rows.of(row)[s]);
  return log_sum(terms.data(), static_cast<int64_t>(terms.size()));
}

void check_states(Certificate& c, const Rows& rows, size_t which) {
  const LatentAxis& latent = rows.joint.latents()[which];
  const std::vector<double>& q = posterior_of(rows, latent.name);
  for (const int64_t row : rows.chosen) {
    const double evidence = rows.evidence(row);
    for (int64_t k = 0; k < latent.states; ++k) {
      const double of_k = q[static_cast<size_t>(row * latent.states + k)];
      const double log_joint = marginal(rows, which, k, row);
      const double expected = log_joint - evidence;
      // Of a state that cannot be, both say so.
      const bool both_none = !(of_k >= least_q) && !std::isnan(of_k) && expected < std::log(least_q) + 1;
      if (both_none) continue;
      note(c, std::abs(expected - std::log(of_k)) / rows.size(row),
           fmt::format("row {} of those that were taken, state {}", row + 1, k + 1));
    }
  }
}

/// Of a continuous latent: ln P(y, z) is what its family says as a function of z, and the moments that follow
/// are the compiled ones.
void check_continuous(Certificate& c, const Rows& rows, const std::vector<double>& log_joint) {
  const Design& design = *rows.joint.design();
  const int64_t states = rows.joint.states(), points = design.points();
  const std::vector<double>& mean = rows.outputs.at(ir::posterior_mean_prefix + c.block);
  const std::vector<double>& sd = rows.outputs.at(ir::posterior_sd_prefix + c.block);
  const auto elements = static_cast<size_t>(static_cast<int64_t>(mean.size()) / rows.joint.rows());
  for (const int64_t row : rows.chosen) {
    std::vector<double> first(elements, 0), second(elements, 0);
    for (int64_t s = 0; s < states; ++s) {
      const double q = std::exp(rows.of(row)[s] - rows.evidence(row));
      if (!(q >= least_q)) continue;
      const Design::Law law = design.law(row, log_joint.data() + (row * states + s) * points);
      note(c, q * law.misfit / rows.size(row),
           fmt::format("row {} of those that were taken: the law is of another kind", row + 1));
      for (size_t e = 0; e < elements; ++e) {
        first[e] += q * law.mean[e];
        second[e] += q * (law.variance[e] + law.mean[e] * law.mean[e]);
      }
    }
    for (size_t e = 0; e < elements; ++e) {
      const double compiled = mean[static_cast<size_t>(row) * elements + e],
                   spread = sd[static_cast<size_t>(row) * elements + e];
      const double variance = second[e] - first[e] * first[e];
      // In units of the standard deviation, and of the variance; a moment that is infinite is so in both.
      const bool both = std::isinf(compiled) && std::isinf(first[e]);
      if (both) continue;
      const std::string place = fmt::format("row {} of those that were taken, element {}", row + 1, e + 1);
      note(c, std::abs(compiled - first[e]) / (spread * rows.size(row)), place);
      if (std::isfinite(spread))
        note(c,
             std::abs(variance / (spread * spread) - 1) /
                 std::max(rows.size(row), first[e] * first[e] / (spread * spread)),
             place);
    }
  }
}

/// What was computed of each step of short series, as numbers of the series.
Outputs of_series(const Steps& steps, const Outputs& outputs) {
  Outputs to;
  for (const auto& [name, values] : outputs) {
    if (name.starts_with(ir::posterior_mean_prefix)) to[name] = steps.gathered(values, 0);
    if (name.starts_with(ir::posterior_sd_prefix)) to[name] = steps.gathered(values, 1);
    if (name == "log_likelihood") to[name] = steps.sums(values.data(), 1, {});
  }
  return to;
}

std::vector<int64_t> spread_rows(const Subject& subject, int64_t most) {
  std::vector<int64_t> counting, chosen;
  for (int64_t row = 0; row < subject.data.rows; ++row)
    if (subject.data.counts(row)) counting.push_back(row);
  const auto all = static_cast<int64_t>(counting.size());
  const int64_t count = std::min(all, most);
  for (int64_t i = 0; i < count; ++i) chosen.push_back(counting[static_cast<size_t>(i * all / count)]);
  return chosen;
}

}  // namespace

std::vector<double> of_states(const LogJoint& joint, int64_t row, const double* log_joint) {
  if (!joint.design()) return {log_joint, log_joint + joint.states()};
  std::vector<double> all;
  for (int64_t s = 0; s < joint.states(); ++s) {
    const double* values = log_joint + s * joint.points();
    all.push_back(std::isfinite(values[0]) ? joint.design()->law(row, values).evidence : values[0]);
  }
  return all;
}

bool is_point(const ir::Plan& plan) {
  return std::ranges::any_of(plan.blocks, [](const ir::Block& block) {
    return block.solver == ir::Solver::most_probable || block.solver == ir::Solver::best_path;
  });
}

double log_sum(const double* x, int64_t count) {
  const double most = *std::max_element(x, x + count);
  if (!std::isfinite(most)) return most;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - most);
  return most + std::log(sum);
}

std::vector<Certificate> certify_posterior(const Subject& subject, const Options& options,
                                           const LogJoint& joint, const std::vector<double>& log_joint,
                                           const Parameters& parameters) {
  Outputs outputs;
  runtime::Walker walker(subject.program, subject.functions, subject.data, 1);
  Certificate one{.latent = true, .solver = ir::Solver::enumerate, .allowed = tolerance};
  std::string failure = walker.prepare(parameters);
  if (failure.empty()) failure = walker.row_outputs("posterior", parameters, outputs);
  if (joint.paths()) return certify_paths(subject, joint, log_joint, outputs, failure);
  if (joint.steps() && failure.empty()) outputs = of_series(*joint.steps(), outputs);
  std::vector<double> finite;
  for (int64_t row = 0; row < joint.rows(); ++row) {
    const std::vector<double> of_row =
        of_states(joint, row, log_joint.data() + row * joint.states() * joint.points());
    finite.insert(finite.end(), of_row.begin(), of_row.end());
  }
  Rows rows{subject, joint, std::move(finite), outputs, spread_rows(subject, options.posterior_rows)};
  if (joint.steps()) {
    rows.chosen.resize(static_cast<size_t>(joint.rows()));
    std::iota(rows.chosen.begin(), rows.chosen.end(), int64_t{0});
  }
  one.checked = static_cast<int64_t>(rows.chosen.size());
  one.all = joint.steps() ? joint.rows() : subject.data.rows;
  std::vector<Certificate> list;
  const size_t latents = joint.latents().size();
  if (const int z = continuous_latent(subject.model, subject.plan); z >= 0) {
    Certificate c = one;
    c.block = subject.model.variables[static_cast<size_t>(z)].name;
    c.solver = subject.plan.find(c.block)->solver;
    c.claim = fmt::format("ln P(y, {0}) - ln q({0} | y) is constant in {0}", c.block);
    if (failure.empty()) {
      check_continuous(c, rows, log_joint);
      if (latents == 0) check_evidence(c, rows);
      if (!(c.found <= c.allowed)) c.verdict = Verdict::failed;
    } else {
      c.verdict = Verdict::open;
      c.place = failure;
    }
    list.push_back(std::move(c));
    if (latents == 0) return list;
  }
  for (size_t i = 0; i < std::max<size_t>(latents, 1); ++i) {
    Certificate c = one;
    c.block = latents == 0 ? of_rows : joint.latents()[i].name;
    c.claim = latents == 0 ? "the objective is the sum of ln P(y)"
              : rows.point ? fmt::format("q({0} | y) is at the greatest ln P(y, {0})", c.block)
                           : fmt::format("ln P(y, {0}) - ln q({0} | y) is constant in {0}", c.block);
    if (rows.point) c.solver = ir::Solver::most_probable;
    if (failure.empty()) {
      if (rows.point) {
        check_point(c, rows);
      } else if (latents > 0) {
        check_states(c, rows, i);
      }
      check_evidence(c, rows);
      if (!(c.found <= c.allowed)) c.verdict = Verdict::failed;
    } else {
      c.verdict = Verdict::open;
      c.place = failure;
    }
    list.push_back(std::move(c));
  }
  return list;
}

}  // namespace lvm::certificate
