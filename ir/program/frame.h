#pragma once
/* The border between compiled code and the run time: plain C, so that ahead-of-time libraries can include it.
 */
#include <stdint.h>

/* Statistics and the objective are kept as this many partial sums, one a lane; the run time adds the lanes in
 * a fixed order. */
#define LVM_LANES 8
/* The most rows that one call of a rows function takes. */
#define LVM_TILE_ROWS 256

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lvm_frame {
  /* rows: for each data column of the Program its doubles at the tile's first row; 64-byte aligned, readable
     to the next multiple of LVM_LANES rows, where the last row stands repeated. */
  const void* const* columns;
  const void* parameters; /* doubles, laid out by Program::parameters */
  const void* derived;    /* doubles, laid out by Program::derived */
  void* statistics; /* rows: doubles[slot size][LVM_LANES], added to (64-byte aligned); update: doubles[slot
                       size], read */
  void* output;     /* rows: row outputs, doubles[element][LVM_TILE_ROWS]; prepare: derived; update: the new
                       parameters */
  void* scratch;    /* 64-byte aligned, Program::scratch_bytes */
  uint64_t seed, step;
  int64_t first_row;
  int32_t rows; /* 1 … LVM_TILE_ROWS */
} lvm_frame;

/* 0, or 1 + the index of the first failed element of the checks, in the order of Program::checks. */
typedef int32_t (*lvm_function)(lvm_frame*);

#ifdef __cplusplus
}
#endif
