// Times the compiled rows function of examples/gmm.lvm or gmm_diagonal.lvm beside the kernel that is written
// by hand, in turns, on one thread: lvm_bench_compare MODEL ROWS D K. One JSON object; exit code 1 where the
// two do not agree.

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numbers>
#include <random>
#include <utility>

#include "api/state.h"
#include "bench/kernel/by_hand.h"
#include "runtime/linalg.h"

namespace {

using namespace lvm;

constexpr int repeats = 15;

/// Processor time of this thread: a busy machine disturbs it less than the wall's.
double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Free {
  void operator()(double* p) const { std::free(p); }
};
using Aligned = std::unique_ptr<double[], Free>;

Aligned aligned(int64_t doubles) {
  const size_t bytes = (static_cast<size_t>(doubles) * 8 + 63) / 64 * 64;
  Aligned made(static_cast<double*>(std::aligned_alloc(64, bytes)));
  std::fill_n(made.get(), bytes / 8, 0.0);
  return made;
}

/// Overlapping clusters.
std::vector<std::vector<double>> random_columns(int64_t rows, int64_t d, int64_t k) {
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> columns(static_cast<size_t>(d),
                                           std::vector<double>(static_cast<size_t>(rows)));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < d; ++i) {
      columns[static_cast<size_t>(i)][static_cast<size_t>(row)] =
          std::sin(static_cast<double>(row % k * 7 + i * 3)) + normal(engine);
    }
  }
  return columns;
}

const ir::Slot& slot(const auto& slots, std::string_view name) {
  const auto found =
      std::find_if(slots.begin(), slots.end(), [&](const ir::Slot& s) { return s.name == name; });
  if (found == slots.end()) throw Fault("the program has no slot " + std::string(name));
  return *found;
}

/// The compiled code with its buffers, at parameters that are the same for both.
struct Compiled {
  const ir::Program& program;
  const ir::Executable& functions;
  const runtime::BoundData& data;
  Aligned parameters, derived, statistics, scratch;
  bool about_origin =
      program.module.find(ir::origin_rows_function) != nullptr;  // the means lie near one, as in most fits

  explicit Compiled(const BoundModel& bound)
      : program(bound.state->compiled_code().program),
        functions(bound.state->compiled_code().functions),
        data(*bound.state->lowered.data),
        parameters(aligned(program.parameter_doubles())),
        derived(aligned(program.derived_doubles())),
        statistics(aligned(program.statistic_doubles() * LVM_LANES)),
        scratch(aligned(program.scratch_bytes / 8 + 8)) {}

  double* parameter(std::string_view name) {
    return parameters.get() + slot(program.parameters, name).offset;
  }

  void set_parameters(int64_t k, int64_t d, bool diagonal) {
    for (int64_t c = 0; c < k; ++c) {
      parameter("weight")[c] = 1.0 / static_cast<double>(k);
      for (int64_t i = 0; i < d; ++i) {
        parameter("mean")[c * d + i] = 0.9 * std::sin(static_cast<double>(c * 7 + i * 3));
        if (diagonal) parameter("variance")[c * d + i] = 1 + 0.02 * static_cast<double>((c + i) % 5);
        for (int64_t j = 0; j < d && !diagonal; ++j) {
          const double other = 0.2 / static_cast<double>(1 + std::abs(i - j) + c % 3);
          parameter("cov")[(c * d + i) * d + j] =
              i == j ? 1.5 + 0.02 * static_cast<double>((c + i) % 5) : other;
        }
      }
    }
    const runtime::BoundVariable& y = data.variables.front();
    std::copy(y.variance.begin(), y.variance.end(),
              derived.get() + slot(program.derived, "y.variance").offset);
    lvm_frame frame{nullptr, parameters.get(), derived.get(), nullptr, derived.get(), scratch.get(), 0, 0, 0,
                    0};
    if (functions.at("prepare")(&frame) != 0) throw Fault("prepare refused the parameters");
  }

  double pass(const std::vector<const double*>& columns) {
    std::fill_n(statistics.get(), program.statistic_doubles() * LVM_LANES, 0.0);
    const double begin = now();
    std::vector<const void*> at(static_cast<size_t>(program.data_columns()), columns[0]);
    lvm_frame frame{
        at.data(), parameters.get(), derived.get(), statistics.get(), nullptr, scratch.get(), 0, 0, 0, 0};
    for (int64_t first = 0; first < data.rows; first += LVM_TILE_ROWS) {
      for (size_t i = 0; i < columns.size(); ++i) at[i] = columns[i] + first;
      frame.first_row = first;
      frame.rows = static_cast<int32_t>(std::min<int64_t>(LVM_TILE_ROWS, data.rows - first));
      functions.at(about_origin ? ir::origin_rows_function : "rows")(&frame);
    }
    return now() - begin;
  }

  /// All statistics of the last pass, about the means.
  std::vector<double> totals() {
    std::vector<double> made(static_cast<size_t>(program.statistic_doubles()), 0);
    for (size_t i = 0; i < made.size() * LVM_LANES; ++i) made[i / LVM_LANES] += statistics[i];
    ir::complete_symmetric(program, made.data());
    if (!about_origin) return made;
    std::vector<double> centred = made;
    lvm_frame frame{
        nullptr, parameters.get(), derived.get(), made.data(), centred.data(), scratch.get(), 0, 0, 0, 0};
    functions.at(ir::recentre_function)(&frame);
    return centred;
  }

