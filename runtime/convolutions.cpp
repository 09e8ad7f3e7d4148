#include "runtime/convolutions.h"

#include <algorithm>

#include "runtime/products.h"

namespace lvm::runtime {
namespace {

using ir::Convolution2d;

/// Of one thread, kept from call to call.
template <class Real>
struct Workspace {
  std::vector<Real> filters, patches, steps;

  static Workspace& of_thread() {
    thread_local Workspace workspace;
    return workspace;
  }
};

template <class Real>
Real* sized(std::vector<Real>& numbers, int64_t count) {
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
    const int64_t channel = element / kernel, p = element % kernel / c.filters.columns, q = element % c.filters.columns;
    for (int64_t i = 0; i < window.count; ++i) {
      const int64_t step = window.first + i;
      const int64_t row = c.stride * (step / c.steps.columns) + p - c.top, col = c.stride * (step % c.steps.columns) + q - c.left;
      const bool inside = row >= 0 && row < c.image.rows && col >= 0 && col < c.image.columns;
      body(element, i, inside ? (column(c.image, channel, row, col) + window.draw) * window.stride : -1);
    }
  }
}

/// patches[element - from][step, row]
template <class Real>
void gather_patches(const Convolution2d& c, const Window& window, int64_t from, int64_t to, const Real* image, int64_t rows, Real* patches) {
  for_patches(c, window, from, to, [&](int64_t, int64_t, int64_t at) {
    if (at < 0) {
      std::fill_n(patches, rows, Real(0));
    } else {
      std::copy_n(image + at, rows, patches);
    }
    patches += rows;
  });
}

template <class Real>
void add_patches(const Convolution2d& c, const Window& window, const Real* patches, int64_t rows, Real* image) {
  for_patches(c, window, 0, c.patch(), [&](int64_t, int64_t, int64_t at) {
    if (at >= 0) {
      Real* to = image + at;
      for (int64_t row = 0; row < rows; ++row) to[row] += patches[row];
    }
    patches += rows;
  });
}

/// Calls `body(numbers in columns, numbers side by side)` for [channel][step, row].
template <class Real, class Body>
void for_steps(const Convolution2d& c, const Window& window, Real* steps, int64_t rows, Real* packed, const Body& body) {
  for (int64_t channel = 0; channel < c.steps.channels; ++channel) {
    for (int64_t i = 0; i < window.count; ++i, packed += rows) {
      const int64_t step = window.first + i;
      const int64_t at = column(c.steps, channel, step / c.steps.columns, step % c.steps.columns) + window.draw;
      body(steps + at * window.stride, packed);
    }
  }
}

int64_t filter_at(const Convolution2d& c, int64_t channel, int64_t element) {
  const int64_t kernel = c.filters.rows * c.filters.columns;
  return channel * c.filters.steps_stride + element / kernel * c.filters.image_stride + element % kernel / c.filters.columns * c.filters.row_stride +
         element % c.filters.columns * c.filters.column_stride;
}

/// [channel of the steps][element of the patch]
template <class Real>
const Real* packed_filters(const Convolution2d& c, const Real* filters) {
  const int64_t patch = c.patch();
  Real* packed = sized(Workspace<Real>::of_thread().filters, c.steps.channels * patch);
  for (int64_t channel = 0; channel < c.steps.channels; ++channel) {
    for (int64_t element = 0; element < patch; ++element) packed[channel * patch + element] = filters[filter_at(c, channel, element)];
  }
  return packed;
}

template <class Real>
void clear_image(const Convolution2d& c, Real* image, int64_t rows, int64_t stride) {
  for (int64_t channel = 0; channel < c.image.channels; ++channel) {
    for (int64_t row = 0; row < c.image.rows; ++row) {
      for (int64_t col = 0; col < c.image.columns; ++col) {
        for (int64_t draw = 0; draw < c.repeats; ++draw) std::fill_n(image + (column(c.image, channel, row, col) + draw) * stride, rows, Real(0));
      }
    }
  }
}

/// For each draw, windows of steps from the first to the last one.
template <class Body>
void for_windows(const Convolution2d& c, int64_t at_once, int64_t stride, const Body& body) {
  const int64_t all = c.steps.rows * c.steps.columns;
  for (int64_t draw = 0; draw < c.repeats; ++draw) {
    for (int64_t first = 0; first < all; first += at_once) body(Window{first, std::min(at_once, all - first), draw, stride});
  }
}

}  // namespace

