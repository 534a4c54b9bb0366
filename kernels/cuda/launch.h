// The launchers of kernels/cuda: raw pointers, sizes, strides, options, the stream last. A launcher allocates nothing, logs
// nothing, waits for nothing and throws nothing; what it cannot run it answers with cudaErrorInvalidValue. Only the
// backend calls them.
// Thread:   any thread that has set the device.
// Memory:   borrows all of it; scratch is an argument.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace parley::kernels::cuda {

enum class Type : uint8_t { kF32, kBf16 };

// Rows of values on the device; `stride` in elements.
struct Rows {
  void* data = nullptr;
  Type type = Type::kF32;
  int32_t rows = 0;
  int32_t cols = 0;
  int64_t stride = 0;
};

// A matrix [out, in] row by row. fp8 is e4m3 with one scale a row, the values of a row in the order of stored_order.h.
struct Matrix {
  const void* data = nullptr;
  const float* row_scale = nullptr;  // fp8 only
  bool fp8 = false;
  int32_t out = 0;
  int32_t in = 0;
};

// Where blocks leave parts of a result for each other: zeroed once; every launch leaves the counters at zero.
struct PartScratch {
  float* partial = nullptr;
  size_t partial_floats = 0;
  int32_t* counters = nullptr;
  int32_t counter_count = 0;
};

// ---- decode_linear.cu, eight_rows.cu, stream_linear.cu: out = x w^T + bias for a few rows, at the speed of the memory
// x in bf16, rows 16-byte aligned; `in` a multiple of 16. swiglu: w holds gates above ups, [2 out, in]; out = silu(gate) * up. form:
// number of one of the ways that the file lists, for benches and tests; -1: the launcher chooses.
inline constexpr int32_t kDecodeRows = 16;  // the most; bf16 weights only
cudaError_t LaunchDecodeLinear(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                               const Rows& out, int32_t sms, int32_t form, cudaStream_t stream);
inline constexpr int32_t kEightRows = 8;  // the most; e4m3 weights only
cudaError_t LaunchEightRows(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                            const Rows& out, int32_t sms, cudaStream_t stream);
// The most rows: the sums of more would not fit beside e4m3 weights on their way through registers.
inline constexpr int32_t StreamRows(bool fp8) { return fp8 ? 32 : 64; }
cudaError_t LaunchStreamLinear(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                               const Rows& out, const PartScratch& scratch, int32_t sms,
                               int32_t form, cudaStream_t stream);

// ---- norm.cu, layer_norm.cu, elementwise.cu: one row or one value at a time -------------------------------------------------------------------------
// x += delta when delta is given; out = x / rms(x) * weight
cudaError_t LaunchRmsNorm(const Rows& x, const Rows& delta, const float* weight, float eps,
                          const Rows& out, cudaStream_t stream);
cudaError_t LaunchLayerNorm(const Rows& x, const float* weight, const float* bias, float eps,
                            const Rows& out, cudaStream_t stream);
cudaError_t LaunchAdd(const Rows& x, const Rows& delta,
                      cudaStream_t stream);  // one delta row repeats
cudaError_t LaunchCopy(const Rows& x, const Rows& out, cudaStream_t stream);  // converts
cudaError_t LaunchGather(const Rows& x, const int32_t* rows, const Rows& out, cudaStream_t stream);
cudaError_t LaunchSwiGlu(const Rows& gate_up, const Rows& out, cudaStream_t stream);
cudaError_t LaunchGelu(const Rows& x, cudaStream_t stream);  // by erf, in place
cudaError_t LaunchRelu(const Rows& x, cudaStream_t stream);
cudaError_t LaunchAvgPool2(const Rows& x, const Rows& out, cudaStream_t stream);
cudaError_t LaunchEmbed(const Matrix& table, const int32_t* ids, const Rows& out,
                        cudaStream_t stream);
// Windows of a convolution side by side: out[t] = x[t stride - pad], x[t stride - pad + 1], …; zeros outside.
cudaError_t LaunchWindows(const Rows& x, int32_t kernel, int32_t step, int32_t pad, const Rows& out,
                          cudaStream_t stream);
