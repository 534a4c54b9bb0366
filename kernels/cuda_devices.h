// NVIDIA GPUs as backends (kernels/cuda). In a build without CUDA everything here answers with an error that says so.
// Thread:   while opening; a backend is then its engine's.
// Memory:   as backend.h, on the device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::kernels {

struct CudaOptions {
  int device = 0;
  bool graphs = true;  // record decode steps and replay them
  // Work that takes longer is a GPU that hangs: the backend fails from then on, at everything.
  std::chrono::milliseconds patience{10000};
  // Told after every weight how many bytes it took, on the thread that loads.
  std::function<void(size_t bytes)> loaded{};
};
// kNotFound: no such device. kUnsupported: this build has no CUDA (-DPARLEY_CUDA=ON), or the device is too old.
Result<std::unique_ptr<Backend>> MakeCudaBackend(const CudaOptions& options);

struct CudaDevice {
  int index = 0;
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int64_t total_bytes = 0, free_bytes = 0;
  std::vector<int> peers;  // whose memory it reaches directly
};
// kUnsupported as above; empty where there is no driver or no GPU.
Result<std::vector<CudaDevice>> ListCudaDevices();

// Cuda backends, one for each rank in order, become the ranks of one tensor-parallel model of this width and vocabulary:
// their devices get access to each other's memory, and room for steps of `max_rows` rows and `max_logit_rows` of logits.
Status JoinCudaRanks(std::span<const std::unique_ptr<Backend>> ranks, int32_t max_rows,
                     int32_t max_logit_rows, int32_t hidden, int32_t vocabulary);

// What a GPU can do at most, measured: about a second, and 4 GiB of its memory.
struct CudaCeilings {
  double read_gb_per_s = 0.0;
  double copy_gb_per_s = 0.0;  // bytes read and bytes written
  double tflop_per_s = 0.0;    // bf16, a square product of 8192 by the library, on random values
};
Result<CudaCeilings> MeasureCudaCeilings(int device);

}  // namespace parley::kernels
