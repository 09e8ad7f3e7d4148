#pragma once
// estimate: the rows of a table asked about at fitted parameters of the method "gradient", by draws of the
// latents. What is drawn is a function of (seed, row, draw): the same for any number of threads and any other
// rows beside it.

#include <map>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/pool.h"

namespace lvm::runtime {

struct EstimateOptions {
  int64_t draws = 1;
  uint64_t seed = 1;
  Pool* pool = nullptr;  // gathers rows; none: the calling thread
};

/// Of the numbers w_1 … w_K that the row output `bound` gives for the draws of each row.
struct Estimates {
  std::vector<double> mean, mean_error;  // and its standard error; NaN of a single draw
  /// ln of the mean of exp(w), and its standard error by the delta method: sd(exp(w)) / (sqrt(K)
  /// mean(exp(w))).
  std::vector<double> log_mean, log_mean_error;
  /// (sum exp(w))^2 / sum exp(2 w): K where all draws weigh the same, 1 where one outweighs the rest (Kong
  /// 1992).
  std::vector<double> effective;
  /// The row outputs "q(…)", posteriors of finite latents: [row][value], the means over the draws.
  std::map<std::string, std::vector<double>> q;
};

/// `parameters` have natural values by name, of every parameter that is not fixed.
Estimates estimate(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
                   const std::map<std::string, std::vector<double>>& parameters,
                   const EstimateOptions& options);

}  // namespace lvm::runtime
