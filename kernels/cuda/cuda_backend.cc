// Opening a device, its memory, and moving values in and out.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "common/check.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/views.h"
#include "kernels/host.h"

namespace parley::kernels {
namespace cuda {
namespace {

constexpr size_t kPartialFloats = size_t{8} << 20;  // of attention in parts
constexpr int32_t kCounters = 32768;
constexpr size_t kTransfer = size_t{1} << 20;  // to begin with

}  // namespace

Result<std::unique_ptr<Backend>> CudaBackend::Make(const CudaOptions& options) {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    cudaGetLastError();
    count = 0;
  }
  if (options.device < 0 || options.device >= count) {
    return Fail(Code::kNotFound,
                "there is no GPU " + std::to_string(options.device) + "; this machine has " +
                    std::to_string(count) +
                    (count > 0 ? ", numbered from 0" : " (is the driver installed?)"));
  }
  std::unique_ptr<CudaBackend> backend(new CudaBackend(options));
  PARLEY_TRY_STATUS(backend->Init());
  return std::unique_ptr<Backend>(std::move(backend));
}

Status CudaBackend::Init() {
  PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(options_.device), "cudaSetDevice"));
  cudaDeviceProp properties;
  PARLEY_TRY_STATUS(
      CheckCuda(cudaGetDeviceProperties(&properties, options_.device), "cudaGetDeviceProperties"));
  if (properties.major != 9) {
    return Fail(Code::kUnsupported, "GPU " + std::to_string(options_.device) + " is " +
                                        properties.name + " of compute capability " +
                                        std::to_string(properties.major) + "." +
                                        std::to_string(properties.minor) +
                                        "; parley's kernels are built for 9.0 (H100, H200)");
  }
  sms_ = properties.multiProcessorCount;
  PARLEY_TRY_STATUS(
      CheckCuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate"));
  PARLEY_TRY(gemm_, Gemm::Make());
  PARLEY_TRY(loader_, WeightLoader::Make());
  constexpr size_t kBytes = kPartialFloats * sizeof(float) + kCounters * sizeof(int32_t);
  PARLEY_TRY(fixed_, AllocateDevice(kBytes));
  PARLEY_TRY_STATUS(CheckCuda(cudaMemsetAsync(fixed_.get(), 0, kBytes, stream_), "cudaMemset"));
  auto* floats = static_cast<float*>(fixed_.get());
  auto* counters = reinterpret_cast<int32_t*>(floats + kPartialFloats);
  scratch_ = {floats, kPartialFloats, counters, kCounters};
  if (Take(transfer_, kTransfer) == nullptr) return std::exchange(failure_, Status());
  return CheckCuda(cudaStreamSynchronize(stream_), "opening a GPU");
}

CudaBackend::~CudaBackend() {
  cudaSetDevice(options_.device);
  graphs_.clear();
  if (stream_ != nullptr && !hangs_) {
    cudaStreamSynchronize(stream_);
    cudaStreamDestroy(stream_);
  }
}

bool CudaBackend::Ready() {
  if (hangs_ || !failure_.has_value()) return false;
  Do(cudaSetDevice(options_.device), "cudaSetDevice");
  return failure_.has_value();
}

void CudaBackend::Do(Status status) {
  if (failure_.has_value() && !status.has_value()) failure_ = std::move(status);
}

void CudaBackend::Do(cudaError_t error, const char* what) { Do(CheckCuda(error, what)); }

void* CudaBackend::Take(Room& room, size_t bytes) {
  if (bytes <= room.bytes) return room.memory.get();
  PARLEY_CHECK(!capturing_, "scratch grows in a step that is being recorded");
  Wait("earlier work");
  if (!failure_.has_value()) return nullptr;
  auto made = AllocateDevice(bytes);
  if (!made) {
    Do(std::move(made).error());
    return nullptr;
  }
  // Freeing waits for every GPU that can read it, and one of those may wait for this one's part of a sum.
  if (room.memory != nullptr) retired_.push_back(std::move(room.memory));
  room = {*std::move(made), bytes};
  graphs_.clear();  // they may have recorded the old address
  return room.memory.get();
}

Status CudaBackend::Poll() {
  if (hangs_) return Fail(Code::kDevice, Hanging());
  if (failure_.has_value()) {
    Do(cudaSetDevice(options_.device), "cudaSetDevice");
    Wait("the GPU's work");
  }
  return std::exchange(failure_, Status());
}

std::string CudaBackend::Hanging() const {
  return "GPU " + std::to_string(options_.device) + " has not finished its work in " +
         std::to_string(options_.patience.count()) + " ms: it hangs";
}

