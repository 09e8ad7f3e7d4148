#pragma once
// q of the finite latents of a chain, at level step: what compiled code gives to the walk over the series,
// and what it makes of its results (ir::Chain says what passes between them).  With the filtered a(o) =
// P(before | data up to it), transitions T and the smoothed g(s) of a row
//
//   q(before = o, s) = a(o) T(o, s) g(s) / sum over o of a(o) T(o, s),
//
// so that no pair of states is kept: the walk needs neither the emissions of later rows nor their scale
// (Kitagawa 1987, eq. 2.6).

#include "backends/em/posterior.h"
#include "ir/program/program.h"

namespace lvm::em {

/// Of a setting with a chain.
RowPosterior chain_posterior(Builder& b, Expansion& expand, const Setting& setting,
                             const std::vector<Emission>& emissions);

/// Writes the row outputs of `emissions` and, where rows do not differ in them, the transitions as derived
/// values.
ir::Chain write_chain(Builder& b, Expansion& expand, const Setting& setting,
                      const std::vector<Emission>& emissions);

/// The data columns that the walk gives.
std::vector<ir::DataSlot> chain_slots(const ir::Module& module, const ir::FiniteChain& chain);

/// q of one block of latents that no chain holds, enumerated.
struct BlockPosterior {
  std::vector<AxisId> axes;
  ir::EnumeratedPosterior made;
};

}  // namespace lvm::em
