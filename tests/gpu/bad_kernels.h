// Kernels that misbehave, for tests of what becomes of a device then.
// Thread:   any that has set the device.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>

namespace parley::test {

// Turns in place for so long, by the device's clock.
cudaError_t LaunchIdle(std::chrono::milliseconds how_long, cudaStream_t stream);
// Writes to address 0: the process can use no GPU any more.
cudaError_t LaunchIllegalWrite(cudaStream_t stream);

}  // namespace parley::test
