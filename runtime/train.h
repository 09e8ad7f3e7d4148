#pragma once
// train: walks a Program of the method "gradient": shuffled batches, a step of the optimiser for each, and the bound of rows that are
// held out after every epoch.  The objective that is returned was computed at the parameters that are returned, over the rows trained
// on. The same seed gives the same bits.

#include "ir/model/gradient_settings.h"
#include "runtime/fit.h"

namespace lvm::runtime {

struct TrainOptions {
  ir::GradientSettings settings;
  FitOptions fit;  // seed, threads, initial values, progress (an epoch is an iteration), time limit
};

/// Errors (a step that is not finite, with its row and factor) and warnings go to `diagnostics`.
Fitted train(const ir::Program& program, const ir::Executable& functions, const BoundData& data, const TrainOptions& options,
             Diagnostics& diagnostics);

}  // namespace lvm::runtime
