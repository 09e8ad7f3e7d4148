#pragma once
// The certificate of the E-step.

#include "certify/certify.h"
#include "certify/joint.h"

namespace lvm::certificate {

/// One certificate a latent; of a model without any, one of the rows' terms. `log_joint` is that of `joint`
/// at `parameters`.
std::vector<Certificate> certify_posterior(const Subject& subject, const Options& options,
                                           const LogJoint& joint, const std::vector<double>& log_joint,
                                           const Parameters& parameters);

/// ln P(y, finite latents) of one row from its ln P(y, z), each state's points integrated.
std::vector<double> of_states(const LogJoint& joint, int64_t row, const double* log_joint);

/// ln of the sum of e^x over `count` entries.
double log_sum(const double* x, int64_t count);

/// `point`: all mass is on the most probable values.
bool is_point(const ir::Plan& plan);

}  // namespace lvm::certificate
