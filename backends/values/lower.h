#pragma once
// lower_values: (Model, values) -> a Program whose one function over rows writes values of the model, such as
// the slots of a distribution. Parameters are those of the model, inside their domains; latents are data like
// any other; layers are evaluated.

#include "ir/families/family.h"
#include "ir/model/model.h"

namespace lvm::values {

/// One row output: what `term` makes of the slots (nodes of the model's function), or without a term the only
/// slot itself; with all `axes` beside its own.
struct Wanted {
  std::string name;
  ir::Slots slots;
  std::vector<ir::AxisId> axes = {};
  ir::Term term = {};
};

inline constexpr const char* rows_function = "values";

/// All sizes are known. Functions: `prepare`, where there is something to prepare, and `values`.
ir::Program lower_values(const ir::Model& model, const std::vector<Wanted>& wanted, bool single);

}  // namespace lvm::values
