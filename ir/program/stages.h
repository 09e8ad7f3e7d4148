#pragma once
// The functions over rows of a batched Program as the run time walks them: kernels that are compiled, and
// products of matrices that a library computes. A batch is walked in tiles of at most `Program::tile_rows`
// rows. Values of rows lie column by column, each column `batch_stride` numbers behind the one before it:
// rows are the lanes of vectors.

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "ir/program/frame.h"

namespace lvm::ir {

/// Where a matrix of a product begins: in numbers from the start of a buffer, or for `columns` from the first
/// column of a data slot.
struct MatrixPlace {
  enum class Buffer : uint8_t { columns, parameters, derived, statistics, scratch };
  Buffer buffer = Buffer::scratch;
  int64_t offset = 0;
};

/// `of_rows`   result[out, rows] = weights . value[in, rows], where the weights lie as [in, out]
/// (`transposed`) or [out, in]; `over_rows` result[in, out] += sum over rows of left[in, rows] right[out,
/// rows]. Both for each of `repeats` draws: those of one element stand one column behind the other.
struct Product {
  enum class Kind : uint8_t { of_rows, over_rows };
  Kind kind = Kind::of_rows;
  bool transposed = false;
  MatrixPlace left, right, result;  // of_rows: weights and value
  int64_t in = 0, out = 0;
  int64_t repeats = 1;
  bool narrow = false;  // both operands in bfloat16, summed in single precision
};

/// A convolution: filters slide over an image with zeros around it (ir/tensor/convolution.h),
///   at[o, r, s] = sum over i, p, q of image[i, stride r + p - top, stride s + q - left] filters[i, o, p, q].
/// `to_steps` computes `at`, `to_image` its adjoint in the image, `to_filters` (a sum over rows) its adjoint
/// in the filters.
struct Convolution2d {
  enum class Kind : uint8_t { to_steps, to_image, to_filters };
  /// Sizes, and how far the next index lies: columns for values of rows, numbers for filters.
  struct Image {
    int64_t channels = 0, rows = 0, columns = 0;
    int64_t channel_stride = 0, row_stride = 0, column_stride = 0;
  };
  struct Filters {
    int64_t rows = 0, columns = 0;
    int64_t image_stride = 0, steps_stride = 0, row_stride = 0, column_stride = 0;
  };
  Kind kind = Kind::to_steps;
  MatrixPlace image_place, steps_place, filters_place;
  Image image, steps;
  Filters filters;
  int64_t stride = 1, top = 0, left = 0;
  int64_t repeats = 1;  // draws, as of a product
  bool narrow = false;  // as of a product

  int64_t patch() const { return image.channels * filters.rows * filters.columns; }
};

/// Column `i` of the result is column `from[i]` of the operand.
struct Move {
  MatrixPlace operand, result;
  std::vector<int64_t> from;
};

/// Columns of rows that later stages read in bfloat16: their copies are made.
struct Narrow {
  MatrixPlace operand;
  int64_t columns = 0;
};

/// A compiled function.
struct Kernel {
  std::string name;
};

using Stage = std::variant<Kernel, Product, Convolution2d, Move, Narrow>;

/// A kernel over elements: its frame's pointers to parameters, statistics and output start at the first one,
/// `rows` counts them.
struct ElementStage {
  std::string kernel;
  int64_t elements = 0;
  int64_t parameter = 0;  // where the first of them lies among the parameters
};

/// Numbers that are the same for all rows, and that products read in bfloat16.
struct NarrowWeights {
  MatrixPlace place;
  int64_t numbers = 0;
};

/// One function over rows: `of_rows` runs for each stretch of rows by itself, `over_rows` when all rows of
/// the tile are done. Or an update of `elements`. Where rows read sums over all rows, as of a batch_norm,
/// `before` has the stages up to each such sum: all rows must then stand in one tile.
struct Stages {
  struct Part {
    std::vector<Stage> of_rows, over_rows;
  };
  std::vector<NarrowWeights> narrow_weights;  // of which copies are made before the first rows
  std::vector<Part> before;
  std::vector<Stage> of_rows, over_rows;
  std::vector<ElementStage> elements;
  bool in_place =
      false;  // no kernel reads parameters that another one writes: the new values may overwrite the old
  int64_t scratch_columns = 0;
};

using StagedFunctions = std::map<std::string, Stages>;

}  // namespace lvm::ir
