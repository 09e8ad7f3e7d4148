#pragma once
// Convolutions of values whose rows are lanes, as products of matrices: the part of the image under the
// filters of one step is a patch (channel, filter row, filter column), and the rows of some steps side by
// side make the columns of a product (Chellapilla, Puri & Simard 2006, "High performance convolutional neural
// networks for document processing", section 3).

#include "ir/program/stages.h"

namespace lvm::runtime {

/// Where the operands of a convolution and its result begin. Values of rows are of the type that is
/// multiplied: `Operand`.
template <class Real, class Operand = Real>
struct ConvolutionOperands {
  const Operand *image, *steps;
  const Real* filters;
  Real* result;
  int64_t stride;  // from one column to the next
};

/// `to_steps` or `to_image` of `rows` rows.
template <class Real, class Operand>
void convolve(const ir::Convolution2d& c, const ConvolutionOperands<Real, Operand>& at, int64_t rows);

/// `to_filters` of the patch elements [from, from + count), summed over `rows` rows; added to what is there
/// if `add`.
template <class Real, class Operand>
void sum_filters(const ir::Convolution2d& c, const ConvolutionOperands<Real, Operand>& at, int64_t rows,
                 int64_t from, int64_t count, bool add);

}  // namespace lvm::runtime
