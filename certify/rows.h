#pragma once
// The rows that certificates are made on.

#include <optional>

#include "runtime/bind.h"

namespace lvm::certificate {

/// At most `most` rows, spread over the table.
runtime::BoundData spread_rows(const runtime::BoundData& data, int64_t most);

/// Rows of every type that the model asks for, at random, where there is no table; `columns` names those of
/// each variable.
struct RandomRows {
  runtime::Table table;
  runtime::BindOptions binding;
};
RandomRows random_rows(const ir::Model& model, int64_t rows, uint64_t seed);
/// Without row `row` (from 0).
void drop_row(runtime::Table& table, int64_t row);

/// Pieces of the series, spread over all of them, each so short that its paths can be told one by one:
/// `letters` are the values of a step's latents. Of a latent that is a vector of `numbers` (0: none), so
/// short that all of its steps together are a small one.
runtime::BoundData short_series(const ir::Model& model, const runtime::BoundData& data, int64_t letters,
                                int64_t numbers = 0);

}  // namespace lvm::certificate
