#pragma once
// The attributes of convolutions and reshapes by name.
//
// conv2d slides filters over an image with zeros around it:
//   y[o, r, s] = sum over i, p, q of x[i, stride r + p - top, stride s + q - left] f[i, o, p, q]
// conv2d_transpose is its adjoint in x, conv2d_filters its adjoint in f (Dumoulin & Visin 2016, "A guide to
// convolution arithmetic"). Each derivative of one of the three is another of them, over the same stride and
// offsets.

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// channels, rows and columns of an image.
struct ImageAxes {
  AxisId channels, rows, columns;
};

struct Convolution {
  ImageAxes in, out;
  AxisId kernel_rows, kernel_columns;
  int64_t stride = 1, top = 0,
          left = 0;  // of the sliding filter: over `out` for conv2d_transpose, else over `in`
};

/// Throws InternalError where the attributes are no convolution's.
Convolution convolution_of(const Attributes& attributes);
Attributes attributes_of(const Convolution& convolution);
/// From `out` back to `in`.
Convolution reversed(const Convolution& convolution);

/// The axes that a reshape takes away and those that it makes.
struct ReshapeAxes {
  std::vector<AxisId> from, to;
};
ReshapeAxes reshape_axes(const Attributes& attributes);
Attributes reshape_attributes(std::vector<AxisId> from, const std::vector<AxisId>& to);
/// Whether the result has the same numbers in the same order in memory: both lists stand sorted and side by
/// side in the types.
bool keeps_memory_order(const Type& from, const Node& reshape);

}  // namespace lvm::ir
