// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_weight.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cpu/thread_pool.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/weight_part.h"

namespace parley::kernels::cuda {
namespace {

constexpr size_t kPiece = size_t{32} << 20;  // of a copy: two of them are pinned
constexpr int32_t kPad = 16;                 // values
// One thread that reads a mapped file waits for every page in turn: several copy, and the kernel is told what comes next.
constexpr int kReaders = 8;
constexpr size_t kSlice = size_t{1} << 20;
constexpr size_t kPageBytes = 4096;

// Of a mapped file: what is here will be wanted soon. It may reach beyond the weight, into what follows in the file;
// memory that is no file does not mind.
void ReadAhead(const std::byte* from, size_t bytes) {
  const uintptr_t first = reinterpret_cast<uintptr_t>(from) / kPageBytes * kPageBytes;
  ::madvise(reinterpret_cast<void*>(first), bytes, MADV_WILLNEED);
}

bool IsRandom(const WeightSource& s) { return s.data == nullptr; }

class StagedLoader final : public WeightLoader {
 public:
  Status Init() {
    for (Stage& stage : stages_) {
      PARLEY_TRY(stage.memory, AllocatePinned(kPiece));
      PARLEY_TRY_STATUS(CheckCuda(cudaEventCreateWithFlags(&stage.copied, cudaEventDisableTiming),
                                  "cudaEventCreate"));
    }
    PARLEY_TRY(counter_, AllocateDevice(sizeof(unsigned long long)));
    return {};
  }
  ~StagedLoader() override {
    for (Stage& stage : stages_) {
      if (stage.copied != nullptr) cudaEventDestroy(stage.copied);
    }
  }

  Result<WeightPtr> Load(std::span<const WeightSource> stacked, Storage storage,
                         cudaStream_t stream) override;

 private:
  struct Stage {
    std::shared_ptr<void> memory;
    cudaEvent_t copied = nullptr;
  };

  // bf16 rows of a source at `to`, `padded` values apart.
  Status Fill(const WeightSource& source, uint16_t* to, int32_t padded, cudaStream_t stream);
  Status Copy(const void* from, int32_t rows, int32_t in, int32_t stride, uint16_t* to,
              int32_t padded, cudaStream_t stream);
  Status CountNotFinite(const void* bf16, size_t count, cudaStream_t stream);

