// Times the compiled rows function of a Gaussian mixture alone, on one thread: kernel ROWS D K [accumulators
// [cache doubles]] [--emit=loop|llvm|asm]

#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "backends/llvm/jit.h"
#include "tests/unit/loop/gmm_program.h"
#include "tests/unit/loop/linalg_stand_ins.h"

namespace {

using namespace lvm;

/// Processor time of this thread: a busy machine disturbs it less than the wall's.
struct Clock {
  using time_point = double;
  static time_point now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
};

double since(Clock::time_point start) {
  return Clock::now() - start;
}

struct Free {
  void operator()(double* p) const { std::free(p); }
};
using Aligned = std::unique_ptr<double[], Free>;

Aligned aligned(int64_t doubles) {
  size_t bytes = (static_cast<size_t>(doubles) * 8 + 63) / 64 * 64;
  Aligned made(static_cast<double*>(std::aligned_alloc(64, bytes)));
  std::fill_n(made.get(), bytes / 8, 0.0);
  return made;
}

struct Case {
  int64_t rows, d, k;
  ir::Program program;
  std::vector<Aligned> columns;
  Aligned parameters, derived, statistics, scratch;

  void fill() {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<> uniform(0, 10);
    for (int64_t i = 0; i <= d; ++i) columns.push_back(aligned(rows + 8 + 64));
    for (int64_t n = 0; n < rows; ++n) {
      for (int64_t i = 0; i < d; ++i)
        columns[static_cast<size_t>(i)][static_cast<size_t>(n)] = uniform(random);
    }
    parameters = aligned(program.parameter_doubles());
    derived = aligned(program.derived_doubles());
    statistics = aligned(program.statistic_doubles() * LVM_LANES);
    for (int64_t c = 0; c < k; ++c) {
      parameters[static_cast<size_t>(program.parameters[0].offset + c)] = 1.0 / static_cast<double>(k);
      for (int64_t i = 0; i < d; ++i) {
        parameters[static_cast<size_t>(program.parameters[1].offset + c * d + i)] = uniform(random);
        for (int64_t j = 0; j < d; ++j) {
          parameters[static_cast<size_t>(program.parameters[2].offset + (c * d + i) * d + j)] =
              i == j ? 4 : 0.1;
        }
      }
    }
  }

  double pass(const std::function<int32_t(lvm_frame*)>& function) {
    auto start = Clock::now();
    std::vector<const void*> at(columns.size());
    lvm_frame frame{
        at.data(), parameters.get(), derived.get(), statistics.get(), nullptr, scratch.get(), 0, 0, 0, 0};
    for (int64_t first = 0; first < rows; first += LVM_TILE_ROWS) {
      for (size_t i = 0; i < columns.size(); ++i) at[i] = columns[i].get() + first;
      frame.first_row = first;
      frame.rows = static_cast<int32_t>(std::min<int64_t>(LVM_TILE_ROWS, rows - first));
      function(&frame);
    }
    return since(start);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 2;
  Case c{std::atol(arguments[1]), std::atol(arguments[2]), std::atol(arguments[3]), {}, {}, {}, {}, {}, {}};
  c.program = test::gmm_program(c.k, c.d);
  auto target = jit::host_target();
  std::string emit;
  for (int i = 4; i < count; ++i) {
    std::string argument = arguments[i];
    if (argument.starts_with("--emit="))
      emit = argument.substr(7);
    else
      (i == 4 ? target.accumulators : target.cache_doubles) = std::atoi(arguments[i]);
  }
  auto start = Clock::now();
  jit::Jit jit(test::linalg_symbols());
  double create = since(start);
  start = Clock::now();
  loop::Unit unit = loop::schedule(c.program, target);
  double schedule = since(start);
  if (!emit.empty()) {
    if (emit == "loop") fmt::print("{}", loop::print(unit));
    if (emit == "llvm") fmt::print("{}", jit.llvm_text(unit));
    if (emit == "asm") fmt::print("{}", jit.assembly_text(unit));
    return 0;
  }
  start = Clock::now();
  ir::Executable executable = jit.compile(unit);
  double compile = since(start);
  start = Clock::now();
  jit.compile(unit);
  double again = since(start);
  c.fill();
  c.scratch = aligned(c.program.scratch_bytes / 8 + 8);
  lvm_frame prepare{
      nullptr, c.parameters.get(), c.derived.get(), nullptr, c.derived.get(), c.scratch.get(), 0, 0, 0, 0};
  int32_t code = executable.at("prepare")(&prepare);
  std::vector<double> times;
  for (Clock::time_point begin = Clock::now(); times.size() < 15 || since(begin) < 1;) {
    std::fill_n(c.statistics.get(), c.program.statistic_doubles() * LVM_LANES, 0.0);
    times.push_back(c.pass(executable.at("rows")));
  }
  std::sort(times.begin(), times.end());
  double objective = 0;
  for (int64_t lane = 0; lane < LVM_LANES; ++lane) {
    objective += c.statistics[static_cast<size_t>(c.program.statistics[3].offset * LVM_LANES + lane)];
  }
  fmt::print(
      "{} x {}, K {}: create {:.1f} schedule {:.1f} compile {:.1f} (again {:.1f}) ms; rows min {:.3f} median "
      "{:.3f} ms; "
      "code {} objective {:.12g} scratch {} KiB\n",
      c.rows, c.d, c.k, create * 1e3, schedule * 1e3, compile * 1e3, again * 1e3, times[0] * 1e3,
      times[times.size() / 2] * 1e3, code, objective, c.program.scratch_bytes / 1024);
}
