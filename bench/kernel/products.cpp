// What the library's products of matrices reach by themselves: those of a training step of 784 - 400 - z 20
// on batches of 128, one after the other, on each of some threads at once. lvm_bench_products single|bf16
// THREADS: JSON on stdout.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "runtime/bfloat16.h"
#include "runtime/numbers.h"

namespace {

using lvm::runtime::MatrixProduct;
constexpr int64_t batch = 128, stride = batch + 16;

/// Weights times values: forwards [out, in], and backwards the same weights transposed. Then what the
/// derivatives of the weights sum over rows.
std::vector<MatrixProduct> products_of_a_step() {
  std::vector<MatrixProduct> all;
  const auto of_rows = [&](int64_t out, int64_t in, bool transposed) {
    all.push_back({.left_transposed = transposed,
                   .m = out,
                   .n = batch,
                   .k = in,
                   .left_stride = transposed ? out : in,
                   .right_stride = stride,
                   .result_stride = stride});
  };
  const auto over_rows = [&](int64_t m, int64_t n) {
    constexpr int64_t together = 128;
    for (int64_t from = 0; from < m; from += together)
      all.push_back({.right_transposed = true,
                     .m = std::min(together, m - from),
                     .n = n,
                     .k = batch,
                     .left_stride = stride,
                     .right_stride = stride,
                     .result_stride = n});
  };
  of_rows(400, 784, true);
  for (int head = 0; head < 2; ++head) {
    of_rows(20, 400, false);
    of_rows(400, 20, true);
    over_rows(20, 400);
  }
  of_rows(400, 20, true);
  of_rows(20, 400, false);
  over_rows(20, 400);
  of_rows(784, 400, false);
  of_rows(400, 784, true);
  over_rows(784, 400);
  over_rows(784, 400);
  return all;
}

template <class Operand>
double gflops(int threads) {
  const std::vector<MatrixProduct> all = products_of_a_step();
  double flops = 0;
  for (const MatrixProduct& p : all)
    flops += 2e-9 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  std::vector<std::thread> workers;
  std::vector<double> rates(static_cast<size_t>(threads));
  for (int worker = 0; worker < threads; ++worker) {
    workers.emplace_back([&, worker] {
      constexpr size_t most = 784 * 400;
      const Operand one = std::is_same_v<Operand, float> ? Operand(1) : Operand(0x3f80);
      const lvm::runtime::Numbers<Operand> left(most, one), right(most, one);
      lvm::runtime::Numbers<float> result(most);
      const auto once = [&] {
        for (const MatrixProduct& p : all) multiply(p, left.data(), right.data(), result.data());
      };
      const auto seconds = [] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
      };
      for (int i = 0; i < 20; ++i) once();
      double best = 1e300;
      for (int i = 0; i < 10; ++i) {
        constexpr int repeats = 20;
        const double begin = seconds();
        for (int j = 0; j < repeats; ++j) once();
        best = std::min(best, (seconds() - begin) / repeats);
      }
      rates[static_cast<size_t>(worker)] = flops / best;
    });
  }
  double sum = 0;
  for (int worker = 0; worker < threads; ++worker) {
    workers[static_cast<size_t>(worker)].join();
    sum += rates[static_cast<size_t>(worker)];
  }
  return sum;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const bool narrow = std::string(arguments[1]) == "bf16";
  if (narrow && !lvm::runtime::has_bfloat16()) return 3;
  const int threads = std::atoi(arguments[2]);
  std::printf("{\"gflops\": %.1f, \"mflop_a_row\": %.4f}\n",
              narrow ? gflops<lvm::runtime::Bfloat16>(threads) : gflops<float>(threads),
              1e-6 * (4.0 * 784 * 400 + 6.0 * (784 * 400 + 3 * 20 * 400)));
}
