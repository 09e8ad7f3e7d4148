#include "ir/families/members.h"

namespace lvm::ir {

const std::vector<Family>& families() {
  static const std::vector<Family> all = [] {
    std::vector<Family> list;
    for (const auto& members : {normal_families(), bernoulli_families(), categorical_families()}) {
      list.insert(list.end(), members.begin(), members.end());
    }
    return list;
  }();
  return all;
}

const Family* find_family(std::string_view parameterisation) {
  for (const Family& family : families()) {
    if (family.parameterisation == parameterisation) return &family;
  }
  return nullptr;
}

std::optional<MatrixAxes> matrix_axes(const Module& module, const Type& matrix, const Type& value) {
  for (const AxisId row : value.axes) {
    const auto column = module.find_axis(module.axis(row).name + "'");
    if (column && matrix.has(row) && matrix.has(*column)) return MatrixAxes{row, *column};
  }
  return std::nullopt;
}

}  // namespace lvm::ir
