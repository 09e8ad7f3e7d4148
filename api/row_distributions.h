#pragma once
// The distributions of a model row by row: their slots by compiled code (models trained by gradients) or by
// the interpreter, their draws and means on the host.

#include <functional>
#include <map>
#include <memory>

#include "api/state.h"
#include "backends/values/lower.h"
#include "runtime/pool.h"
#include "runtime/row_values.h"
#include "runtime/samplers.h"

namespace lvm {

using runtime::RowBlocks;

/// Values of some variables for rows, in layout order, and what else of the model can be computed from them.
class Rows {
 public:
  Rows(const FittedModel& fitted, const ir::Model& model, int64_t rows, bool compiled, int threads)
      : fitted_(fitted),
        model_(model),
        rows_(rows),
        compiled_(compiled),
        pool_(std::make_shared<runtime::Pool>(threads)) {}

  const ir::Model& model() const { return model_; }
  int64_t count() const { return rows_; }
  bool has(const std::string& name) const { return known_.contains(name); }
  const std::vector<double>& at(const std::string& name) const { return known_.at(name); }
  void set(const std::string& name, std::vector<double> values) { known_[name] = std::move(values); }
  /// All data variables of a bound table.
  void take(const runtime::BoundData& data);
  /// Every variable of rows that these nodes read is known.
  bool ready(const ir::Slots& nodes) const;
  RowBlocks evaluate(const std::vector<values::Wanted>& wanted) const { return prepared(wanted)(); }
  /// The same as often as it is called, at what is known then; code is made once. `this` outlives it.
  std::function<RowBlocks()> prepared(const std::vector<values::Wanted>& wanted) const;
  void forget(const std::string& name) { known_.erase(name); }

 private:
  std::vector<double> parameters(const ir::Program& program) const;

  const FittedModel& fitted_;
  const ir::Model& model_;
  int64_t rows_;
  bool compiled_;
  std::shared_ptr<runtime::Pool> pool_;
  RowBlocks known_;
};

/// The axes of one row's value, and how many numbers they span.
std::vector<ir::AxisId> without_row(std::vector<ir::AxisId> axes);
int64_t elements(const ir::Model& model, const std::vector<ir::AxisId>& axes);

enum class What : uint8_t { draw, mean };
struct Asked {
  ir::Role role;
  What what;
};

/// Draws, or takes the mean of, the variables of a role that are not known yet, parents first. Labels, which
/// are latents that some rows have, count as data unless latents depend on them. False: a diagnostic says why
/// not.
bool generate(Rows& rows, Asked asked, uint64_t seed, Diagnostics& diagnostics);

/// Draws the data and latents of a series of a model whose rows are steps, step by step: [steps][elements] by
/// name. `rows` is one row.
bool generate_series(Rows& rows, int64_t steps, uint64_t seed, RowBlocks& to, Diagnostics& diagnostics);

}  // namespace lvm
