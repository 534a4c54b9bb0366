// The next token of every row from its logits, as the host's sampler does it (model/sampler.h): repetition penalty, bans,
// temperature, top-k, top-p, draw. A block a row.
//
// Nothing is sorted. A candidate is a number of 64 bits, its score's order above the complement of its id; what is asked for
// ("the k-th largest", "where the largest sum up to p", "where the draw falls") is found by going down that number's digits,
// one pass a digit, over a list of the few that can matter. Weights are integers, 2^40 for the most likely token, so that
// sums do not depend on the order in which threads arrive.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / kWarp;
constexpr int kBits = 11;  // of a digit
constexpr int kBins = 1 << kBits;
constexpr float kOne = 0x1p40F;  // the weight of the most likely token
using Number = unsigned long long;

// Larger scores above, masked ones (NaN) below everything, and equal ones by the lower id.
__device__ inline Number OrderOf(float score, int32_t id) {
  uint32_t bits = __float_as_uint(score == 0.0F ? 0.0F : score);
  bits = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  if (isnan(score)) bits = 0;
  return static_cast<Number>(bits) << 32U | (0xFFFFFFFFU - static_cast<uint32_t>(id));
}
__device__ inline int32_t IdOf(Number order) {
  return static_cast<int32_t>(0xFFFFFFFFU - static_cast<uint32_t>(order));
}
__device__ inline float ScoreOf(Number order) {
  const auto bits = static_cast<uint32_t>(order >> 32U);
  return __uint_as_float((bits & 0x80000000U) != 0 ? bits & 0x7FFFFFFFU : ~bits);
}

struct Shared {
  Number bins[kBins];
  Number largest[kThreads];  // of each thread's scores
  Number warps[kWarps];
  Number before;  // the weight in front of `bin`
  int bin;
  int listed;
};

struct Weigher {
  float peak = 0.0F;
  float inverse = 1.0F;  // of the temperature
  __device__ Number operator()(float score) const {
    return isnan(score) ? 0 : static_cast<Number>(expf((score - peak) * inverse) * kOne);
  }
};

__device__ inline Number WarpTotal(Number v) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(~0U, v, offset);
  return v;
}
__device__ inline Number BlockTotal(Number v, Shared& s) {
  v = WarpTotal(v);
  if (threadIdx.x % kWarp == 0) s.warps[threadIdx.x / kWarp] = v;
  __syncthreads();
  Number total = 0;
  for (const Number part : s.warps) total += part;
  __syncthreads();
  return total;
}
// Every thread gets it. Whoever uses s.warps again waits for all first.
__device__ inline Number BlockMost(Number v, Shared& s) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) v = max(v, __shfl_xor_sync(~0U, v, offset));
  if (threadIdx.x % kWarp == 0) s.warps[threadIdx.x / kWarp] = v;
  __syncthreads();
  for (const Number other : s.warps) v = max(v, other);
  return v;
}
// Of 32 numbers, one a lane: where `target` falls (the last with weight when behind all, -1 when all are 0), and what stands
// before that lane.
__device__ inline int LaneOf(Number mine, Number target, Number& before) {
  Number running = mine;
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const Number other = __shfl_up_sync(~0U, running, offset);
    if (static_cast<int>(threadIdx.x % kWarp) >= offset) running += other;
  }
  const unsigned hit = __ballot_sync(~0U, mine > 0 && running > target);
  const unsigned any = __ballot_sync(~0U, mine > 0);
  const int lane = hit != 0   ? __ffs(static_cast<int>(hit)) - 1
                   : any != 0 ? 31 - __clz(static_cast<int>(any))
                              : -1;
  before = __shfl_sync(~0U, running - mine, lane < 0 ? 0 : lane);
  return lane;
}

