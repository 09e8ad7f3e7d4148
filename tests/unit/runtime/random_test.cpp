#include "runtime/random.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

namespace lvm::runtime {

// kat_vectors of Random123 (Salmon et al. 2011), philox4x32 with 10 rounds.
TEST_CASE("Philox gives the published known answers") {
  using Four = std::array<uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("draws differ in every part of their key") {
  std::set<uint64_t> seen;
  for (const uint64_t seed : {1u, 2u}) {
    for (const Site site : {Site::kmeans_sample, Site::user}) {
      for (const uint32_t step : {0u, 1u}) {
        for (const int64_t row : {int64_t{0}, int64_t{1}, int64_t{1} << 33}) {
          for (const uint32_t element : {0u, 1u}) seen.insert(Random(seed, site, step).bits(row, element));
        }
      }
    }
  }
  CHECK(seen.size() == 2 * 2 * 2 * 3 * 2);
}

TEST_CASE("uniform, normal and index have their moments") {
  const Random random(7, Site::user, 0);
  constexpr int64_t n = 200000;
  double u = 0, uu = 0, z = 0, zz = 0, zzz = 0;
  std::array<int64_t, 7> counts{};
  for (int64_t i = 0; i < n; ++i) {
    const double x = random.uniform(i), y = random.normal(i, 1);
    REQUIRE((x >= 0 && x < 1));
    u += x, uu += x * x, z += y, zz += y * y, zzz += y * y * y;
    ++counts[static_cast<size_t>(random.index(7, i, 2))];
  }
  // Five standard errors of each mean.
  const double root = std::sqrt(static_cast<double>(n));
  CHECK(std::abs(u / n - 0.5) < 5 * std::sqrt(1.0 / 12) / root);
  CHECK(std::abs(uu / n - 1.0 / 3) < 5 * std::sqrt(4.0 / 45) / root);
  CHECK(std::abs(z / n) < 5 / root);
  CHECK(std::abs(zz / n - 1) < 5 * std::sqrt(2.0) / root);
  CHECK(std::abs(zzz / n) < 5 * std::sqrt(15.0) / root);
  for (const int64_t count : counts) {
    CHECK(std::abs(static_cast<double>(count) - n / 7.0) < 5 * std::sqrt(n * 6.0 / 49));
  }
}

TEST_CASE("index stays below huge counts") {
  const Random random(3, Site::user, 1);
  constexpr int64_t count = int64_t{3} << 60;
  int64_t greatest = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    const int64_t x = random.index(count, i);
    REQUIRE((x >= 0 && x < count));
    greatest = std::max(greatest, x);
  }
  CHECK(greatest > count / 2);
}

}  // namespace lvm::runtime
