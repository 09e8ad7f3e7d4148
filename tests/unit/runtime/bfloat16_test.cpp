// Products in bfloat16 against sums in double of the very numbers that are multiplied, and the partition of
// products.

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/bfloat16.h"
#include "runtime/random.h"
#include "runtime/same_bits.h"

namespace lvm::runtime {
namespace {

std::vector<float> normals(int64_t count, uint32_t step) {
  const Random random(3, Site::user, step);
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i) numbers.push_back(static_cast<float>(random.normal(i)));
  return numbers;
}

std::vector<Bfloat16> narrowed(const std::vector<float>& numbers) {
  std::vector<Bfloat16> to(numbers.size());
  narrow(numbers.data(), static_cast<int64_t>(numbers.size()), to.data());
  return to;
}

double widened(Bfloat16 number) {
  return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(number) << 16));
}

/// The nearest number of 8 bits, ties to even, by integers alone.
uint16_t nearest(float number) {
  const auto bits = std::bit_cast<uint32_t>(number);
  return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// Nothing is emulated: where the processor has no such products they are no silent fallback.
bool available() {
  if (has_bfloat16()) return true;
  WARN("this processor has no bfloat16 products");
  float none = 0;
  Bfloat16 to{};
  CHECK_THROWS(narrow(&none, 1, &to));
  return false;
}

}  // namespace

TEST_CASE("numbers are narrowed to the nearest, ties to even, and nothing is written behind them") {
  if (!available()) return;
  const std::vector<float> given = {0.0F,
                                    -0.0F,
                                    1.0F,
                                    1.00390625F,
                                    1.01171875F,
                                    -1.00390625F,
                                    3.4e38F,
                                    -2.5e-38F,
                                    1.0F / 3,
                                    65535.0F,
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity()};
  for (size_t i = 0; i < given.size(); ++i) {
    INFO(given[i]);
    CHECK(static_cast<uint16_t>(narrowed(given)[i]) == nearest(given[i]));
  }
  const std::vector<float> many = normals(200, 0);
  for (int64_t count = 0; count <= 100; ++count) {
    constexpr auto untouched = static_cast<Bfloat16>(0x1234);
    std::vector<Bfloat16> to(200, untouched);
    narrow(many.data() + count, count, to.data());
    bool right = true;
    for (int64_t i = 0; i < 200; ++i) {
      const auto at = static_cast<size_t>(i);
      right = right &&
              (i < count ? static_cast<uint16_t>(to[at]) == nearest(many[at + static_cast<size_t>(count)])
                         : to[at] == untouched);
    }
    INFO(count);
    CHECK(right);
  }
  CHECK(std::isnan(widened(narrowed({std::numeric_limits<float>::quiet_NaN()})[0])));
}

TEST_CASE("a product of bfloat16 numbers is that of the numbers, summed in single precision") {
  if (!available()) return;
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{
           {1, 8, 1}, {3, 16, 2}, {20, 64, 400}, {5, 24, 7}, {129, 128, 37}, {400, 64, 129}, {64, 8, 785}}) {
    for (int form = 0; form < 8; ++form) {
      MatrixProduct p{.left_transposed = (form & 1) != 0,
                      .right_transposed = (form & 2) != 0,
                      .add = (form & 4) != 0,
                      .m = m,
                      .n = n,
                      .k = k};
      p.left_stride = (p.left_transposed ? m : k) + 3;
      p.right_stride = (p.right_transposed ? k : n) + 16;
      p.result_stride = n + 5;
      const std::vector<Bfloat16> a = narrowed(normals((p.left_transposed ? k : m) * p.left_stride, 1)),
                                  b = narrowed(normals((p.right_transposed ? n : k) * p.right_stride, 2));
      const std::vector<float> before = normals(m * p.result_stride, 3);
      std::vector<float> result = before;
      multiply(p, a.data(), b.data(), result.data());
      // Each of k additions rounds to 2^-24 of what has been added up so far; a pair of products that is
      // added first rounds once more.
      double worst = 0;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < p.result_stride; ++j) {
          const auto at = static_cast<size_t>(i * p.result_stride + j);
          double sum = p.add || j >= n ? static_cast<double>(before[at]) : 0, size = std::abs(sum);
          for (int64_t l = 0; l < k && j < n; ++l) {
            const double term = widened(a[static_cast<size_t>(p.left_transposed ? l * p.left_stride + i
                                                                                : i * p.left_stride + l)]) *
                                widened(b[static_cast<size_t>(p.right_transposed ? j * p.right_stride + l
                                                                                 : l * p.right_stride + j)]);
            sum += term;
            size += std::abs(term);
          }
          worst = std::max(worst, std::abs(static_cast<double>(result[at]) - sum) /
                                      (static_cast<double>(k + 2) * 0x1p-24 * size + 1e-300));
        }
      }
      INFO(m << " x " << n << ", " << k << ", form " << form);
      CHECK(worst <= 1);
    }
  }
}

TEST_CASE("a product of many columns has the bits of its halves, in single precision and in bfloat16") {
  for (const bool narrow : {false, true}) {
    if (narrow && !available()) continue;
    for (const int64_t k : {1, 3, 20, 64, 255, 384, 401, 784, 3136}) {
      for (const int64_t m : {1, 3, 20, 100, 400, 784}) {
        for (const bool transposed : {false, true}) {
          INFO(m << " x 128, " << k << (transposed ? ", transposed" : "") << (narrow ? ", bfloat16" : ""));
          CHECK(halves_agree({.left_transposed = transposed,
                              .m = m,
                              .n = 128,
                              .k = k,
                              .left_stride = transposed ? m : k,
                              .right_stride = 144,
                              .result_stride = 144},
                             narrow));
        }
      }
    }
  }
}

}  // namespace lvm::runtime
