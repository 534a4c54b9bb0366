// Which instructions this machine has, and so which table of kernels serves.
// SPDX-License-Identifier: Apache-2.0
#include "common/check.h"
#include "kernels/cpu/kernel_table.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace parley::kernels {
namespace cpu {
namespace {

#if defined(__x86_64__)
// Two features that clang 14's __builtin_cpu_supports does not know by name; both need only the AVX state that
// "avx2" already vouches for.
bool HasF16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29 & 1U) != 0;
}
bool HasAvxVnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1U) != 0;
}

bool MachineHas(CpuIsa isa) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c();
  switch (isa) {
    case CpuIsa::kBest:
    case CpuIsa::kPortable:
      return true;
    case CpuIsa::kAvx2:
      return avx2;
    case CpuIsa::kAvxVnni:
      return avx2 && HasAvxVnni();
    case CpuIsa::kAvx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
  }
  return false;
}
#else
bool MachineHas(CpuIsa isa) { return isa == CpuIsa::kBest || isa == CpuIsa::kPortable; }
#endif

}  // namespace

const KernelTable& ChooseKernels(CpuIsa isa) {
  if (isa == CpuIsa::kBest) {
    for (const CpuIsa best : {CpuIsa::kAvx512, CpuIsa::kAvxVnni, CpuIsa::kAvx2}) {
      if (MachineHas(best)) return ChooseKernels(best);
    }
    return *PortableKernels();
  }
  PARLEY_CHECK(MachineHas(isa), "these instructions were asked for and the machine lacks them");
  switch (isa) {
    case CpuIsa::kAvx512:
      return *Avx512Kernels();
    case CpuIsa::kAvxVnni:
      return *AvxVnniKernels();
    case CpuIsa::kAvx2:
      return *Avx2Kernels();
    case CpuIsa::kBest:
    case CpuIsa::kPortable:
      break;
  }
  return *PortableKernels();
}

}  // namespace cpu

bool CpuHas(CpuIsa isa) { return cpu::MachineHas(isa); }

}  // namespace parley::kernels
