#include <deque>

#include "ir/families/members.h"

namespace lvm::ir {

const std::vector<Family>& families() {
  static const std::vector<Family> all = [] {
    std::vector<Family> list;
    for (const auto& members :
         {normal_families(), bernoulli_families(), categorical_families(), poisson_families(),
          binomial_families(), geometric_families(), negative_binomial_families(), gamma_families(),
          beta_families(), location_scale_families(), weibull_families(), von_mises_families(),
          continuous_bernoulli_families(), wishart_families(), gumbel_softmax_families(),
          low_rank_normal_families()}) {
      list.insert(list.end(), members.begin(), members.end());
    }
    const std::vector<Family> zero_inflated = zero_inflated_families(list),
                              truncated = truncated_families(list);
    list.insert(list.end(), zero_inflated.begin(), zero_inflated.end());
    list.insert(list.end(), truncated.begin(), truncated.end());
    return list;
  }();
  return all;
}

std::string_view kept(std::string text) {
  static std::deque<std::string> texts;
  return texts.emplace_back(std::move(text));
}

const Family* find_family(std::string_view parameterisation) {
  for (const Family& family : families()) {
    if (family.parameterisation == parameterisation) return &family;
  }
  return nullptr;
}

AxisId noise_axis(Module& module, int number) {
  const std::string name = "noise." + std::to_string(number);
  if (const auto found = module.find_axis(name)) return *found;
  return module.add_axis({.name = name, .size = number});
}

std::optional<MatrixAxes> matrix_axes(const Module& module, const Type& matrix, const Type& value) {
  for (const AxisId row : value.axes) {
    const auto column = module.find_axis(module.axis(row).name + "'");
    if (column && matrix.has(row) && matrix.has(*column)) return MatrixAxes{row, *column};
  }
  return std::nullopt;
}

}  // namespace lvm::ir
