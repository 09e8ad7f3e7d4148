#include "runtime/chain_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

namespace lvm::runtime {
namespace {

const ir::Slot& slot_of(const auto& slots, const char* name) {
  const auto found = std::ranges::find(slots, name, &ir::Slot::name);
  if (found == slots.end())
    throw ir::InternalError(fmt::format("the program of a chain has no slot `{}`", name));
  return *found;
}

}  // namespace

ChainWalk::ChainWalk(const ir::Program& program, const BoundData& data)
    : program_(program),
      data_(data),
      chain_(*program.chain),
      shape_(chain_shape(chain_.letters, chain_.order)) {
  weight_ = output(ir::chain_weight_slot);
  log_ = output(ir::chain_log_slot);
  peak_ = output(ir::chain_peak_slot);
  if (chain_.of_rows) {
    transition_ = output(ir::chain_transition_slot);
    log_transition_ = output(ir::chain_log_transition_slot);
    row_transitions_.resize(static_cast<size_t>(data.rows * transition_.size));
  } else {
    derived_transition_ = slot_of(program.derived, ir::chain_transition_slot).offset;
    derived_log_transition_ = slot_of(program.derived, ir::chain_log_transition_slot).offset;
  }
  states_column_ = slot_of(program.data, ir::chain_states_slot).offset;
  before_column_ = slot_of(program.data, ir::chain_before_slot).offset;
  scale_column_ = slot_of(program.data, ir::chain_scale_slot).offset;
  peak_column_ = slot_of(program.data, ir::chain_peak_slot).offset;
  const auto all = static_cast<size_t>(data.rows * shape_.stride), rows = static_cast<size_t>(data.rows);
  filtered_.resize(all);
  smoothed_.resize(all);
  scale_.resize(rows);
  peaks_.resize(rows);
  place_.resize(rows);
  tiny_.resize(rows);
  for (size_t s = 0; s < series_count(); ++s)
    std::iota(place_.begin() + data.series[s], place_.begin() + data.series[s + 1], int64_t{0});
  open_.assign(series_count(), 0);
  failed_.assign(series_count(), 0);
}

ChainWalk::Output ChainWalk::output(const char* name) const {
  const ir::Slot& slot = slot_of(program_.row_outputs, name);
  return {slot.offset, slot.size, true};
}

void ChainWalk::copy(const Output& from, const double* outputs, int32_t i, double* to) const {
  const double* at = outputs + from.offset * LVM_TILE_ROWS + i;
  for (int64_t e = 0; e < from.size; ++e) to[e] = at[e * LVM_TILE_ROWS];
}

void ChainWalk::begin(bool logs) {
  with_logs_ = logs || chain_.point;
  if (!logs) std::ranges::fill(open_, static_cast<char>(chain_.point));
  if (!with_logs_) return;
  logs_.resize(filtered_.size());
  row_log_transitions_.resize(row_transitions_.size());
}

void ChainWalk::turn(const double* derived) {
  if (chain_.of_rows || chain_.order > 1) return;
  turned_.assign(static_cast<size_t>(shape_.stride * shape_.stride), 0);
  straight_ = turned_;
  const double* t = derived + derived_transition_;
  for (int64_t z = 0; z < shape_.letters; ++z) {
    for (int64_t o = 0; o < shape_.letters; ++o) {
      turned_[static_cast<size_t>(o * shape_.stride + z)] = t[z * shape_.letters + o];
      straight_[static_cast<size_t>(z * shape_.stride + o)] = t[z * shape_.letters + o];
    }
  }
}

Transitions ChainWalk::transitions(const double* derived, bool logs, int64_t first_row) const {
  if (chain_.of_rows) {
    const std::vector<double>& all = logs ? row_log_transitions_ : row_transitions_;
    return {all.data() + first_row * transition_.size, transition_.size, nullptr, nullptr};
  }
  if (logs || turned_.empty())
    return {derived + (logs ? derived_log_transition_ : derived_transition_), 0, nullptr, nullptr};
  return {derived + derived_transition_, 0, turned_.data(), straight_.data()};
}

LogPass ChainWalk::pass_of(size_t series, bool logs) {
  const int64_t first = data_.series[series];
  LogPass pass;
  pass.steps = data_.series[series + 1] - first;
  pass.filtered = filtered_.data() + first * shape_.stride;
  pass.smoothed = smoothed_.data() + first * shape_.stride;
  pass.scale = scale_.data() + first;
  pass.peak = peaks_.data() + first;
  pass.logs = logs ? logs_.data() + first * shape_.stride : nullptr;
  return pass;
}

/// False: the series needs logarithms.
bool ChainWalk::walk_series(size_t series, const double* derived) {
  const int64_t first = data_.series[series], end = data_.series[series + 1];
  const bool tiny = chain_.of_rows &&
                    std::any_of(tiny_.begin() + first, tiny_.begin() + end, [](char c) { return c != 0; });
  const SeriesPass pass = pass_of(series, false);
  const Transitions plain = transitions(derived, false, first);
  if (tiny || !forward(shape_, plain, pass)) return false;
  backward(shape_, plain, pass);
  return true;
}

bool ChainWalk::walk(const double* derived, Pool& pool, std::string& failure) {
  constexpr int64_t rows_at_least = 256;  // of a task: less is not worth a thread's wakening
  turn(derived);
  bool tiny = false;
  if (!chain_.of_rows) {
    const ir::Slot& slot = slot_of(program_.derived, ir::chain_transition_slot);
    for (int64_t i = 0; i < slot.size; ++i)
      tiny = tiny || (derived[derived_transition_ + i] < 1e-290 &&
                      std::isfinite(derived[derived_log_transition_ + i]));
  }
  std::vector<size_t> begin = {0};
  for (size_t s = 1; s < series_count(); ++s) {
    if (data_.series[s] - data_.series[begin.back()] >= rows_at_least) begin.push_back(s);
  }
  std::vector<std::vector<int64_t>> paths(begin.size());
  pool.run(static_cast<int64_t>(begin.size()), [&](int64_t index, int) {
    const auto task = static_cast<size_t>(index);
    const size_t to = task + 1 < begin.size() ? begin[task + 1] : series_count();
    for (size_t s = begin[task]; s < to; ++s) {
      const int64_t first = data_.series[s];
      if (chain_.point) {
        best_path(shape_, transitions(derived, true, first), pass_of(s, true), paths[task]);
      } else if (with_logs_) {
        if (!open_[s] && walk_series(s, derived)) continue;
        failed_[s] = !forward_backward_in_logs(shape_, transitions(derived, true, first), pass_of(s, true));
      } else {
        open_[s] = tiny || !walk_series(s, derived);
      }
    }
  });
  if (with_logs_ && std::ranges::count(failed_, 1) > 0) {
    const auto at = static_cast<size_t>(std::ranges::find(failed_, 1) - failed_.begin());
    failure = fmt::format(
        "the probabilities of a chain lie further apart than numbers hold{}",
        data_.series_names[at].empty() ? "" : fmt::format(" (series `{}`)", data_.series_names[at]));
  }
  return with_logs_ || std::ranges::count(open_, 1) == 0;
}

std::vector<int64_t> ChainWalk::best_letters(const double* derived, Pool& pool) {
  std::vector<int64_t> letters(static_cast<size_t>(data_.rows));
  pool.run(static_cast<int64_t>(series_count()), [&](int64_t index, int) {
    const auto s = static_cast<size_t>(index);
    std::vector<int64_t> path;
    best_path(shape_, transitions(derived, true, data_.series[s]), pass_of(s, true), path);
    for (size_t t = 0; t < path.size(); ++t)
      letters[static_cast<size_t>(data_.series[s]) + t] = path[t] / shape_.words;
  });
  return letters;
}

int64_t ChainWalk::column_doubles() const {
  return (2 * shape_.states + 2) * LVM_TILE_ROWS;
}

}  // namespace lvm::runtime
