// The operations: checks, then a launch; which product takes which number of rows.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <utility>

#include "common/check.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/views.h"

namespace parley::kernels::cuda {
namespace {

// Rows that our own products take: as far as they are faster than the library's. Gate and up end in SwiGLU; for e4m3 the library
// first needs the weights as bf16.
constexpr int32_t kOwnRowsBf16 = 32;
constexpr int32_t kOwnRowsSwiGlu = 64;
constexpr int32_t kOwnRowsFp8 = 64;

bool TakesOwn(int32_t rows, const Matrix& w, bool swiglu) {
  return rows <= (w.fp8 ? kOwnRowsFp8 : swiglu ? kOwnRowsSwiGlu : kOwnRowsBf16);
}

bool Usable(const Rows& x, int32_t cols) {
  return x.type == Type::kBf16 && x.cols == cols && x.stride % 8 == 0 &&
         reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
}

Rows Part(Rows x, int32_t first, int32_t count) {
  const size_t bytes =
      static_cast<size_t>(first) * static_cast<size_t>(x.stride) * (x.type == Type::kF32 ? 4 : 2);
  x.data = static_cast<char*>(x.data) + bytes;
  x.rows = count;
  return x;
}

RopeOptions RopeOf(const RopeParams& params) {
  return {.theta = params.theta,
          .head_dim = params.head_dim,
          .half_split = params.style == RopeStyle::kHalfSplit};
}

}  // namespace

Rows CudaBackend::Packed(const TensorView& x, int32_t cols) {
  const Rows rows = RowsOf(x);
  if (Usable(rows, cols)) return rows;
  const size_t bytes = static_cast<size_t>(x.rows) * static_cast<size_t>(cols) * 2;
  Rows packed = PackedRows(Take(packed_, bytes), x.rows, cols, Type::kBf16);
  if (packed.data == nullptr) return packed;
  if (x.cols != cols) Do(cudaMemsetAsync(packed.data, 0, bytes, stream_), "cudaMemset");
  Rows filled = packed;
  filled.cols = x.cols;
  Do(LaunchCopy(rows, filled, stream_), "packing rows");
  return packed;
}

void CudaBackend::OwnProduct(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                             const Rows& out) {
  if (!w.fp8 && x.rows <= kDecodeRows) {
    return Do(LaunchDecodeLinear(x, w, bias, swiglu, out, sms_, -1, stream_), "Linear");
  }
  const int32_t most = StreamRows(w.fp8);
  for (int32_t first = 0; first < x.rows; first += most) {
    const Rows from = Part(x, first, std::min(most, x.rows - first));
    const Rows to = Part(out, first, from.rows);
    Do(w.fp8 && from.rows <= kEightRows
           ? LaunchEightRows(from, w, bias, swiglu, to, sms_, stream_)
           : LaunchStreamLinear(from, w, bias, swiglu, to, scratch_, sms_, -1, stream_),
       "Linear");
  }
}

// A bias as the library takes it: of the type of what it is added to.
const void* CudaBackend::BiasFor(Type type, const CudaWeight& w, const float* bias) {
  if (bias == nullptr || type == Type::kF32) return bias;
  CudaWeight::Bias& kept = w.bias();
  if (kept.from != bias) {
    auto made = AllocateDevice(static_cast<size_t>(w.out()) * 2);
    if (!made) {
      Do(std::move(made).error());
      return nullptr;
    }
    if (kept.memory != nullptr) retired_.push_back(std::move(kept.memory));
    kept = {bias, *std::move(made)};
    const Rows from = PackedRows(const_cast<float*>(bias), 1, w.out());  // only read
    Do(LaunchCopy(from, PackedRows(kept.memory.get(), 1, w.out(), Type::kBf16), stream_),
       "a bias in bf16");
  }
  return kept.memory.get();
}

void CudaBackend::Product(const Rows& x, const CudaWeight& w, const TensorView& bias,
                          const TensorView& out, Epilogue how) {
  const float* b = VectorOf(bias, w.out());
  const Rows to = RowsOf(out);
  const Matrix& m = w.matrix();
  if (!how.add && !how.gelu && TakesOwn(x.rows, m, false)) return OwnProduct(x, m, b, false, to);
  Matrix wide = m;
  if (m.fp8) {
    void* room = Take(widened_, static_cast<size_t>(m.out) * static_cast<size_t>(m.in) * 2);
    if (room == nullptr) return;
    Do(LaunchWiden(m, room, stream_), "Linear");
    wide = {.data = room, .out = m.out, .in = m.in};
  }
  if (ForLibrary(to)) {
    how.bias = BiasFor(to.type, w, b);
    Do(gemm_->Run(x, wide, to, how, stream_));
  } else {  // odd shapes of tests: through rows that the library can write
    const int32_t padded = (m.out + 7) / 8 * 8;
    void* room = Take(transfer_, static_cast<size_t>(x.rows) * static_cast<size_t>(padded) * 4);
    if (room == nullptr) return;
    Rows packed = PackedRows(room, x.rows, m.out);
    packed.stride = padded;
    Do(gemm_->Run(x, wide, packed, stream_));
    if (b != nullptr) Do(LaunchAdd(packed, RowsOf(bias), stream_), "Linear");
    Do(LaunchCopy(packed, to, stream_), "Linear");
  }
}

void CudaBackend::Linear(const TensorView& x, const Weight& w, const TensorView& bias,
                         const TensorView& out) {
  PARLEY_CHECK(x.cols == w.in() && out.cols == w.out() && x.rows == out.rows, "Linear: shapes");
  if (!Ready() || x.rows == 0) return;
  const Rows packed = Packed(x, Own(w).matrix().in);
  if (packed.data != nullptr) Product(packed, Own(w), bias, out);
}

void CudaBackend::LinearSwiGlu(const TensorView& x, const Weight& w, const TensorView& gate_up,
                               const TensorView& out) {
  PARLEY_CHECK(x.cols == w.in() && 2 * out.cols == w.out() && x.rows == out.rows,
               "LinearSwiGlu: shapes");
  if (!Ready() || x.rows == 0) return;
  const CudaWeight& own = Own(w);
  const Rows packed = Packed(x, own.matrix().in);
  if (packed.data == nullptr) return;
  if (TakesOwn(x.rows, own.matrix(), true)) {
    return OwnProduct(packed, own.matrix(), nullptr, true, RowsOf(out));
  }
  Product(packed, own, {}, gate_up);
  Do(LaunchSwiGlu(RowsOf(gate_up), RowsOf(out), stream_), "LinearSwiGlu");
}

void CudaBackend::Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) {
  PARLEY_CHECK(out.rows == static_cast<int32_t>(ids.size()) && out.cols == table.in(),
               "Embed: out is [ids, in]");
  for (const int32_t id : ids)
    PARLEY_CHECK(id >= 0 && id < table.out(), "Embed: no such row in the table");
  if (!Ready() || ids.empty()) return;
  void* room = Take(transfer_, ids.size_bytes());
  if (room == nullptr) return;
  // Pageable memory is staged before the call returns: `ids` is the caller's again.
  Do(cudaMemcpyAsync(room, ids.data(), ids.size_bytes(), cudaMemcpyHostToDevice, stream_), "Embed");
  Do(LaunchEmbed(Own(table).matrix(), static_cast<const int32_t*>(room), RowsOf(out), stream_),
     "Embed");
}

