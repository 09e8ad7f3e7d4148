#pragma once
// The steps of runtime/kalman for one number of states, known to the compiler or (Fixed = 0) not.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/kalman.h"

namespace lvm::runtime {

template <int Fixed>
struct KalmanKernel {
  static int size(const GaussianChain& c) { return Fixed > 0 ? Fixed : c.states_; }

  /// Reflections from the right that make the first n rows of w [rows, columns] lower triangular, with no
  /// negative diagonal. (Golub and Van Loan 2013, alg. 5.1.1, with the sign that keeps the first element
  /// positive without cancellation.)
  static void triangularise(double* w, int n, int rows, int columns) {
    for (int k = 0; k < n; ++k) {
      double* x = w + k * columns;
      double tail = 0;
      for (int j = k + 1; j < columns; ++j) tail += x[j] * x[j];
      const double head = x[k];
      if (tail == 0) {
        if (head < 0)
          for (int i = k; i < rows; ++i) w[i * columns + k] = -w[i * columns + k];
        continue;
      }
      const double norm = std::sqrt(head * head + tail);
      const double v = head <= 0 ? head - norm : -tail / (head + norm);
      const double scale = 2 * v * v / (tail + v * v), inverse = 1 / v;
      for (int j = k + 1; j < columns; ++j) x[j] *= inverse;
      for (int i = k + 1; i < rows; ++i) {
        double* row = w + i * columns;
        double dot = row[k];
        for (int j = k + 1; j < columns; ++j) dot += x[j] * row[j];
        dot *= scale;
        row[k] -= dot;
        for (int j = k + 1; j < columns; ++j) row[j] -= dot * x[j];
      }
      x[k] = norm;
      for (int j = k + 1; j < columns; ++j) x[j] = 0;
    }
  }

