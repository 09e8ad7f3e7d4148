#pragma once
// Gaussian chains: the exact posterior of the states of
//   z_1 = b_1 + N_1 w_1,   z_t = A_t z_{t-1} + b_t + N_t w_t,   w_t ~ N(0, I),
// of which step t observes a likelihood that is Gaussian in z_t, exp(h_t' z_t - z_t' J_t z_t / 2) up to a
// factor. J may be singular or 0 (a missing step, fewer outputs than states), and so may N and A.
//
// Every covariance is carried as a root, and no covariance is ever inverted or subtracted, so that none can
// lose its sign. With the predicted z_t = m + C a, a ~ N(0, I), and I + C' J C = L L':
//   filter    a = u + L^-T e,  e ~ N(0, I),  u = (L L')^-1 C' (h - J m): mean m + C u, root C L^-T
//   predict   [A C  N] [e; w] = [C+  0] [a+; c]  for the orthogonal  [e; w] = T [a+; c], which leaves c
//   independent of z_{t+1} smooth    e = T11 a+ + T12 c: the law of e_{t-1} given all steps follows from that
//   of e_t by contractions.
// The joint law of z_{t-1} and z_t falls out of the last line. (The square-root form of Kailath, Sayed and
// Hassibi 2000, ch. 12, with the smoother in the coordinates of the filter.)

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lvm::runtime {

/// What one step brings; row-major. A step that starts a series has no transition: `offset` and `noise` are
/// then the law of its state.
struct GaussianStep {
  const double* precision = nullptr;   // J [S, S], symmetric
  const double* linear = nullptr;      // h [S]
  const double* transition = nullptr;  // A [S, S]
  const double* offset = nullptr;      // b [S]
  const double* noise = nullptr;       // N [S, S]
};

/// The law of a step's state, and of the one before, given all steps: with independent standard normal x [S]
/// and c [S]
///   z_t = mean + root x,   z_{t-1} = previous_mean + cross [x; c].
struct SmoothedStep {
  const double* mean;           // [S]
  const double* root;           // [S, S]
  const double* previous_mean;  // [S]; null: the step starts its series
  const double* cross;          // [S, 2 S]
  bool same_roots;              // root and cross are those of the step that was smoothed before
};

/// One series after another, each filtered forwards and smoothed backwards. Nothing is allocated once the
/// longest has passed.
class GaussianChain {
 public:
  explicit GaussianChain(int states);

  /// Forgets all steps; `steps` to come, as a guess.
  void clear(int64_t steps);
  void filter(const GaussianStep& step);

  int states() const { return states_; }
  int64_t steps() const { return static_cast<int64_t>(block_.size()); }
  /// The mean of the state given the steps up to its own.
  const double* filtered_mean(int64_t step) const { return filtered_.data() + step * states_; }
  /// ln P(y_t | y_1 … y_{t-1}) = ln P(y_t | z_t = filtered mean) + this: the law of z_t before and after y_t,
  /// at the filtered mean.
  double evidence(int64_t step) const { return evidence_[static_cast<size_t>(step)]; }

  /// From the last step to the first: each call smooths the step before.
  void turn();
  SmoothedStep smooth();
  int64_t at() const { return at_; }  // the step that was smoothed last

  /// How often covariances were computed: they are not where they have come to rest.
  int64_t blocks() const { return static_cast<int64_t>(blocks_.size()) / (3 * states_ * states_); }

 private:
  template <int Fixed>
  friend struct KalmanKernel;

  int states_;
  void (*filter_)(GaussianChain&, const GaussianStep&);
  void (*smooth_)(GaussianChain&);

  // Of each step.
  std::vector<double> filtered_, pull_, evidence_;  // pull: T11 u
  std::vector<int32_t> block_;
  std::vector<uint8_t> starts_;  // 1: the step starts a series
  std::vector<double> blocks_;   // [block][3][S, S]: the filtered root C L^-T, T11 L^-T, T12

  // Of the step that is filtered now.
  std::vector<double> inputs_;  // the covariances' own: J, A, N
  std::vector<double> array_, factor_, predicted_, theta_, scratch_;
  double log_root_ = 0;  // ln det L
  double change_ = 0;    // of a block from the one before, while inputs stay
  bool rests_ = false;

  // Of the step that is smoothed now.
  int64_t at_ = 0;
  std::vector<double> mean_, root_, previous_mean_, cross_, e_, e_root_;
  double root_change_ = 0;
  int32_t rest_block_ = -1;  // the roots have come to rest in this block
  int32_t last_block_ = -1;
  bool same_roots_ = false;
};

}  // namespace lvm::runtime