// cudaStreamSynchronize would wait for ever.
void CudaBackend::Wait(const char* what) {
  if (!failure_.has_value()) return;
  const auto deadline = std::chrono::steady_clock::now() + options_.patience;
  cudaError_t state = cudaStreamQuery(stream_);
  while (state == cudaErrorNotReady && std::chrono::steady_clock::now() < deadline) {
    state = cudaStreamQuery(stream_);
  }
  if (state != cudaErrorNotReady) {
    cudaGetLastError();  // the question itself left "not ready" there
    return Do(state, what);
  }
  hangs_ = true;
  Do(Fail(Code::kDevice, Hanging()));
}

Tensor CudaBackend::Allocate(DType dtype, int32_t rows, int32_t cols) {
  PARLEY_CHECK(rows >= 0 && cols >= 0, "Allocate: no negative sizes");
  if (!Ready()) return {};
  const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(cols) * SizeOf(dtype);
  auto memory = AllocateDevice(bytes);
  if (!memory) {
    Do(std::move(memory).error());
    return {};
  }
  Do(cudaMemsetAsync(memory->get(), 0, bytes, stream_), "cudaMemset");
  const TensorView view{
      .data = memory->get(), .dtype = dtype, .rows = rows, .cols = cols, .stride = cols};
  return {view, *std::move(memory)};
}

Result<WeightPtr> CudaBackend::LoadWeight(std::span<const WeightSource> stacked, Storage storage) {
  PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(options_.device), "cudaSetDevice"));
  PARLEY_TRY(WeightPtr weight, loader_->Load(stacked, storage, stream_));
  if (options_.loaded) options_.loaded(weight->bytes());
  return weight;
}

Result<KvPool> CudaBackend::AllocateKv(const KvGeometry& geometry, int32_t pages) {
  PARLEY_TRY_STATUS(host::CheckKv(geometry, pages));
  PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(options_.device), "cudaSetDevice"));
  const size_t bytes = geometry.page_bytes() * static_cast<size_t>(pages);
  auto memory = AllocateDevice(bytes);
  if (!memory)
    return Context("a cache of " + std::to_string(pages) + " pages; lower engine.kv_mb",
                   std::move(memory).error());
  PARLEY_TRY_STATUS(CheckCuda(cudaMemsetAsync(memory->get(), 0, bytes, stream_), "cudaMemset"));
  return KvPool{geometry, pages, *std::move(memory)};
}

void CudaBackend::CopyPage(const KvPool& pool, int32_t from, int32_t to) {
  PARLEY_CHECK(from >= 0 && from < pool.pages && to >= 0 && to < pool.pages,
               "CopyPage: no such page");
  if (!Ready()) return;
  const size_t bytes = pool.geometry.page_bytes();
  auto* base = static_cast<char*>(pool.memory.get());
  Do(cudaMemcpyAsync(base + static_cast<size_t>(to) * bytes,
                     base + static_cast<size_t>(from) * bytes, bytes, cudaMemcpyDeviceToDevice,
                     stream_),
     "copying a page");
}

void CudaBackend::Upload(std::span<const float> from, const TensorView& to) {
  PARLEY_CHECK(from.size() == static_cast<size_t>(to.rows) * static_cast<size_t>(to.cols),
               "Upload: as many values as the view has");
  if (!Ready() || from.empty()) return;
  void* room = Take(transfer_, from.size_bytes());
  if (room == nullptr) return;
  Wait("earlier work");  // what is copied from pageable memory waits too, and without an end
  if (!failure_.has_value()) return;
  Do(cudaMemcpyAsync(room, from.data(), from.size_bytes(), cudaMemcpyHostToDevice, stream_),
     "Upload");
  Do(LaunchCopy(PackedRows(room, to.rows, to.cols), RowsOf(to), stream_), "Upload");
  Do(cudaStreamSynchronize(stream_), "Upload");  // `from` is the caller's again
}

void CudaBackend::Download(const TensorView& from, std::span<float> to) {
  PARLEY_CHECK(to.size() == static_cast<size_t>(from.rows) * static_cast<size_t>(from.cols),
               "Download: as many values as the view has");
  if (!Ready() || to.empty()) return;
  const bool direct = from.dtype == DType::kF32 && from.stride == from.cols;
  const void* packed = from.data;
  if (!direct) {
    void* room = Take(transfer_, to.size_bytes());
    if (room == nullptr) return;
    Do(LaunchCopy(RowsOf(from), PackedRows(room, from.rows, from.cols), stream_), "Download");
    packed = room;
  }
  Wait("Download");
  if (!failure_.has_value()) return;
  Do(cudaMemcpyAsync(to.data(), packed, to.size_bytes(), cudaMemcpyDeviceToHost, stream_),
     "Download");
  Do(cudaStreamSynchronize(stream_), "Download");
}

}  // namespace cuda

Result<std::unique_ptr<Backend>> MakeCudaBackend(const CudaOptions& options) {
  return cuda::CudaBackend::Make(options);
}

}  // namespace parley::kernels
