// Memory of the cpu backend, and moving values in, out and about.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "kernels/host.h"

namespace parley::kernels {
namespace cpu {

CpuBackend::CpuBackend(const CpuOptions& options)
    : kernels_(ChooseKernels(options.isa)),
      pool_(options.threads),
      arena_(options.huge_pages),
      huge_pages_(options.huge_pages) {}

Tensor CpuBackend::Allocate(DType dtype, int32_t rows, int32_t cols) {
  return host::HostTensor(dtype, rows, cols);
}

Result<WeightPtr> CpuBackend::LoadWeight(std::span<const WeightSource> stacked, Storage storage) {
  PARLEY_TRY(auto weight, PackedWeight::Pack(stacked, storage, arena_));
  return WeightPtr(std::move(weight));
}

Result<KvPool> CpuBackend::AllocateKv(const KvGeometry& geometry, int32_t pages) {
  PARLEY_TRY_STATUS(host::CheckKv(geometry, pages));
  const size_t bytes = geometry.page_bytes() * static_cast<size_t>(pages);
  std::shared_ptr<uint8_t> memory = Arena(huge_pages_).Allocate(bytes);
  if (memory == nullptr) {
    return Fail(Code::kExhausted, "no memory for a cache of " + std::to_string(bytes >> 20) +
                                      " MiB: lower engine.kv_mb");
  }
  return KvPool{geometry, pages, std::move(memory)};
}

void CpuBackend::CopyPage(const KvPool& pool, int32_t from, int32_t to) {
  host::CopyPage(pool, from, to);
}

void CpuBackend::Upload(std::span<const float> from, const TensorView& to) {
  host::Upload(from, to);
}

void CpuBackend::Download(const TensorView& from, std::span<float> to) { host::Download(from, to); }

void CpuBackend::Copy(const TensorView& x, const TensorView& out) {
  PARLEY_CHECK(x.rows == out.rows && x.cols == out.cols, "Copy: shapes differ");
  const size_t size = SizeOf(x.dtype);
  ForRows(x.rows, x.cols, [&](int32_t r) {
    if (x.dtype == out.dtype) {
      std::memcpy(static_cast<char*>(out.data) +
                      static_cast<size_t>(r) * static_cast<size_t>(out.stride) * size,
                  static_cast<char*>(x.data) +
                      static_cast<size_t>(r) * static_cast<size_t>(x.stride) * size,
                  static_cast<size_t>(x.cols) * size);
      return;
    }
    for (int32_t c = 0; c < x.cols; ++c) host::WriteElement(out, r, c, host::ReadElement(x, r, c));
  });
}

void CpuBackend::Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) {
  host::CheckShape(out, static_cast<int32_t>(ids.size()), table.in(), "Embed: out is [ids, in]");
  const PackedWeight& own = Own(table);
  ForRows(out.rows, 16 * out.cols, [&](int32_t r) {  // unpacking costs more than a copy
    int32_t row = ids[static_cast<size_t>(r)];
    PARLEY_CHECK(row >= 0 && row < own.out(), "Embed: no such row in the table");
    const PackedPart* part = own.parts().data();
    for (; row >= part->out; ++part) row -= part->out;
    part->ReadRow(row, out.F32(r));
  });
}

const PackedWeight& Own(const Weight& w) {
  const auto* own = dynamic_cast<const PackedWeight*>(&w);
  PARLEY_CHECK(own != nullptr, "this weight was loaded by another backend");
  return *own;
}

}  // namespace cpu

std::unique_ptr<Backend> MakeCpuBackend(const CpuOptions& options) {
  return std::make_unique<cpu::CpuBackend>(options);
}

}  // namespace parley::kernels
