#pragma once
// Threads, and how rows are split over them. What is computed depends on the shards, which are a function of
// the rows and of the bytes of statistics alone; which thread computes a shard does not matter: any number of
// threads gives the same bits.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace lvm::runtime {

class Pool {
 public:
  /// 0: as many as the machine has.
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const;
  /// Calls task(index, worker) for every index in [0, count) and returns when all are done; worker <
  /// threads(). The first exception that a task throws is thrown again here.
  void run(int64_t count, const std::function<void(int64_t index, int worker)>& task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Stretches of tiles.
struct Shards {
  int64_t tiles = 0;
  int64_t count = 0;
  int64_t first_tile(int64_t shard) const { return tiles * shard / count; }
};
/// `statistic_bytes` of one shard; all shards together keep at most 64 MB of them.
Shards make_shards(int64_t tiles, int64_t statistic_bytes);

/// Doubles [first, first + count).
struct Stretch {
  int64_t first = 0, count = 0;
};

/// Adds those stretches of the shards' statistics, doubles[count][size], into the first one by a fixed tree.
void reduce_shards(double* statistics, int64_t count, int64_t size, const std::vector<Stretch>& stretches,
                   Pool& pool);

/// The sum of LVM_LANES partial sums in a fixed order.
double add_lanes(const double* lanes);

}  // namespace lvm::runtime
