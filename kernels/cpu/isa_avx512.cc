// The kernels compiled for AVX-512 with byte and bf16 dot products.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/kernel_table.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/tensor.h"

// Everything below, and nothing above, may use these instructions: what the standard headers define inline must run
// on every machine, because the linker keeps one copy of it.
#define PARLEY_ISA                                                                \
  __attribute__((                                                                 \
      target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma," \
             "f16c")))
#if defined(__clang__)
#pragma clang attribute push(PARLEY_ISA, apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma,f16c")
#endif

#include "kernels/cpu/lanes_avx512_inl.h"
// the kernels on these lanes
#include "kernels/cpu/table_inl.h"

namespace parley::kernels::cpu {

const KernelTable* Avx512Kernels() {
  static constexpr KernelTable kTable = TableNamed("avx512");
  return &kTable;
}

}  // namespace parley::kernels::cpu

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

namespace parley::kernels::cpu {
const KernelTable* Avx512Kernels() { return nullptr; }
}  // namespace parley::kernels::cpu

#endif
