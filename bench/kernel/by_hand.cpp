// Rows in lanes. A tile of rows goes through three phases: the log densities of all components, the
// responsibilities, and for each component the sums, in blocks that fill the registers. Compiled twice, for
// AVX2 and for AVX-512: LVM_BENCH_ISA names the namespace.

#include <algorithm>
#include <memory>

#include "bench/kernel/by_hand.h"
#include "bench/kernel/lanes.h"

namespace lvm::bench::LVM_BENCH_ISA {
namespace {

/// exp of x <= 0: 2^k e^r with |r| <= ln 2 / 2 and twelve terms of the series of e^r, in pairs of pairs.
inline Lanes exponential(Lanes x) {
  const Lanes magic = all(0x1.8p52), shifted = fma(x, all(1.4426950408889634), magic), k = shifted - magic;
  const Lanes r = fma(k, all(-1.9082149292705877e-10), fma(k, all(-0.6931471803691238), x)), r2 = r * r,
              r4 = r2 * r2;
  const Lanes a = fma(r2, fma(r, all(1.0 / 6), all(0.5)), r + 1.0);
  const Lanes b = fma(r2, fma(r, all(1.0 / 5040), all(1.0 / 720)), fma(r, all(1.0 / 120), all(1.0 / 24)));
  const Lanes c =
      fma(r2, fma(r, all(1.0 / 39916800), all(1.0 / 3628800)), fma(r, all(1.0 / 362880), all(1.0 / 40320)));
  const Lanes power = fma(r4, fma(r4, fma(r4, all(1.0 / 479001600), c), b), a);
  return zero_unless_above(x, -700, bits(integers(power) + (integers(shifted) << 52)));
}

/// ln of x >= 1: e ln 2 + 2 atanh((m - 1) / (m + 1)) with m between the roots of 1/2 and of 2.
inline Lanes logarithm(Lanes x) {
  const Integers e = (integers(x) - 0x3fe6a09e667f3bcd) >> 52;
  const Lanes m = bits(integers(x) - (e << 52));
  const Lanes exponent = bits(e | integers(all(0x1p52))) - 0x1p52;
  const Lanes s = (m - 1.0) / (m + 1.0), q = s * s;
  Lanes series = all(2.0 / 19);
  for (int term = 17; term >= 3; term -= 2) series = fma(series, q, all(2.0 / term));
  return fma(exponent, all(0.6931471805599453), fma(series * q, s, s + s));
}

/// `wide` registers are at work side by side, so that none waits for the last.
template <int D, bool diagonal, int wide>
class Kernel {
 public:
  Kernel(const Mixture& mixture, Sums& sums)
      : mixture_(mixture),
        sums_(sums),
        K_(mixture.components),
        terms_(new Tile[static_cast<size_t>(K_)]),
        panels_(new Panels) {}

  void tile(const double* const* columns, int64_t at, int64_t rows) {
    for (int i = 0; i < D; ++i) x_[i] = columns[i] + at;
    groups_ = rows / lanes;
    for (int64_t k = 0; k < K_; ++k) density(k);
    responsibilities();
    for (int64_t k = 0; k < K_; ++k) moments(k);
  }
  void finish() { sums_.objective += sum(objective_); }

  static constexpr int64_t tile_rows = D <= 8 ? 256 : 128;

 private:
  static constexpr int64_t most_groups = tile_rows / lanes;
  static constexpr int64_t triangle = D * (D + 1) / 2;
  struct Tile {
    Lanes groups[most_groups];
    Lanes& operator[](int64_t group) { return groups[group]; }
    const Lanes& operator[](int64_t group) const { return groups[group]; }
  };
  struct Panels {
    Tile d[D], weighted[D];
  };

  Lanes row_group(int i, int64_t group) const { return load(x_[i] + group * lanes); }

  void density(int64_t k) {
    const double* mean = mixture_.mean.data() + k * D;
    const Lanes norm = all(mixture_.log_norm[static_cast<size_t>(k)]);
    for (int64_t group = 0; group < groups_; group += wide) {
      Lanes q[wide];
      if constexpr (diagonal) {
        distances_diagonal(mixture_.whiten.data() + k * D, mean, group, q);
      } else {
        distances(mixture_.whiten.data() + k * triangle, mean, group, q);
      }
      for (int r = 0; r < wide; ++r) terms_[static_cast<size_t>(k)][group + r] = fma(q[r], all(-0.5), norm);
    }
  }

