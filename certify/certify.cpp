#include "certify/certify.h"

#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "certify/posterior.h"
#include "certify/updates.h"
#include "runtime/fit.h"
#include "runtime/walker.h"

namespace lvm::certificate {
namespace {

/// Where a run begins: nothing has been climbed, and nothing is at a top that could hide a fault.
Parameters start_of(const Subject& s, const Options& options, std::string& failure) {
  Diagnostics diagnostics;
  const runtime::FitOptions to_start{.iterations = 0, .tolerance = 0, .seed = options.seed, .threads = 1};
  const runtime::Fitted fitted = runtime::fit(s.program, s.functions, s.data, to_start, diagnostics);
  if (fitted.ok) return runtime::to_program_layout(s.program, fitted.parameters);
  failure = fitted.runs.empty() ? "there are too few rows" : fitted.runs.front().message;
  return {};
}

/// The first row without a density in any state; none: every row that counts has one.
std::string row_without_density(const Subject& s, const LogJoint& joint,
                                const std::vector<double>& log_joint) {
  for (int64_t row = 0; row < joint.rows(); ++row) {
    const std::vector<double> of_row =
        of_states(joint, row, log_joint.data() + row * joint.states() * joint.points());
    const double evidence = log_sum(of_row.data(), joint.states());
    if (s.data.counts(row) && !std::isfinite(evidence))
      return fmt::format("row {} has no finite density", row + 1);
  }
  return "";
}

/// All steps of a series as one vector, of a latent that depends on earlier ones.
std::optional<Steps> steps_of(const Subject& s) {
  const int z = continuous_latent(s.model, s.plan);
  if (z < 0 || s.plan.find(s.model.variables[static_cast<size_t>(z)].name)->solver != ir::Solver::smoothing)
    return {};
  return Steps(s.model, z, s.data.series);
}

/// Where a continuous latent is looked at: about what the compiled posterior says, which need not be right.
std::optional<Design> design_of(const Subject& s, const std::optional<Steps>& steps, const Parameters& from,
                                std::string& failure) {
  const int z = continuous_latent(s.model, s.plan);
  if (z < 0) return {};
  runtime::Walker walker(s.program, s.functions, s.data, 1);
  std::map<std::string, std::vector<double>> outputs;
  failure = walker.prepare(from);
  if (failure.empty()) failure = walker.row_outputs("posterior", from, outputs);
  if (!failure.empty()) return {};
  const std::string& name = s.model.variables[static_cast<size_t>(z)].name;
  const std::vector<double>& mean = outputs.at(ir::posterior_mean_prefix + name);
  const std::vector<double>& sd = outputs.at(ir::posterior_sd_prefix + name);
  if (steps)
    return Design(Design::Kind::gaussian, steps->elements(), steps->gathered(mean, 0),
                  steps->gathered(sd, 1));
  return Design(kind_of(s.model, z), static_cast<int64_t>(mean.size()) / s.data.rows, mean, sd);
}

}  // namespace

Result certify(const Subject& subject, const Options& options) {
  Result result;
  const Parameters from = start_of(subject, options, result.failure);
  if (!result.failure.empty()) return result;
  LogJoint joint(subject.model, subject.program, subject.data);
  const std::optional<Steps> steps = steps_of(subject);
  const std::optional<Design> design = design_of(subject, steps, from, result.failure);
  if (!result.failure.empty()) return result;
  if (steps)
    joint.set_design(*steps, *design);
  else if (design)
    joint.set_design(
        subject.model.variables[static_cast<size_t>(continuous_latent(subject.model, subject.plan))].name,
        *design);
  const std::vector<double> log_joint = joint(from);
  result.failure = row_without_density(subject, joint, log_joint);
  if (!result.failure.empty()) return result;
  result.certificates = certify_posterior(subject, options, joint, log_joint, from);
  Climbed climbed(subject, joint, log_joint);
  for (Certificate& c : certify_updates(subject, options, climbed, from, result.failure))
    result.certificates.push_back(std::move(c));
  if (!result.failure.empty()) result.certificates.clear();
  return result;
}

}  // namespace lvm::certificate
