// Memory of one GPU and of the host side of its copies; CUDA's errors as ours.
// Thread:   whoever has set the device; a block may be freed from any thread.
// Memory:   what is returned frees itself.
// Overload: an allocation that does not fit says how much was wanted and how much is free.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>

#include "common/result.h"

namespace parley::kernels::cuda {

// kExhausted for missing memory, else kDevice, with CUDA's own words.
Status CheckCuda(cudaError_t error, const char* what);

Result<std::shared_ptr<void>> AllocateDevice(size_t bytes);  // not zeroed; on the current device
Result<std::shared_ptr<void>> AllocatePinned(size_t bytes);

}  // namespace parley::kernels::cuda
