#pragma once
// What ln P(row, z) is as a function of a continuous latent z, from its values at a few z. It must be
// quadratic in z, or linear in the statistics of the latent's family: as many values as it has coefficients
// give them, further ones say whether it is so. Then the evidence, the posterior and the expectation of any
// other function of the same kind follow by the formulas of the family.

#include <string>
#include <vector>

#include "ir/model/model.h"
#include "ir/passes/plan.h"

namespace lvm::certificate {

class Design {
 public:
  enum class Kind : uint8_t { gaussian, gamma, inverse_gamma, beta, dirichlet };

  /// Points about `mean`, as far apart as `sd`: doubles[rows][elements]. Any finite numbers do.
  Design(Kind kind, int64_t elements, const std::vector<double>& mean, const std::vector<double>& sd);

  int64_t points() const { return static_cast<int64_t>(points_.size()); }
  /// doubles[rows][elements]
  const std::vector<double>& at(int64_t point) const { return points_[static_cast<size_t>(point)]; }

  struct Law {
    double evidence = 0;                 // ln of the integral
    double misfit = 0;                   // of the further values
    std::vector<double> mean, variance;  // of each element
    std::vector<double> weights;         // of the points: E[f] = sum of weight f(point)
  };
  /// From the values at all points of one row.
  Law law(int64_t row, const double* values) const;

 private:
  std::vector<double>& new_point() { return points_.emplace_back(mean_); }
  void add_gaussian_points();
  void add_conjugate_points();
  void add_dirichlet_points();
  Law gaussian(int64_t row, const double* f) const;
  Law conjugate(int64_t row, const double* f) const;
  Law dirichlet(int64_t row, const double* f) const;
  size_t pair(int64_t i, int64_t j) const;

  Kind kind_;
  int64_t elements_;
  std::vector<double> mean_, sd_;
  std::vector<std::vector<double>> points_;
};

/// The continuous latent of the plan; none: no_node's -1.
int continuous_latent(const ir::Model& model, const ir::Plan& plan);
Design::Kind kind_of(const ir::Model& model, int variable);

}  // namespace lvm::certificate
