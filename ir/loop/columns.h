#pragma once
// Columns of scratch memory, given back when what they hold has been read for the last time.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lvm::loop {

class Columns {
 public:
  /// The first of `count` neighbouring columns: of the smallest gap that has room, else behind all others.
  int64_t take(int64_t count) {
    auto best = gaps_.end();
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
      if (gap->count >= count && (best == gaps_.end() || gap->count < best->count)) best = gap;
    }
    if (best == gaps_.end()) {
      // The last gap may be a beginning.
      const bool open = !gaps_.empty() && gaps_.back().first + gaps_.back().count == all_;
      const int64_t first = open ? gaps_.back().first : all_;
      if (open) gaps_.pop_back();
      all_ = first + count;
      return first;
    }
    const int64_t first = best->first;
    best->first += count;
    best->count -= count;
    if (best->count == 0) gaps_.erase(best);
    return first;
  }
  void give(int64_t first, int64_t count) {
    const auto next = std::ranges::find_if(gaps_, [&](const Gap& gap) { return gap.first > first; });
    const auto at = gaps_.insert(next, {first, count});
    if (at + 1 != gaps_.end() && at->first + at->count == (at + 1)->first) {
      at->count += (at + 1)->count;
      gaps_.erase(at + 1);
    }
    if (at != gaps_.begin() && (at - 1)->first + (at - 1)->count == at->first) {
      (at - 1)->count += at->count;
      gaps_.erase(at);
    }
  }
  /// The most that were taken at once.
  int64_t all() const { return all_; }

 private:
  struct Gap {
    int64_t first, count;
  };
  std::vector<Gap> gaps_;  // sorted, apart from each other
  int64_t all_ = 0;
};

}  // namespace lvm::loop
