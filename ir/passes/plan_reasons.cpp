// What the plan says of a parameter that one slot of one factor holds.

#include <fmt/format.h>

#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

std::string article(std::string_view family) {
  return fmt::format("{} {}", family.front() == 'I' ? "an" : "a", family);
}

}  // namespace

std::string reason_of(Solver solver, std::string_view noun, std::string_view family) {
  switch (solver) {
    case Solver::normalised_counts:
      return fmt::format("probabilities of a {}: the expected counts are sufficient", family);
    case Solver::ratio: return "probability of a Bernoulli: expected successes over expected trials";
    case Solver::rate: return fmt::format("{} of a {}: a ratio of expected sums", noun, family);
    case Solver::odds:
      return fmt::format("probability of a {}: expected successes over expected trials", family);
    case Solver::concentration:
      return fmt::format("{} of a {}: a guarded Newton step in all elements together", noun, family);
    case Solver::correlation:
      return "covariance of a Normal whose variances are 1: a guarded step of Fisher's scoring";
    case Solver::matrix_scale:
      return fmt::format("scale of {}: the expected {} over the degrees of freedom", article(family),
                         family == "Wishart" ? "matrix" : "inverse matrix");
    case Solver::freedom:
      return fmt::format("degrees of freedom of {}: a guarded Newton step, the scale at its best beside it",
                         article(family));
    case Solver::median: return fmt::format("{} of a {}: the weighted median", noun, family);
    case Solver::isotonic:
      return fmt::format("{} of a {}, in order: expected means, pooled where they do not ascend", noun,
                         family);
    case Solver::moments:
    case Solver::scatter:
    case Solver::least_squares:
    case Solver::reweighted:
    case Solver::newton:
    case Solver::enumerate:
    case Solver::most_probable:
    case Solver::forward_backward:
    case Solver::best_path:
    case Solver::conditioning:
    case Solver::smoothing:
    case Solver::conjugate:
    case Solver::reparameterised:
    case Solver::score_function:
    case Solver::gradient:
    case Solver::held: break;
  }
  return "";
}

}  // namespace lvm::ir
