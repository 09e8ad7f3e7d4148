#include "runtime/leap.h"

#include <algorithm>
#include <cmath>

namespace lvm::runtime {

void Leap::add(const std::vector<double>& parameters) {
  if (!coordinates_) coordinates_.emplace(program_, parameters);
  points_.push_back(coordinates_->of(parameters));
  parameters_ = parameters;
  if (points_.size() > 3) points_.erase(points_.begin());
  if (points_.size() < 2) return;
  longest_.resize(coordinates_->size(), 0);
  const std::vector<double>&before = *(points_.end() - 2), &now = points_.back();
  for (size_t i = 0; i < now.size(); ++i) {
    const double step = std::abs(now[i] - before[i]);
    if (std::isfinite(step)) longest_[i] = std::max(longest_[i], step);
  }
}

std::optional<std::vector<double>> Leap::propose() {
  if (points_.size() < 3) return std::nullopt;
  const std::vector<double>&first = points_[0], &second = points_[1], &third = points_[2];
  double r_square = 0, v_square = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    const double r = second[i] - first[i], v = third[i] - second[i] - r;
    // A coordinate that is infinite (a share of 0) or has not moved takes no part.
    if (!std::isfinite(v) || longest_[i] == 0) continue;
    r_square += r * r / (longest_[i] * longest_[i]);
    v_square += v * v / (longest_[i] * longest_[i]);
  }
  length_ = std::min(v_square > 0 ? std::sqrt(r_square / v_square) : 1, most_);
  if (!(length_ > 1)) return std::nullopt;
  std::vector<double> point = third;
  for (size_t i = 0; i < first.size(); ++i) {
    const double r = second[i] - first[i], v = third[i] - second[i] - r;
    if (std::isfinite(v)) point[i] = first[i] + length_ * (2 * r + length_ * v);
  }
  std::vector<double> parameters = parameters_;
  coordinates_->write(point, parameters);
  return parameters;
}

void Leap::settle(bool taken, const std::vector<double>& parameters) {
  constexpr double growth = 4;
  if (taken && length_ == most_) most_ *= growth;
  if (!taken) most_ = std::max(growth, std::min(most_, length_) / growth);
  points_.clear();
  add(parameters);
}

}  // namespace lvm::runtime
