#include "runtime/kalman.h"

#include <array>
#include <tuple>
#include <utility>

#include "runtime/kalman_kernel.h"

namespace lvm::runtime {
namespace {

constexpr int most_fixed = 8;  // more states: loops of a length that the compiler does not know

using Filter = void (*)(GaussianChain&, const GaussianStep&);
using Smooth = void (*)(GaussianChain&);

template <int... Fixed>
constexpr std::array<std::pair<Filter, Smooth>, sizeof...(Fixed)> kernels(
    std::integer_sequence<int, Fixed...>) {
  return {{{&KalmanKernel<Fixed>::filter, &KalmanKernel<Fixed>::smooth}...}};
}

}  // namespace

GaussianChain::GaussianChain(int states) : states_(states) {
  static constexpr auto table = kernels(std::make_integer_sequence<int, most_fixed + 1>());
  std::tie(filter_, smooth_) = table[static_cast<size_t>(states <= most_fixed ? states : 0)];
  const auto n = static_cast<size_t>(states), square = n * n;
  inputs_.resize(3 * square);
  array_.resize(4 * square);
  for (std::vector<double>* matrix : {&factor_, &predicted_, &theta_, &root_, &e_root_})
    matrix->resize(square);
  scratch_.resize(std::max(square, 3 * n));
  cross_.resize(2 * square);
  for (std::vector<double>* vector : {&mean_, &previous_mean_, &e_}) vector->resize(n);
}

void GaussianChain::clear(int64_t steps) {
  const auto doubles = static_cast<size_t>(steps * states_);
  for (std::vector<double>* values : {&filtered_, &pull_}) {
    values->clear();
    values->reserve(doubles);
  }
  evidence_.clear();
  evidence_.reserve(static_cast<size_t>(steps));
  starts_.clear();
  starts_.reserve(static_cast<size_t>(steps));
  block_.clear();
  block_.reserve(static_cast<size_t>(steps));
  blocks_.clear();
  rests_ = false;
}

void GaussianChain::filter(const GaussianStep& step) {
  filter_(*this, step);
}

void GaussianChain::turn() {
  at_ = steps();
}

SmoothedStep GaussianChain::smooth() {
  smooth_(*this);
  const bool first = starts_[static_cast<size_t>(at_)] != 0;
  return {mean_.data(), root_.data(), first ? nullptr : previous_mean_.data(),
          first ? nullptr : cross_.data(), same_roots_};
}

}  // namespace lvm::runtime
