// What a GPU can do at most, measured like everything else: warm up, repeat, the median.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda_devices.h"

namespace parley::kernels {
namespace cuda {
namespace {

constexpr size_t kBytes = size_t{2} << 30;
constexpr int32_t kSide = 8192;
constexpr int kRepeats = 7;

struct Timer {
  cudaStream_t stream = nullptr;
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  ~Timer() {
    if (begin != nullptr) cudaEventDestroy(begin);
    if (end != nullptr) cudaEventDestroy(end);
    if (stream != nullptr) cudaStreamDestroy(stream);
  }
  Status Init() {
    PARLEY_TRY_STATUS(
        CheckCuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate"));
    PARLEY_TRY_STATUS(CheckCuda(cudaEventCreate(&begin), "cudaEventCreate"));
    return CheckCuda(cudaEventCreate(&end), "cudaEventCreate");
  }
  Result<double> Milliseconds(const std::function<Status()>& work) const {
    std::vector<float> times;
    for (int i = 0; i < 2 + kRepeats; ++i) {
      PARLEY_TRY_STATUS(CheckCuda(cudaEventRecord(begin, stream), "cudaEventRecord"));
      PARLEY_TRY_STATUS(work());
      PARLEY_TRY_STATUS(CheckCuda(cudaEventRecord(end, stream), "cudaEventRecord"));
      PARLEY_TRY_STATUS(CheckCuda(cudaEventSynchronize(end), "measuring"));
      float ms = 0.0F;
      PARLEY_TRY_STATUS(CheckCuda(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime"));
      if (i >= 2) times.push_back(ms);
    }
    std::sort(times.begin(), times.end());
    return static_cast<double>(times[times.size() / 2]);
  }
};

Result<CudaCeilings> Measure(int device) {
  PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(device), "cudaSetDevice"));
  int sms = 0;
  PARLEY_TRY_STATUS(CheckCuda(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device),
                              "cudaDeviceGetAttribute"));
  Timer timer;
  PARLEY_TRY_STATUS(timer.Init());
  PARLEY_TRY(const std::shared_ptr<void> from, AllocateDevice(kBytes));
  PARLEY_TRY(const std::shared_ptr<void> to, AllocateDevice(kBytes));
  PARLEY_TRY_STATUS(CheckCuda(
      LaunchRandom(from.get(), kBytes / 2 / kSide, kSide, kSide, 1, 0, 1.0F, timer.stream),
      "random values"));
  CudaCeilings found;
  PARLEY_TRY(const double read, timer.Milliseconds([&] {
    return CheckCuda(
        LaunchReadProbe(from.get(), kBytes, static_cast<uint32_t*>(to.get()), sms, timer.stream),
        "reading");
  }));
  PARLEY_TRY(const double bulk, timer.Milliseconds([&] {
    return CheckCuda(LaunchReadBulkProbe(from.get(), kBytes, sms, timer.stream), "reading");
  }));
  found.read_gb_per_s = static_cast<double>(kBytes) / std::min(read, bulk) * 1e-6;
  PARLEY_TRY(const double copy, timer.Milliseconds([&] {
    return CheckCuda(
        cudaMemcpyAsync(to.get(), from.get(), kBytes, cudaMemcpyDeviceToDevice, timer.stream),
        "copying");
  }));
  found.copy_gb_per_s = 2.0 * static_cast<double>(kBytes) / copy * 1e-6;
  PARLEY_TRY(const std::unique_ptr<Gemm> gemm, Gemm::Make());
  const size_t square = size_t{kSide} * kSide * 2;
  const Rows x{from.get(), Type::kBf16, kSide, kSide, kSide};
  const Matrix w{.data = static_cast<char*>(from.get()) + square, .out = kSide, .in = kSide};
  const Rows out{to.get(), Type::kBf16, kSide, kSide, kSide};
  PARLEY_TRY(const double product,
             timer.Milliseconds([&] { return gemm->Run(x, w, out, timer.stream); }));
  found.tflop_per_s = 2.0 * kSide * kSide * kSide / product * 1e-9;
  return found;
}

}  // namespace
}  // namespace cuda

Result<CudaCeilings> MeasureCudaCeilings(int device) { return cuda::Measure(device); }

}  // namespace parley::kernels
