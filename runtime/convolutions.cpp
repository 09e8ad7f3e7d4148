#include "runtime/convolutions.h"

#include <algorithm>
#include <type_traits>

#include "runtime/bfloat16.h"
#include "runtime/products.h"

namespace lvm::runtime {
namespace {

using ir::Convolution2d;

/// Of one thread, kept from call to call.
template <class Number>
struct Workspace {
  std::vector<Number> filters, patches, steps;

  static Workspace& of_thread() {
    thread_local Workspace workspace;
    return workspace;
  }
};

template <class Number>
Number* sized(std::vector<Number>& numbers, int64_t count) {
  if (std::ssize(numbers) < count) numbers.resize(static_cast<size_t>(count));
  return numbers.data();
}

/// Steps whose patches are in the cache at once.
int64_t steps_at_once(const Convolution2d& c, int64_t width, int64_t rows) {
  constexpr int64_t numbers = 1 << 17;
  return std::clamp<int64_t>(numbers / (width * rows), 1, c.steps.rows * c.steps.columns);
}

/// The number of a column, the first draw's.
int64_t column(const Convolution2d::Image& image, int64_t channel, int64_t row, int64_t col) {
  return channel * image.channel_stride + row * image.row_stride + col * image.column_stride;
}

/// Steps [first, first + count), row by row through the picture, of one draw; columns lie `stride` apart.
struct Window {
  int64_t first = 0, count = 0, draw = 0, stride = 0;
};

/// Calls `body(element of the patch, step of the window, number of the image's column or -1 outside)`.
template <class Body>
void for_patches(const Convolution2d& c, const Window& window, int64_t from, int64_t to, const Body& body) {
  const int64_t kernel = c.filters.rows * c.filters.columns;
  for (int64_t element = from; element < to; ++element) {
    const int64_t channel = element / kernel, p = element % kernel / c.filters.columns,
                  q = element % c.filters.columns;
    for (int64_t i = 0; i < window.count; ++i) {
      const int64_t step = window.first + i;
      const int64_t row = c.stride * (step / c.steps.columns) + p - c.top,
                    col = c.stride * (step % c.steps.columns) + q - c.left;
      const bool inside = row >= 0 && row < c.image.rows && col >= 0 && col < c.image.columns;
      body(element, i, inside ? (column(c.image, channel, row, col) + window.draw) * window.stride : -1);
    }
  }
}

/// patches[element - from][step, row]
template <class Number>
void gather_patches(const Convolution2d& c, const Window& window, int64_t from, int64_t to,
                    const Number* image, int64_t rows, Number* patches) {
  for_patches(c, window, from, to, [&](int64_t, int64_t, int64_t at) {
    if (at < 0) {
      std::fill_n(patches, rows, Number(0));
    } else {
      std::copy_n(image + at, rows, patches);
    }
    patches += rows;
  });
}

template <class Real>
void add_patches(const Convolution2d& c, const Window& window, const Real* patches, int64_t rows,
                 Real* image) {
  for_patches(c, window, 0, c.patch(), [&](int64_t, int64_t, int64_t at) {
    if (at >= 0) {
      Real* to = image + at;
      for (int64_t row = 0; row < rows; ++row) to[row] += patches[row];
    }
    patches += rows;
  });
}

/// Calls `body(numbers in columns, numbers side by side)` for [channel][step, row].
template <class Columns, class Packed, class Body>
void for_steps(const Convolution2d& c, const Window& window, Columns* steps, int64_t rows, Packed* packed,
               const Body& body) {
  for (int64_t channel = 0; channel < c.steps.channels; ++channel) {
    for (int64_t i = 0; i < window.count; ++i, packed += rows) {
      const int64_t step = window.first + i;
      const int64_t at =
          column(c.steps, channel, step / c.steps.columns, step % c.steps.columns) + window.draw;
      body(steps + at * window.stride, packed);
    }
  }
}

int64_t filter_at(const Convolution2d& c, int64_t channel, int64_t element) {
  const int64_t kernel = c.filters.rows * c.filters.columns;
  return channel * c.filters.steps_stride + element / kernel * c.filters.image_stride +
         element % kernel / c.filters.columns * c.filters.row_stride +
         element % c.filters.columns * c.filters.column_stride;
}

/// [channel of the steps][element of the patch]
template <class Operand, class Real>
const Operand* packed_filters(const Convolution2d& c, const Real* filters) {
  const int64_t patch = c.patch(), count = c.steps.channels * patch;
  Real* packed = sized(Workspace<Real>::of_thread().filters, count);
  for (int64_t channel = 0; channel < c.steps.channels; ++channel) {
    for (int64_t element = 0; element < patch; ++element)
      packed[channel * patch + element] = filters[filter_at(c, channel, element)];
  }
  if constexpr (std::is_same_v<Operand, Real>) {
    return packed;
  } else {
    Operand* narrowed = sized(Workspace<Operand>::of_thread().filters, count);
    narrow(packed, count, narrowed);
    return narrowed;
  }
}

template <class Real>
void clear_image(const Convolution2d& c, Real* image, int64_t rows, int64_t stride) {
  for (int64_t channel = 0; channel < c.image.channels; ++channel) {
    for (int64_t row = 0; row < c.image.rows; ++row) {
      for (int64_t col = 0; col < c.image.columns; ++col) {
        for (int64_t draw = 0; draw < c.repeats; ++draw)
          std::fill_n(image + (column(c.image, channel, row, col) + draw) * stride, rows, Real(0));
      }
    }
  }
}

/// For each draw, windows of steps from the first to the last one.
template <class Body>
void for_windows(const Convolution2d& c, int64_t at_once, int64_t stride, const Body& body) {
  const int64_t all = c.steps.rows * c.steps.columns;
  for (int64_t draw = 0; draw < c.repeats; ++draw) {
    for (int64_t first = 0; first < all; first += at_once)
      body(Window{first, std::min(at_once, all - first), draw, stride});
  }
}

}  // namespace

template <class Real, class Operand>
void convolve(const Convolution2d& c, const ConvolutionOperands<Real, Operand>& at, int64_t rows) {
  Workspace<Operand>& work = Workspace<Operand>::of_thread();
  Workspace<Real>& made = Workspace<Real>::of_thread();
  const int64_t patch = c.patch(), at_once = steps_at_once(c, patch + c.steps.channels, rows);
  const Operand* filters = packed_filters<Operand>(c, at.filters);
  const int64_t of_patches = patch * at_once * rows, of_steps = c.steps.channels * at_once * rows;
  const bool to_image = c.kind == Convolution2d::Kind::to_image;
  if (to_image) clear_image(c, at.result, rows, at.stride);
  for_windows(c, at_once, at.stride, [&](const Window& window) {
    const int64_t width = window.count * rows;
    if (to_image) {
      Operand* steps = sized(work.steps, of_steps);
      Real* patches = sized(made.patches, of_patches);
      for_steps(c, window, at.steps, rows, steps,
                [&](const Operand* from, Operand* to) { std::copy_n(from, rows, to); });
      multiply({.left_transposed = true,
                .m = patch,
                .n = width,
                .k = c.steps.channels,
                .left_stride = patch,
                .right_stride = width,
                .result_stride = width},
               filters, steps, patches);
      add_patches(c, window, patches, rows, at.result);
    } else {
      Operand* patches = sized(work.patches, of_patches);
      Real* steps = sized(made.steps, of_steps);
      gather_patches(c, window, 0, patch, at.image, rows, patches);
      multiply({.m = c.steps.channels,
                .n = width,
                .k = patch,
                .left_stride = patch,
                .right_stride = width,
                .result_stride = width},
               filters, patches, steps);
      for_steps(c, window, at.result, rows, steps,
                [&](Real* to, const Real* from) { std::copy_n(from, rows, to); });
    }
  });
}

template <class Real, class Operand>
void sum_filters(const Convolution2d& c, const ConvolutionOperands<Real, Operand>& at, int64_t rows,
                 int64_t from, int64_t count, bool add) {
  constexpr int64_t rows_at_once = 64;
  Workspace<Operand>& work = Workspace<Operand>::of_thread();
  const int64_t channels = c.steps.channels,
                at_once = steps_at_once(c, count + channels, std::min(rows, rows_at_once));
  Operand* patches = sized(work.patches, count * at_once * rows_at_once);
  Operand* steps = sized(work.steps, channels * at_once * rows_at_once);
  Real* sums = sized(Workspace<Real>::of_thread().filters, count * channels);
  bool added = false;
  for (int64_t first = 0; first < rows; first += rows_at_once) {
    const int64_t some = std::min(rows_at_once, rows - first);
    for_windows(c, at_once, at.stride, [&](const Window& window) {
      const int64_t width = window.count * some;
      gather_patches(c, window, from, from + count, at.image + first, some, patches);
      for_steps(c, window, at.steps + first, some, steps,
                [&](const Operand* column, Operand* to) { std::copy_n(column, some, to); });
      multiply({.right_transposed = true,
                .add = added,
                .m = count,
                .n = channels,
                .k = width,
                .left_stride = width,
                .right_stride = width,
                .result_stride = channels},
               patches, steps, sums);
      added = true;
    });
  }
  for (int64_t element = 0; element < count; ++element) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      Real& to = at.result[filter_at(c, channel, from + element)];
      const Real sum = sums[element * channels + channel];
      to = add ? to + sum : sum;
    }
  }
}

#define LVM_CONVOLUTIONS(Real, Operand)                                                               \
  template void convolve(const Convolution2d&, const ConvolutionOperands<Real, Operand>&, int64_t);   \
  template void sum_filters(const Convolution2d&, const ConvolutionOperands<Real, Operand>&, int64_t, \
                            int64_t, int64_t, bool);
LVM_CONVOLUTIONS(float, float)
LVM_CONVOLUTIONS(double, double)
LVM_CONVOLUTIONS(float, Bfloat16)
#undef LVM_CONVOLUTIONS

}  // namespace lvm::runtime
