#include "certify/moves.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backends/interpreter/linear.h"

namespace lvm::certificate {

using ir::Domain;
using ir::ParameterSlot;

namespace {

constexpr double epsilon = 2.220446049250313e-16, first_in_logs = 0.01;
// A longer step pays for a small curvature by the fifth derivative, which is as small: at 0.3 the slope of a
// logarithm was wrong by 10^-5 of the curvature.
constexpr double last_in_logs = 1.0 / 16;

struct Stride {
  int64_t size = 1, step = 1;
};

Stride stride(const ir::Module& module, const ParameterSlot& slot, ir::AxisId axis) {
  Stride out;
  for (auto at = slot.axes.rbegin(); *at != axis; ++at) out.step *= module.axis(*at).size;
  out.size = module.axis(axis).size;
  return out;
}

std::vector<Stride> events(const ir::Module& module, const ParameterSlot& slot) {
  std::vector<ir::AxisId> axes = slot.event;
  const size_t rank = slot.domain == Domain::simplex || slot.domain == Domain::ordered ? 1 : 2;
  if (axes.empty()) axes.assign(slot.axes.end() - static_cast<std::ptrdiff_t>(rank), slot.axes.end());
  std::vector<Stride> strides;
  for (const ir::AxisId axis : axes) strides.push_back(stride(module, slot, axis));
  return strides;
}

/// The first elements of all events.
std::vector<int64_t> origins(const ParameterSlot& slot, const std::vector<Stride>& event) {
  std::vector<int64_t> first;
  for (int64_t i = 0; i < slot.size; ++i) {
    if (std::ranges::all_of(event, [&](const Stride& s) { return i / s.step % s.size == 0; }))
      first.push_back(i);
  }
  return first;
}

Move move_element(const ParameterSlot& slot, const Parameters& from, int64_t i) {
  const auto at = static_cast<size_t>(slot.offset + i);
  const double v = from[at];
  Move move{.element = i, .first_step = first_in_logs, .last_step = last_in_logs, .rounding = 4 * epsilon};
  if (slot.domain == Domain::real) {
    move.first_step = 1e-4 * std::max(std::abs(v), 1e-3);
    move.last_step = 1e18 * move.first_step;
    move.rounding = 4 * epsilon * std::abs(v);
    move.apply = [at, v](Parameters& p, double u) { p[at] = v + u; };
  } else if (v == 0 || (slot.domain == Domain::unit && v == 1)) {
    move.inward = true;
    move.apply = [at, v](Parameters& p, double u) { p[at] = v == 0 ? u : v - u; };
  } else if (slot.domain == Domain::positive) {
    move.apply = [at, v](Parameters& p, double u) { p[at] = v * std::exp(u); };
  } else {
    move.apply = [at, v](Parameters& p, double u) { p[at] = v / (v + (1 - v) * std::exp(-u)); };
  }
  return move;
}

/// Element k of the event that begins at `origin`.
Move move_share(const ParameterSlot& slot, const Parameters& from, int64_t origin, Stride event, int64_t k) {
  const int64_t begin = slot.offset + origin;
  std::vector<double> shares;
  for (int64_t j = 0; j < event.size; ++j)
    shares.push_back(from[static_cast<size_t>(begin + j * event.step)]);
  Move move{.element = origin + k * event.step,
            .first_step = first_in_logs,
            .last_step = last_in_logs,
            .rounding = 4 * epsilon};
  const double v = shares[static_cast<size_t>(k)];
  move.inward = v == 0;
  move.apply = [=](Parameters& p, double u) {
    const double own = v == 0 ? u : v * std::exp(u);
    const double all = 1 - v + own;
    for (int64_t j = 0; j < event.size; ++j)
      p[static_cast<size_t>(begin + j * event.step)] = (j == k ? own : shares[static_cast<size_t>(j)]) / all;
  };
  return move;
}

/// Equal values in order move together, and the upper ones of them may rise alone: at the top no value can be
/// bettered without leaving the order.
Move move_in_order(const ParameterSlot& slot, const Parameters& from, int64_t origin, Stride event,
                   int64_t k) {
  const int64_t begin = slot.offset + origin;
  const auto place = [=](int64_t i) { return static_cast<size_t>(begin + i * event.step); };
  const double v = from[place(k)];
  int64_t end = k;
  while (end < event.size && from[place(end)] == v) ++end;
  Move move{.element = origin + k * event.step,
            .first_step = 1e-4 * std::max(std::abs(v), 1e-3),
            .rounding = 4 * epsilon * std::abs(v)};
  move.last_step = 1e18 * move.first_step;
  move.inward = k > 0 && from[place(k - 1)] == v;
  const double unit = move.inward ? std::max(std::abs(v), 1e-3) : 1;
  move.apply = [=](Parameters& p, double u) {
    for (int64_t i = k; i < end; ++i) p[place(i)] = v + u * unit;
  };
  return move;
}

/// The pair i >= j of the matrix that begins at `origin`.
Move move_pair(const ParameterSlot& slot, const Parameters& from, int64_t origin,
               const std::vector<Stride>& event, int64_t i, int64_t j) {
  const int64_t n = event[0].size, begin = slot.offset + origin;
  const auto place = [=](int64_t r, int64_t c) {
    return static_cast<size_t>(begin + r * event[0].step + c * event[1].step);
  };
  interpreter::Matrix matrix;
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t c = 0; c < n; ++c) matrix.push_back(from[place(r, c)]);
  }
  const interpreter::Matrix lower = interpreter::cholesky(matrix, n);
  Move move{.element = origin + i * event[0].step + j * event[1].step,
            .first_step = first_in_logs,
            .last_step = last_in_logs,
            .rounding = 4 * epsilon};
  // L M L' = L L' + L (M - I) L', and M - I has one or two entries.
  move.apply = [=, domain = slot.domain](Parameters& p, double u) {
    const auto l = [&](int64_t r, int64_t c) { return lower[static_cast<size_t>(r * n + c)]; };
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t c = 0; c < n; ++c) {
        const double change =
            i == j ? std::expm1(u) * l(r, i) * l(c, i) : u * (l(r, i) * l(c, j) + l(r, j) * l(c, i));
        p[place(r, c)] = matrix[static_cast<size_t>(r * n + c)] + change;
      }
    }
    if (domain != Domain::correlation) return;
    std::vector<double> sd;
    for (int64_t r = 0; r < n; ++r) sd.push_back(std::sqrt(p[place(r, r)]));
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t c = 0; c < n; ++c)
        p[place(r, c)] /= sd[static_cast<size_t>(r)] * sd[static_cast<size_t>(c)];
    }
  };
  return move;
}

