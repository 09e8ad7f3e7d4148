#include "runtime/entropy.h"

#include <algorithm>
#include <cmath>

#include "runtime/walker.h"

namespace lvm::runtime {
namespace {

double entropy(const double* outputs, int64_t states, int64_t row) {
  double sum = 0;
  for (int64_t k = 0; k < states; ++k) {
    const double r = outputs[k * LVM_TILE_ROWS + row];
    if (r > 0) sum -= r * std::log(r);
  }
  return sum;
}

}  // namespace

std::optional<double> posterior_entropy(const ir::Program& program, const ir::Executable& functions,
                                        const BoundData& data, const std::vector<FittedParameter>& parameters,
                                        int threads) {
  // Of several latents the marginals do not say the entropy of them all: their outputs have other names.
  const auto slot = std::find_if(program.row_outputs.begin(), program.row_outputs.end(),
                                 [](const ir::Slot& s) { return s.name == "responsibilities"; });
  // Nor do those of the steps of a chain say that of its path.
  if (slot == program.row_outputs.end() || program.chain) return std::nullopt;
  Walker walker(program, functions, data, threads);
  if (!walker.has("posterior")) return std::nullopt;
  const std::vector<double> values = to_program_layout(program, parameters);
  if (!walker.prepare(values).empty()) return std::nullopt;
  const double* weights = nullptr;
  for (const BoundVariable& v : data.variables) {
    if (v.role == ir::Role::weight) weights = data.packed.column(v.first).packed();
  }
  // One sum a tile, added in order: any number of threads gives the same bits.
  std::vector<double> tiles(walker.tiles().size(), 0);
  const Failure failure = walker.visit_rows("posterior", values, [&](const double* outputs, int64_t index) {
    double& sum = tiles[static_cast<size_t>(index)];
    const Tile& tile = walker.tiles()[static_cast<size_t>(index)];
    for (int64_t i = 0; i < tile.rows; ++i) {
      const double weight = weights != nullptr ? weights[walker.row_at(tile.at + i)] : 1;
      if (weight == 0) continue;
      sum += weight * entropy(outputs + slot->offset * LVM_TILE_ROWS, slot->size, i);
    }
  });
  if (!failure.empty()) return std::nullopt;
  double sum = 0;
  for (const double tile : tiles) sum += tile;
  return sum;
}

}  // namespace lvm::runtime
