#pragma once
// What `fit { … }` says of the gradient route, with the language's defaults.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model/model.h"

namespace lvm::ir {

struct OptimiserOption {
  std::string_view name;
  double value;  // its default; flags are 0 or 1
};

/// One way from gradients to steps.
struct OptimiserRow {
  std::string_view name;
  std::vector<OptimiserOption> options;
};
const std::vector<OptimiserRow>& optimiser_rows();

/// How the rate falls over a run: not at all, along half a cosine, or in a line, both to 0.
enum class Schedule : uint8_t { constant, cosine, linear };

/// "adam(rate: 1e-3, beta1: 0.95, schedule: cosine)": the row, and the values of its options in their order.
struct Optimiser {
  const OptimiserRow* row = nullptr;
  std::vector<double> values;
  Schedule schedule = Schedule::constant;
  /// The rate when this part of the run is done.
  double rate(double part) const;
  double operator[](std::string_view option) const;
};
/// Writes what is wrong with the text into `fault` and gives none.
std::optional<Optimiser> parse_optimiser(std::string_view text, std::string& fault);

struct GradientSettings {
  int64_t batch = 100;
  int64_t epochs = 50;
  int64_t samples = 1;  // draws of the latents a row and step; the k of `iwae(k: 50)`
  bool importance =
      false;        // `iwae`: ln of the mean importance weight (Burda, Grosse & Salakhutdinov 2016, eq. 8)
  double beta = 1;  // weighs the divergence of q from the prior
  double kl_warmup = 0;  // epochs over which that weight rises from 0
  double holdout = 0;    // below 1 a share of the rows, else their number: the last ones
  int64_t patience = 0;  // epochs without a better held-out bound before a run ends; 0: none ends it
  bool single = true;    // precision of the numbers
  bool narrow = false;   // `bf16`: the products of a step have bfloat16 operands, all else is single
  Optimiser optimiser;
};

/// Of checked settings.
GradientSettings gradient_settings(const FitSettings& fit);

}  // namespace lvm::ir
