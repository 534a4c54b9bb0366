// SPDX-License-Identifier: Apache-2.0
#include "gpu/bad_kernels.h"

#include <cstdint>

namespace parley::test {
namespace {

__global__ void IdleKernel(uint64_t ns) {
  uint64_t begin = 0;
  uint64_t now = 0;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begin));
  do {
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  } while (now - begin < ns);
}

__global__ void IllegalWriteKernel(volatile int* to) { *to = 1; }

}  // namespace

cudaError_t LaunchIdle(std::chrono::milliseconds how_long, cudaStream_t stream) {
  IdleKernel<<<1, 1, 0, stream>>>(static_cast<uint64_t>(how_long.count()) * 1'000'000);
  return cudaGetLastError();
}

cudaError_t LaunchIllegalWrite(cudaStream_t stream) {
  IllegalWriteKernel<<<1, 1, 0, stream>>>(nullptr);
  return cudaGetLastError();
}

}  // namespace parley::test
