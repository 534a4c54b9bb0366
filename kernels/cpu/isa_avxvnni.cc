// The kernels compiled for AVX2 with the 256-bit byte dot product.
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
#define PARLEY_ISA __attribute__((target("avx2,fma,f16c,avxvnni")))
#if defined(__clang__)
#pragma clang attribute push(PARLEY_ISA, apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,avxvnni")
#endif

#define PARLEY_AVX_VNNI 1
#include "kernels/cpu/lanes_avx2_inl.h"
#include "kernels/cpu/transpose_loops_inl.h"
// the kernels on these lanes
#include "kernels/cpu/table_inl.h"

namespace parley::kernels::cpu {

const KernelTable* AvxVnniKernels() {
  static constexpr KernelTable kTable = TableNamed("avxvnni");
  return &kTable;
}

}  // namespace parley::kernels::cpu

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

namespace parley::kernels::cpu {
const KernelTable* AvxVnniKernels() { return nullptr; }
}  // namespace parley::kernels::cpu

#endif
