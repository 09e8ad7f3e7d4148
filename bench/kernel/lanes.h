#pragma once
// A register of doubles, with the few operations that the kernels by hand need: of eight doubles where the
// compiler may use AVX-512, else of four.

#include <immintrin.h>

namespace lvm::bench::LVM_BENCH_ISA {

#ifdef __AVX512F__

using Lanes = __m512d;
using Integers = unsigned long long __attribute__((vector_size(64)));
inline constexpr int lanes = 8, registers = 32;

inline Lanes all(double x) {
  return _mm512_set1_pd(x);
}
inline Lanes load(const double* from) {
  return _mm512_load_pd(from);
}
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return _mm512_fmadd_pd(a, b, c);
}
inline Lanes greater(Lanes a, Lanes b) {
  return _mm512_max_pd(a, b);
}
inline Lanes zero_unless_above(Lanes x, double bound, Lanes value) {
  return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x, all(bound), _CMP_GT_OQ), value);
}
inline double sum(Lanes x) {
  return _mm512_reduce_add_pd(x);
}

#else

using Lanes = __m256d;
using Integers = unsigned long long __attribute__((vector_size(32)));
inline constexpr int lanes = 4, registers = 16;

inline Lanes all(double x) {
  return _mm256_set1_pd(x);
}
inline Lanes load(const double* from) {
  return _mm256_load_pd(from);
}
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return _mm256_fmadd_pd(a, b, c);
}
inline Lanes greater(Lanes a, Lanes b) {
  return _mm256_max_pd(a, b);
}
inline Lanes zero_unless_above(Lanes x, double bound, Lanes value) {
  return _mm256_and_pd(value, _mm256_cmp_pd(x, all(bound), _CMP_GT_OQ));
}
inline double sum(Lanes x) {
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

#endif

inline Lanes bits(Integers x) {
  return reinterpret_cast<Lanes>(x);
}
inline Integers integers(Lanes x) {
  return reinterpret_cast<Integers>(x);
}

}  // namespace lvm::bench::LVM_BENCH_ISA
