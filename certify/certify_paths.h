#pragma once
// The E-step of a chain against all paths of short series.

#include <map>

#include "certify/certify.h"
#include "certify/joint.h"

namespace lvm::certificate {

/// `outputs`: of the compiled posterior, or `failure` says why there are none.
std::vector<Certificate> certify_paths(const Subject& subject, const LogJoint& joint,
                                       const std::vector<double>& log_joint,
                                       const std::map<std::string, std::vector<double>>& outputs,
                                       const std::string& failure);

}  // namespace lvm::certificate
