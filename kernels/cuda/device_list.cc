// Which GPUs there are, what they have free, and who reaches whose memory.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda_devices.h"

namespace parley::kernels {

using cuda::CheckCuda;

Result<std::vector<CudaDevice>> ListCudaDevices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();  // no driver is no GPU
    return std::vector<CudaDevice>();
  }
  std::vector<CudaDevice> devices;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    PARLEY_TRY_STATUS(
        CheckCuda(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties"));
    CudaDevice device{
        .index = i, .name = properties.name, .major = properties.major, .minor = properties.minor};
    size_t free = 0;
    size_t total = 0;
    PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(i), "cudaSetDevice"));
    PARLEY_TRY_STATUS(CheckCuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo"));
    device.free_bytes = static_cast<int64_t>(free);
    device.total_bytes = static_cast<int64_t>(total);
    for (int peer = 0; peer < count; ++peer) {
      int reaches = 0;
      if (peer == i) continue;
      PARLEY_TRY_STATUS(
          CheckCuda(cudaDeviceCanAccessPeer(&reaches, i, peer), "cudaDeviceCanAccessPeer"));
      if (reaches != 0) device.peers.push_back(peer);
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace parley::kernels
