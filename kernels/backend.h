// What a device can do for the model: some twenty coarse operations. The model's graph is written once against this
// interface; `reference/` is the meaning (plain loops, float storage, double sums), `cpu/` and `cuda/` must equal it:
// integer sums exactly, floats within derived tolerances.
// Thread:   one thread drives a backend (the engine's); it may use its own pool inside an operation.
// Memory:   every Tensor and Weight comes from here. An operation allocates nothing after the first step of its size.
// Overload: nothing queues here. Failure is sticky: the first one is remembered, later operations do nothing, Poll()
//           returns it once a step, so that a layer reads as prose.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "common/result.h"
#include "kernels/communicator.h"
#include "kernels/tensor.h"

namespace parley::kernels {

// ---- weights ------------------------------------------------------------------------------------------------------

// How a matrix stands in a file. Grouped formats are those of GGML: groups of 32 values along `in`.
//   kQ4_0: {f16 d; 16 bytes}        w = d * (q - 8)       low nibbles are values 0–15, high nibbles 16–31
//   kQ4_1: {f16 d, f16 m; 16 bytes} w = d * q + m
//   kQ8_0: {f16 d; 32 int8}         w = d * q
//   kI8Row: int8 [out, in] with one f32 scale a row: w = q * row_scale[row]
enum class WeightFormat : uint8_t { kF32, kF16, kBf16, kQ4_0, kQ4_1, kQ8_0, kI8Row };

struct WeightSource {
  WeightFormat format = WeightFormat::kF32;
  int32_t out = 0;
  int32_t in = 0;
  const void* data = nullptr;        // [out, in] row by row; read during LoadWeight only
  const float* row_scale = nullptr;  // kI8Row: [out]
  // Values from the beginning of one row to the next; 0: `in`. More for a part of a matrix's columns, which only f32, f16
  // and bf16 can have. `data` is the part's first value.
  int32_t row_stride = 0;
  // kBf16 without data: value i is bf16(RandomValue(random_seed, i) * random_scale) (random_values.h), made where the
  // weight will live, so that benches can have models larger than the host's memory.
  uint64_t random_seed = 0;
  float random_scale = 0.0F;
  uint64_t random_first = 0;  // i of this part's first value; rows are row_stride apart
};

// How a weight is kept. The product that each one means (x: f32 activations, one row):
//   kF32     sum_k x[k] * w[k]
//   kBf16    sum_k x[k] * bf16(w[k])                         (a backend may round x to bf16: tolerance says so)
//   kGroup   x is quantised per row to 16 bits: s = max|x| / 32512, a = round_half_even(x / s);
//            s * sum_g (d_g * (sum_i q_i * a_i) [+ m_g * (sum_i a_i) for kQ4_1]);   integer sums are exact, groups are
//            added in f32 in one fixed order per backend, the same for every number of rows. 32512 = 127 * 256, so that
//            a = 256 * high + low in signed bytes: two byte products. With 8 bits a group, every second greedy answer
//            of a small model parted from the unquantised one at a near tie.
//   kI8Row   x is quantised per row: s = max|x| / 127; row_scale * s * (sum_k q_k * a_k), the integer sum exact
//   kFp8Row  sum_k x[k] * row_scale * e4m3(w[k] / row_scale), row_scale = max|w of the row| / 448
// The cuda backend has two products, kBf16 and kFp8Row; it keeps every other storage as bf16.
enum class Storage : uint8_t { kAsIs, kF32, kBf16, kGroup8, kI8Row, kFp8Row };

// A matrix [out, in] prepared (repacked, converted) for this backend. Immutable, shareable between models.
class Weight {
 public:
  virtual ~Weight() = default;
  virtual int32_t out() const = 0;
  virtual int32_t in() const = 0;
  virtual size_t bytes() const = 0;
};
using WeightPtr = std::shared_ptr<const Weight>;

// ---- the paged key-value cache ------------------------------------------------------------------------------------

inline constexpr int32_t kPageTokens = 16;

// Pages of keys and values, layout [page][layer][K|V][kv_head][16][head_dim], so that a fork copies one block.
struct KvGeometry {
  int32_t layers = 0;
  int32_t kv_heads = 0;
  int32_t head_dim = 0;
  DType dtype = DType::kBf16;  // kF32 for exactness tests