  void distances_diagonal(const double* reciprocal, const double* mean, int64_t group, Lanes* q) const {
    for (int r = 0; r < wide; ++r) q[r] = all(0);
#pragma GCC unroll 8
    for (int i = 0; i < D; ++i) {
      const Lanes centre = all(mean[i]), scale = all(reciprocal[i]);
      for (int r = 0; r < wide; ++r) {
        const Lanes u = (row_group(i, group + r) - centre) * scale;
        q[r] = fma(u, u, q[r]);
      }
    }
  }

  /// Some rows of the triangle at a time share the loads of d.
  void distances(const double* whiten, const double* mean, int64_t group, Lanes* q) const {
    constexpr int together = registers == 32 && D > 8 ? 4 : 2;
    Lanes d[D][wide];
    for (int i = 0; i < D; ++i) {
      const Lanes centre = all(mean[i]);
      for (int r = 0; r < wide; ++r) d[i][r] = row_group(i, group + r) - centre;
    }
    for (int r = 0; r < wide; ++r) q[r] = all(0);
#pragma GCC unroll 4
    for (int i = 0; i < D; i += together) {
      const double* row[together];
      Lanes sums[together][wide];
      for (int t = 0; t < together; ++t) {
        row[t] = whiten + (i + t) * (i + t + 1) / 2;
        for (int r = 0; r < wide; ++r) sums[t][r] = all(0);
      }
#pragma GCC unroll 8
      for (int j = 0; j <= i; ++j) {
        for (int t = 0; t < together; ++t) {
          const Lanes element = all(row[t][j]);
          for (int r = 0; r < wide; ++r) sums[t][r] = fma(element, d[j][r], sums[t][r]);
        }
      }
      for (int t = 0; t < together; ++t) {
        for (int j = i + 1; j <= i + t; ++j) {
          const Lanes element = all(row[t][j]);
          for (int r = 0; r < wide; ++r) sums[t][r] = fma(element, d[j][r], sums[t][r]);
        }
        for (int r = 0; r < wide; ++r) q[r] = fma(sums[t][r], sums[t][r], q[r]);
      }
    }
  }

  void responsibilities() {
    for (int64_t group = 0; group < groups_; group += wide) {
      Lanes top[wide], total[wide];
      for (int r = 0; r < wide; ++r) top[r] = terms_[0][group + r], total[r] = all(0);
      for (int64_t k = 1; k < K_; ++k) {
        for (int r = 0; r < wide; ++r) top[r] = greater(top[r], terms_[static_cast<size_t>(k)][group + r]);
      }
      for (int64_t k = 0; k < K_; ++k) {
        Lanes* term = &terms_[static_cast<size_t>(k)][group];
        for (int r = 0; r < wide; ++r) {
          term[r] = exponential(term[r] - top[r]);
          total[r] += term[r];
        }
      }
      for (int r = 0; r < wide; ++r) {
        objective_ += top[r] + logarithm(total[r]);
        total[r] = 1.0 / total[r];
      }
      for (int64_t k = 0; k < K_; ++k) {
        for (int r = 0; r < wide; ++r) terms_[static_cast<size_t>(k)][group + r] *= total[r];
      }
    }
  }

  void moments(int64_t k) {
    const Lanes* r = terms_[static_cast<size_t>(k)].groups;
    Lanes n[2] = {all(0), all(0)};
    for (int64_t g = 0; g < groups_; g += 2) n[0] += r[g], n[1] += r[g + 1];
    sums_.n[static_cast<size_t>(k)] += sum(n[0] + n[1]);
    const double* mean = mixture_.mean.data() + k * D;
    double* s1 = sums_.s1.data() + k * D;
    if constexpr (diagonal) {
      squares(r, mean, s1, sums_.s2.data() + k * D);
    } else {
      fill_panels(r, mean, s1);
      pairs(sums_.s2.data() + k * D * D);
    }
  }

  void squares(const Lanes* r, const double* mean, double* s1, double* s2) const {
    constexpr int block = 4;
    for (int i = 0; i < D; i += block) {
      Lanes first[block], second[block];
      for (int b = 0; b < block; ++b) first[b] = second[b] = all(0);
      for (int64_t g = 0; g < groups_; ++g) {
        for (int b = 0; b < block; ++b) {
          const Lanes d = row_group(i + b, g) - all(mean[i + b]), weighted = r[g] * d;
          first[b] += weighted;
          second[b] = fma(weighted, d, second[b]);
        }
      }
      for (int b = 0; b < block; ++b) s1[i + b] += sum(first[b]), s2[i + b] += sum(second[b]);
    }
  }