cudaError_t LaunchTopK(const Rows& logits, int32_t k, int32_t* ids, float* values,
                       cudaStream_t stream);

// ---- all_reduce.cu: the sum over ranks, with the norm behind it -----------------------------------------------------------
inline constexpr int32_t kMostRanks = 8;
struct Peers {
  int32_t rank = 0;
  int32_t ranks = 1;
  int32_t max_rows = 0;
  int32_t cols = 0;
  uint4* inbox[kMostRanks] = {};  // of every rank, InboxBytes each, zeroed once
  uint4* gather_box = nullptr;    // rank 0's, GatherBytes, zeroed once
  uint32_t* rounds =
      nullptr;  // [max_rows + 1], this rank's own, zeroed once; the last: a peer is lost
  int32_t* lost = nullptr;  // set when a peer did not come in time
  uint64_t patience_ns = 1000000000;
};
size_t InboxBytes(int32_t ranks, int32_t max_rows, int32_t cols);
// x += sum over ranks of delta (each rounded to bf16, added in the order of the ranks); out = rms_norm(x), or nothing. Every
// rank launches it for the same rows, in the same order; the blocks of all of them must be able to run at the same time.
cudaError_t LaunchReduceNorm(const Rows& x, const Rows& delta, const float* weight, float eps,
                             const Rows& out, const Peers& peers, cudaStream_t stream);

// Every rank's columns into rank 0's `all`, by way of its gather box. Some LaunchReduceNorm of the same ranks, one row at least,
// must have run since the last one: its round is what marks the words.
size_t GatherBytes(int32_t ranks, int32_t max_rows, int32_t cols_of_part);
cudaError_t LaunchGatherColumns(const Rows& part, const Rows& all, const Peers& peers,
                                cudaStream_t stream);

// ---- sample.cu: the next token of every row ---------------------------------------------------------------------------
struct SampleRow {
  double uniform = 0.0;  // the draw, in [0, 1)
  float temperature = 0.0F;
  float top_p = 1.0F;
  float penalty = 1.0F;
  int32_t top_k = 0;
  int32_t limit = 0;    // ids at or above are masked; 0: none
  int32_t history = 0;  // where in `lists` it begins
  int32_t history_count = 0;
  int32_t banned = 0;
  int32_t banned_count = 0;
};
// scores and orders: room for [rows, cols].
cudaError_t LaunchSample(const Rows& logits, const SampleRow* rows, const int32_t* lists,
                         float* scores, uint64_t* orders, int32_t* ids, cudaStream_t stream);

// ---- rope.cu, attend.cu: positions, the cache, attention -----------------------------------------------------------------------
inline constexpr int32_t kPage = 16;  // positions

struct Cache {  // [page][layer][K|V][kv_head][16][head_dim]
  void* memory = nullptr;
  Type type = Type::kBf16;
  int32_t kv_heads = 0;
  int32_t head_dim = 0;
  int64_t page_stride = 0;   // elements
  int64_t layer_offset = 0;  // elements, of the layer in hand
};
// The step's tables on the device; addresses stay fixed while contents change, for captured graphs.
struct Tables {
  const int32_t* position = nullptr;    // [rows]
  const int32_t* row_seq = nullptr;     // [rows]
  const int32_t* page_table = nullptr;  // [seqs, max_pages]
  int32_t max_pages = 0;
  const int32_t* single = nullptr;  // rows whose sequence has no other row in this step
  int32_t singles = 0;
  const int4* tiles = nullptr;  // of the others: {first row, count, sequence, 0}, see kTileRows
  int32_t tile_count = 0;
};
struct RopeOptions {
  float theta = 10000.0F;
  int32_t head_dim = 64;
  bool half_split = true;
};

cudaError_t LaunchRope(const Rows& x, const RopeOptions& rope, const int32_t* position,
                       cudaStream_t stream);
