// The three ways to attend over the cache, between which LaunchAttend chooses (attend.cu).
// Thread:   as launch.h.
// Memory:   as launch.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

// Rows of tables.single; q and out of them; bf16 cache, heads of 64 or 128, q in bf16.
cudaError_t LaunchAttendDecode(const Rows& q, const Cache& cache, const Tables& tables,
                               int32_t splits, const Rows& out, const PartScratch& scratch,
                               cudaStream_t stream);
// Tiles of tables.tiles, the same kinds.
cudaError_t LaunchAttendPrefill(const Rows& q, const Cache& cache, const Tables& tables,
                                const Rows& out, cudaStream_t stream);

}  // namespace parley::kernels::cuda
