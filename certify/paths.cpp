#include "certify/paths.h"

#include <algorithm>
#include <cmath>

namespace lvm::certificate {

Paths::Paths(const ir::Model& model, std::vector<std::string> latents, std::vector<int64_t> values,
             std::vector<int64_t> series)
    : names_(std::move(latents)), values_(std::move(values)), series_(std::move(series)) {
  const auto lag_of = [&](const std::string& name) {
    const int variable = *model.find(name);
    return std::ranges::find(model.lags, variable, &ir::Lag::variable);
  };
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto lag = lag_of(names_[i]);
    const bool earlier = lag != model.lags.end();
    const std::string& of = earlier ? model.variables[static_cast<size_t>(lag->of)].name : names_[i];
    sources_.push_back(
        {static_cast<size_t>(std::ranges::find(names_, of) - names_.begin()), earlier ? lag->steps : 0});
    combinations_ *= values_[i];
    if (earlier) continue;
    own_.push_back(i);
    letters_ *= values_[i];
  }
  for (int64_t unit = 0; unit < units(); ++unit) most_ = std::max(most_, count(unit));
}

int64_t Paths::count(int64_t unit) const {
  int64_t paths = 1;
  for (int64_t t = 0; t < steps(unit); ++t) paths *= letters_;
  return paths;
}

/// The first step runs fastest.
int64_t Paths::letter(int64_t, int64_t path, int64_t step) const {
  for (int64_t t = 0; t < step; ++t) path /= letters_;
  return path % letters_;
}

int64_t Paths::value(int64_t unit, int64_t path, int64_t step, size_t latent) const {
  int64_t rest = letter(unit, path, step);
  for (size_t i = own_.size(); i-- > 0; rest /= values_[own_[i]]) {
    if (own_[i] == latent) return rest % values_[latent];
  }
  return 0;
}

std::vector<double> Paths::sums(const std::vector<double>& rows) const {
  std::vector<double> all(static_cast<size_t>(units() * most_), -HUGE_VAL);
  for (int64_t unit = 0; unit < units(); ++unit) {
    for (int64_t path = 0; path < count(unit); ++path) {
      double sum = 0;
      for (int64_t t = 0; t < steps(unit); ++t) {
        int64_t at = 0;
        for (size_t i = 0; i < names_.size(); ++i) {
          const int64_t from =
              t - sources_[i].steps;  // before the first step stands anything: no factor looks there
          at = at * values_[i] + (from >= 0 ? value(unit, path, from, sources_[i].latent) : 0);
        }
        sum += rows[static_cast<size_t>((first(unit) + t) * combinations_ + at)];
      }
      all[static_cast<size_t>(unit * most_ + path)] = sum;
    }
  }
  return all;
}

}  // namespace lvm::certificate
