// Memory of the reference backend, and moving values in, out and about.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/host.h"
#include "kernels/reference/reference_backend.h"

namespace parley::kernels {

namespace reference {

ReferenceWeight::ReferenceWeight(std::vector<WeightPart> parts) : parts_(std::move(parts)) {
  for (const WeightPart& p : parts_) out_ += p.out;
}

size_t ReferenceWeight::bytes() const {
  size_t n = 0;
  for (const WeightPart& p : parts_) {
    n += p.q.size() + sizeof(float) * (p.values.size() + p.scale.size() + p.min.size());
  }
  return n;
}

Tensor ReferenceBackend::Allocate(DType dtype, int32_t rows, int32_t cols) {
  return host::HostTensor(dtype, rows, cols);
}

Result<WeightPtr> ReferenceBackend::LoadWeight(std::span<const WeightSource> stacked,
                                               Storage storage) {
  PARLEY_TRY_STATUS(CheckSources(stacked, storage));
  PARLEY_TRY_STATUS(CheckFinite(stacked));
  std::vector<WeightPart> parts;
  for (const WeightSource& source : stacked) parts.push_back(ReadPart(source, storage));
  return WeightPtr(std::make_shared<ReferenceWeight>(std::move(parts)));
}

Result<KvPool> ReferenceBackend::AllocateKv(const KvGeometry& geometry, int32_t pages) {
  PARLEY_TRY_STATUS(host::CheckKv(geometry, pages));
  const size_t bytes = geometry.page_bytes() * static_cast<size_t>(pages);
  void* memory = std::calloc(bytes, 1);
  if (memory == nullptr) {
    return Fail(Code::kExhausted, "no memory for a cache of " + std::to_string(bytes >> 20) +
                                      " MiB: lower engine.kv_mb");
  }
  return KvPool{geometry, pages, std::shared_ptr<void>(memory, std::free)};
}

void ReferenceBackend::CopyPage(const KvPool& pool, int32_t from, int32_t to) {
  host::CopyPage(pool, from, to);
}

void ReferenceBackend::Upload(std::span<const float> from, const TensorView& to) {
  host::Upload(from, to);
}

void ReferenceBackend::Download(const TensorView& from, std::span<float> to) {
  host::Download(from, to);
}

void ReferenceBackend::Copy(const TensorView& x, const TensorView& out) {
  PARLEY_CHECK(x.rows == out.rows && x.cols == out.cols, "Copy: shapes differ");
  for (int32_t r = 0; r < x.rows; ++r) {
    for (int32_t c = 0; c < x.cols; ++c) host::WriteElement(out, r, c, host::ReadElement(x, r, c));
  }
}

}  // namespace reference

std::unique_ptr<Backend> MakeReferenceBackend() {
  return std::make_unique<reference::ReferenceBackend>();
}

}  // namespace parley::kernels