// The bin in which the target falls: by the first warp, two levels.
__device__ void Locate(Number target, Shared& s) {
  if (threadIdx.x < kWarp) {
    constexpr int kEach = kBins / kWarp;
    const int lane = static_cast<int>(threadIdx.x);
    Number mine = 0;
    for (int i = 0; i < kEach; ++i) mine += s.bins[lane * kEach + (i + lane) % kEach];
    Number before = 0;
    const int group = max(0, LaneOf(mine, target, before));
    Number found = before;
    int bin = group * kEach;
    Number running = before;
    for (int i = 0; i < kEach; ++i) {
      const Number here = s.bins[group * kEach + i];
      if (here > 0) {
        bin = group * kEach + i;
        found = running;
        if (running + here > target) break;
      }
      running += here;
    }
    if (lane == 0) {
      s.bin = bin;
      s.before = found;
    }
  }
  __syncthreads();
}

// Among `count` orders: the one in whose weight `target` falls, counted from the largest down.
template <class Weight>
__device__ Number Descend(const Number* orders, int count, Number target, const Weight& weight,
                          Shared& s) {
  Number found = 0;  // digits of the complement so far, in place: rising where orders fall
  for (int top = 64; top > 0;) {
    const int bits = min(top, kBits);
    const int low = top - bits;
    for (int b = static_cast<int>(threadIdx.x); b < kBins; b += kThreads) s.bins[b] = 0;
    __syncthreads();
    for (int first = 0; first < count; first += kThreads) {
      const int i = first + static_cast<int>(threadIdx.x);
      const Number order = i < count ? orders[i] : 0;
      const Number key = ~order;
      const bool here = i < count && (top == 64 || (key >> static_cast<unsigned>(top)) ==
                                                       (found >> static_cast<unsigned>(top)));
      const Number w = here ? weight(order) : 0;
      const auto bin = static_cast<int>((key >> static_cast<unsigned>(low)) &
                                        ((Number{1} << static_cast<unsigned>(bits)) - 1));
      // High digits are the same for many: a warp that agrees adds once.
      const unsigned takers = __ballot_sync(~0U, w > 0);
      if (takers == 0) continue;
      const int one = __shfl_sync(~0U, bin, __ffs(static_cast<int>(takers)) - 1);
      if (__all_sync(~0U, w == 0 || bin == one)) {
        const Number together = WarpTotal(w);
        if (threadIdx.x % kWarp == 0) atomicAdd(&s.bins[one], together);
      } else if (w > 0) {
        atomicAdd(&s.bins[bin], w);
      }
    }
    __syncthreads();
    Locate(target, s);
    found |= static_cast<Number>(s.bin) << static_cast<unsigned>(low);
    target -= min(target, s.before);
    top = low;
    __syncthreads();
  }
  return ~found;
}

// The draw over all scores by rising id: each warp has a range of ids.
__device__ int32_t DrawById(const float* scores, int32_t count, const Weigher& weigh,
                            double uniform, Shared& s) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int32_t each = (count + kWarps - 1) / kWarps;
  const int32_t end = min(count, (warp + 1) * each);
  Number sum = 0;
  for (int32_t i = warp * each + lane; i < end; i += kWarp) sum += weigh(scores[i]);
  sum = WarpTotal(sum);
  if (lane == 0) s.warps[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    const Number mine = s.warps[lane];
    Number target = static_cast<Number>(uniform * static_cast<double>(WarpTotal(mine)));
    Number before = 0;
    const int32_t range = max(0, LaneOf(mine, target, before));
    target -= min(target, before);
    int32_t last = 0;
    for (int32_t first = range * each; first < min(count, (range + 1) * each); first += kWarp) {
      const int32_t i = first + lane;
      const Number w = i < min(count, (range + 1) * each) ? weigh(scores[i]) : 0;
      const int hit = LaneOf(w, target, before);
      const Number all = WarpTotal(w);
      if (hit >= 0) last = first + hit;
      if (all > target) break;
      target -= all;
    }
    if (lane == 0) s.listed = last;
  }
  __syncthreads();
  return s.listed;
}

