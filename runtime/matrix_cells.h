#pragma once
// Cells that are matrices: symmetric within rounding, and positive definite.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lvm::runtime {

struct MatrixFault {
  int64_t row = 0, element = 0;  // of `cells`: the place that breaks the rule
  std::string what;              // "is not symmetric: …"
};

/// `cells` are the columns of matrices of `size` x `size`, row-major and one behind the other. Both cells of
/// a pair become their mean. The first row that counts whose matrices are none.
std::optional<MatrixFault> make_symmetric(const std::vector<double*>& cells, int64_t size,
                                          const std::function<bool(int64_t)>& counts, int64_t rows);

}  // namespace lvm::runtime
