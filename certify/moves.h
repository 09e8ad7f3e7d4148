#pragma once
// How a parameter can move inside its domain: one real coordinate u at a time, 0 where it is.
//
//   real         v + u                     simplex     v_k e^u, then all of the event scaled to sum to one
//   correlation  the same for i > j, and both sides over the roots of the diagonal
//   positive     v e^u                     covariance  L (I + u (E_ij + E_ji)) L', and L diag(1 … e^u … 1) L'
//   unit         logit v + u               with L the Cholesky factor of where it is
//   ordered      v + u of equal values together, and of the upper ones of them alone
//
// The directions of a covariance are the same for any scale of the data. On a bound (a probability that is 0)
// there is one direction only: u > 0 leads inside.

#include "certify/joint.h"

namespace lvm::certificate {

struct Move {
  int64_t element = 0;                                               // of the slot, for messages
  bool inward = false;                                               // from a bound: u >= 0 only
  double first_step = 0;                                             // a guess of a small u
  double last_step = 0;                                              // u is of no use beyond
  double rounding = 0;                                               // of the parameter, in u
  std::function<void(Parameters& parameters, double u)> apply = {};  // writes the parameter from where it was
};

/// Of a parameter that is not fixed: at most `most` moves, spread over its elements.
std::vector<Move> moves(const ir::Program& layout, const ir::ParameterSlot& slot, const Parameters& from,
                        size_t most);
/// Each move split into its two sides, in parts of where the parameter is: for a top at a kink.
std::vector<Move> one_sided(const std::vector<Move>& moves);
/// How many there are in all.
size_t count_moves(const ir::Program& layout, const ir::ParameterSlot& slot);

}  // namespace lvm::certificate