// The largest of `count` logits, by the whole block: NaN counts as -inf. Loads of 16 bytes, several on their way at once: nothing else
// takes time here.
__device__ Number LargestOf(const Rows& logits, int64_t row, int32_t count, Shared& s) {
  float best = -INFINITY;
  int32_t at = min(static_cast<int32_t>(threadIdx.x), count - 1);
  const auto take = [&](int32_t i, float v) {
    if (!(v > best)) return;  // equal ones by the lower id: ids rise
    best = v;
    at = i;
  };
  if (logits.type == Type::kF32 && logits.stride % 4 == 0 &&
      reinterpret_cast<uintptr_t>(logits.data) % 16 == 0) {
    const float* from = static_cast<const float*>(logits.data) + row * logits.stride;
    const auto fours = reinterpret_cast<const float4*>(from);
#pragma unroll 8
    for (int32_t i = static_cast<int32_t>(threadIdx.x); i < count / 4; i += kThreads) {
      const float4 v = fours[i];
      take(4 * i, v.x);
      take(4 * i + 1, v.y);
      take(4 * i + 2, v.z);
      take(4 * i + 3, v.w);
    }
    for (int32_t i = count / 4 * 4; i < count; ++i) take(i, from[i]);
  } else {
    for (int32_t i = static_cast<int32_t>(threadIdx.x); i < count; i += kThreads) {
      take(i, Load(logits, row, i));
    }
  }
  return BlockMost(OrderOf(best, at), s);
}