  std::vector<double> sums(std::string_view name) {
    const ir::Slot& s = slot(program.statistics, name);
    const std::vector<double> all = totals();
    return {all.begin() + s.offset, all.begin() + s.offset + s.size};
  }
};

/// From the parameters alone.
bench::Mixture mixture_of(Compiled& code, int64_t k, int64_t d, bool diagonal) {
  bench::Mixture m{k, d, diagonal, {}, {}, {}};
  m.mean.assign(code.parameter("mean"), code.parameter("mean") + k * d);
  std::vector<double> factor(static_cast<size_t>(d * d)), inverse(factor.size());
  for (int64_t c = 0; c < k; ++c) {
    double log_norm =
        std::log(code.parameter("weight")[c]) - 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi);
    if (!diagonal) {
      lvm_cholesky(factor.data(), code.parameter("cov") + c * d * d, d);
      lvm_triangular_inverse(inverse.data(), factor.data(), d);
    }
    for (int64_t i = 0; i < d; ++i) {
      const double whole = diagonal ? 1 / std::sqrt(code.parameter("variance")[c * d + i])
                                    : inverse[static_cast<size_t>(i * d + i)];
      log_norm += std::log(whole);
      for (int64_t j = diagonal ? i : 0; j < i; ++j)
        m.whiten.push_back(inverse[static_cast<size_t>(i * d + j)]);
      m.whiten.push_back(whole);
    }
    m.log_norm.push_back(log_norm);
  }
  return m;
}

/// The greatest difference, beside the greatest of the values.
double difference(const std::vector<double>& a, const std::vector<double>& b, int64_t matrix) {
  double worst = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (matrix > 0 && at % matrix > at / matrix % matrix) continue;  // the upper triangle is not summed
    worst = std::max(worst, std::isnan(a[i] - b[i]) ? INFINITY : std::abs(a[i] - b[i]));
    size = std::max(size, std::abs(a[i]));
  }
  return worst / size;
}

int compare(const std::string& path, int64_t rows, int64_t d, int64_t k) {
  const std::vector<std::vector<double>> values = random_columns(rows, d, k);
  std::vector<HostColumn> host;
  for (size_t i = 0; i < values.size(); ++i) host.push_back({"y" + std::to_string(i), values[i].data(), 1});
  const BoundModel bound =
      bind(compile_file(path, {.settings = {{"K", std::to_string(k)}}}), make_data(host, rows));
  if (!bound.ok()) throw Fault(bound.report().render());
  Compiled code(bound);
  const bool diagonal = std::any_of(code.program.parameters.begin(), code.program.parameters.end(),
                                    [](const auto& p) { return p.name == "variance"; });
  code.set_parameters(k, d, diagonal);
  const bench::Mixture mixture = mixture_of(code, k, d, diagonal);
  const bench::AddRows add_rows = __builtin_cpu_supports("avx512f") ? bench::avx512::rows_adder(mixture)
                                                                    : bench::avx2::rows_adder(mixture);
  if (!add_rows || rows % 16 != 0) throw Fault("there is no kernel by hand for this size");
  std::vector<const double*> columns;
  for (int64_t i = 0; i < d; ++i)
    columns.push_back(std::as_const(code.data).packed.column(code.data.variables.front().first + i).packed());
  const auto zeros = [](int64_t count) { return std::vector<double>(static_cast<size_t>(count), 0); };
  bench::Sums sums;
  std::vector<double> compiled, by_hand;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    compiled.push_back(code.pass(columns));
    sums = {0, zeros(k), zeros(k * d), zeros(diagonal ? k * d : k * d * d)};
    const double begin = now();
    add_rows(mixture, columns.data(), rows, sums);
    by_hand.push_back(now() - begin);
  }
  const double worst =
      std::max({difference(code.sums("n"), sums.n, 0), difference(code.sums("s1"), sums.s1, 0),
                difference(code.sums("s2"), sums.s2, diagonal ? 0 : d),
                difference(code.sums("objective"), {sums.objective}, 0)});
  std::sort(compiled.begin(), compiled.end());
  std::sort(by_hand.begin(), by_hand.end());
  const size_t middle = repeats / 2;
  const bool same = worst < 1e-10;
  fmt::print(
      "{{\"compiled\": {:.6g}, \"by_hand\": {:.6g}, \"compiled_least\": {:.6g}, \"by_hand_least\": {:.6g}, "
      "\"difference\": {:.2g}, "
      "\"same\": {}}}\n",
      compiled[middle], by_hand[middle], compiled[0], by_hand[0], worst, same);
  if (!same) fmt::print(stderr, "the compiled sums and those by hand differ by {:.2g}\n", worst);
  return same ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    fmt::print(stderr, "the kernel by hand needs AVX2 and FMA\n");
    return 2;
  }
  try {
    return compare(arguments[1], std::atol(arguments[2]), std::atol(arguments[3]), std::atol(arguments[4]));
  } catch (const std::exception& problem) {
    fmt::print(stderr, "{}\n", problem.what());
    return 2;
  }
}
