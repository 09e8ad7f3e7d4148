#include "runtime/pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "ir/program/frame.h"

namespace lvm::runtime {

struct Pool::State {
  std::mutex mutex;
  std::condition_variable begin, done;
  std::vector<std::thread> threads;
  const std::function<void(int64_t, int)>* task = nullptr;
  std::atomic<int64_t> next{0};
  int64_t count = 0;
  std::atomic<uint64_t> round{0};
  std::atomic<int> busy{0};
  std::atomic<bool> quit{false};
  std::exception_ptr error;

  void work(int worker) {
    for (int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        (*task)(i, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next.store(count);
      }
    }
  }

  /// Steps of an optimiser follow one another within microseconds, less than the system takes to wake a
  /// thread.
  template <class Ready>
  void wait(std::condition_variable& called, const Ready& ready) {
    constexpr int turns = 4000;
    for (int turn = 0; turn < turns; ++turn) {
      if (ready()) return;
      pause();
    }
    std::unique_lock lock(mutex);
    called.wait(lock, ready);
  }
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  void loop(int worker) {
    for (uint64_t seen = 0;;) {
      wait(begin, [&] { return quit || round != seen; });
      if (quit) return;
      seen = round;
      work(worker);
      if (--busy > 0) continue;
      const std::lock_guard lock(mutex);
      done.notify_one();
    }
  }
};

Pool::Pool(int threads) : state_(std::make_unique<State>()) {
  const int machine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int wanted = threads > 0 ? threads : machine;
  // The calling thread is worker 0.
  for (int worker = 1; worker < wanted; ++worker) {
    state_->threads.emplace_back([state = state_.get(), worker] { state->loop(worker); });
  }
}

Pool::~Pool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->quit = true;
  }
  state_->begin.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int Pool::threads() const {
  return static_cast<int>(state_->threads.size()) + 1;
}

void Pool::run(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (count <= 1 || state_->threads.empty()) {
    for (int64_t i = 0; i < count; ++i) task(i, 0);
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->task = &task;
    state_->count = count;
    state_->next.store(0);
    state_->busy = static_cast<int>(state_->threads.size());
    state_->error = nullptr;
    ++state_->round;
  }
  state_->begin.notify_all();
  state_->work(0);
  state_->wait(state_->done, [&] { return state_->busy == 0; });
  if (state_->error) std::rethrow_exception(state_->error);
}

Shards make_shards(int64_t tiles, int64_t statistic_bytes) {
  constexpr int64_t least_tiles = 8;  // of a shard: less is not worth a thread's wakening
  constexpr int64_t most_shards = 256, enough_shards = 16;
  constexpr int64_t near_bytes = int64_t{2} << 20;
  constexpr int64_t most_bytes = int64_t{64} << 20;
  Shards shards;
  shards.tiles = tiles;
  const int64_t by_memory = statistic_bytes > 0 ? most_bytes / statistic_bytes : most_shards;
  // Every shard's statistics are zeroed and added up in each pass: where they are many, few shards keep them
  // near.
  const int64_t by_cache =
      statistic_bytes > 0 ? std::max(enough_shards, near_bytes / statistic_bytes) : most_shards;
  shards.count =
      std::max<int64_t>(1, std::min({shards.tiles / least_tiles, most_shards, by_memory, by_cache}));
  return shards;
}

void reduce_shards(double* statistics, int64_t count, int64_t size, const std::vector<Stretch>& stretches,
                   Pool& pool) {
  if (count <= 1) return;
  constexpr int64_t piece = 1024;  // small enough that threads have equal parts
  std::vector<Stretch> pieces;
  for (const Stretch& all : stretches) {
    for (int64_t at = 0; at < all.count; at += piece)
      pieces.push_back({all.first + at, std::min(piece, all.count - at)});
  }
  // Pieces that lie behind one another make a task of about that size.
  std::vector<size_t> tasks = {0};
  int64_t doubles = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (doubles > 0 && doubles + pieces[i].count > piece) {
      tasks.push_back(i);
      doubles = 0;
    }
    doubles += pieces[i].count;
  }
  tasks.push_back(pieces.size());
  pool.run(static_cast<int64_t>(tasks.size()) - 1, [&](int64_t index, int) {
    const size_t from = tasks[static_cast<size_t>(index)], to = tasks[static_cast<size_t>(index) + 1];
    for (int64_t apart = 1; apart < count; apart *= 2) {
      for (int64_t shard = 0; shard + apart < count; shard += 2 * apart) {
        double* into = statistics + shard * size;
        const double* other = statistics + (shard + apart) * size;
        for (size_t p = from; p < to; ++p) {
          for (int64_t i = pieces[p].first; i < pieces[p].first + pieces[p].count; ++i) into[i] += other[i];
        }
      }
    }
  });
}

double add_lanes(const double* lanes) {
  static_assert(LVM_LANES == 8);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

}  // namespace lvm::runtime
