// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device_memory.h"

#include <string>

namespace parley::kernels::cuda {
namespace {

std::string Mib(size_t bytes) { return std::to_string((bytes + (1U << 20U) - 1) >> 20U) + " MiB"; }

}  // namespace

Status CheckCuda(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return {};
  return Fail(
      error == cudaErrorMemoryAllocation ? Code::kExhausted : Code::kDevice,
      std::string(what) + ": " + cudaGetErrorName(error) + ", " + cudaGetErrorString(error));
}

Result<std::shared_ptr<void>> AllocateDevice(size_t bytes) {
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes > 0 ? bytes : 1);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is reported here, not by the next launch
    size_t free = 0;
    size_t total = 0;
    cudaMemGetInfo(&free, &total);
    return Fail(Code::kExhausted, "the GPU has no room for " + Mib(bytes) + " more: " + Mib(free) +
                                      " of " + Mib(total) + " are free, " +
                                      Mib(bytes > free ? bytes - free : 0) + " are missing");
  }
  PARLEY_TRY_STATUS(CheckCuda(error, "cudaMalloc"));
  return std::shared_ptr<void>(memory, [](void* p) { cudaFree(p); });
}

Result<std::shared_ptr<void>> AllocatePinned(size_t bytes) {
  void* memory = nullptr;
  PARLEY_TRY_STATUS(CheckCuda(cudaMallocHost(&memory, bytes > 0 ? bytes : 1), "cudaMallocHost"));
  return std::shared_ptr<void>(memory, [](void* p) { cudaFreeHost(p); });
}

}  // namespace parley::kernels::cuda
