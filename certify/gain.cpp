#include "certify/gain.h"

#include <algorithm>
#include <cmath>

namespace lvm::certificate {
namespace {

constexpr double target = 1e-3, near = 10;  // of |f(u) - 2 f(0) + f(-u)|, and within which factor
constexpr double most_growth = 1e4;
constexpr int tries = 40;

Gain inward_gain(const Line& line) {
  Gain gain;
  for (const double u : {1e-3, 1e-6, 1e-9}) {
    const double value = line.value(u);
    if (std::isfinite(value)) gain.nats = std::max(gain.nats, value - line.at - 8 * line.noise);
  }
  return gain;
}

struct Pair {
  double u = 0, up = 0, down = 0;
};

}  // namespace

Gain gain(const Line& line) {
  if (line.inward) return inward_gain(line);
  Pair pair;
  double second = 0, u = line.first_step;
  const double least = line.first_step * 1e-12, most = line.last_step;
  for (int i = 0; i < tries; ++i) {
    const Pair tried{u, line.value(u), line.value(-u)};
    if (!std::isfinite(tried.up) || !std::isfinite(tried.down)) {
      u /= 16;
      if (u < least) break;
      continue;
    }
    pair = tried;
    second = pair.up - 2 * line.at + pair.down;
    const double size = std::abs(second);
    if (size > target / near && size < target * near) break;
    const double factor =
        std::clamp(std::sqrt(target / std::max(size, 1e-300)), 1 / most_growth, most_growth);
    const double next = std::clamp(u * factor, least, most);
    if (next == u) break;
    u = next;
  }
  if (pair.u == 0) return {HUGE_VAL, 0, 0};  // no value on either side
  Gain gain;
  const double noise = 16 * line.noise;
  const double best = std::max(pair.up, pair.down) - line.at;
  if (std::abs(second) <= noise) {
    gain.nats = std::max(0.0, best - noise);
    return gain;
  }
  const double half = pair.u / 2;
  const double far_slope = (pair.up - pair.down) / (2 * pair.u);
  const double near_slope = (line.value(half) - line.value(-half)) / (2 * half);
  gain.slope = (4 * near_slope - far_slope) / 3;
  gain.curvature = second / (pair.u * pair.u);
  const bool promised = gain.curvature < 0 || line.saddles;
  gain.nats = promised ? gain.slope * gain.slope / (2 * std::abs(gain.curvature)) : std::max(0.0, best);
  return gain;
}

}  // namespace lvm::certificate