  size_t page_bytes() const {
    return static_cast<size_t>(layers) * 2 * static_cast<size_t>(kv_heads) * kPageTokens *
           static_cast<size_t>(head_dim) * SizeOf(dtype);
  }
};

struct KvPool {  // owned by the engine, memory from Backend::AllocateKv
  KvGeometry geometry;
  int32_t pages = 0;
  std::shared_ptr<void> memory;
};

// One step of the engine: rows of several sequences at once. Rows of one sequence stand together, in order. Row i is
// at position[i] of sequence row_seq[i] and attends to positions 0…position[i] of it (its own K and V included,
// appended by AppendKv before). Addresses stay fixed between steps: captured graphs read them.
struct StepBatch {
  const KvPool* pool = nullptr;
  int32_t rows = 0;
  const int32_t* position = nullptr;  // [rows]
  const int32_t* row_seq = nullptr;   // [rows], index into the tables below
  int32_t seqs = 0;
  const int32_t* page_table = nullptr;  // [seqs, max_pages]
  int32_t max_pages = 0;
};

enum class RopeStyle : uint8_t { kHalfSplit, kInterleaved };  // Hugging Face / GGML's "normal"

struct RopeParams {
  float theta = 10000.0F;
  int32_t head_dim = 64;
  RopeStyle style = RopeStyle::kHalfSplit;
};

struct ConvParams {
  int32_t kernel = 3;
  int32_t stride = 1;
  int32_t pad = 1;
};

// What the next token of a row is drawn by; model/sampler.h says in which order.
struct TokenRequest {
  float temperature = 0.0F;  // 0: greedy
  int32_t top_k = 0;         // 0: off
  float top_p = 1.0F;
  float repetition_penalty = 1.0F;
  int32_t limit = 0;     // ids at or above are masked; 0: none
  double uniform = 0.0;  // the draw, in [0, 1)
  std::span<const int32_t> history;
  std::span<const int32_t> banned;
};

using TapFn = std::function<void(std::string_view name, int index, const TensorView& value)>;

// ---- the operations -----------------------------------------------------------------------------------------------
// Inputs first, output last. A vector (norm weight, bias) is a view of one row; an empty view means absent.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;

  virtual Tensor Allocate(DType dtype, int32_t rows, int32_t cols) = 0;  // zeroed
  // Rows of several sources stacked (q, k, v in one product); all of one `in`.
  virtual Result<WeightPtr> LoadWeight(std::span<const WeightSource> stacked, Storage storage) = 0;
  virtual Result<KvPool> AllocateKv(const KvGeometry& geometry, int32_t pages) = 0;
  virtual void CopyPage(const KvPool& pool, int32_t from, int32_t to) = 0;
  virtual void Upload(std::span<const float> from, const TensorView& to) = 0;  // packed rows
  virtual void Download(const TensorView& from, std::span<float> to) = 0;      // packed rows, f32