void CudaBackend::Copy(const TensorView& x, const TensorView& out) {
  PARLEY_CHECK(x.rows == out.rows && x.cols == out.cols, "Copy: shapes differ");
  if (Ready() && x.rows > 0) Do(LaunchCopy(RowsOf(x), RowsOf(out), stream_), "Copy");
}

void CudaBackend::Add(const TensorView& x, const TensorView& delta) {
  if (Ready()) Do(LaunchAdd(RowsOf(x), RowsOf(delta), stream_), "Add");
}

void CudaBackend::RmsNorm(const TensorView& x, const TensorView& weight, float eps,
                          const TensorView& out) {
  if (Ready())
    Do(LaunchRmsNorm(RowsOf(x), {}, VectorOf(weight, x.cols), eps, RowsOf(out), stream_),
       "RmsNorm");
}

void CudaBackend::AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight,
                             float eps, const TensorView& out) {
  if (!Ready()) return;
  Do(LaunchRmsNorm(RowsOf(x), RowsOf(delta), VectorOf(weight, x.cols), eps, RowsOf(out), stream_),
     "AddRmsNorm");
}

void CudaBackend::ReduceAddRmsNorm(const TensorView& x, const TensorView& delta,
                                   const TensorView& weight, float eps, const TensorView& out) {
  if (communicator() == nullptr) return AddRmsNorm(x, delta, weight, eps, out);
  if (!Ready()) return;
  Do(LaunchReduceNorm(RowsOf(x), RowsOf(delta), VectorOf(weight, x.cols), eps, RowsOf(out), peers_,
                      stream_),
     "ReduceAddRmsNorm");
}

