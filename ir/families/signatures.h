#pragma once
// What the language knows of every distribution before any mathematics: names, slots, supports. One table,
// `signatures.def`.

#include <string>
#include <string_view>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// What a slot accepts.
enum class SlotKind : uint8_t {
  real,
  positive,
  unit,
  count,
  simplex,
  covariance,
  cholesky,
  real_vector,
  positive_vector,
  loadings,
  distribution,
};

struct SlotChoice {
  std::string_view name;  // "sd"
  SlotKind kind;
};

/// One slot with its alternatives: `sd | var | precision`. The first alternative is what a positional first
/// argument means.
struct SlotRow {
  std::vector<SlotChoice> choices;
  bool optional = false;  // the bounds of Truncated, of which one is enough
};

/// What the distribution draws.
enum class Support : uint8_t {
  real,
  positive,
  unit,
  boolean,
  count,
  category,
  simplex,
  real_vector,
  matrix,
  angle,
  any
};

/// A parameterisation: Normal(mean, sd|var|precision) is one row, Normal(mean, cov|cholesky|precision_matrix)
/// another.
struct Signature {
  std::string_view family;  // "Normal"
  std::vector<SlotRow> slots;
  Support support;
  int event_rank;  // 0: element-wise; 1: consumes the last axis (of values and, twice, of covariances)
};

const std::vector<Signature>& signatures();
std::string_view name(SlotKind kind);
std::string_view name(Support support);

/// The `text` of a logpdf node: "Normal.mean.sd": the family and the chosen slots in the order of its inputs
/// after the value.
std::string parameterisation(std::string_view family, const std::vector<std::string_view>& slots);

}  // namespace lvm::ir
