#pragma once
// plan: Tensor@elbo -> Plan.  Purpose: choose for each latent block and each parameter how it is climbed, and
// say why. Before: build_elbo; axes may still have unknown sizes.  After: every latent and every free
// parameter stands in one block, or `diagnostics` holds the reason with its range (`exact` is a contract;
// what the compiler cannot do yet is refused by name).

#include <string>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "ir/model/model.h"

namespace lvm::ir {

enum class Solver : uint8_t {
  enumerate,         // finite latents: the posterior of all of their values
  most_probable,     // finite latents: the best values alone
  forward_backward,  // finite latents that depend on earlier steps: the posterior of each step, and of each
                     // with those before
  best_path,         // the same: the most probable path alone
  conditioning,      // Gaussian latents whose means are affine: the Gaussian given the row
  smoothing,  // the same, that depend on earlier steps: the Gaussian of each step and the ones before given
              // all rows of the series
  conjugate,  // continuous latents of another family: its member with the row's statistics added
  reparameterised,    // q is given: draws from it as a smooth function of noise
  score_function,     // q is given, and its draws move in steps
  normalised_counts,  // Categorical, simplex
  ratio,              // Bernoulli
  moments,            // Normal mean
  scatter,  // Normal sd, var, precision, cov: scatter about the mean, pooled over the axes that the parameter
            // lacks
  rate,     // ln p = A ln r - B r: expected A over expected B
  odds,     // ln p = A ln s + B ln(1 - s): expected A over expected A + B
  isotonic,       // ordered log-rates and log-odds: expected means, pooled where they do not ascend
  median,         // Laplace location: the weighted median of the cells
  least_squares,  // Normal mean through a linear predictor: weighted least squares
  reweighted,     // any other slot through a linear predictor: a guarded Newton step in its coefficients
  concentration,  // Dirichlet: a guarded Newton step in all concentrations of one event together
  correlation,    // Normal cov that is a correlation matrix: a guarded step of Fisher's scoring among such
                  // matrices
  matrix_scale,   // Wishart, InverseWishart: the expected matrix over the degrees of freedom, pooled
  freedom,        // their degrees of freedom: a guarded Newton step, the scale at its best beside them
  newton,  // a guarded Newton step on the expected log density, for parameters that enter element by element
  gradient,  // steps of the optimiser along the gradient of the bound
  held,      // fixed
};
std::string_view name(Solver solver);

enum class BlockClass : uint8_t { exact, closed, conditional, newton, gradient, fixed };
std::string_view name(BlockClass block_class);

struct Block {
  std::string name;  // "z"; parameters solved together are separate blocks: "mean", "cov"
  bool latent = false;
  Solver solver;
  BlockClass block_class;
  std::string reason;  // "finite", "`weight` is the probability of a Categorical: its counts are sufficient"
  /// Of a free parameter: the one factor (in Model::factors) and the slot of its distribution that hold it.
  int factor = -1;
  size_t slot = 0;
  /// Of a Newton block: the factors that hold it, and the group of blocks that step together.
  std::vector<int> factors = {};
  int group = -1;
};

/// A parameter that takes a guarded step, which the run time may halve.
bool is_newton(const Block& block);

struct Plan {
  std::string method = "em";
  std::string objective_name = "log_likelihood";
  std::vector<Block> blocks;
  const Block* find(std::string_view name) const;
};

Plan plan(const Model& model, const Module& elbo, Diagnostics& diagnostics);
std::string print(const Plan& plan);

}  // namespace lvm::ir