__global__ void __launch_bounds__(kThreads)
    SampleKernel(Rows logits, const SampleRow* rows, const int32_t* lists, float* scores,
                 Number* orders, int32_t* ids) {
  __shared__ Shared s;
  LetNextStart();
  WaitForPrevious();
  const auto r = static_cast<int64_t>(blockIdx.x);
  const auto thread = static_cast<int32_t>(threadIdx.x);
  const SampleRow options = rows[r];
  const int32_t count =
      options.limit > 0 && options.limit < logits.cols ? options.limit : logits.cols;
  if (!(options.temperature > 0.0F) && options.history_count == 0 && options.banned_count == 0) {
    const Number most = LargestOf(logits, r, count, s);
    if (thread == 0) ids[r] = IdOf(most);
    return;
  }
  float* mine = scores + r * logits.cols;
  for (int32_t i = thread; i < count; i += kThreads) {
    const float v = Load(logits, r, i);
    mine[i] = isnan(v) ? -INFINITY : v;
  }
  __syncthreads();
  for (int32_t i = thread; i < options.history_count; i += kThreads) {
    const int32_t id = lists[options.history + i];
    if (id < 0 || id >= count) continue;
    const float v = Load(logits, r, id);  // the original: a second visit changes nothing
    if (!isnan(v)) mine[id] = v < 0.0F ? v * options.penalty : v / options.penalty;
  }
  __syncthreads();
  for (int32_t i = thread; i < options.banned_count; i += kThreads) {
    const int32_t id = lists[options.banned + i];
    if (id >= 0 && id < count) mine[id] = NAN;
  }
  __syncthreads();

  Number most = 0;
  for (int32_t i = thread; i < count; i += kThreads) most = max(most, OrderOf(mine[i], i));
  s.largest[thread] = most;
  most = BlockMost(most, s);
  __syncthreads();
  const float peak = mine[IdOf(most)];
  const bool greedy = !(options.temperature > 0.0F) || isinf(peak) || isnan(peak);
  const bool by_k = options.top_k > 0 && options.top_k < count;
  const bool by_p = options.top_p < 1.0F;
  if (greedy) {
    if (thread == 0) ids[r] = IdOf(most);
    return;
  }
  const Weigher weigh{peak, 1.0F / options.temperature};
  if (!by_k && !by_p) {
    const int32_t id = DrawById(mine, count, weigh, options.uniform, s);
    if (thread == 0) ids[r] = id;
    return;
  }

  // The few that can matter: at least the k-th largest of the threads' maxima, and no lighter than all the lighter ones
  // together may be.
  Number least = 1;
  const auto one = [](Number) -> Number { return 1; };
  if (by_k && options.top_k <= kThreads) {
    least = Descend(s.largest, kThreads, static_cast<Number>(options.top_k - 1), one, s);
  }
  Number lightest = 0;
  if (!by_k) {
    Number sum = 0;
    for (int32_t i = thread; i < count; i += kThreads) sum += weigh(mine[i]);
    const auto total = static_cast<double>(BlockTotal(sum, s));
    lightest =
        static_cast<Number>(total * (1.0 - fmax(0.0, static_cast<double>(options.top_p))) / count);
  }
  if (thread == 0) s.listed = 0;
  __syncthreads();
  Number* list = orders + r * logits.cols;
  for (int32_t first = 0; first < count; first += kThreads) {
    const int32_t i = first + thread;
    const Number order = i < count ? OrderOf(mine[i], i) : 0;
    const bool take = i < count && !isnan(mine[i]) && order >= least && weigh(mine[i]) >= lightest;
    const unsigned takers = __ballot_sync(~0U, take);
    int at = 0;
    if (thread % kWarp == 0 && takers != 0) at = atomicAdd(&s.listed, __popc(takers));
    at = __shfl_sync(~0U, at, 0) + __popc(takers & ((1U << (thread % kWarp)) - 1));
    if (take) list[at] = order;
  }
  __syncthreads();
  const int listed = s.listed;
  Number floor = 0;
  if (by_k) floor = Descend(list, listed, static_cast<Number>(options.top_k - 1), one, s);
  const auto kept = [&](Number order) { return order >= floor ? weigh(ScoreOf(order)) : 0; };
  const auto total_of = [&](const auto& of) {
    Number sum = 0;
    for (int i = thread; i < listed; i += kThreads) sum += of(list[i]);
    return BlockTotal(sum, s);
  };
  if (by_p) {
    Number total = 0;
    if (by_k) {
      total = total_of(kept);
    } else {
      Number sum = 0;
      for (int32_t i = thread; i < count; i += kThreads) sum += weigh(mine[i]);
      total = BlockTotal(sum, s);
    }
    const double wanted =
        fmax(0.0, static_cast<double>(options.top_p)) * static_cast<double>(total);
    // The first candidate with which the sum reaches `wanted` is the last one kept.
    floor =
        Descend(list, listed, wanted > 1.0 ? static_cast<Number>(ceil(wanted)) - 1 : 0, kept, s);
  }
  const auto target = static_cast<Number>(options.uniform * static_cast<double>(total_of(kept)));
  Number chosen = 0;
  if (by_p) {
    chosen = Descend(list, listed, target, kept, s);
  } else {  // top-k alone draws by rising id, as the host does
    for (int i = thread; i < listed; i += kThreads) list[i] = (list[i] << 32U) | (list[i] >> 32U);
    __syncthreads();
    const auto turned = [&](Number order) { return kept((order << 32U) | (order >> 32U)); };
    chosen = Descend(list, listed, target, turned, s);
    chosen = (chosen << 32U) | (chosen >> 32U);
  }
  if (thread == 0) ids[r] = IdOf(chosen);
}

}  // namespace

cudaError_t LaunchSample(const Rows& logits, const SampleRow* rows, const int32_t* lists,
                         float* scores, uint64_t* orders, int32_t* ids, cudaStream_t stream) {
  if (logits.rows < 1 || logits.cols < 1) return cudaErrorInvalidValue;
  return LaunchDependent(SampleKernel, dim3(static_cast<unsigned>(logits.rows)), dim3(kThreads), 0,
                         stream, logits, rows, lists, scores, reinterpret_cast<Number*>(orders),
                         ids);
}

}  // namespace parley::kernels::cuda
