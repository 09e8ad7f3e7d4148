#pragma once
// Draws and means of the families, on the host: what `lvmc sample` makes rows of. One row of the table a
// parameterisation.

#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace lvm::runtime {

/// The numbers of each slot at one event: one of an element-wise slot, the vector or the row-major matrix of
/// the others.
using SlotValues = std::vector<std::span<const double>>;
using Generator = std::mt19937_64;

struct Sampler {
  std::string_view parameterisation;  // "Normal.mean.sd", as the registry of families has it
  /// Writes the event: a single number, or all elements of a vector.
  void (*draw)(const SlotValues& slots, std::span<double> event, Generator& generator);
  /// E[event]; of categories the most probable one. NaN where there is none.
  void (*mean)(const SlotValues& slots, std::span<double> event);
};

/// Null where lvm has none.
const Sampler* find_sampler(std::string_view parameterisation);

}  // namespace lvm::runtime