  virtual void Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) = 0;
  virtual void Copy(const TensorView& x, const TensorView& out) = 0;
  virtual void Linear(const TensorView& x, const Weight& w, const TensorView& bias,
                      const TensorView& out) = 0;
  virtual void Add(const TensorView& x,
                   const TensorView& delta) = 0;  // x += delta; one row of delta is repeated
  virtual void RmsNorm(const TensorView& x, const TensorView& weight, float eps,
                       const TensorView& out) = 0;
  // x += delta; out = rms_norm(x)
  virtual void AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight,
                          float eps, const TensorView& out) = 0;
  virtual void LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias,
                         float eps, const TensorView& out) = 0;
  virtual void Rope(const TensorView& x, const RopeParams& params,
                    const StepBatch& batch) = 0;  // in place, all heads
  virtual void AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                        int32_t layer) = 0;
  // q: [rows, heads * head_dim]; grouped-query attention over the pages, scale 1/sqrt(head_dim).
  virtual void Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
                      const TensorView& out) = 0;
  // Dense attention of heads of `head_dim`: row i of q sees keys [0, keys) (causal: [0, i + keys - q.rows]).
  virtual void AttendDense(const TensorView& q, const TensorView& k, const TensorView& v,
                           int32_t head_dim, bool causal, const TensorView& out) = 0;
  // Several groups of rows one behind another: every row sees all rows of its own group and no other. The rows of all groups
  // are those of q; k and v stand beside it.
  virtual void AttendGroups(const TensorView& q, const TensorView& k, const TensorView& v,
                            std::span<const int32_t> group_rows, int32_t head_dim,
                            const TensorView& out) {
    int32_t first = 0;
    for (const int32_t rows : group_rows) {
      AttendDense(q.Rows(first, rows), k.Rows(first, rows), v.Rows(first, rows), head_dim,
                  /*causal=*/false, out.Rows(first, rows));
      first += rows;
    }
  }
  virtual void SwiGlu(const TensorView& gate_up,
                      const TensorView& out) = 0;  // silu(left half) * right half
  virtual void Gelu(const TensorView& x) = 0;      // exact, erf
  virtual void Relu(const TensorView& x) = 0;
  // x: [frames, channels_in]; w: [channels_out, kernel * channels_in], taps outer; zero padding.
  // out rows = (frames + 2 pad - kernel) / stride + 1.
  virtual void Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
                      const ConvParams& params, const TensorView& out) = 0;
  virtual void AvgPool2(const TensorView& x,
                        const TensorView& out) = 0;  // pairs of rows; an odd last row is dropped
  // ---- fused forms: a default is the definition ----
  // out = swiglu(x w^T); `gate_up` is room for the product, what it holds afterwards is not defined.
  virtual void LinearSwiGlu(const TensorView& x, const Weight& w, const TensorView& gate_up,
                            const TensorView& out) {
    Linear(x, w, {}, gate_up);
    SwiGlu(gate_up, out);
  }
  // out = gelu(x w^T + bias)
  virtual void LinearGelu(const TensorView& x, const Weight& w, const TensorView& bias,
                          const TensorView& out) {
    Linear(x, w, bias, out);
    Gelu(out);
  }
  // sum += x w^T + bias; `room` is room for the product, what it holds afterwards is not defined.
  virtual void LinearAdd(const TensorView& x, const Weight& w, const TensorView& bias,
                         const TensorView& room, const TensorView& sum) {
    Linear(x, w, bias, room);
    Add(sum, room);
  }
  // qkv: heads of q, then of k, then of v, side by side. Turns q and k, appends k and v; what the columns of k hold
  // afterwards is not defined.
  virtual void RopeAppendKv(const TensorView& qkv, const RopeParams& params, const StepBatch& batch,
                            int32_t layer) {
    const int32_t kv_cols = batch.pool->geometry.kv_heads * batch.pool->geometry.head_dim;
    const int32_t q_cols = qkv.cols - 2 * kv_cols;
    Rope(qkv.Cols(0, q_cols + kv_cols), params, batch);
    AppendKv(qkv.Cols(q_cols, kv_cols), qkv.Cols(q_cols + kv_cols, kv_cols), batch, layer);
  }
  // RopeAppendKv, then Attend of the heads of q. What qkv holds afterwards is not defined.
  virtual void RopeAttend(const TensorView& qkv, const RopeParams& params, const StepBatch& batch,
                          int32_t layer, const TensorView& out) {
    RopeAppendKv(qkv, params, batch, layer);
    Attend(qkv.Cols(0, out.cols), batch, layer, out);
  }

  // ---- tensor parallel: delta is a part of a sum that all ranks hold together; alone, a part is the whole ----
  void Join(std::shared_ptr<Communicator> communicator, int32_t rank) {
    communicator_ = std::move(communicator);
    rank_ = rank;
  }
  // x += delta summed over the ranks; out = rms_norm(x). `delta` holds the sum afterwards, or what it held.
  virtual void ReduceAddRmsNorm(const TensorView& x, const TensorView& delta,
                                const TensorView& weight, float eps, const TensorView& out) {
    if (communicator_ != nullptr) communicator_->Sum(rank_, delta);
    AddRmsNorm(x, delta, weight, eps, out);
  }
  virtual void ReduceAdd(const TensorView& x, const TensorView& delta) {
    if (communicator_ != nullptr) communicator_->Sum(rank_, delta);
    Add(x, delta);
  }
  // The columns of all ranks side by side, in rank 0's `all`; what other ranks' `all` holds is not defined.
  virtual void GatherColumns(const TensorView& part, const TensorView& all) {
    if (communicator_ != nullptr) {
      communicator_->Gather(rank_, part, all);
    } else {
      Copy(part, all);
    }
  }

  // What the values between two operations of a layer are kept in: f32, or what the products read. The residual stream
  // and logits are f32 everywhere.
  virtual DType activation_type() const { return DType::kF32; }

  // Brackets the operations of a step, so that a device can record them once and replay them. `heads`: of the
  // queries. `owner` names who asks and with which state: the same owner, with batches of the same shape, issues the same operations on the same addresses;
  // null: do not record. False: what was recorded will be replayed, do not issue them. EndStep follows either way.
  virtual bool BeginStep(const StepBatch& /*batch*/, int32_t /*heads*/, const void* /*owner*/) {
    return true;
  }
  virtual void EndStep() {}

  // Whether the device makes log-mel features itself, so that sound goes to it and not features.
  virtual bool makes_log_mel() const { return false; }
  // out: [frames, mels], what features/log_mel.h says of `sound` in so many frames, rounded differently. filters: [bins, mels].
  virtual void LogMel(std::span<const float> /*sound*/, const TensorView& /*filters*/,
                      const TensorView& /*out*/) {}

  // Indices of the k largest of each row, largest first, ties by lower index; ids and values: [rows, k].
  virtual void TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
                    std::span<float> values) = 0;

  // Whether the device draws tokens itself, so that logits need not come to the host.
  virtual bool samples() const { return false; }
  virtual void Sample(const TensorView& /*logits*/, std::span<const TokenRequest> /*rows*/,
                      std::span<int32_t> /*ids*/) {}

  virtual Status Poll() = 0;  // the first failure since the last Poll, once

  void SetTap(TapFn tap) {
    tap_ = std::move(tap);
  }  // tests: sees named intermediate tensors, in order
  const TapFn& tap() const { return tap_; }

  const std::shared_ptr<Communicator>& communicator() const { return communicator_; }
  int32_t rank() const { return rank_; }

 private:
  TapFn tap_;
  std::shared_ptr<Communicator> communicator_;
  int32_t rank_ = 0;
};

std::unique_ptr<Backend> MakeReferenceBackend();

// Which instructions the cpu backend may use: for tests and benches; a machine without them is a checked bug.
enum class CpuIsa : uint8_t { kBest, kPortable, kAvx2, kAvxVnni, kAvx512 };
bool CpuHas(CpuIsa isa);

struct CpuOptions {
  int threads = 0;         // 0: as many as there are cores
  bool huge_pages = true;  // advise huge pages for weights and the cache
  CpuIsa isa = CpuIsa::kBest;
};
std::unique_ptr<Backend> MakeCpuBackend(const CpuOptions& options);

}  // namespace parley::kernels

// A named intermediate tensor for the golden tests; compiled out of release builds.
#ifdef PARLEY_TAPS
#define PARLEY_TAP(backend, name, index, view)               \
  do {                                                       \
    if ((backend).tap()) (backend).tap()(name, index, view); \
  } while (false)
#else
#define PARLEY_TAP(backend, name, index, view) \
  do {                                         \
  } while (false)
#endif
