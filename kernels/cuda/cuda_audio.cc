// The operations of the audio encoders: features, convolutions, norms, attention within groups, and products with what
// follows them.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/check.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/views.h"

namespace parley::kernels::cuda {

void CudaBackend::LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias,
                            float eps, const TensorView& out) {
  if (!Ready()) return;
  Do(LaunchLayerNorm(RowsOf(x), VectorOf(weight, x.cols), VectorOf(bias, x.cols), eps, RowsOf(out),
                     stream_),
     "LayerNorm");
}

void CudaBackend::Gelu(const TensorView& x) {
  if (Ready()) Do(LaunchGelu(RowsOf(x), stream_), "Gelu");
}

void CudaBackend::Relu(const TensorView& x) {
  if (Ready()) Do(LaunchRelu(RowsOf(x), stream_), "Relu");
}

void CudaBackend::AvgPool2(const TensorView& x, const TensorView& out) {
  if (Ready()) Do(LaunchAvgPool2(RowsOf(x), RowsOf(out), stream_), "AvgPool2");
}

// The windows of all frames side by side, then one product.
void CudaBackend::Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
                         const ConvParams& params, const TensorView& out) {
  PARLEY_CHECK(w.in() == params.kernel * x.cols && out.cols == w.out(), "Conv1d: shapes");
  if (!Ready() || out.rows == 0) return;
  const CudaWeight& own = Own(w);
  const int32_t padded = own.matrix().in;
  const size_t bytes = static_cast<size_t>(out.rows) * static_cast<size_t>(padded) * 2;
  Rows windows = PackedRows(Take(packed_, bytes), out.rows, padded, Type::kBf16);
  if (windows.data == nullptr) return;
  if (padded != w.in()) Do(cudaMemsetAsync(windows.data, 0, bytes, stream_), "cudaMemset");
  Rows filled = windows;
  filled.cols = w.in();
  Do(LaunchWindows(RowsOf(x), params.kernel, params.stride, params.pad, filled, stream_), "Conv1d");
  Product(windows, own, bias, out);
}

void CudaBackend::LinearGelu(const TensorView& x, const Weight& w, const TensorView& bias,
                             const TensorView& out) {
  const Rows to = RowsOf(out);
  if (x.rows <= kDecodeRows || to.type != Type::kBf16 || bias.empty() || !ForLibrary(to)) {
    return Backend::LinearGelu(x, w, bias, out);
  }
  PARLEY_CHECK(x.cols == w.in() && out.cols == w.out() && x.rows == out.rows, "LinearGelu: shapes");
  if (!Ready()) return;
  const Rows packed = Packed(x, Own(w).matrix().in);
  if (packed.data != nullptr) Product(packed, Own(w), bias, out, {.gelu = true});
}

void CudaBackend::LinearAdd(const TensorView& x, const Weight& w, const TensorView& bias,
                            const TensorView& room, const TensorView& sum) {
  const Rows to = RowsOf(sum);
  if (x.rows <= kDecodeRows || to.type != Type::kF32 || !ForLibrary(to)) {
    return Backend::LinearAdd(x, w, bias, room, sum);
  }
  PARLEY_CHECK(x.cols == w.in() && sum.cols == w.out() && x.rows == sum.rows, "LinearAdd: shapes");
  if (!Ready()) return;
  const Rows packed = Packed(x, Own(w).matrix().in);
  if (packed.data != nullptr) Product(packed, Own(w), bias, sum, {.add = true});
}

void CudaBackend::AttendDense(const TensorView& q, const TensorView& k, const TensorView& v,
                              int32_t head_dim, bool causal, const TensorView& out) {
  if (!Ready()) return;
  const Rows rows = RowsOf(q);
  const bool groups = !causal && q.rows > 0 && k.rows > 0 &&
                      AttendGroupsCan(rows, RowsOf(k), RowsOf(v), head_dim, RowsOf(out));
  if (groups) {
    const Groups one{.count = 1, .group = {{.rows = q.rows, .keys = k.rows}}};
    Do(LaunchAttendGroups(rows, RowsOf(k), RowsOf(v), head_dim, one, RowsOf(out), stream_),
       "AttendDense");
    return;
  }
  Do(LaunchAttendDense(RowsOf(q), RowsOf(k), RowsOf(v), head_dim, causal, RowsOf(out), stream_),
     "AttendDense");
}

void CudaBackend::AttendGroups(const TensorView& q, const TensorView& k, const TensorView& v,
                               std::span<const int32_t> group_rows, int32_t head_dim,
                               const TensorView& out) {
  if (!AttendGroupsCan(RowsOf(q), RowsOf(k), RowsOf(v), head_dim, RowsOf(out))) {
    return Backend::AttendGroups(q, k, v, group_rows, head_dim, out);
  }
  int32_t first = 0;
  Groups groups;
  const auto launch = [&] {
    if (groups.count == 0 || !Ready()) return;
    Do(LaunchAttendGroups(RowsOf(q), RowsOf(k), RowsOf(v), head_dim, groups, RowsOf(out), stream_),
       "AttendGroups");
    groups.count = 0;
  };
  for (const int32_t rows : group_rows) {
    if (rows > 0) groups.group[groups.count++] = {first, rows, first, rows};
    first += rows;
    if (groups.count == kMostGroups) launch();
  }
  launch();
  PARLEY_CHECK(first == q.rows && first == k.rows, "AttendGroups: the groups are all rows");
}

void CudaBackend::LogMel(std::span<const float> sound, const TensorView& filters,
                         const TensorView& out) {
  PARLEY_CHECK(filters.rows == kMelBins && filters.cols == out.cols && out.rows > 0 &&
                   filters.stride == filters.cols && filters.dtype == DType::kF32 &&
                   out.dtype == DType::kF32,
               "LogMel: filters are [bins, mels] and out is [frames, mels], of f32");
  if (!Ready()) return;
  constexpr size_t kBasis = size_t{kMelTurns} * kMelBins;
  if (mel_basis_ == nullptr) {  // and one value behind it: how loud the loudest is
    auto made = AllocateDevice((kBasis + 1) * sizeof(float2));
    if (!made) return Do(std::move(made).error());
    std::vector<float2> basis(kBasis);
    FillMelBasis(basis.data());
    Do(cudaMemcpyAsync(made->get(), basis.data(), kBasis * sizeof(float2), cudaMemcpyHostToDevice,
                       stream_),
       "LogMel");
    Do(cudaStreamSynchronize(stream_), "LogMel");
    mel_basis_ = *std::move(made);
  }
  sound = sound.first(std::min(sound.size(), size_t{kMelHop} * static_cast<size_t>(out.rows)));
  void* room = Take(sound_, std::max(sound.size_bytes(), sizeof(float)));
  if (room == nullptr) return;
  Wait("earlier work");  // what is copied from pageable memory waits too, and without an end
  // It is staged before the call returns: `sound` is the caller's again.
  Do(cudaMemcpyAsync(room, sound.data(), sound.size_bytes(), cudaMemcpyHostToDevice, stream_),
     "LogMel");
  const auto* basis = static_cast<const float2*>(mel_basis_.get());
  auto* loudest = reinterpret_cast<uint32_t*>(static_cast<float2*>(mel_basis_.get()) + kBasis);
  Do(LaunchLogMel(static_cast<const float*>(room), static_cast<int32_t>(sound.size()), basis,
                  filters.F32(), RowsOf(out), loudest, stream_),
     "LogMel");
}

}  // namespace parley::kernels::cuda
