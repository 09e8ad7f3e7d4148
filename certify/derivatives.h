#pragma once
// Certificates of the gradient route: the derivative that a step climbs is that of the bound itself, the
// draws held fixed.

#include <vector>

#include "certify/certify.h"
#include "runtime/batches.h"
#include "runtime/numbers.h"
#include "runtime/walker.h"

namespace lvm::certificate {

/// The functions of a Program of the gradient route whose optimiser is `sgd(rate: 1)`, on the rows of one
/// tile; Real: the numbers of its frame.
template <class Real>
class DerivativesOf {
 public:
  using Coordinates = runtime::Numbers<Real>;  // in the Program's layout
  /// `rows` at most LVM_TILE_ROWS. `divergence`: its weight, 1 where the model gives none.
  DerivativesOf(const ir::Program& program, const ir::Executable& functions, const runtime::BoundData& data,
                int64_t rows, double divergence);
  /// Other draws in the place of those that it begins with, which are those of step 1.
  void draw(uint32_t step);
  /// What is climbed, a row: the bound with its weight on the divergence, and the prior's share.
  double climbed(const Coordinates& coordinates);
  /// Its derivative in each coordinate.
  Coordinates gradient(const Coordinates& coordinates);

 private:
  void call(const char* name, const Coordinates& parameters, Real* to);
  double statistic(std::string_view name) const;

  const ir::Program& program_;
  const ir::Executable& functions_;
  int64_t rows_;
  std::vector<int64_t> all_;  // rows
  runtime::RowMajorTable<Real> table_;
  double divergence_;
  runtime::BatchTile<Real> tile_;
  Coordinates derived_, statistics_, output_;
  runtime::Buffer scratch_;
};
using Derivatives = DerivativesOf<double>;

inline constexpr int64_t derivative_rows = 8;

/// Along random directions of each parameter; at most `derivative_rows` rows. Where draws move in steps no
/// single one of them has a derivative: the means over many are compared, within five standard errors.
Result certify_derivatives(const Subject& subject, const Options& options, double divergence);

}  // namespace lvm::certificate