template <class Real>
void convolve(const Convolution2d& c, const ConvolutionOperands<Real>& at, int64_t rows) {
  Workspace<Real>& work = Workspace<Real>::of_thread();
  const int64_t patch = c.patch(), at_once = steps_at_once(c, patch + c.steps.channels, rows);
  const Real* filters = packed_filters<Real>(c, at.filters);
  Real* patches = sized(work.patches, patch * at_once * rows);
  Real* steps = sized(work.steps, c.steps.channels * at_once * rows);
  const bool to_image = c.kind == Convolution2d::Kind::to_image;
  if (to_image) clear_image(c, at.image, rows, at.stride);
  for_windows(c, at_once, at.stride, [&](const Window& window) {
    const int64_t width = window.count * rows;
    if (to_image) {
      for_steps(c, window, at.steps, rows, steps, [&](const Real* from, Real* to) { std::copy_n(from, rows, to); });
      multiply({.left_transposed = true, .m = patch, .n = width, .k = c.steps.channels, .left_stride = patch, .right_stride = width, .result_stride = width},
               filters, steps, patches);
      add_patches(c, window, patches, rows, at.image);
    } else {
      gather_patches(c, window, 0, patch, at.image, rows, patches);
      multiply({.m = c.steps.channels, .n = width, .k = patch, .left_stride = patch, .right_stride = width, .result_stride = width}, filters, patches, steps);
      for_steps(c, window, at.steps, rows, steps, [&](Real* to, const Real* from) { std::copy_n(from, rows, to); });
    }
  });
}

template <class Real>
void sum_filters(const Convolution2d& c, const ConvolutionOperands<Real>& at, int64_t rows, int64_t from, int64_t count, bool add) {
  constexpr int64_t rows_at_once = 64;
  Workspace<Real>& work = Workspace<Real>::of_thread();
  const int64_t channels = c.steps.channels, at_once = steps_at_once(c, count + channels, std::min(rows, rows_at_once));
  Real* patches = sized(work.patches, count * at_once * rows_at_once);
  Real* steps = sized(work.steps, channels * at_once * rows_at_once);
  Real* sums = sized(work.filters, count * channels);
  bool added = false;
  for (int64_t first = 0; first < rows; first += rows_at_once) {
    const int64_t some = std::min(rows_at_once, rows - first);
    for_windows(c, at_once, at.stride, [&](const Window& window) {
      const int64_t width = window.count * some;
      gather_patches(c, window, from, from + count, at.image + first, some, patches);
      for_steps(c, window, at.steps + first, some, steps, [&](const Real* column, Real* to) { std::copy_n(column, some, to); });
      multiply({.right_transposed = true, .add = added, .m = count, .n = channels, .k = width, .left_stride = width, .right_stride = width, .result_stride = channels},
               patches, steps, sums);
      added = true;
    });
  }
  for (int64_t element = 0; element < count; ++element) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      Real& to = at.filters[filter_at(c, channel, from + element)];
      const Real sum = sums[element * channels + channel];
      to = add ? to + sum : sum;
    }
  }
}

template void convolve(const Convolution2d&, const ConvolutionOperands<float>&, int64_t);
template void convolve(const Convolution2d&, const ConvolutionOperands<double>&, int64_t);
template void sum_filters(const Convolution2d&, const ConvolutionOperands<float>&, int64_t, int64_t, int64_t, bool);
template void sum_filters(const Convolution2d&, const ConvolutionOperands<double>&, int64_t, int64_t, int64_t, bool);

}  // namespace lvm::runtime
