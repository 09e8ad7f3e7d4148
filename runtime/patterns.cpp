#include "runtime/patterns.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <unordered_set>

namespace lvm::runtime {
namespace {

const ir::Slot* find_slot(const std::vector<ir::Slot>& slots, const std::string& name) {
  const auto found =
      std::find_if(slots.begin(), slots.end(), [&](const ir::Slot& s) { return s.name == name; });
  return found == slots.end() ? nullptr : &*found;
}

int64_t round_up(int64_t value) {
  return (value + LVM_LANES - 1) / LVM_LANES * LVM_LANES;
}

/// Mean and standard deviation of numbers that are added one by one, about the first of them.
struct Moments {
  double origin = 0, count = 0, sum = 0, squares = 0;

  void add(double x) {
    if (count == 0) origin = x;
    ++count;
    sum += x - origin;
    squares += (x - origin) * (x - origin);
  }
  double mean() const { return origin + sum / count; }
  double sd() const { return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count))); }
};

}  // namespace

std::vector<Tile> plain_tiles(int64_t rows) {
  std::vector<Tile> tiles;
  for (int64_t at = 0; at < rows; at += LVM_TILE_ROWS) {
    tiles.push_back({at, static_cast<int32_t>(std::min<int64_t>(LVM_TILE_ROWS, rows - at)), -1});
  }
  return tiles;
}

void PatternedRows::find_groups(const ir::Program& program) {
  int64_t bit = 0;
  for (const ir::DataSlot& slot : program.data) {
    const ir::Slot* observed = find_slot(program.derived, slot.name + ir::observed_suffix);
    if (!observed) continue;
    groups_.push_back({bit, slot.offset, slot.size, observed->offset});
    bit += slot.size;
  }
}

/// Patterns in the order of their flags; the rows of each in the table's order.
void PatternedRows::sort_rows(const std::vector<std::optional<CellColumn>>& columns, int64_t rows) {
  std::map<std::string, std::vector<int64_t>, std::greater<>> patterns;
  std::string flags;
  for (int64_t row = 0; row < rows; ++row) {
    flags.clear();
    for (const Group& g : groups_) {
      for (int64_t i = 0; i < g.size; ++i) {
        flags += std::isnan((*columns[static_cast<size_t>(g.data_column + i)])[row]) ? '\0' : '\1';
      }
    }
    patterns[flags].push_back(row);
  }
  for (const auto& [key, list] : patterns) {
    const auto pattern = static_cast<int32_t>(observed_.size());
    observed_.emplace_back(key.begin(), key.end());
    const auto begin = static_cast<int64_t>(row_at_.size());
    for (Tile tile : plain_tiles(static_cast<int64_t>(list.size()))) {
      tile.at += begin;
      tile.pattern = pattern;
      tiles_.push_back(tile);
    }
    row_at_.insert(row_at_.end(), list.begin(), list.end());
    row_at_.resize(static_cast<size_t>(round_up(static_cast<int64_t>(row_at_.size()))), list.back());
  }
}

PatternedRows::PatternedRows(const ir::Program& program, const BoundData& data) {
  std::vector<std::optional<CellColumn>> columns(static_cast<size_t>(program.data_columns()));
  for (const ir::DataSlot& slot : program.data) {
    const BoundVariable* bound = data.find(slot.name);
    for (int64_t i = 0; bound && i < slot.size; ++i) {
      columns[static_cast<size_t>(slot.offset + i)] = data.packed.column(bound->first + i);
    }
  }
  find_groups(program);
  sort_rows(columns, data.rows);
  cells_ = PackedColumns(static_cast<int64_t>(row_at_.size()), program.data_columns());
  for (size_t c = 0; c < columns.size(); ++c) {
    double* cells = cells_.column(static_cast<int64_t>(c));
    for (size_t i = 0; i < row_at_.size(); ++i) cells[i] = columns[c] ? (*columns[c])[row_at_[i]] : 0;
  }
  clear_absent();
}

void PatternedRows::write_observed(int32_t pattern, double* derived) const {
  const std::vector<char>& flags = observed_[static_cast<size_t>(pattern)];
  for (const Group& g : groups_) {
    for (int64_t i = 0; i < g.size; ++i) derived[g.derived + i] = flags[static_cast<size_t>(g.first_bit + i)];
  }
}

void PatternedRows::set_column(int64_t index, const std::vector<double>& values) {
  double* cells = cells_.column(index);
  for (size_t i = 0; i < row_at_.size(); ++i) cells[i] = values[static_cast<size_t>(row_at_[i])];
}

/// Calls f(place) for the rows whose cell is absent, and for the repeated rows behind them.
template <typename F>
void PatternedRows::each_absent(int64_t bit, const F& f) const {
  for (const Tile& tile : tiles_) {
    if (observed_[static_cast<size_t>(tile.pattern)][static_cast<size_t>(bit)]) continue;
    for (int64_t i = tile.at; i < tile.at + round_up(tile.rows); ++i) f(i);
  }
}

void PatternedRows::clear_absent() {
  for (const Group& g : groups_) {
    for (int64_t i = 0; i < g.size; ++i) {
      double* cells = cells_.column(g.data_column + i);
      each_absent(g.first_bit + i, [&](int64_t place) { cells[place] = 0; });
    }
  }
}

void PatternedRows::fill_absent(const std::vector<double>& states) {
  const auto count = static_cast<size_t>(*std::max_element(states.begin(), states.end())) + 1;
  const auto state_at = [&](int64_t place) {
    return static_cast<size_t>(states[static_cast<size_t>(row_at(place))]);
  };
  for (const Group& g : groups_) {
    for (int64_t i = 0; i < g.size; ++i) {
      double* cells = cells_.column(g.data_column + i);
      Moments all;
      std::vector<Moments> of_state(count);
      for (const Tile& tile : tiles_) {
        if (!observed_[static_cast<size_t>(tile.pattern)][static_cast<size_t>(g.first_bit + i)]) continue;
        for (int64_t place = tile.at; place < tile.at + tile.rows; ++place) {
          all.add(cells[place]);
          of_state[state_at(place)].add(cells[place]);
        }
      }
      std::vector<double> sign(count, 1);
      each_absent(g.first_bit + i, [&](int64_t place) {
        const size_t state = state_at(place);
        const Moments& moments = of_state[state].count < 2 ? all : of_state[state];
        cells[place] = moments.mean() + sign[state] * moments.sd();
        sign[state] = -sign[state];
      });
    }
  }
}

int64_t count_patterns(const std::vector<const BoundVariable*>& variables, const PackedColumns& packed) {
  std::unordered_set<std::string> patterns;
  std::string flags;
  for (int64_t row = 0; row < packed.rows(); ++row) {
    flags.clear();
    for (const BoundVariable* v : variables) {
      for (int64_t i = 0; i < v->size; ++i) flags += std::isnan(packed.column(v->first + i)[row]) ? '0' : '1';
    }
    patterns.insert(flags);
  }
  return static_cast<int64_t>(patterns.size());
}

}  // namespace lvm::runtime
