#include "runtime/pool.h"
#include "runtime/patterns.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "ir/program/frame.h"
#include "runtime/random.h"

namespace lvm::runtime {

TEST_CASE("every task runs once, on a worker that exists") {
  for (const int threads : {1, 2, 7}) {
    Pool pool(threads);
    CHECK(pool.threads() == threads);
    for (const int64_t count : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> times(static_cast<size_t>(count));
      std::atomic<bool> good = true;
      pool.run(count, [&](int64_t i, int worker) {
        ++times[static_cast<size_t>(i)];
        if (worker < 0 || worker >= threads) good = false;
      });
      CHECK(good);
      for (const auto& t : times) REQUIRE(t == 1);
    }
  }
}

TEST_CASE("an exception of a task reaches the caller, and the pool goes on") {
  Pool pool(3);
  CHECK_THROWS_AS(pool.run(100,
                           [](int64_t i, int) {
                             if (i == 50) throw std::runtime_error("task");
                           }),
                  std::runtime_error);
  std::atomic<int64_t> sum = 0;
  pool.run(10, [&](int64_t i, int) { sum += i; });
  CHECK(sum == 45);
}

TEST_CASE("shards cover the rows once and respect the memory") {
  for (const int64_t rows : {1, 255, 256, 257, 2048, 100000, 10000000}) {
    for (const int64_t bytes : {0, 64, 1 << 20, 200 << 20}) {
      const Shards shards = make_shards(static_cast<int64_t>(plain_tiles(rows).size()), bytes);
      INFO(rows << " rows, " << bytes << " bytes");
      CHECK(shards.count >= 1);
      CHECK((shards.count == 1 || shards.count * bytes <= (64 << 20)));
      CHECK(shards.first_tile(0) == 0);
      CHECK(shards.first_tile(shards.count) * LVM_TILE_ROWS >= rows);
      CHECK((shards.first_tile(shards.count) - 1) * LVM_TILE_ROWS < rows);
      for (int64_t s = 0; s < shards.count; ++s) REQUIRE(shards.first_tile(s) < shards.first_tile(s + 1));
    }
  }
}

TEST_CASE("the tree of shards has the same bits on any number of threads") {
  constexpr int64_t size = 10007, gap = 40;  // the doubles at 40 … 47 belong to no stretch
  const std::vector<Stretch> all = {{0, 8}, {8, 32}, {gap + 8, 5000}, {gap + 5008, size - gap - 5008}};
  for (const int64_t count : {1, 2, 3, 8, 13}) {
    const Random random(5, Site::user, 0);
    std::vector<double> values(static_cast<size_t>(size * count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = random.normal(static_cast<int64_t>(i)) * 1e6;
    std::vector<double> expected = values;
    Pool one(1);
    reduce_shards(expected.data(), count, size, all, one);
    for (const int threads : {2, 7}) {
      std::vector<double> actual = values;
      Pool pool(threads);
      reduce_shards(actual.data(), count, size, all, pool);
      CHECK(std::equal(actual.begin(), actual.begin() + size, expected.begin()));
    }
    double sum = 0;
    for (int64_t s = 0; s < count; ++s) sum += values[static_cast<size_t>(s * size)];
    CHECK(expected[0] == Approx(sum).epsilon(1e-12));
    CHECK(std::equal(expected.begin() + gap, expected.begin() + gap + 8, values.begin() + gap));
    double last = 0;
    for (int64_t s = 0; s < count; ++s) last += values[static_cast<size_t>((s + 1) * size - 1)];
    CHECK(expected[size - 1] == Approx(last).epsilon(1e-12));
  }
}

}  // namespace lvm::runtime
