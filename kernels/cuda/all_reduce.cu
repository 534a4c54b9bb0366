// The sum over ranks of a part of the residual stream, and the norm behind it, in one kernel: every rank writes its part
// into the inboxes of the others and adds what arrived in its own, in the order of the ranks, so that all of them hold the
// same bits.
//
// A word of an inbox is two bf16 values beside the number of the round: whoever reads it knows by the number that the values
// have arrived, and no fence or flag is waited for after them. Rounds alternate between two inboxes: a rank that writes round
// n + 2 has seen everyone's round n + 1, which they sent after they had read round n. Block r serves row r on every rank.
//
// A rank that never writes is found by the clock: the wait ends, the failure is stored, and the host sees it. From then on
// this rank waits for nobody: a step of a hundred sums ends as soon as its first one has lost its patience.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kMostThreads = 1024;
// Groups of four values a thread holds: rows of up to 8,192 values have x and the weights in registers
// before anything arrives.
constexpr int kFewFours = 2;
constexpr int kMostFours = 8;

__device__ inline uint64_t Nanoseconds() {
  uint64_t t = 0;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t));
  return t;
}
__device__ inline uint64_t Deadline(const Peers& peers) {
  return peers.rounds[peers.max_rows] != 0 ? 0 : Nanoseconds() + peers.patience_ns;
}
__device__ inline void Lose(const Peers& peers) {
  peers.rounds[peers.max_rows] = 1;
  *peers.lost = 1;
}
// Two values and the round, twice: 16 bytes that pass the link together.
__device__ inline void StoreWords(uint4* to, uint32_t first, uint32_t second, uint32_t round) {
  asm volatile("st.relaxed.sys.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(first),
               "r"(round), "r"(second), "r"(round)
               : "memory");
}
__device__ inline uint4 LoadWords(const uint4* from) {
  uint4 v;
  asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from)
               : "memory");
  return v;
}
__device__ inline float4 Unpack(uint32_t first, uint32_t second) {
  return {__uint_as_float(first << 16), __uint_as_float(first & 0xFFFF0000U),
          __uint_as_float(second << 16), __uint_as_float(second & 0xFFFF0000U)};
}

template <int kFours>
__global__ void __launch_bounds__(kMostThreads)
    ReduceNormKernel(Rows x, Rows delta, const float* weight, float eps, Rows out,
                     const __grid_constant__ Peers peers) {
  __shared__ float room[33];
  LetNextStart();
  const int row = static_cast<int>(blockIdx.x);
  const int fours = x.cols / 4;
  const auto weight_at = [&](int at) {
    return weight != nullptr ? *reinterpret_cast<const float4*>(weight + 4 * at)
                             : float4{1.0F, 1.0F, 1.0F, 1.0F};
  };
  float4 w[kFours];
  if constexpr (kFours == kFewFours) {  // weights are nobody's output
#pragma unroll
    for (int i = 0; i < kFours; ++i) {
      const int at = static_cast<int>(threadIdx.x) + i * static_cast<int>(blockDim.x);
      if (at < fours) w[i] = weight_at(at);
    }
  }
  WaitForPrevious();
  const uint32_t round = peers.rounds[row] + 1;
  const int64_t inbox =
      (static_cast<int64_t>(round % 2) * peers.ranks * peers.max_rows + row) * fours;
  const int64_t from_rank = static_cast<int64_t>(peers.max_rows) * fours;
  uint2 mine[kFours];
  float4 v[kFours];
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * static_cast<int>(blockDim.x);
    if (at >= fours) break;
    const float4 d = Load4(delta, row, 4 * at);
    if constexpr (kFours == kFewFours) v[i] = Load4(x, row, 4 * at);
    mine[i] = {PackBf16(d.x, d.y), PackBf16(d.z, d.w)};
    for (int step = 1; step < peers.ranks; ++step) {  // each rank begins with another peer
      const int to = (peers.rank + step) % peers.ranks;
      StoreWords(peers.inbox[to] + inbox + peers.rank * from_rank + at, mine[i].x, mine[i].y,
                 round);
    }
  }
  const uint64_t deadline = Deadline(peers);
  bool lost = false;
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * static_cast<int>(blockDim.x);
    if (at >= fours) break;
    float4 sum = {0.0F, 0.0F, 0.0F, 0.0F};
    for (int from = 0; from < peers.ranks; ++from) {
      uint4 words = {mine[i].x, round, mine[i].y, round};
      if (from != peers.rank) {
        const uint4* place = peers.inbox[peers.rank] + inbox + from * from_rank + at;
        words = LoadWords(place);
        while ((words.y != round || words.w != round) && !lost) {
          lost = Nanoseconds() > deadline;
          words = LoadWords(place);
        }
      }
      const float4 part = Unpack(words.x, words.z);
      sum = {sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w};
    }
    if constexpr (kFours != kFewFours) v[i] = Load4(x, row, 4 * at);
    v[i] = {v[i].x + sum.x, v[i].y + sum.y, v[i].z + sum.z, v[i].w + sum.w};
    Store4(x, row, 4 * at, v[i]);
    squares += v[i].x * v[i].x + v[i].y * v[i].y + v[i].z * v[i].z + v[i].w * v[i].w;
  }
  if (lost) Lose(peers);
  const float scale = rsqrtf(BlockSum(squares, room) / static_cast<float>(x.cols) + eps);
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * static_cast<int>(blockDim.x);
    if (at >= fours || out.data == nullptr) break;
    if constexpr (kFours != kFewFours) w[i] = weight_at(at);
    Store4(out, row, 4 * at,
           {v[i].x * scale * w[i].x, v[i].y * scale * w[i].y, v[i].z * scale * w[i].z,
            v[i].w * scale * w[i].w});
  }
  if (threadIdx.x == 0) peers.rounds[row] = round;
}

