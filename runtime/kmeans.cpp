#include "runtime/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "runtime/random.h"

namespace lvm::runtime {
namespace {

constexpr int64_t most_sample_rows = 20000;
constexpr double sample_work = 1e7;  // rows x features x states of one Lloyd step
constexpr int lloyd_steps = 20;
constexpr int64_t block = 256;
constexpr double not_equal = 4;  // squared distance of two categories, or of 0 and 1

/// One column as coordinates: (x - origin) * scale, or a category's one-hot vector.
struct Feature {
  CellColumn cells;
  double origin = 0, scale = 1;
  int64_t levels = 0;    // of a category; 0: a number
  int64_t position = 0;  // of its coordinates in a centre
  bool absent = false;   // some cells are NaN: they are at no distance from any centre
  double middle = 0;     // of a number with absent cells: the coordinate of a centre that sees none of it
};

struct Points {
  int64_t rows = 0;
  const double* weights = nullptr;  // null: every point counts once
  const double* labels = nullptr;   // states that points keep; NaN, or null: none
  int64_t coordinates = 0;
  std::vector<Feature> features;
  std::vector<std::vector<double>> made;  // cells that no column holds

  double weight(int64_t row) const { return weights ? weights[row] : 1; }
  bool labelled(int64_t row) const { return labels && !std::isnan(labels[row]); }
};

/// Of the observed cells.
double mean_of(const CellColumn& cells, const BoundData& data) {
  int64_t known = 0;
  while (std::isnan(cells[known])) ++known;
  const double first = cells[known];
  double s = 0, absent = 0;
  for (int64_t i = 0; i < data.rows; ++i) {
    if (!data.counts(i)) continue;
    const double weight = data.weights ? data.weights[i] : 1;
    if (std::isnan(cells[i])) {
      absent += weight;
    } else {
      s += weight * (cells[i] - first);
    }
  }
  const double mean = first + s / (data.total_weight - absent);
  return std::isfinite(mean) ? mean : first;
}

Feature make_feature(const BoundVariable& v, const CellColumn& cells, double variance,
                     const BoundData& data) {
  Feature f{cells};
  for (int64_t i = 0; !f.absent && i < data.rows; ++i) f.absent = std::isnan(cells[i]);
  switch (v.element) {
    case ir::Element::category: f.levels = static_cast<int64_t>(v.levels.size()); return f;
    case ir::Element::boolean:
    case ir::Element::unit:
      // Not standardised: a cell that is nearly always 0 would outweigh all others.
      f.scale = std::sqrt(not_equal);
      if (f.absent) f.middle = mean_of(cells, data) * f.scale;
      return f;
    case ir::Element::real:
    case ir::Element::positive:
    case ir::Element::count:
    case ir::Element::integer: break;
  }
  f.origin = mean_of(cells, data);
  f.scale = variance > 0 && std::isfinite(1 / std::sqrt(variance)) ? 1 / std::sqrt(variance) : 0;
  return f;
}

/// Its variance over the circle is 1/2 at most.
Feature on_circle(const CellColumn& cells, double (*part)(double), const BoundData& data, Points& points) {
  std::vector<double>& made = points.made.emplace_back();
  for (int64_t i = 0; i < data.rows; ++i) made.push_back(part(cells[i]));
  Feature f{made.data()};
  f.scale = std::sqrt(2.0);
  f.absent = std::any_of(made.begin(), made.end(), [](double x) { return std::isnan(x); });
  if (f.absent) f.middle = mean_of(made.data(), data) * f.scale;
  return f;
}

Points all_points(const BoundData& data, const Clustering& clustering) {
  Points points;
  points.rows = data.rows;
  points.weights = data.weights;
  points.labels = clustering.labels;
  for (const BoundVariable& v : data.variables) {
    if (std::find(clustering.features.begin(), clustering.features.end(), v.name) ==
        clustering.features.end())
      continue;
    const auto add = [&](Feature f) {
      f.position = points.coordinates;
      points.coordinates += std::max<int64_t>(f.levels, 1);
      points.features.push_back(f);
    };
    const bool angle =
        std::find(clustering.angles.begin(), clustering.angles.end(), v.name) != clustering.angles.end();
    for (int64_t i = 0; i < v.size; ++i) {
      const CellColumn cells = data.packed.column(v.first + i);
      if (angle) {
        add(on_circle(cells, [](double x) { return std::cos(x); }, data, points));
        add(on_circle(cells, [](double x) { return std::sin(x); }, data, points));
      } else {
        add(make_feature(v, cells, v.variance[static_cast<size_t>(i)], data));
      }
    }
  }
  return points;
}

/// Squared distances of rows [begin, begin + count) to a centre, count <= block.
void distances(const Points& points, int64_t begin, int64_t count, const double* centre, double* out) {
  std::fill(out, out + count, 0.0);
  for (const Feature& f : points.features) {
    double room[block];
    const double* x = f.cells.block(begin, count, room);
    const double* c = centre + f.position;
    if (f.levels == 0) {
      for (int64_t i = 0; i < count; ++i) {
        const double d = (x[i] - f.origin) * f.scale - c[0];
        out[i] += f.absent && std::isnan(x[i]) ? 0 : d * d;
      }
      continue;
    }
    // |e_x - c|^2 = 1 - 2 c_x + |c|^2, half of not_equal each for the two coordinates in which categories
    // differ.
    double norm = 1;
    for (int64_t v = 0; v < f.levels; ++v) norm += c[v] * c[v];
    for (int64_t i = 0; i < count; ++i) {
      if (f.absent && std::isnan(x[i])) continue;
      out[i] += not_equal / 2 * std::max(norm - 2 * c[static_cast<int64_t>(x[i])], 0.0);
    }
  }
}

/// Adds the coordinates of a row, and to `counts`, where it is given, how often each was added.
void add_row(const Points& points, int64_t row, double* centre, double times = 1, double* counts = nullptr) {
  for (const Feature& f : points.features) {
    double* c = centre + f.position;
    if (f.absent && std::isnan(f.cells[row])) {
      if (!counts) c[0] += f.middle;
      continue;
    }
    if (counts) {
      for (int64_t v = 0; v < std::max<int64_t>(f.levels, 1); ++v) counts[f.position + v] += times;
    }
    if (f.levels == 0) {
      c[0] += times * ((f.cells[row] - f.origin) * f.scale);
    } else {
      c[static_cast<int64_t>(f.cells[row])] += times;
    }
  }
}

/// The nearest centre of each row, the first of equals, and where asked for its squared distance.
struct Nearest {
  std::vector<double> state;
  std::vector<double> distance = {};
};

Nearest assign(const Points& points, const std::vector<double>& centres, int64_t states, Pool& pool,
               bool distances_too = false) {
  Nearest out{std::vector<double>(static_cast<size_t>(points.rows), 0)};
  if (distances_too) out.distance.resize(static_cast<size_t>(points.rows));
  pool.run((points.rows + block - 1) / block, [&](int64_t index, int) {
    const int64_t begin = index * block, count = std::min(block, points.rows - begin);
    double d[block], least[block];
    std::fill(least, least + count, std::numeric_limits<double>::infinity());
    double* state = out.state.data() + begin;
    for (int64_t k = 0; k < states; ++k) {
      distances(points, begin, count, centres.data() + k * points.coordinates, d);
      for (int64_t i = 0; i < count; ++i) {
        if (!(d[i] < least[i])) continue;
        least[i] = d[i];
        state[i] = static_cast<double>(k);
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      if (points.labelled(begin + i)) state[i] = points.labels[begin + i];
    }
    if (distances_too) std::copy(least, least + count, out.distance.begin() + begin);
  });
  return out;
}

/// The rows that seeding and Lloyd steps look at: all that count, or one at random in each of as many equal
/// stretches.
std::vector<int64_t> choose_sample(const Points& points, int64_t states, uint64_t seed, uint32_t restart) {
  std::vector<int64_t> counted;
  for (int64_t i = 0; points.weights && i < points.rows; ++i) {
    if (points.weights[i] > 0) counted.push_back(i);
  }
  const int64_t all = points.weights ? static_cast<int64_t>(counted.size()) : points.rows;
  const double work = static_cast<double>(std::max<int64_t>(points.coordinates, 1) * states);
  const auto affordable =
      static_cast<int64_t>(std::min(sample_work / work, static_cast<double>(most_sample_rows)));
  const int64_t size = std::min(all, std::max(100 * states, affordable));
  const Random random(seed, Site::kmeans_sample, restart);
  std::vector<int64_t> rows(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const int64_t begin = all * i / size, end = all * (i + 1) / size;
    const int64_t row = begin + random.index(end - begin, i);
    rows[static_cast<size_t>(i)] = points.weights ? counted[static_cast<size_t>(row)] : row;
  }
  return rows;
}

/// `points` with its cells and weights copied from `rows`.
Points gather(const Points& points, const std::vector<int64_t>& rows, std::vector<double>& memory) {
  Points out = points;
  out.made.clear();
  out.rows = static_cast<int64_t>(rows.size());
  memory.resize(rows.size() * (points.features.size() + (points.weights ? 1 : 0) + (points.labels ? 1 : 0)));
  const auto copy = [&](size_t place, const CellColumn& from) {
    double* to = memory.data() + place * rows.size();
    for (size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
    return to;
  };
  for (size_t f = 0; f < points.features.size(); ++f)
    out.features[f].cells = copy(f, points.features[f].cells);
  size_t next = points.features.size();
  if (points.weights) out.weights = copy(next++, points.weights);
  if (points.labels) out.labels = copy(next++, points.labels);
  return out;
}

/// The first row whose running sum of `weights` exceeds `u` times their total.
int64_t draw(const std::vector<double>& weights, double total, double u) {
  double sum = 0;
  int64_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    last = static_cast<int64_t>(i);
    sum += weights[i];
    if (sum > u * total) break;
  }
  return last;
}

/// The mean of the rows that keep each state, and which states have one.
struct Labelled {
  std::vector<double> centres;
  std::vector<char> known;
};
Labelled labelled_centres(const Points& points, int64_t states) {
  Labelled out{std::vector<double>(static_cast<size_t>(states * points.coordinates), 0.0),
               std::vector<char>(static_cast<size_t>(states), 0)};
  if (!points.labels) return out;
  std::vector<double> counts(static_cast<size_t>(states), 0);
  for (int64_t i = 0; i < points.rows; ++i) {
    if (!points.labelled(i) || points.weight(i) == 0) continue;
    const auto k = static_cast<int64_t>(points.labels[i]);
    add_row(points, i, out.centres.data() + k * points.coordinates, points.weight(i));
    counts[static_cast<size_t>(k)] += points.weight(i);
  }
  for (int64_t i = 0; i < states * points.coordinates; ++i) {
    const auto k = static_cast<size_t>(i / points.coordinates);
    if (counts[k] > 0) out.centres[static_cast<size_t>(i)] /= counts[k];
    out.known[k] = counts[k] > 0;
  }
  return out;
}

/// k-means++: each centre is a row drawn by its weight and squared distance to the centres so far, the best
/// of a few draws. None where there are fewer distinct rows than states.
std::optional<std::vector<double>> choose_centres(const Points& points, const Labelled& labelled,
                                                  int64_t states, uint64_t seed, uint32_t restart,
                                                  Pool& pool) {
  const auto candidates = static_cast<int64_t>(2 + std::log(static_cast<double>(states)));
  const Random random(seed, Site::kmeans_seed, restart);
  std::vector<double> centres = labelled.centres;
  std::vector<double> nearest(static_cast<size_t>(points.rows));  // squared distances times weights
  for (int64_t i = 0; i < points.rows; ++i) nearest[static_cast<size_t>(i)] = points.weight(i);
  std::vector<std::vector<double>> tried(static_cast<size_t>(candidates));
  std::vector<double> totals(static_cast<size_t>(candidates));
  double total = std::accumulate(nearest.begin(), nearest.end(), 0.0);
  bool first = true;
  for (int64_t k = 0; k < states; ++k) {
    if (!labelled.known[static_cast<size_t>(k)]) continue;
    std::vector<double> d(nearest.size());
    for (int64_t begin = 0; begin < points.rows; begin += block) {
      distances(points, begin, std::min(block, points.rows - begin), centres.data() + k * points.coordinates,
                d.data() + begin);
    }
    total = 0;
    for (size_t i = 0; i < d.size(); ++i) {
      d[i] *= points.weight(static_cast<int64_t>(i));
      nearest[i] = first ? d[i] : std::min(d[i], nearest[i]);
      total += nearest[i];
    }
    first = false;
  }
  for (int64_t k = 0; k < states; ++k) {
    if (labelled.known[static_cast<size_t>(k)]) continue;
    if (!(total > 0) || !std::isfinite(total)) return std::nullopt;
    std::vector<int64_t> rows(static_cast<size_t>(candidates));
    pool.run(first ? 1 : candidates, [&](int64_t c, int) {
      const auto at = static_cast<size_t>(c);
      rows[at] = draw(nearest, total, random.uniform(k, static_cast<uint32_t>(c)));
      std::vector<double> centre(static_cast<size_t>(points.coordinates), 0.0);
      add_row(points, rows[at], centre.data());
      std::vector<double>& d = tried[at];
      d.resize(nearest.size());
      double sum = 0;
      for (int64_t begin = 0; begin < points.rows; begin += block) {
        distances(points, begin, std::min(block, points.rows - begin), centre.data(), d.data() + begin);
      }
      for (size_t i = 0; i < d.size(); ++i) {
        d[i] *= points.weight(static_cast<int64_t>(i));
        if (!first) d[i] = std::min(d[i], nearest[i]);
        sum += d[i];
      }
      totals[at] = sum;
    });
    const auto end = totals.begin() + (first ? 1 : candidates);
    first = false;
    const auto best = static_cast<size_t>(std::min_element(totals.begin(), end) - totals.begin());
    add_row(points, rows[best], centres.data() + k * points.coordinates);
    nearest.swap(tried[best]);
    total = totals[best];
  }
  return centres;
}

/// Lloyd's steps; a centre that loses all of its rows (or of its cells in a column) stays where it was.
void improve(const Points& points, int64_t states, std::vector<double>& centres, Pool& pool) {
  std::vector<double> before;
  for (int step = 0; step < lloyd_steps; ++step) {
    Nearest now = assign(points, centres, states, pool);
    if (now.state == before) return;
    std::vector<double> sums(centres.size(), 0.0), counts(centres.size(), 0.0);
    for (int64_t i = 0; i < points.rows; ++i) {
      const auto k = static_cast<int64_t>(now.state[static_cast<size_t>(i)]);
      const int64_t at = k * points.coordinates;
      add_row(points, i, sums.data() + at, points.weight(i), counts.data() + at);
    }
    for (size_t c = 0; c < centres.size(); ++c) {
      if (counts[c] > 0) centres[c] = sums[c] / counts[c];
    }
    before = std::move(now.state);
  }
}

/// How many rows that count each state has.
std::vector<int64_t> count_rows(const std::vector<double>& state, int64_t states, const BoundData& data) {
  std::vector<int64_t> counts(static_cast<size_t>(states), 0);
  for (size_t i = 0; i < state.size(); ++i) {
    if (data.counts(static_cast<int64_t>(i))) ++counts[static_cast<size_t>(state[i])];
  }
  return counts;
}

/// Gives each state without rows that count the row that is farthest from its centre among states that can
/// spare one.
void fill_empty(Nearest& nearest, int64_t states, const BoundData& data, const double* labels) {
  std::vector<int64_t> counts = count_rows(nearest.state, states, data);
  for (int64_t k = 0; k < states; ++k) {
    if (counts[static_cast<size_t>(k)] > 0) continue;
    size_t far = nearest.state.size();
    for (size_t i = 0; i < nearest.state.size(); ++i) {
      const bool spare = data.counts(static_cast<int64_t>(i)) && !(labels && !std::isnan(labels[i])) &&
                         counts[static_cast<size_t>(nearest.state[i])] > 1;
      if (spare && (far == nearest.state.size() || nearest.distance[i] > nearest.distance[far])) far = i;
    }
    if (far == nearest.state.size()) return;  // fewer rows than states
    --counts[static_cast<size_t>(nearest.state[far])];
    nearest.state[far] = static_cast<double>(k);
    nearest.distance[far] = 0;
    ++counts[static_cast<size_t>(k)];
  }
}

Nearest random_assignment(const Points& points, int64_t states, uint64_t seed, uint32_t restart) {
  const Random random(seed, Site::random_assignment, restart);
  Nearest out;
  out.distance.assign(static_cast<size_t>(points.rows), 0);
  for (int64_t i = 0; i < points.rows; ++i) {
    out.state.push_back(points.labelled(i) ? points.labels[i] : static_cast<double>(random.index(states, i)));
  }
  return out;
}

}  // namespace

std::vector<double> kmeans_assignment(const BoundData& data, const Clustering& clustering, uint64_t seed,
                                      uint32_t restart, Pool& pool) {
  const int64_t states = clustering.states;
  const Points points = all_points(data, clustering);
  const Labelled labelled = labelled_centres(points, states);
  std::vector<double> memory;
  const Points sample = gather(points, choose_sample(points, states, seed, restart), memory);
  auto centres = choose_centres(sample, labelled, states, seed, restart, pool);
  if (centres) improve(sample, states, *centres, pool);
  Nearest nearest =
      centres ? assign(points, *centres, states, pool) : random_assignment(points, states, seed, restart);
  if (std::ranges::count(count_rows(nearest.state, states, data), 0) > 0) {
    if (centres)
      nearest = assign(points, *centres, states, pool, true);  // seldom: what each row would take is not kept
    fill_empty(nearest, states, data, clustering.labels);
  }
  return std::move(nearest.state);
}

}  // namespace lvm::runtime