/// How many moves an event has: its elements, or its pairs.
size_t moves_an_event(const ParameterSlot& slot, const std::vector<Stride>& event) {
  const auto n = static_cast<size_t>(event[0].size);
  if (slot.domain == Domain::ordered) return n;
  if (slot.domain == Domain::correlation) return n * (n - 1) / 2;
  return slot.domain == Domain::simplex ? (n > 1 ? n : 0) : n * (n + 1) / 2;
}

bool is_element_wise(Domain domain) {
  switch (domain) {
    case Domain::real:
    case Domain::positive:
    case Domain::unit: return true;
    case Domain::simplex:
    case Domain::ordered:
    case Domain::covariance:
    case Domain::correlation: return false;
  }
  throw ir::InternalError("a parameter of this domain is not fitted, and has no moves");
}

/// The moves by number; entries that a mask holds at zero have none.
std::vector<size_t> open_moves(const ir::Program& layout, const ParameterSlot& slot) {
  std::vector<size_t> open;
  if (is_element_wise(slot.domain)) {
    for (int64_t i = 0; i < slot.size; ++i) open.push_back(static_cast<size_t>(i));
    return open;
  }
  const std::vector<Stride> event = events(layout.module, slot);
  const size_t each = moves_an_event(slot, event);
  size_t number = 0;
  for (const int64_t origin : origins(slot, event)) {
    for (size_t inside = 0; inside < each; ++inside, ++number) {
      const auto element = static_cast<size_t>(origin + static_cast<int64_t>(inside) * event[0].step);
      if (slot.mask.empty() || slot.mask[element] != 0) open.push_back(number);
    }
  }
  return open;
}

Move move_number(const ir::Program& layout, const ParameterSlot& slot, const Parameters& from,
                 size_t number) {
  if (is_element_wise(slot.domain)) return move_element(slot, from, static_cast<int64_t>(number));
  const std::vector<Stride> event = events(layout.module, slot);
  const size_t each = moves_an_event(slot, event);
  const int64_t origin = origins(slot, event)[number / each];
  const auto inside = static_cast<int64_t>(number % each);
  if (slot.domain == Domain::simplex) return move_share(slot, from, origin, event[0], inside);
  if (slot.domain == Domain::ordered) return move_in_order(slot, from, origin, event[0], inside);
  int64_t i = 0;
  if (slot.domain == Domain::correlation) {
    while (i * (i + 1) / 2 <= inside) ++i;
    return move_pair(slot, from, origin, event, i, inside - i * (i - 1) / 2);
  }
  while ((i + 1) * (i + 2) / 2 <= inside) ++i;
  return move_pair(slot, from, origin, event, i, inside - i * (i + 1) / 2);
}

}  // namespace

size_t count_moves(const ir::Program& layout, const ParameterSlot& slot) {
  return open_moves(layout, slot).size();
}

std::vector<Move> moves(const ir::Program& layout, const ParameterSlot& slot, const Parameters& from,
                        size_t most) {
  const std::vector<size_t> open = open_moves(layout, slot);
  const size_t count = std::min(open.size(), most);
  std::vector<Move> list;
  for (size_t i = 0; i < count; ++i)
    list.push_back(move_number(layout, slot, from, open[i * open.size() / count]));
  return list;
}

std::vector<Move> one_sided(const std::vector<Move>& moves) {
  std::vector<Move> sides;
  for (const Move& move : moves) {
    for (const double sign : {1.0, -1.0}) {
      Move side = move;
      const double unit = sign * 1e4 * move.first_step;
      side.inward = true;
      side.apply = [unit, apply = move.apply](Parameters& p, double u) { apply(p, u * unit); };
      sides.push_back(std::move(side));
    }
  }
  return sides;
}

}  // namespace lvm::certificate