  void fill_panels(const Lanes* r, const double* mean, double* s1) {
    for (int i = 0; i < D; ++i) {
      const Lanes centre = all(mean[i]);
      Lanes total[2] = {all(0), all(0)};
      for (int64_t g = 0; g < groups_; g += 2) {
        for (int b = 0; b < 2; ++b) {
          const Lanes d = row_group(i, g + b) - centre, weighted = r[g + b] * d;
          panels_->d[i][g + b] = d;
          panels_->weighted[i][g + b] = weighted;
          total[b] += weighted;
        }
      }
      s1[i] += sum(total[0] + total[1]);
    }
  }

  /// NI × NJ sums stay in registers over the whole tile.
  template <int NI, int NJ>
  void block(int i, int j, double* s2) const {
    Lanes sums[NI][NJ];
    for (int a = 0; a < NI; ++a) {
      for (int b = 0; b < NJ; ++b) sums[a][b] = all(0);
    }
    for (int64_t g = 0; g < groups_; ++g) {
      Lanes d[NJ];
#pragma GCC unroll 8
      for (int b = 0; b < NJ; ++b) d[b] = panels_->d[j + b][g];
#pragma GCC unroll 8
      for (int a = 0; a < NI; ++a) {
        const Lanes weighted = panels_->weighted[i + a][g];
#pragma GCC unroll 8
        for (int b = 0; b < NJ; ++b) sums[a][b] = fma(weighted, d[b], sums[a][b]);
      }
    }
    for (int a = 0; a < NI; ++a) {
      for (int b = 0; b < NJ; ++b) s2[(i + a) * D + j + b] += sum(sums[a][b]);
    }
  }

  void pairs(double* s2) const {
    if constexpr (D == 2) {
      block<2, 2>(0, 0, s2);
    } else if constexpr (D == 8 && registers == 16) {
      block<2, 2>(0, 0, s2);
      block<2, 4>(2, 0, s2);
      block<2, 6>(4, 0, s2);
      block<2, 4>(6, 0, s2);
      block<2, 4>(6, 4, s2);
    } else if constexpr (registers == 32) {
      // Squares of four; those of the diagonal whole, which costs less than to leave a part out.
      for (int i = 0; i < D; i += 4) {
        for (int j = 0; j <= i; j += 4) block<4, 4>(i, j, s2);
      }
    } else {
      for (int i = 0; i < D; i += 4) {
        // Blocks of three columns, and of two where a single one would be left.
        for (int j = 0; j < i + 4;) {
          const int left = i + 4 - j;
          if (left == 2 || left == 4) {
            block<4, 2>(i, j, s2);
            j += 2;
          } else {
            block<4, 3>(i, j, s2);
            j += 3;
          }
        }
      }
    }
  }

  const Mixture& mixture_;
  Sums& sums_;
  int64_t K_, groups_ = 0;
  const double* x_[D] = {};
  std::unique_ptr<Tile[]> terms_;  // ln densities, then responsibilities
  std::unique_ptr<Panels> panels_;
  Lanes objective_ = all(0);
};

template <int D, bool diagonal>
void run(const Mixture& mixture, const double* const* columns, int64_t rows, Sums& sums) {
  const auto over = [&](auto&& kernel, int64_t from, int64_t to) {
    for (int64_t at = from; at < to; at += kernel.tile_rows)
      kernel.tile(columns, at, std::min(kernel.tile_rows, to - at));
    kernel.finish();
  };
  const int64_t whole = rows / (4 * lanes) * (4 * lanes);
  over(Kernel<D, diagonal, 4>(mixture, sums), 0, whole);
  over(Kernel<D, diagonal, 16 / lanes>(mixture, sums), whole, rows);
}

}  // namespace

AddRows rows_adder(const Mixture& mixture) {
  if (mixture.diagonal) return mixture.columns == 8 ? run<8, true> : nullptr;
  switch (mixture.columns) {
    case 2: return run<2, false>;
    case 8: return run<8, false>;
    case 32: return run<32, false>;
    case 64: return run<64, false>;
    default: return nullptr;
  }
}

}  // namespace lvm::bench::LVM_BENCH_ISA
