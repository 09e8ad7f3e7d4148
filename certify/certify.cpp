#include "certify/certify.h"

#include <cmath>

#include <fmt/format.h>

#include "certify/posterior.h"
#include "certify/updates.h"
#include "runtime/fit.h"

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
    const double evidence = log_sum(log_joint.data() + row * joint.states(), joint.states());
    if (s.data.counts(row) && !std::isfinite(evidence))
      return fmt::format("row {} has no finite density", row + 1);
  }
  return "";
}

}  // namespace

Result certify(const Subject& subject, const Options& options) {
  Result result;
  const Parameters from = start_of(subject, options, result.failure);
  if (!result.failure.empty()) return result;
  LogJoint joint(subject.model, subject.program, subject.data);
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