  std::array<Stage, 2> stages_;
  size_t next_ = 0;
  cpu::ThreadPool readers_{kReaders};
  std::shared_ptr<void> counter_;
};

Status StagedLoader::Copy(const void* from, int32_t rows, int32_t in, int32_t stride, uint16_t* to,
                          int32_t padded, cudaStream_t stream) {
  const size_t row_bytes = static_cast<size_t>(in) * 2;
  const size_t padded_bytes = static_cast<size_t>(padded) * 2;
  const size_t stride_bytes = static_cast<size_t>(stride) * 2;
  if (padded_bytes > kPiece) {
    return Fail(Code::kUnsupported,
                "a weight's row of " + std::to_string(in) + " values is too long");
  }
  const auto rows_a_piece = static_cast<int32_t>(kPiece / padded_bytes);
  for (int32_t first = 0; first < rows; first += rows_a_piece) {
    const auto count = static_cast<size_t>(std::min(rows_a_piece, rows - first));
    Stage& stage = stages_[next_];
    next_ = (next_ + 1) % stages_.size();
    PARLEY_TRY_STATUS(CheckCuda(cudaEventSynchronize(stage.copied), "waiting for a copy"));
    auto* bytes = static_cast<std::byte*>(stage.memory.get());
    const auto* source =
        static_cast<const std::byte*>(from) + static_cast<size_t>(first) * stride_bytes;
    const bool whole = in == padded && in == stride;
    const size_t rows_a_slice = std::max<size_t>(1, kSlice / padded_bytes);
    const auto slices = static_cast<int32_t>((count + rows_a_slice - 1) / rows_a_slice);
    readers_.Run(slices + 1, [&](int32_t slice, int) {
      if (slice == 0) return ReadAhead(source + count * stride_bytes + kPiece, kPiece);
      const size_t begin = static_cast<size_t>(slice - 1) * rows_a_slice;
      const size_t end = std::min(count, begin + rows_a_slice);
      if (whole) {
        std::memcpy(bytes + begin * row_bytes, source + begin * row_bytes,
                    (end - begin) * row_bytes);
        return;
      }
      for (size_t r = begin; r < end; ++r) {
        std::memcpy(bytes + r * padded_bytes, source + r * stride_bytes, row_bytes);
        std::memset(bytes + r * padded_bytes + row_bytes, 0, padded_bytes - row_bytes);
      }
    });
    PARLEY_TRY_STATUS(
        CheckCuda(cudaMemcpyAsync(to + static_cast<size_t>(first) * static_cast<size_t>(padded),
                                  bytes, count * padded_bytes, cudaMemcpyHostToDevice, stream),
                  "copying a weight"));
    PARLEY_TRY_STATUS(CheckCuda(cudaEventRecord(stage.copied, stream), "cudaEventRecord"));
  }
  return {};
}

Status StagedLoader::Fill(const WeightSource& source, uint16_t* to, int32_t padded,
                          cudaStream_t stream) {
  const size_t count = static_cast<size_t>(source.out) * static_cast<size_t>(source.in);
  if (IsRandom(source) && source.in == padded) {
    return CheckCuda(
        LaunchRandom(to, source.out, source.in,
                     source.row_stride > 0 ? source.row_stride : source.in, source.random_seed,
                     source.random_first, source.random_scale, stream),
        "making random weights");
  }
  if (source.format == WeightFormat::kBf16 && !IsRandom(source)) {
    return Copy(source.data, source.out, source.in,
                source.row_stride > 0 ? source.row_stride : source.in, to, padded, stream);
  }
  // Other formats are small models and tests: through floats.
  const WeightPart part = ReadPart(source, Storage::kF32);
  std::vector<uint16_t> bf16(count);
  for (size_t i = 0; i < count; ++i) bf16[i] = ToBf16(part.values[i]).bits;
  return Copy(bf16.data(), source.out, source.in, source.in, to, padded, stream);
}

Status StagedLoader::CountNotFinite(const void* bf16, size_t count, cudaStream_t stream) {
  unsigned long long bad = 0;
  PARLEY_TRY_STATUS(
      CheckCuda(cudaMemsetAsync(counter_.get(), 0, sizeof(bad), stream), "cudaMemset"));
  auto* counter = static_cast<unsigned long long*>(counter_.get());
  PARLEY_TRY_STATUS(CheckCuda(LaunchCount(bf16, count, counter, stream), "checking a weight"));
  PARLEY_TRY_STATUS(CheckCuda(
      cudaMemcpyAsync(&bad, counter, sizeof(bad), cudaMemcpyDeviceToHost, stream), "cudaMemcpy"));
  PARLEY_TRY_STATUS(CheckCuda(cudaStreamSynchronize(stream), "checking a weight"));
  return NotFinite(bad, count);
}

Result<WeightPtr> StagedLoader::Load(std::span<const WeightSource> stacked, Storage storage,
                                     cudaStream_t stream) {
  PARLEY_TRY_STATUS(CheckSources(stacked, Storage::kF32));
  int32_t out = 0;
  for (const WeightSource& source : stacked) out += source.out;
  const int32_t in = stacked.front().in;
  const int32_t padded = (in + kPad - 1) / kPad * kPad;
  const size_t count = static_cast<size_t>(out) * static_cast<size_t>(padded);
  PARLEY_TRY(std::shared_ptr<void> values, AllocateDevice(count * 2));
  auto* to = static_cast<uint16_t*>(values.get());
  for (const WeightSource& source : stacked) {
    if (!IsRandom(source)) ReadAhead(static_cast<const std::byte*>(source.data), 2 * kPiece);
  }
  for (const WeightSource& source : stacked) {
    PARLEY_TRY_STATUS(Fill(source, to, padded, stream));
    to += static_cast<size_t>(source.out) * static_cast<size_t>(padded);
  }
  PARLEY_TRY_STATUS(CountNotFinite(values.get(), count, stream));
  if (storage != Storage::kFp8Row) {
    const Matrix matrix{.data = values.get(), .out = out, .in = padded};
    return WeightPtr(std::make_shared<CudaWeight>(std::move(values), matrix, in, count * 2));
  }
  const size_t scale_bytes = static_cast<size_t>(out) * sizeof(float);
  PARLEY_TRY(std::shared_ptr<void> quantised, AllocateDevice(count + scale_bytes));
  auto* q = static_cast<uint8_t*>(quantised.get());
  auto* scale = reinterpret_cast<float*>(q + count);  // count is a multiple of 16
  PARLEY_TRY_STATUS(CheckCuda(LaunchQuantise(values.get(), out, padded, q, scale, stream),
                              "quantising a weight"));
  PARLEY_TRY_STATUS(CheckCuda(cudaStreamSynchronize(stream), "quantising a weight"));
  const Matrix matrix{.data = q, .row_scale = scale, .fp8 = true, .out = out, .in = padded};
  return WeightPtr(
      std::make_shared<CudaWeight>(std::move(quantised), matrix, in, count + scale_bytes));
}

}  // namespace

Result<std::unique_ptr<WeightLoader>> WeightLoader::Make() {
  auto loader = std::make_unique<StagedLoader>();
  PARLEY_TRY_STATUS(loader->Init());
  return std::unique_ptr<WeightLoader>(std::move(loader));
}

}  // namespace parley::kernels::cuda
