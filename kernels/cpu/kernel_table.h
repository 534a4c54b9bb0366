// The inner loops of the cpu backend, one table for each instruction set. The shapes of packed weights are stated in
// packed_weight.h. None of these allocates, logs or checks: the operations around them do.
// Thread:   pure functions; several threads may work on different tiles or rows of one product.
// Memory:   borrowed pointers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/backend.h"

namespace parley::kernels::cpu {

inline constexpr int32_t kLanes = 16;  // output rows in a tile

// out[r, lane of tile t] (+)= sum_k x[r][k] w[t][k][lane], k in steps of 4 bytes: one f32, two bf16, four int8.
struct DenseProduct {
  const void* x = nullptr;
  ptrdiff_t x_stride = 0;  // bytes
  int32_t rows = 0;
  const void* w = nullptr;
  ptrdiff_t step_stride = 64;  // bytes from one step of k to the next
  ptrdiff_t tile_stride = 0;   // bytes
  int32_t tiles = 0;
  int32_t steps = 0;
  float* out = nullptr;
  ptrdiff_t out_stride = 0;            // elements
  int32_t out_cols = 0;                // of all the tiles: the last one may be cut
  bool accumulate = false;             // f32 only
  const float* bias = nullptr;         // [out_cols], or absent
  const float* row_scale = nullptr;    // int8: [tiles * 16], of the weight
  const float* x_scale = nullptr;      // int8: [rows]
  const int32_t* x_neg_sum = nullptr;  // int8: [rows], minus the sum of the row
};

enum class GroupKind : uint8_t { kFour, kFourMin, kEight };  // offsets 8, 0 and 128

struct GroupProduct {
  GroupKind kind = GroupKind::kFour;
  const int8_t* x = nullptr;       // [rows, groups, high | low, 32]: the two bytes of each value
  const float* x_scale = nullptr;  // [rows]
  const float* x_sum = nullptr;    // [rows, groups], whole
  const int32_t* x_neg_sum = nullptr;  // [rows, groups], minus the same
  int32_t rows = 0;
  int32_t groups = 0;
  const uint8_t* w = nullptr;
  size_t tile_bytes = 0;
  int32_t tiles = 0;
  float* out = nullptr;
  ptrdiff_t out_stride = 0;
  int32_t out_cols = 0;
  const float* bias = nullptr;
};

struct KernelTable {
  const char* name;

  // quantise_inl.h. Integer activations as weight_part.h defines them.
  void (*quantise_wide)(const float* x, int32_t in, int8_t* q, float* scale, float* sum,
                        int32_t* neg_sum);  // sums of each group of 32
  void (*quantise_row)(const float* x, int32_t in, int8_t* q, float* scale, int32_t* neg_sum);
  void (*to_bf16)(const float* x, int32_t n, uint16_t* out);

  // dense_product_inl.h, group_product_inl.h
  void (*dense_f32)(const DenseProduct& p);
  void (*dense_bf16)(const DenseProduct& p);
  void (*dense_i8)(const DenseProduct& p);
  void (*group_product)(const GroupProduct& p);

  // How many byte multiply-adds, times two, `rounds` of independent dot products in registers are: a ceiling to time.
  int64_t (*dot_bytes_peak)(int32_t rounds);
  // Reads `bytes` (a multiple of 256) as the products read weights, and nothing else: the other ceiling.
  float (*read_peak)(const uint8_t* from, size_t bytes);

  // attention_inl.h
  // k: `keys` rows of head_dim values; tiles: [ceil(keys / 16)][head_dim][16], missing keys are zero
  void (*key_tiles)(const void* k, DType dtype, ptrdiff_t stride, int32_t keys, int32_t head_dim,
                    float* tiles);
  // rows of values as f32 [rows][padded], zero beyond cols; padded is a multiple of 16
  void (*value_rows)(const void* v, DType dtype, ptrdiff_t stride, int32_t rows, int32_t cols,
                     int32_t padded, float* out);
  // s[i] = exp(scale * (s[i] - largest)), zeros up to `padded`; gives the largest and the sum
  void (*softmax)(float* s, int32_t n, int32_t padded, float scale, float* largest, float* sum);

  // rows_inl.h
  void (*rms_norm)(const float* x, const float* weight, int32_t n, float eps, float* out);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, int32_t n, float eps,
                     float* out);
  void (*add)(float* x, const float* delta, int32_t n);
  void (*scale)(float* x, float factor, int32_t n);
  void (*blend)(float* x, float factor, const float* y, float other, int32_t n);  // x f + y o
  void (*swiglu)(const float* gate, const float* up, int32_t n, float* out);
  void (*gelu)(float* x, int32_t n);
  void (*relu)(float* x, int32_t n);
  void (*rope_split)(float* head, const float* cosine, const float* sine, int32_t half);
  void (*mean2)(const float* a, const float* b, int32_t n, float* out);
  // index of the first value above `limit` at or after `begin`, n when there is none
  int32_t (*first_above)(const float* x, int32_t begin, int32_t n, float limit);
};

// Null where the machine, or the compiler's target, lacks the instructions.
const KernelTable* PortableKernels();
const KernelTable* Avx2Kernels();
const KernelTable* AvxVnniKernels();
const KernelTable* Avx512Kernels();

// The asked one when the machine has it, else the best that it has.
const KernelTable& ChooseKernels(CpuIsa isa);

}  // namespace parley::kernels::cpu
