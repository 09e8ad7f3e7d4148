// Statistics with two inner axes, as second moments are: rectangles of sums in registers, each sum from one
// value of either side.

#include <algorithm>
#include <cmath>

#include "ir/loop/rows.h"

namespace lvm::loop {

void RowsSchedule::pairs(const Statistic& s, const Binding& binding) {
  bool loops =
      values_.looped[static_cast<size_t>(s.inner[0])] || values_.looped[static_cast<size_t>(s.inner[1])];
  if (loops) {
    pairs_looped(s, binding);
  } else {
    pairs_unrolled(s, binding);
  }
}

/// Rectangles of the (lower triangle of the) matrix, packed into as few blocks as hold them.
void RowsSchedule::pairs_unrolled(const Statistic& s, const Binding& binding) {
  auto limit = static_cast<size_t>(target_.accumulators);
  auto height = std::max<int64_t>(1, static_cast<int64_t>(std::sqrt(static_cast<double>(limit))));
  int64_t width = std::max<int64_t>(1, static_cast<int64_t>(limit) / height);
  std::vector<Elements> rectangles;
  for (int64_t i0 = 0; i0 < size_of(module_, s.inner[0]); i0 += height) {
    for (int64_t j0 = 0; j0 < size_of(module_, s.inner[1]); j0 += width) {
      Elements part;
      for (const Element& e : positions(s, binding)) {
        int64_t i = e.binding[static_cast<size_t>(s.inner[0])].constant;
        int64_t j = e.binding[static_cast<size_t>(s.inner[1])].constant;
        if (i >= i0 && i < i0 + height && j >= j0 && j < j0 + width) part.push_back(e);
      }
      if (!part.empty()) rectangles.push_back(std::move(part));
    }
  }
  // First fit, the largest first.
  std::vector<Elements> blocks;
  auto place = [&](Elements& part) {
    auto room =
        std::ranges::find_if(blocks, [&](const Elements& b) { return b.size() + part.size() <= limit; });
    if (room == blocks.end()) {
      blocks.push_back(std::move(part));
    } else {
      room->insert(room->end(), part.begin(), part.end());
    }
  };
  for (size_t size = limit; size > 0; --size) {
    for (Elements& part : rectangles) {
      if (part.size() == size) place(part);
    }
  }
  for (const Elements& sums : blocks) block(sums, {});
}

/// Squares of `side` x `side` sums in loops over a long axis; what is left over goes one by one.
void RowsSchedule::pairs_looped(const Statistic& s, const Binding& binding) {
  auto side =
      std::max<int64_t>(1, static_cast<int64_t>(std::sqrt(static_cast<double>(target_.accumulators))));
  int64_t rows = size_of(module_, s.inner[0]), columns = size_of(module_, s.inner[1]);
  int64_t whole_rows = rows / side * side, whole_columns = columns / side * side;
  auto rectangle = [&](Index i, int64_t height, Index j, int64_t width, bool triangle) {
    Elements sums;
    for (int64_t r = 0; r < height; ++r) {
      for (int64_t c = 0; c < width; ++c) {
        if (triangle && c > r) continue;
        Binding at = binding;
        at[static_cast<size_t>(s.inner[0])] = {i.value, i.constant + r};
        at[static_cast<size_t>(s.inner[1])] = {j.value, j.constant + c};
        sums.push_back({&s, at});
      }
    }
    block(sums, {});
  };
  Value zero = b_.index(0);
  b_.loop(zero, b_.index(whole_rows), side, [&](Value i) {
    Value end = s.symmetric ? i : b_.index(whole_columns);
    b_.loop(zero, end, side, [&](Value j) { rectangle({i, 0}, side, {j, 0}, side, false); });
    if (s.symmetric) return rectangle({i, 0}, side, {i, 0}, side, true);
    for (int64_t j = whole_columns; j < columns; ++j) rectangle({i, 0}, side, {no_value, j}, 1, false);
  });
  for (int64_t i = whole_rows; i < rows; ++i) {
    int64_t end = s.symmetric ? i : columns;
    b_.loop(zero, b_.index(end), 1, [&](Value j) { rectangle({no_value, i}, 1, {j, 0}, 1, false); });
    if (s.symmetric) rectangle({no_value, i}, 1, {no_value, i}, 1, true);
  }
}

}  // namespace lvm::loop