  /// to [n, n] = x L^-T row by row; factor: L with reciprocal diagonal.
  static void right_solve(double* to, const double* x, int stride, const double* factor, int n) {
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        double sum = x[i * stride + j];
        for (int k = 0; k < j; ++k) sum -= to[i * n + k] * factor[j * n + k];
        to[i * n + j] = sum * factor[j * n + j];
      }
    }
  }

  /// to = x + M v.
  static void affine(double* to, const double* x, const double* m, const double* v, int n) {
    for (int i = 0; i < n; ++i) {
      double sum = x[i];
      for (int j = 0; j < n; ++j) sum += m[i * n + j] * v[j];
      to[i] = sum;
    }
  }

  /// The greatest change of an element beside the length of its row, or beside 1.
  static double change(const double* a, const double* b, int n, bool by_row) {
    double greatest = 0;
    for (int i = 0; i < n; ++i) {
      double length = 0, most = 0;
      for (int j = 0; j < n; ++j) {
        length += a[i * n + j] * a[i * n + j];
        most = std::max(most, std::abs(a[i * n + j] - b[i * n + j]));
      }
      if (most > 0) greatest = std::max(greatest, by_row ? most / std::sqrt(length) : most);
    }
    return greatest;
  }

  /// What is left of a sequence of geometric changes is below rounding.
  static bool at_rest(double now, double before) {
    constexpr double rounding = std::numeric_limits<double>::epsilon();
    return now == 0 || (now < before && std::isfinite(before) && now * now <= rounding * (before - now));
  }

  /// True where the covariances of this step depend on what those of the step before did.
  static bool same_inputs(GaussianChain& c, const GaussianStep& step, int n) {
    const size_t bytes = sizeof(double) * static_cast<size_t>(n * n);
    double* own = c.inputs_.data();
    const double* given[] = {step.precision, step.transition, step.noise};
    bool same = c.block_.size() > 1 && step.transition && !c.starts_.back();
    for (int i = 0; i < 3; ++i, own += n * n) {
      if (!given[i] || (same && std::memcmp(own, given[i], bytes) == 0)) continue;
      same = false;
      std::memcpy(own, given[i], bytes);
    }
    return same;
  }

  /// The predicted root and T, of a state whose filtered root is `before`.
  static void predict(GaussianChain& c, const GaussianStep& step, const double* before, int n) {
    double* w = c.array_.data();
    const int columns = 2 * n;
    for (int i = 0; i < n; ++i) {
      double* row = w + i * columns;
      for (int j = 0; j < n; ++j) {
        double sum = 0;
        if (before)
          for (int k = 0; k < n; ++k) sum += step.transition[i * n + k] * before[k * n + j];
        row[j] = sum;
        row[n + j] = step.noise[i * n + j];
      }
      double* below = w + (n + i) * columns;
      for (int j = 0; j < columns; ++j) below[j] = i == j ? 1 : 0;
    }
    triangularise(w, n, 2 * n, columns);
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        c.predicted_[static_cast<size_t>(i * n + j)] = w[i * columns + j];
        c.theta_[static_cast<size_t>(i * n + j)] = w[(n + i) * columns + j];
      }
    }
  }

  /// L of I + C' J C, with the reciprocals of its diagonal, and ln det L.
  static void factorise(GaussianChain& c, const GaussianStep& step, int n) {
    const double *C = c.predicted_.data(), *J = step.precision;
    double *JC = c.scratch_.data(), *L = c.factor_.data();
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        double sum = 0;
        for (int k = j; k < n; ++k) sum += J[i * n + k] * C[k * n + j];
        JC[i * n + j] = sum;
      }
    }
    double product = 1, logs = 0;
    for (int j = 0; j < n; ++j) {
      for (int i = j; i < n; ++i) {
        double sum = i == j ? 1 : 0;
        for (int k = i; k < n; ++k) sum += C[k * n + i] * JC[k * n + j];
        for (int k = 0; k < j; ++k) sum -= L[i * n + k] * L[j * n + k];
        L[i * n + j] = sum;
      }
      const double root = std::sqrt(L[j * n + j]);  // of a number below 0: NaN, which the evidence then is
      L[j * n + j] = 1 / root;
      for (int i = j + 1; i < n; ++i) L[i * n + j] *= L[j * n + j];
      product *= root;
      if (Fixed == 0 || Fixed > 4) logs += std::log(product), product = 1;
    }
    c.log_root_ = logs + std::log(product);
  }

  static int32_t add_block(GaussianChain& c, int n) {
    const auto square = static_cast<size_t>(n * n);
    const size_t first = c.blocks_.size();
    c.blocks_.resize(first + 3 * square);
    double* block = c.blocks_.data() + first;
    right_solve(block, c.predicted_.data(), n, c.factor_.data(), n);
    right_solve(block + square, c.theta_.data(), n, c.factor_.data(), n);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j)
        block[2 * square + static_cast<size_t>(i * n + j)] =
            c.array_[static_cast<size_t>((n + i) * 2 * n + n + j)];
    return static_cast<int32_t>(first / (3 * square));
  }

  static const double* block(const GaussianChain& c, int32_t index, int n) {
    return c.blocks_.data() + static_cast<size_t>(index) * static_cast<size_t>(3 * n * n);
  }

  static void covariances(GaussianChain& c, const GaussianStep& step, int n) {
    const bool first = !step.transition;
    const bool same = same_inputs(c, step, n);
    if (same && c.rests_) {
      c.block_.push_back(c.block_.back());
      return;
    }
    predict(c, step, first ? nullptr : block(c, c.block_.back(), n), n);
    factorise(c, step, n);
    const int32_t made = add_block(c, n);
    if (!same) {
      c.change_ = std::numeric_limits<double>::infinity();
      c.rests_ = false;
    } else {
      const double *now = block(c, made, n), *before = block(c, c.block_.back(), n);
      const double moved =
          std::max({change(now, before, n, true), change(now + n * n, before + n * n, n, false),
                    change(now + 2 * n * n, before + 2 * n * n, n, false)});
      c.rests_ = at_rest(moved, c.change_);
      c.change_ = moved;
    }
    c.block_.push_back(made);
  }

  static void filter(GaussianChain& c, const GaussianStep& step) {
    const int n = size(c);
    covariances(c, step, n);
    const size_t at = c.filtered_.size();
    c.filtered_.resize(at + static_cast<size_t>(n));
    c.pull_.resize(at + static_cast<size_t>(n));
    double* mean = c.scratch_.data();
    double *r = mean + n, *u = r + n, *filtered = c.filtered_.data() + at, *pull = c.pull_.data() + at;
    const double *C = c.predicted_.data(), *L = c.factor_.data(), *theta = c.theta_.data();
    if (step.transition) {
      affine(mean, step.offset, step.transition, filtered - n, n);
    } else {
      std::copy(step.offset, step.offset + n, mean);
    }
    for (int i = 0; i < n; ++i) {
      double sum = step.linear[i];
      for (int j = 0; j < n; ++j) sum -= step.precision[i * n + j] * mean[j];
      r[i] = sum;
    }
    for (int i = 0; i < n; ++i) {
      double sum = 0;
      for (int k = i; k < n; ++k) sum += C[k * n + i] * r[k];
      for (int k = 0; k < i; ++k) sum -= L[i * n + k] * u[k];
      u[i] = sum * L[i * n + i];
    }
    double square = 0;
    for (int i = n; i-- > 0;) {
      double sum = u[i];
      for (int k = i + 1; k < n; ++k) sum -= L[k * n + i] * u[k];
      u[i] = sum * L[i * n + i];
      square += u[i] * u[i];
    }
    affine(filtered, mean, C, u, n);
    for (int i = 0; i < n; ++i) {
      double sum = 0;
      for (int j = 0; j < n; ++j) sum += theta[i * n + j] * u[j];
      pull[i] = sum;
    }
    c.evidence_.push_back(-0.5 * square - c.log_root_);
    c.starts_.push_back(step.transition ? 0 : 1);
  }

  /// root [n, n] = C R, and R of the step before with the cross root.
  static void roots(GaussianChain& c, const double* now, const double* before, int n) {
    const int columns = 2 * n;
    double *R = c.e_root_.data(), *w = c.array_.data();
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        double sum = 0, back = 0;
        for (int k = 0; k < n; ++k) {
          sum += now[i * n + k] * R[k * n + j];
          back += now[n * n + i * n + k] * R[k * n + j];
        }
        c.root_[static_cast<size_t>(i * n + j)] = sum;
        w[i * columns + j] = back;
        w[i * columns + n + j] = now[2 * n * n + i * n + j];
      }
    }
    if (!before) return;
    for (int i = 0; i < n; ++i) {
      double* row = c.cross_.data() + i * columns;
      for (int j = 0; j < columns; ++j) row[j] = 0;
      for (int k = 0; k < n; ++k)
        for (int j = 0; j < columns; ++j) row[j] += before[i * n + k] * w[k * columns + j];
    }
    triangularise(w, n, n, columns);
    double* old = c.scratch_.data();
    std::copy(R, R + n * n, old);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) R[i * n + j] = w[i * columns + j];
    c.root_change_ = change(R, old, n, false);
  }

  /// Nothing is known of what follows the last step of a series: e ~ N(0, I).
  static void turn(GaussianChain& c, int n) {
    std::fill(c.e_.begin(), c.e_.end(), 0.0);
    std::fill(c.e_root_.begin(), c.e_root_.end(), 0.0);
    for (int i = 0; i < n; ++i) c.e_root_[static_cast<size_t>(i * n + i)] = 1;
    c.root_change_ = std::numeric_limits<double>::infinity();
    c.rest_block_ = c.last_block_ = -1;
  }

  static void smooth(GaussianChain& c) {
    const int n = size(c);
    const auto t = static_cast<size_t>(--c.at_);
    if (t + 1 == c.block_.size() || c.starts_[t + 1]) turn(c, n);
    const bool starts = c.starts_[t] != 0;
    const int32_t index = c.block_[t], previous = starts ? -1 : c.block_[t - 1];
    const double* now = block(c, index, n);
    c.same_roots_ = c.rest_block_ == index && previous == index;
    if (!c.same_roots_) {
      const double moved = c.root_change_;
      roots(c, now, starts ? nullptr : block(c, previous, n), n);
      // Only changes of steps that share all they depend on say that nothing moves any more.
      const bool comparable = index == previous && c.last_block_ == index;
      c.rest_block_ = comparable && at_rest(c.root_change_, moved) ? index : -1;
      if (!comparable) c.root_change_ = std::numeric_limits<double>::infinity();
      c.last_block_ = index;
    }
    const double* filtered = c.filtered_mean(c.at_);
    affine(c.mean_.data(), filtered, now, c.e_.data(), n);
    if (starts) return;
    double* e = c.scratch_.data();
    affine(e, c.pull_.data() + t * static_cast<size_t>(n), now + n * n, c.e_.data(), n);
    std::copy(e, e + n, c.e_.data());
    affine(c.previous_mean_.data(), filtered - n, block(c, previous, n), e, n);
  }
};

}  // namespace lvm::runtime
