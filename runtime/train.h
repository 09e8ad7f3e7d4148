#pragma once
// train: walks a Program of the method "gradient": shuffled batches, a step of the optimiser for each, and
// the bound of rows that are held out after every epoch.  The objective that is returned was computed at the
// parameters that are returned, over the rows trained on. The same seed gives the same bits.

#include "ir/model/gradient_settings.h"
#include "runtime/fit.h"
#include "runtime/pool.h"

namespace lvm::runtime {

/// Between two epochs: what a run needs to go on as if nothing had happened. Draws and shuffles are functions
/// of the seed and of the epoch.
struct TrainState {
  int64_t epoch = 0;               // that are done
  std::vector<double> parameters;  // coordinates and the state of the optimiser, in the Program's layout
  // The best held-out bound, where `patience` watches it.
  std::vector<double> best;
  double best_bound = -std::numeric_limits<double>::infinity();
  int64_t best_epoch = 0;
  std::vector<TraceEntry> trace;
};

struct TrainOptions {
  ir::GradientSettings settings;
  FitOptions fit;  // seed, threads, initial values, progress (an epoch is an iteration), time limit
  /// After each epoch, before `progress`; false ends the run.
  std::function<bool(const TrainState&)> keep = {};
  std::optional<TrainState> from = {};
  std::shared_ptr<Pool> pool = {};  // gathers batches; none: the calling thread
  bool in_place = false;            // `optimise` may write where it reads
};

/// Errors (a step that is not finite, with its row and factor) and warnings go to `diagnostics`.
Fitted train(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
             const TrainOptions& options, Diagnostics& diagnostics);

}  // namespace lvm::runtime
