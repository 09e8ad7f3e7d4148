#pragma once
// The file in which a run of the gradient route keeps its state between epochs. Little-endian:
//   8 bytes "lvmstate", u64 version, u64 identity, i64 epoch, i64 best epoch, f64 best bound, i64 n, n f64
//   parameters, i64 n, n f64 best parameters, i64 entries, each i64 iteration and f64 seconds, objective,
//   reconstruction, divergence, held out; u64 checksum of all bytes before it.

#include <optional>
#include <string>

#include "api/driver.h"
#include "runtime/train.h"

namespace lvm::checkpoint {

/// A number of (model with its settings but `epochs`, seed, table): a state is of one of them.
uint64_t identity(const driver::Lowered& lowered, uint64_t seed);

/// Whole or not at all: a temporary file takes the place of the one before. Returns what went wrong, or
/// nothing.
std::string write(const std::string& path, uint64_t identity, const runtime::TrainState& state);

/// `numbers` of parameters are expected. Why it is refused stands in `fault`.
std::optional<runtime::TrainState> read(const std::string& path, uint64_t identity, size_t numbers,
                                        std::string& fault);

}  // namespace lvm::checkpoint
