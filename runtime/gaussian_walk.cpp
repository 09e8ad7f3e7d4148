#include "runtime/gaussian_walk.h"

#include <algorithm>

namespace lvm::runtime {
namespace {

template <typename Slots>
const ir::Slot* find_slot(const Slots& slots, const std::string& name) {
  const auto found = std::ranges::find(slots, name, &ir::Slot::name);
  return found == slots.end() ? nullptr : &*found;
}

const ir::Slot& column_slot(const ir::Program& program, const std::string& name) {
  const ir::Slot* slot = find_slot(program.data, name);
  if (!slot) throw ir::InternalError("the program of a chain has no column `" + name + "`");
  return *slot;
}

}  // namespace

GaussianWalk::GaussianWalk(const ir::Program& program, const BoundData& data, int threads)
    : program_(program), data_(data), steps_(*program.steps), n_(static_cast<int>(steps_.states())) {
  precision_ = source(ir::steps_precision_slot);
  linear_ = source(ir::steps_linear_slot);
  for (int64_t law = 0; law < steps_.laws; ++law) {
    Law& made = laws_.emplace_back(Law{source(ir::offset_slot(law)), source(ir::noise_slot(law)), {}});
    for (int64_t k = 1; law > 0 && k <= steps_.order; ++k)
      made.transitions.push_back(source(ir::transition_slot(law, k)));
  }
  for (int64_t k = 0; k <= steps_.order; ++k) {
    mean_columns_.push_back(column_slot(program, ir::smoothed_mean_slot(k)).offset);
    root_columns_.push_back(column_slot(program, ir::smoothed_root_slot(k)).offset);
  }
  const ir::Slot& root = column_slot(program, ir::smoothed_root_slot(0));
  columns_first_ = root.axes.size() > 1 && program.module.axis(root.axes.front()).size != steps_.size;
  filtered_column_ = column_slot(program, ir::steps_filtered_slot).offset;
  evidence_column_ = column_slot(program, ir::steps_evidence_slot).offset;
  const auto rows = static_cast<size_t>(data.rows), n = static_cast<size_t>(n_);
  means_.resize(rows * n);
  filtered_.resize(rows * static_cast<size_t>(steps_.size));
  evidence_.resize(rows);
  root_.resize(rows);
  task_of_.resize(rows);
  starts_.assign(rows, 0);
  for (size_t s = 0; s + 1 < data.series.size(); ++s) starts_[static_cast<size_t>(data.series[s])] = 1;
  find_kept();
  for (Source* each : kept_) each->kept.resize(rows * static_cast<size_t>(each->size));
  make_tasks();
  for (int i = 0; i < threads; ++i) {
    chains_.emplace_back(n_);
    State& state = states_.emplace_back();
    for (std::vector<double>* matrix : {&state.precision, &state.transition, &state.noise})
      matrix->assign(n * n, 0);
    for (std::vector<double>* vector : {&state.linear, &state.offset}) vector->assign(n, 0);
  }
}

GaussianWalk::Source GaussianWalk::source(const std::string& name) {
  if (const ir::Slot* slot = find_slot(program_.derived, name))
    return {.offset = slot->offset, .size = slot->size};
  const ir::Slot* slot = find_slot(program_.row_outputs, name);
  if (!slot) throw ir::InternalError("the program of a chain does not give `" + name + "`");
  return {.offset = slot->offset, .size = slot->size, .of_rows = true};
}

void GaussianWalk::find_kept() {
  kept_ = {&precision_, &linear_};
  for (Law& law : laws_) {
    kept_.push_back(&law.offset);
    kept_.push_back(&law.noise);
    for (Source& transition : law.transitions) kept_.push_back(&transition);
  }
  std::erase_if(kept_, [](const Source* each) { return !each->of_rows; });
}

void GaussianWalk::store_row(const double* outputs, int64_t row) {
  for (Source* each : kept_) {
    double* to = each->kept.data() + row * each->size;
    for (int64_t e = 0; e < each->size; ++e) to[e] = outputs[(each->offset + e) * LVM_TILE_ROWS];
  }
}

/// Neighbouring series, until there is enough to be worth a thread's wakening: decided by the data alone.
void GaussianWalk::make_tasks() {
  constexpr int64_t rows_at_least = 256;
  for (size_t s = 0; s + 1 < data_.series.size(); ++s) {
    if (tasks_.empty() || data_.series[s] - data_.series[tasks_.back().first] >= rows_at_least)
      tasks_.push_back({.first = s});
    tasks_.back().end = s + 1;
    std::fill(task_of_.begin() + data_.series[s], task_of_.begin() + data_.series[s + 1],
              static_cast<int32_t>(tasks_.size()) - 1);
  }
}

/// The state is the step itself, then the ones before, which move down by one place.
void GaussianWalk::set_law(State& state, const double* derived, int64_t place, int64_t row) const {
  const int64_t index = std::min(place, steps_.laws - 1), size = steps_.size, n = n_;
  const Law& law = laws_[static_cast<size_t>(index)];
  const auto varies = [](const Source& s) { return s.of_rows; };
  const bool of_rows =
      law.offset.of_rows || law.noise.of_rows || std::ranges::any_of(law.transitions, varies);
  if (!of_rows && state.law == index) return;
  state.law = of_rows ? -1 : index;
  const double *offset = law.offset.at(derived, row), *noise = law.noise.at(derived, row);
  std::ranges::fill(state.transition, 0.0);
  for (int64_t i = 0; i < size; ++i) {
    state.offset[static_cast<size_t>(i)] = offset[i];
    for (int64_t j = 0; j < size; ++j) {
      state.noise[static_cast<size_t>(i * n + j)] = noise[i * size + j];
      for (size_t k = 0; k < law.transitions.size(); ++k)
        state.transition[static_cast<size_t>(i * n + j) + k * static_cast<size_t>(size)] =
            law.transitions[k].at(derived, row)[i * size + j];
    }
  }
  for (int64_t i = size; i < n; ++i) state.transition[static_cast<size_t>(i * n + i - size)] = 1;
}

void GaussianWalk::set_emission(State& state, const double* derived, int64_t row) const {
  const double *precision = precision_.at(derived, row), *linear = linear_.at(derived, row);
  for (int64_t i = 0; i < steps_.size; ++i) {
    state.linear[static_cast<size_t>(i)] = linear[i];
    for (int64_t j = 0; j < steps_.size; ++j)
      state.precision[static_cast<size_t>(i * n_ + j)] = precision[i * steps_.size + j];
  }
}

void GaussianWalk::walk_series(size_t series, Task& task, GaussianChain& chain, State& state,
                               const double* derived) {
  const int64_t first = data_.series[series], count = data_.series[series + 1] - first;
  const int64_t n = n_;
  const auto square = static_cast<size_t>(n * n);
  chain.clear(count);
  for (int64_t t = 0; t < count; ++t) {
    set_law(state, derived, t, first + t);
    set_emission(state, derived, first + t);
    chain.filter({state.precision.data(), state.linear.data(), t == 0 ? nullptr : state.transition.data(),
                  state.offset.data(), state.noise.data()});
  }
  chain.turn();
  for (int64_t t = count; t-- > 0;) {
    const SmoothedStep step = chain.smooth();
    const int64_t row = first + t;
    std::copy(step.mean, step.mean + n, means_.begin() + row * n);
    std::copy(chain.filtered_mean(t), chain.filtered_mean(t) + steps_.size,
              filtered_.begin() + row * steps_.size);
    evidence_[static_cast<size_t>(row)] = chain.evidence(t);
    if (!step.same_roots) {
      task.roots.insert(task.roots.end(), step.root, step.root + square);
      if (step.cross)
        task.roots.insert(task.roots.end(), step.cross, step.cross + 2 * square);
      else
        task.roots.insert(task.roots.end(), 2 * square, 0.0);
    }
    root_[static_cast<size_t>(row)] = static_cast<int64_t>(task.roots.size() / (3 * square)) - 1;
  }
}

void GaussianWalk::walk(const double* derived, Pool& pool) {
  for (State& state : states_) state.law = -1;
  pool.run(static_cast<int64_t>(tasks_.size()), [&](int64_t index, int worker) {
    Task& task = tasks_[static_cast<size_t>(index)];
    task.roots.clear();
    for (size_t s = task.first; s < task.end; ++s)
      walk_series(s, task, chains_[static_cast<size_t>(worker)], states_[static_cast<size_t>(worker)],
                  derived);
  });
}

int64_t GaussianWalk::column_doubles() const {
  const int64_t of_step = steps_.size * (1 + 2 * n_);
  return ((steps_.order + 1) * of_step + steps_.size + 1) * LVM_TILE_ROWS;
}

void GaussianWalk::write_row(int64_t row, double* to) const {
  const int64_t n = n_, size = steps_.size, width = 2 * n;
  const auto put = [&](double value) {
    *to = value;
    to += LVM_TILE_ROWS;
  };
  const Task& task = tasks_[static_cast<size_t>(task_of_[static_cast<size_t>(row)])];
  const double* root = task.roots.data() + root_[static_cast<size_t>(row)] * 3 * n * n;
  const double* cross = root + n * n;
  const bool starts = starts_[static_cast<size_t>(row)] != 0;
  for (int64_t k = 0; k <= steps_.order; ++k) {
    // The step k before is the first part of this row's state, or the (k - 1)th of the state of the row
    // before.
    const double* mean = k == 0 ? means_.data() + row * n : means_.data() + (row - 1) * n + (k - 1) * size;
    for (int64_t e = 0; e < size; ++e) put(k > 0 && starts ? 0 : mean[e]);
    // Of the row's own step there are n columns, and n of zeros.
    const double* from = k == 0 ? root : cross + (k - 1) * size * width;
    const int64_t stride = k == 0 ? n : width, filled = k > 0 && starts ? 0 : stride;
    if (columns_first_) {
      for (int64_t c = 0; c < width; ++c)
        for (int64_t e = 0; e < size; ++e) put(c < filled ? from[e * stride + c] : 0);
    } else {
      for (int64_t e = 0; e < size; ++e)
        for (int64_t c = 0; c < width; ++c) put(c < filled ? from[e * stride + c] : 0);
    }
  }
  for (int64_t e = 0; e < size; ++e) put(filtered_[static_cast<size_t>(row * size + e)]);
  put(evidence_[static_cast<size_t>(row)]);
}

void GaussianWalk::point(double* memory, std::vector<const void*>& to) const {
  const auto give = [&](int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; ++i, memory += LVM_TILE_ROWS) to[static_cast<size_t>(first + i)] = memory;
  };
  for (size_t k = 0; k < mean_columns_.size(); ++k) {
    give(mean_columns_[k], steps_.size);
    give(root_columns_[k], steps_.size * 2 * n_);
  }
  give(filtered_column_, steps_.size);
  give(evidence_column_, 1);
}

}  // namespace lvm::runtime