constexpr int kGatherThreads = 256;

// The others send two values and the round in 16 bytes, rank 0 waits for each of them and writes them where they belong.
__global__ void __launch_bounds__(kGatherThreads)
    GatherKernel(Rows part, Rows all, const __grid_constant__ Peers peers) {
  LetNextStart();
  WaitForPrevious();
  const uint32_t round = peers.rounds[0];
  const int pairs = part.cols / 2;
  const int64_t count = static_cast<int64_t>(part.rows) * pairs;
  const uint64_t deadline = Deadline(peers);
  bool lost = false;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kGatherThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kGatherThreads + threadIdx.x; i < count;
       i += step) {
    const auto row = static_cast<int32_t>(i / pairs);
    const auto col = static_cast<int32_t>(i % pairs) * 2;
    const float first = Load(part, row, col);
    const float second = Load(part, row, col + 1);
    if (peers.rank != 0) {
      StoreWords(peers.gather_box + (peers.rank - 1) * count + i, __float_as_uint(first),
                 __float_as_uint(second), round);
      continue;
    }
    Store(all, row, col, first);
    Store(all, row, col + 1, second);
    for (int from = 1; from < peers.ranks; ++from) {
      const uint4* place = peers.gather_box + (from - 1) * count + i;
      uint4 words = LoadWords(place);
      while ((words.y != round || words.w != round) && !lost) {
        lost = Nanoseconds() > deadline;
        words = LoadWords(place);
      }
      Store(all, row, from * part.cols + col, __uint_as_float(words.x));
      Store(all, row, from * part.cols + col + 1, __uint_as_float(words.z));
    }
  }
  if (lost) Lose(peers);
}

}  // namespace

size_t GatherBytes(int32_t ranks, int32_t max_rows, int32_t cols_of_part) {
  return static_cast<size_t>(ranks) * static_cast<size_t>(max_rows) *
         static_cast<size_t>(cols_of_part / 2) * sizeof(uint4);
}

cudaError_t LaunchGatherColumns(const Rows& part, const Rows& all, const Peers& peers,
                                cudaStream_t stream) {
  const bool shaped =
      part.rows >= 1 && part.cols % 2 == 0 &&
      (peers.rank != 0 || (all.rows == part.rows && all.cols == part.cols * peers.ranks));
  if (!shaped) return cudaErrorInvalidValue;
  const int64_t count = static_cast<int64_t>(part.rows) * part.cols / 2;
  const auto blocks = static_cast<unsigned>(
      std::min<int64_t>((count + kGatherThreads - 1) / kGatherThreads, 132 * 2));
  return LaunchDependent(GatherKernel, dim3(blocks), dim3(kGatherThreads), 0, stream, part, all,
                         peers);
}

size_t InboxBytes(int32_t ranks, int32_t max_rows, int32_t cols) {
  return size_t{2} * static_cast<size_t>(ranks) * static_cast<size_t>(max_rows) *
         static_cast<size_t>(cols / 4) * sizeof(uint4);
}

cudaError_t LaunchReduceNorm(const Rows& x, const Rows& delta, const float* weight, float eps,
                             const Rows& out, const Peers& peers, cudaStream_t stream) {
  const bool shaped = x.rows >= 1 && x.rows <= peers.max_rows && SameShape(x, delta) &&
                      (out.data == nullptr || SameShape(x, out)) && x.cols == peers.cols &&
                      peers.ranks <= kMostRanks;
  const int fours = x.cols / 4;
  if (!shaped || !InFours(x) || !InFours(delta) || !InFours(out) || !InFours(weight) ||
      fours > kMostFours * kMostThreads) {
    return cudaErrorInvalidValue;
  }
  const int each = std::max(kFewFours, (fours + kMostThreads - 1) / kMostThreads);
  const int threads = std::clamp((fours / each + 31) / 32 * 32, 32, kMostThreads);
  const auto kernel =
      each <= kFewFours ? ReduceNormKernel<kFewFours> : ReduceNormKernel<kMostFours>;
  return LaunchDependent(kernel, dim3(static_cast<unsigned>(x.rows)),
                         dim3(static_cast<unsigned>(threads)), 0, stream, x, delta, weight, eps,
                         out, peers);
}

}  // namespace parley::kernels::cuda
