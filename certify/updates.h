#pragma once
// The certificates of the M-step.

#include "certify/certify.h"
#include "certify/joint.h"

namespace lvm::certificate {

/// What climbs: functions of the parameters by the independent joint.
class Climbed {
 public:
  /// With q(z | y) from the joint where the step begins: its softmax, or its greatest value.
  Climbed(const Subject& subject, LogJoint& joint, const std::vector<double>& log_joint);

  /// The expected complete log density, with the prior.
  double expected(const Parameters& parameters);
  /// The log likelihood, or the sum of the greatest ln P(y, z), with the prior.
  double objective(const Parameters& parameters);
  /// The same with q from the joint at `parameters`.
  Climbed from(const Subject& subject, const Parameters& parameters) const {
    return {subject, joint_, joint_(parameters)};
  }
  bool of_point() const { return point_; }
  /// Whether elements of the block's factor are integrated out of both.
  bool integrates(const ir::Block& block) const { return joint_.integrates(block.factor); }
  /// The rounding of such a value.
  double noise() const { return noise_; }
  double weight() const { return weight_; }

 private:
  LogJoint& joint_;
  bool point_;
  std::vector<double> weights_;  // of the rows
  std::vector<double> q_;        // times the row's weight, as ln P(y, z) lies
  double noise_ = 0, weight_ = 0;
};

/// One certificate a parameter; `failure` where the step fails on these rows.
std::vector<Certificate> certify_updates(const Subject& subject, const Options& options, Climbed& climbed,
                                         const Parameters& from, std::string& failure);

}  // namespace lvm::certificate
