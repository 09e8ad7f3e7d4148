// A Gaussian mixture: compiled code against the interpreter, and the same bits whatever the register blocks.

#include <catch2/catch.hpp>

#include <random>

#include "tests/unit/loop/gmm_program.h"
#include "tests/unit/loop/run_program.h"

using namespace lvm;
using namespace lvm::test;

namespace {

void fill(Buffers& buffers, int64_t k, int64_t d, const ir::Program& program) {
  std::mt19937_64 random(static_cast<uint64_t>(k * 100 + d));
  std::normal_distribution<> normal;
  for (const Block& column : buffers.columns) {
    for (int64_t i = 0; i < LVM_TILE_ROWS; ++i) column[i] = 3 * normal(random);
  }
  for (int64_t i = 0; i < LVM_TILE_ROWS; ++i)
    buffers.columns.back()[i] = static_cast<double>(random() % static_cast<uint64_t>(k));
  for (int64_t c = 0; c < k; ++c) {
    buffers.parameters[program.parameters[0].offset + c] = 1.0 / static_cast<double>(k);
    for (int64_t i = 0; i < d; ++i) {
      buffers.parameters[program.parameters[1].offset + c * d + i] = 2 * normal(random);
      for (int64_t j = 0; j < d; ++j) {
        buffers.parameters[program.parameters[2].offset + (c * d + i) * d + j] = i == j ? 2.0 : 0.3;
      }
    }
  }
}

struct Outcome {
  Buffers buffers;
  std::vector<int32_t> codes;
};

Outcome run(const ir::Program& program, const ir::Executable& executable, int64_t k, int64_t d,
            int32_t rows) {
  Outcome o{Buffers(program), {}};
  fill(o.buffers, k, d, program);
  o.buffers.pad(rows);
  o.codes.push_back(o.buffers.run_prepare(executable, "prepare"));
  o.codes.push_back(o.buffers.run_rows(executable, "rows", rows));
  o.codes.push_back(o.buffers.run_rows(executable, "start", rows));
  o.codes.push_back(o.buffers.run_rows(executable, "posterior", rows));
  o.buffers.add_lanes(program);
  o.codes.push_back(o.buffers.run_update(executable, "update"));
  return o;
}

/// Row outputs beyond the last row are not defined.
void clear_beyond(const Block& outputs, int32_t rows) {
  for (int64_t i = 0; i < outputs.size(); ++i) {
    if (i % LVM_TILE_ROWS >= rows) outputs[i] = 0;
  }
}

}  // namespace

TEST_CASE("a Gaussian mixture: compiled code equals the interpreter") {
  auto [k, d] = GENERATE(table<int64_t, int64_t>(
      {{1, 1}, {2, 1}, {8, 2}, {3, 3}, {16, 8}, {5, 13}, {3, 16}, {17, 2}, {2, 19}, {3, 32}}));
  auto rows = GENERATE(int32_t{1}, int32_t{8}, int32_t{61}, int32_t{256});
  ir::Program program = gmm_program(k, d);
  REQUIRE(ir::verify(program.module) == std::vector<std::string>{});
  loop::Unit unit = loop::schedule(program, jit::host_target());
  jit::Jit jit(linalg_symbols());
  Outcome compiled = run(program, jit.compile(unit), k, d, rows);
  Outcome reference = run(program, interpreter::interpret(program), k, d, rows);
  clear_beyond(compiled.buffers.outputs, rows);
  clear_beyond(reference.buffers.outputs, rows);
  CAPTURE(k, d, rows);
  CHECK(compiled.codes == reference.codes);
  CHECK(difference(compiled.buffers.derived, reference.buffers.derived, 1e-300) < 1e-12);
  CHECK(difference(compiled.buffers.totals, reference.buffers.totals, 1) < 1e-12);
  CHECK(difference(compiled.buffers.outputs, reference.buffers.outputs, 1e-6) < 1e-11);
  CHECK(difference(compiled.buffers.updated, reference.buffers.updated, 1) < 1e-11);
}

TEST_CASE("statistics have the same bits for every size of register blocks") {
  auto [k, d] = GENERATE(table<int64_t, int64_t>({{4, 2}, {3, 5}, {2, 8}, {2, 16}, {2, 21}, {2, 35}}));
  ir::Program program = gmm_program(k, d);
  jit::Jit jit(linalg_symbols());
  std::optional<Outcome> first;
  for (int accumulators : {1, 2, 3, 6, 8, 13, 24}) {
    loop::Target target;
    target.accumulators = accumulators;
    Outcome outcome = run(program, jit.compile(loop::schedule(program, target)), k, d, 203);
    clear_beyond(outcome.buffers.outputs, 203);
    if (!first) {
      first.emplace(std::move(outcome));
      continue;
    }
    CAPTURE(k, d, accumulators);
    CHECK(same_bits(outcome.buffers.statistics, first->buffers.statistics));
    CHECK(same_bits(outcome.buffers.outputs, first->buffers.outputs));
  }
}
