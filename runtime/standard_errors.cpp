#include "runtime/standard_errors.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "runtime/coordinates.h"
#include "runtime/linalg.h"
#include "runtime/walker.h"

namespace lvm::runtime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t most_coordinates = 400;
// A step lowers the objective by about this: large against its rounding, and about 1/22 of a standard error,
// so that the fourth derivatives add some 10⁻⁴ of a standard error at most.
constexpr double wanted_drop = 1e-3;

class Information {
 public:
  Information(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
              const std::vector<double>& parameters, int threads)
      : walker_(program, functions, data, threads),
        coordinates_(program, parameters),
        parameters_(parameters),
        point_(coordinates_.of(parameters)),
        steps_(point_.size(), 0),
        above_(point_.size()),
        below_(point_.size()) {
    for (size_t i = 0; i < point_.size(); ++i) {
      if (std::isfinite(point_[i])) free_.push_back(i);  // on a bound there is no curvature to either side
    }
  }

  StandardErrors run() {
    if (free_.size() > most_coordinates) {
      return {fmt::format("{} free parameters are more than the {} that differences serve", free_.size(),
                          most_coordinates),
              {}};
    }
    at_ = value(point_);
    for (const size_t i : free_) {
      if (!find_step(i))
        return {"the objective is level, or rises, in a direction: this is no isolated maximum", {}};
    }
    const auto n = static_cast<int64_t>(free_.size());
    std::vector<double> information(free_.size() * free_.size()), covariance(information.size());
    for (size_t a = 0; a < free_.size(); ++a) {
      for (size_t b = 0; b <= a; ++b)
        information[a * free_.size() + b] = information[b * free_.size() + a] = minus_curvature(a, b);
    }
    lvm_inverse(covariance.data(), information.data(), n);
    if (n > 0 && std::isnan(covariance[0]))
      return {"the observed information is not positive definite: this is no isolated maximum", {}};
    return {"", carried_over(covariance)};
  }

 private:
  double value(const std::vector<double>& point) {
    std::vector<double> parameters = parameters_;
    coordinates_.write(point, parameters);
    if (!walker_.prepare(parameters).empty() || !walker_.rows("rows", parameters).empty()) return nan;
    return walker_.objective();
  }

  double value_at(size_t i, double step, size_t j = 0, double other = 0) {
    std::vector<double> point = point_;
    point[i] += step;
    point[j] += other;
    return value(point);
  }

  /// A step of coordinate i that lowers the objective by about wanted_drop.
  bool find_step(size_t i) {
    double step = 1e-4 * std::max(std::abs(point_[i]), 1e-3);
    for (int round = 0; round < 60; ++round) {
      above_[i] = value_at(i, step);
      below_[i] = value_at(i, -step);
      const double drop = at_ - (above_[i] + below_[i]) / 2;
      steps_[i] = step;
      if (drop > wanted_drop / 4 && drop < wanted_drop * 4) return true;
      const double factor = drop > wanted_drop / 1e4 ? std::sqrt(wanted_drop / drop) : 10;
      step *= std::isnan(drop) ? 0.1 : std::max(factor, 1e-3);
    }
    return false;
  }

  double minus_curvature(size_t a, size_t b) {
    const size_t i = free_[a], j = free_[b];
    if (i == j) return (2 * at_ - above_[i] - below_[i]) / (steps_[i] * steps_[i]);
    const double both = value_at(i, steps_[i], j, steps_[j]) + value_at(i, -steps_[i], j, -steps_[j]);
    return (above_[i] + below_[i] + above_[j] + below_[j] - 2 * at_ - both) / (2 * steps_[i] * steps_[j]);
  }

  /// The square roots of the diagonal of J C J', with J the derivatives of the parameters by the coordinates.
  std::vector<double> carried_over(const std::vector<double>& covariance) const {
    std::vector<std::vector<double>> slopes;
    for (const size_t i : free_) {
      const double step = steps_[i] / 64;
      std::vector<double> up = point_, down = point_, high = parameters_, low = parameters_;
      up[i] += step;
      down[i] -= step;
      coordinates_.write(up, high);
      coordinates_.write(down, low);
      for (size_t p = 0; p < high.size(); ++p) high[p] = (high[p] - low[p]) / (2 * step);
      slopes.push_back(std::move(high));
    }
    std::vector<double> errors(parameters_.size(), nan);
    for (size_t p = 0; p < errors.size(); ++p) {
      double sum = 0;
      for (size_t a = 0; a < free_.size(); ++a) {
        for (size_t b = 0; b < free_.size(); ++b)
          sum += slopes[a][p] * covariance[a * free_.size() + b] * slopes[b][p];
      }
      if (sum > 0) errors[p] = std::sqrt(sum);
    }
    return errors;
  }

  Walker walker_;
  Coordinates coordinates_;
  std::vector<double> parameters_, point_, steps_, above_,
      below_;  // the objective a step above and below, by coordinate
  std::vector<size_t> free_;
  double at_ = 0;
};

}  // namespace

StandardErrors standard_errors(const ir::Program& program, const ir::Executable& functions,
                               const BoundData& data, const std::vector<double>& parameters, int threads) {
  return Information(program, functions, data, parameters, threads).run();
}

}  // namespace lvm::runtime
