// The kernels compiled for what every machine of the architecture has.
// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/lanes_portable_inl.h"
#include "kernels/cpu/transpose_loops_inl.h"
#define PARLEY_ISA
// the kernels on these lanes
#include "kernels/cpu/table_inl.h"

namespace parley::kernels::cpu {

const KernelTable* PortableKernels() {
  static constexpr KernelTable kTable = TableNamed("portable");
  return &kTable;
}

}  // namespace parley::kernels::cpu