void CudaBackend::ReduceAdd(const TensorView& x, const TensorView& delta) {
  if (communicator() == nullptr) return Add(x, delta);
  if (Ready())
    Do(LaunchReduceNorm(RowsOf(x), RowsOf(delta), nullptr, 0.0F, {}, peers_, stream_), "ReduceAdd");
}

void CudaBackend::GatherColumns(const TensorView& part, const TensorView& all) {
  if (communicator() == nullptr) return Copy(part, all);
  if (Ready()) Do(LaunchGatherColumns(RowsOf(part), RowsOf(all), peers_, stream_), "GatherColumns");
}

void CudaBackend::Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) {
  PARLEY_CHECK(x.rows == batch.rows, "Rope: one row for each row of the step");
  if (!Ready()) return;
  SetTables(batch, 1);
  Do(LaunchRope(RowsOf(x), RopeOf(params), tables_.tables().position, stream_), "Rope");
}

void CudaBackend::AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                           int32_t layer) {
  PARLEY_CHECK(k.rows == batch.rows, "AppendKv: one row for each row of the step");
  if (!Ready()) return;
  SetTables(batch, 1);
  Do(LaunchAppend(RowsOf(k), RowsOf(v), CacheOf(batch, layer), tables_.tables(), stream_),
     "AppendKv");
}

void CudaBackend::RopeAppendKv(const TensorView& qkv, const RopeParams& params,
                               const StepBatch& batch, int32_t layer) {
  PARLEY_CHECK(qkv.rows == batch.rows, "RopeAppendKv: one row for each row of the step");
  if (!Ready()) return;
  SetTables(batch, 1);
  const KvGeometry& g = batch.pool->geometry;
  Do(LaunchRopeAppend(RowsOf(qkv), qkv.cols / g.head_dim - 2 * g.kv_heads, RopeOf(params),
                      CacheOf(batch, layer), tables_.tables(), stream_),
     "RopeAppendKv");
}

void CudaBackend::Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
                         const TensorView& out) {
  PARLEY_CHECK(q.rows == batch.rows, "Attend: one row for each row of the step");
  if (!Ready()) return;
  const KvGeometry& g = batch.pool->geometry;
  SetTables(batch, std::max(1, q.cols / std::max(1, g.head_dim * g.kv_heads)));
  Do(LaunchAttend(RowsOf(q), CacheOf(batch, layer), tables_.tables(), Splits(batch), RowsOf(out),
                  scratch_, stream_),
     "Attend");
}

void CudaBackend::RopeAttend(const TensorView& qkv, const RopeParams& params,
                             const StepBatch& batch, int32_t layer, const TensorView& out) {
  PARLEY_CHECK(qkv.rows == batch.rows && out.rows == batch.rows,
               "RopeAttend: one row for each row of the step");
  if (!Ready()) return;
  const KvGeometry& g = batch.pool->geometry;
  SetTables(batch, std::max(1, out.cols / std::max(1, g.head_dim * g.kv_heads)));
  const Cache cache = CacheOf(batch, layer);
  if (!tables_.apart() || !RopeAttendCan(RowsOf(qkv), RopeOf(params), cache, RowsOf(out))) {
    return Backend::RopeAttend(qkv, params, batch, layer, out);
  }
  Do(LaunchRopeAttend(RowsOf(qkv), RopeOf(params), cache, tables_.tables(), Splits(batch),
                      RowsOf(out), scratch_, stream_),
     "RopeAttend");
}

void CudaBackend::SwiGlu(const TensorView& gate_up, const TensorView& out) {
  if (Ready()) Do(LaunchSwiGlu(RowsOf(gate_up), RowsOf(out), stream_), "SwiGlu");
}

