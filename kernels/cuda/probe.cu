// What the machine can do at most: kernels that only read, through registers and through the bulk copy engine; which one is
// faster is for the caller to see. The runtime's own copy (cudaMemcpy) stands beside them in ceilings.cc.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kAhead = 8;  // 16-byte loads a thread has in flight

__global__ void __launch_bounds__(kThreads)
    ReadKernel(const uint4* from, size_t count, uint32_t* seen) {
  const size_t step = static_cast<size_t>(gridDim.x) * kThreads;
  uint32_t all = 0;
  for (size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += step * kAhead) {
    uint4 v[kAhead];
#pragma unroll
    for (int a = 0; a < kAhead; ++a) {
      v[a] = i + a * step < count ? LoadStreaming(from + i + a * step) : uint4{0, 0, 0, 0};
    }
#pragma unroll
    for (const uint4& x : v) all |= x.x ^ x.y ^ x.z ^ x.w;
  }
  if (all == 0x12345678U) *seen = all;  // else the reading could be left out
}

constexpr uint32_t kChunk = 16 * 1024;
constexpr int kChunks = 12;  // in flight a multiprocessor

__device__ inline void WaitFor(uint32_t barrier, uint32_t parity) {
  uint32_t done = 0;
  while (done == 0) {
    asm volatile(
        "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, "
        "p; }"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
  }
}

// One thread keeps `kChunks` copies into shared memory under way.
__global__ void __launch_bounds__(kWarp) ReadBulkKernel(const uint8_t* from, size_t bytes) {
  extern __shared__ __align__(128) uint8_t ring[];
  __shared__ uint64_t full[kChunks];
  if (threadIdx.x != 0) return;
  for (int i = 0; i < kChunks; ++i) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(SharedAddress(&full[i]))
                 : "memory");
  }
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  const size_t count = bytes / kChunk;
  uint32_t begun = 0;
  for (size_t chunk = blockIdx.x; chunk < count; chunk += gridDim.x, ++begun) {
    const uint32_t slot = begun % kChunks;
    const uint32_t barrier = SharedAddress(&full[slot]);
    if (begun >= kChunks) WaitFor(barrier, (begun / kChunks - 1) % 2);
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier),
                 "r"(kChunk)
                 : "memory");
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
            "r"(SharedAddress(ring + slot * kChunk)),
        "l"(from + chunk * kChunk), "r"(kChunk), "r"(barrier)
        : "memory");
  }
  for (uint32_t last = begun > kChunks ? begun - kChunks : 0; last < begun; ++last) {
    WaitFor(SharedAddress(&full[last % kChunks]), (last / kChunks) % 2);
  }
}

}  // namespace

cudaError_t LaunchReadBulkProbe(const void* from, size_t bytes, int32_t sms, cudaStream_t stream) {
  const cudaError_t raised =
      cudaFuncSetAttribute(ReadBulkKernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(kChunk * kChunks));
  if (raised != cudaSuccess) return raised;
  ReadBulkKernel<<<static_cast<unsigned>(sms), kWarp, kChunk * kChunks, stream>>>(
      static_cast<const uint8_t*>(from), bytes);
  return cudaGetLastError();
}

cudaError_t LaunchReadProbe(const void* from, size_t bytes, uint32_t* seen, int32_t sms,
                            cudaStream_t stream) {
  ReadKernel<<<static_cast<unsigned>(sms * 4), kThreads, 0, stream>>>(
      static_cast<const uint4*>(from), bytes / 16, seen);
  return cudaGetLastError();
}

}  // namespace parley::kernels::cuda