cudaError_t LaunchAppend(const Rows& k, const Rows& v, const Cache& cache, const Tables& tables,
                         cudaStream_t stream);
// Rope of q and k in place, then the append of k and v: qkv holds the heads of q, k and v side by side.
cudaError_t LaunchRopeAppend(const Rows& qkv, int32_t heads, const RopeOptions& rope,
                             const Cache& cache, const Tables& tables, cudaStream_t stream);
// Query tokens a tile holds at most, for `group` query heads a key head in a step of so many rows.
int32_t TileTokens(int32_t group, int32_t rows);
// `splits`: parts of a single row's keys that different blocks take.
cudaError_t LaunchAttend(const Rows& q, const Cache& cache, const Tables& tables, int32_t splits,
                         const Rows& out, const PartScratch& scratch, cudaStream_t stream);
bool AttendIsFast(const Cache& cache, int32_t group);
// LaunchRopeAppend and LaunchAttend at once, of rows that are all single and of different sequences; `qkv` stays as it is.
bool RopeAttendCan(const Rows& qkv, const RopeOptions& rope, const Cache& cache, const Rows& out);
cudaError_t LaunchRopeAttend(const Rows& qkv, const RopeOptions& rope, const Cache& cache,
                             const Tables& tables, int32_t splits, const Rows& out,
                             const PartScratch& scratch, cudaStream_t stream);
cudaError_t LaunchAttendDense(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                              bool causal, const Rows& out, cudaStream_t stream);

// ---- attend_groups.cu: rows that see all keys of their group, heads of 64 in bf16 ------------------------------------
inline constexpr int32_t kMostGroups = 16;
struct Group {
  int32_t first_row = 0;
  int32_t rows = 0;
  int32_t first_key = 0;
  int32_t keys = 0;
};
struct Groups {
  int32_t count = 0;
  Group group[kMostGroups] = {};
};
bool AttendGroupsCan(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                     const Rows& out);
cudaError_t LaunchAttendGroups(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                               const Groups& groups, const Rows& out, cudaStream_t stream);

// ---- log_mel.cu: sound to features --------------------------------------------------------------------------------------
inline constexpr int32_t kMelTurns = 200;  // of a window of 400 folded at its middle
inline constexpr int32_t kMelBins = 201;
inline constexpr int32_t kMelHop = 160;  // samples a frame
// Windowed cosine and sine of turn n + 1 at bin k stand at [n][k]; the turn in the middle is no pair, its cosine is the half.
void FillMelBasis(float2* basis);
// out: [frames, mels]; sound: `samples` of 160 * frames, zeros behind them. filters: [kMelBins, mels]. loudest: one value.
cudaError_t LaunchLogMel(const float* sound, int32_t samples, const float2* basis,
                         const float* filters, const Rows& out, uint32_t* loudest,
                         cudaStream_t stream);

// ---- weights.cu: making weights --------------------------------------------------------------------------------------
cudaError_t LaunchQuantise(const void* bf16, int32_t out, int32_t in, uint8_t* e4m3,
                           float* row_scale, cudaStream_t stream);
// e4m3 times its scale, as bf16: for products that only know bf16.
cudaError_t LaunchWiden(const Matrix& e4m3, void* bf16, cudaStream_t stream);
// Row r, column c is RandomValue(seed, first + r * row_stride + c) * scale (random_values.h).
cudaError_t LaunchRandom(void* bf16, int32_t out, int32_t in, int32_t row_stride, uint64_t seed,
                         uint64_t first, float scale, cudaStream_t stream);
cudaError_t LaunchCount(const void* bf16, size_t count, unsigned long long* not_finite,
                        cudaStream_t stream);

// ---- probe.cu: ceilings ----------------------------------------------------------------------------------------------
cudaError_t LaunchReadProbe(const void* from, size_t bytes, uint32_t* seen, int32_t sms,
                            cudaStream_t stream);

cudaError_t LaunchReadBulkProbe(const void* from, size_t bytes, int32_t sms, cudaStream_t stream);

}  // namespace parley::kernels::cuda