void CudaBackend::TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
                       std::span<float> values) {
  const auto count = static_cast<size_t>(logits.rows) * static_cast<size_t>(k);
  PARLEY_CHECK(k > 0 && k <= logits.cols, "TopK: 1 to cols values a row");
  PARLEY_CHECK(ids.size() == count && values.size() == count, "TopK: ids and values are [rows, k]");
  if (!Ready()) return;
  void* room = Take(transfer_, count * 8);
  if (room == nullptr) return;
  auto* device_ids = static_cast<int32_t*>(room);
  auto* device_values = reinterpret_cast<float*>(device_ids + count);
  Do(LaunchTopK(RowsOf(logits), k, device_ids, device_values, stream_), "TopK");
  Wait("TopK");
  if (!failure_.has_value()) return;
  Do(cudaMemcpyAsync(ids.data(), device_ids, count * 4, cudaMemcpyDeviceToHost, stream_), "TopK");
  Do(cudaMemcpyAsync(values.data(), device_values, count * 4, cudaMemcpyDeviceToHost, stream_),
     "TopK");
  Do(cudaStreamSynchronize(stream_), "TopK");
}

void CudaBackend::Sample(const TensorView& logits, std::span<const TokenRequest> rows,
                         std::span<int32_t> ids) {
  PARLEY_CHECK(rows.size() == static_cast<size_t>(logits.rows) && ids.size() == rows.size(),
               "Sample: one request and one id a row");
  if (!Ready() || rows.empty()) return;
  sample_rows_.clear();
  sample_lists_.clear();
  const auto list = [&](std::span<const int32_t> values, int32_t& first, int32_t& count) {
    first = static_cast<int32_t>(sample_lists_.size());
    count = static_cast<int32_t>(values.size());
    sample_lists_.insert(sample_lists_.end(), values.begin(), values.end());
  };
  for (const TokenRequest& request : rows) {
    SampleRow row{.uniform = request.uniform,
                  .temperature = request.temperature,
                  .top_p = request.top_p,
                  .penalty = request.repetition_penalty,
                  .top_k = request.top_k,
                  .limit = request.limit};
    if (row.penalty != 1.0F) list(request.history, row.history, row.history_count);
    list(request.banned, row.banned, row.banned_count);
    sample_rows_.push_back(row);
  }
  // Orders first: everything after them needs less alignment.
  const size_t values = rows.size() * static_cast<size_t>(logits.cols);
  const size_t row_bytes = sample_rows_.size() * sizeof(SampleRow);
  const size_t list_bytes = sample_lists_.size() * sizeof(int32_t);
  void* room =
      Take(sampling_, values * 12 + row_bytes + rows.size() * sizeof(int32_t) + list_bytes);
  if (room == nullptr) return;
  auto* orders = static_cast<uint64_t*>(room);
  auto* device_rows = reinterpret_cast<SampleRow*>(orders + values);
  auto* scores = reinterpret_cast<float*>(device_rows + rows.size());
  auto* device_ids = reinterpret_cast<int32_t*>(scores + values);
  int32_t* lists = device_ids + rows.size();
  Do(cudaMemcpyAsync(device_rows, sample_rows_.data(), row_bytes, cudaMemcpyHostToDevice, stream_),
     "Sample");
  if (list_bytes > 0) {
    Do(cudaMemcpyAsync(lists, sample_lists_.data(), list_bytes, cudaMemcpyHostToDevice, stream_),
       "Sample");
  }
  Do(LaunchSample(RowsOf(logits), device_rows, lists, scores, orders, device_ids, stream_),
     "Sample");
  if (sampled_bytes_ < ids.size_bytes()) {
    auto made = AllocatePinned(ids.size_bytes());
    if (!made) return Do(std::move(made).error());
    sampled_ = *std::move(made);
    sampled_bytes_ = ids.size_bytes();
  }
  Do(cudaMemcpyAsync(sampled_.get(), device_ids, ids.size_bytes(), cudaMemcpyDeviceToHost, stream_),
     "Sample");
  Wait("Sample");
  if (failure_.has_value()) std::memcpy(ids.data(), sampled_.get(), ids.size_bytes());
}

}  // namespace parley::kernels::cuda
