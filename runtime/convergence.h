#pragma once
// When a run has converged: by Aitken's estimate of what remains to be gained (Böhning et al. 1994).

#include <cstdint>
#include <limits>

namespace lvm::runtime {

/// What rounding can do to an objective.
struct Rounding {
  double noise = 0;    // differences up to this mean nothing
  double allowed = 0;  // a drop beyond this is a fault of the program
};

/// `size` bounds the sum of the absolute log likelihoods of the rows; `by_parameters` is what rounded
/// parameters may cost in all.
Rounding make_rounding(double size, double by_parameters);

class Convergence {
 public:
  explicit Convergence(double tolerance) : tolerance_(tolerance) {}

  /// Adds the objective of the next iteration. A run has converged when twice in succession less than the
  /// tolerance remains to be gained, or the gain is lost in rounding: one small gain may be a plateau that
  /// the run is about to leave.
  void add(double objective, const Rounding& rounding);
  bool converged() const { return hits_ >= 2; }
  bool near() const { return hits_ > 0; }
  /// The objective of a point that EM did not lead to: what came before says nothing of the gains from here.
  void restart(double objective);
  double gain() const { return gain_; }
  /// Nats still to gain; NaN while it is not known.
  double remaining() const { return remaining_; }

 private:
  bool hit(double before, const Rounding& rounding);

  double tolerance_;
  double objective_ = std::numeric_limits<double>::quiet_NaN();
  double gain_ = std::numeric_limits<double>::quiet_NaN();
  double remaining_ = std::numeric_limits<double>::quiet_NaN();
  int hits_ = 0;
};

}  // namespace lvm::runtime
