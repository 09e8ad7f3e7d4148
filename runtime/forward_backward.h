#pragma once
// Forward-backward over one series of a chain (ir::Chain).  A state is a word of letters, (z_t, z_{t-1}, …),
// newest first; row-major over the letters, so that a state is (own letter z, the others h) and what a step
// forgets is the last letter o:
//
//   p_t(z, h) = sum over o of a_{t-1}(h, o) T(z, h, o)         a_t = p_t w_t / c_t          ln P(y_t | y_1 …
//   y_{t-1}) = ln c_t + peak_t g_{t-1}(h, o) = a_{t-1}(h, o) sum over z of T(z, h, o) g_t(z, h) / p_t(z, h)
//   (Kitagawa 1987; Kim 1994)
//
// The backward pass reads filtered probabilities alone. Letters before a series has begun are 0.
//
// Scaled numbers may lose what is smaller than 10^-300 beside the rest. That matters only where the rest
// cannot follow: a state that is lost has a successor that nothing else reaches. `forward` sees this and says
// so; then the same is done in logarithms.

#include <cstdint>
#include <vector>

namespace lvm::runtime {

struct ChainShape {
  int64_t letters = 1, order = 1;
  int64_t words = 1;   // letters^(order - 1): values of h
  int64_t states = 1;  // letters * words
  int64_t stride = 1;  // doubles from one step to the next: padded with zeros
};
ChainShape chain_shape(int64_t letters, int64_t order);

/// T(z, h, o) of one step, row-major; and where all steps have the same and `order` is 1, [o][z] and [z][o]
/// with rows of `stride` numbers.
struct Transitions {
  const double* each = nullptr;  // of the first step
  int64_t step = 0;              // doubles from one step to the next: 0 where all have the same
  const double* turned = nullptr;
  const double* straight = nullptr;
  const double* at(int64_t t) const { return each + t * step; }
};

/// Of one series; `step` 0 is its first.
struct SeriesPass {
  int64_t steps = 0;
  double* filtered = nullptr;  // in: w_t; out: a_t
  double* smoothed = nullptr;  // g_t
  double* scale = nullptr;     // c_t
};

/// False where numbers of a double do not do.
bool forward(const ChainShape& shape, const Transitions& transitions, const SeriesPass& pass);
void backward(const ChainShape& shape, const Transitions& transitions, const SeriesPass& pass);

/// The same from ln w_t and ln T. `logs` becomes ln a_t; `filtered` is a_t, and where that is nearly 0 a
/// number that gives the same pairs of states; c_t is 1, and `peak` all of ln P(y_t | …). False where no such
/// numbers exist.
struct LogPass : SeriesPass {
  double* logs = nullptr;
  double* peak = nullptr;
};
bool forward_backward_in_logs(const ChainShape& shape, const Transitions& log_transitions,
                              const LogPass& pass);

/// The most probable path, the first of equals in its last step and from there back. `smoothed` has 1 at its
/// states, `filtered` too, c_t is 1 and `peak` the step's part of ln P(path, data); `path` gets the states.
void best_path(const ChainShape& shape, const Transitions& log_transitions, const LogPass& pass,
               std::vector<int64_t>& path);

}  // namespace lvm::runtime
