// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/tensor_map.h"

#include <algorithm>
#include <array>

namespace parley::kernels::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);
constexpr size_t kMostRank = 3;

// By way of the runtime: nothing here links against the driver.
Encode FindEncode() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  constexpr unsigned kSince = 12000;
  const cudaError_t asked = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found,
                                                             kSince, cudaEnableDefault, &result);
  if (asked != cudaSuccess || result != cudaDriverEntryPointSuccess) return nullptr;
  return reinterpret_cast<Encode>(found);
}

}  // namespace

cudaError_t MakeTensorMap(const void* data, std::span<const uint64_t> size,
                          std::span<const int64_t> stride, std::span<const uint32_t> box,
                          CUtensorMap* map) {
  static const Encode encode = FindEncode();
  if (encode == nullptr) return cudaErrorNotSupported;
  if (size.size() < 2 || size.size() > kMostRank || stride.size() + 1 != size.size() ||
      box.size() != size.size()) {
    return cudaErrorInvalidValue;
  }
  std::array<uint64_t, kMostRank> bytes{};
  for (size_t i = 0; i < stride.size(); ++i) bytes[i] = static_cast<uint64_t>(stride[i]) * 2;
  std::array<uint32_t, kMostRank> every{};
  every.fill(1);
  const CUresult made =
      encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, static_cast<uint32_t>(size.size()),
             const_cast<void*>(data), size.data(), bytes.data(), box.data(), every.data(),
             CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return made == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t MapRows(const Rows& rows, int32_t box_rows, CUtensorMap* map) {
  constexpr uint32_t kBoxCols = 64;
  const uint64_t size[] = {static_cast<uint64_t>(rows.cols), static_cast<uint64_t>(rows.rows)};
  const uint32_t box[] = {kBoxCols, static_cast<uint32_t>(box_rows)};
  return MakeTensorMap(rows.data, size, {&rows.stride, 1}, box, map);
}

cudaError_t MapMatrix(const Matrix& m, int32_t box_rows, CUtensorMap* map) {
  const int32_t cols = m.fp8 ? m.in / 2 : m.in;
  return MapRows({const_cast<void*>(m.data), Type::kBf16, m.out, cols, cols}, box_rows, map);
}

}  // namespace parley::kernels::cuda
