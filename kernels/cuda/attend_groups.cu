// Attention of groups of rows that see all keys of their group, heads of 64: the audio encoders. A block takes 128 rows of a
// group with one head, a warp 32 of them, so that every key it reads from shared memory serves two products. Keys and values
// arrive in stages of 64 by asynchronous copies, two stages ahead; the softmax is corrected once a stage.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/attend_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kDim = 64;
constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kWarp;
constexpr int kTiles = 2;  // of 16 rows a warp
constexpr int kBlockRows = kWarps * kTiles * 16;
constexpr int kKeys = 64;  // of a stage
constexpr int kSixteens = kKeys / 16;
constexpr int kStages = 3;
constexpr int kPieces = kDim / 8;                 // of 16 bytes, of a key
constexpr int kPartBytes = kKeys * kPieces * 16;  // keys or values of a stage
constexpr int kStageBytes = 2 * kPartBytes;

__device__ inline float PowerOf2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__host__ __device__ inline int BlocksOf(int rows) { return (rows + kBlockRows - 1) / kBlockRows; }

// Rows g and g + 8 of a tile of 16.
struct Tile {
  QueryRows<kDim> query;
  float out[8][4];  // dimensions 16 t + j and 16 t + 8 + j of row g, then of row g + 8
  float most[2];
  float weight[2];  // of this lane's keys only
};

// The stage's scores become weights; what was summed before is brought to the new largest score.
__device__ inline void Weigh(Tile& tile, float (&scores)[kSixteens][2][4]) {
  const float scale = kLog2E * rsqrtf(static_cast<float>(kDim));
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float most = -INFINITY;
#pragma unroll
    for (int b = 0; b < kSixteens; ++b) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        most = fmaxf(most, fmaxf(scores[b][half][2 * r], scores[b][half][2 * r + 1]));
      }
    }
    most = fmaxf(most, __shfl_xor_sync(~0U, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0U, most, 2));
    most = fmaxf(tile.most[r], most * scale);  // finite: every stage has a key
    const float shrink = PowerOf2(tile.most[r] - most);
    tile.most[r] = most;
    float weight = tile.weight[r] * shrink;
#pragma unroll
    for (int b = 0; b < kSixteens; ++b) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i) {
          const float p = PowerOf2(fmaf(scores[b][half][i], scale, -most));
          scores[b][half][i] = p;
          weight += p;
        }
      }
    }
    tile.weight[r] = weight;
#pragma unroll
    for (auto& product : tile.out) {
      product[2 * r] *= shrink;
      product[2 * r + 1] *= shrink;
    }
  }
}

__global__ void __launch_bounds__(kThreads, 2)
    AttendGroupsKernel(Rows q, Rows k, Rows v, const __grid_constant__ Groups groups, Rows out) {
  extern __shared__ __align__(128) uint8_t shared[];
  LetNextStart();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int g = lane / 4;
  const int t = lane % 4;
  int block = static_cast<int>(blockIdx.x);
  int at = 0;
  while (block >= BlocksOf(groups.group[at].rows)) block -= BlocksOf(groups.group[at++].rows);
  const Group group = groups.group[at];
  const int head = static_cast<int>(blockIdx.y) * kDim;
  const int first = group.first_row + block * kBlockRows + warp * kTiles * 16;
  const int end = group.first_row + group.rows;
  const bool idle = first >= end;
  const uint32_t base = SharedAddress(shared);
  const int stages = (group.keys + kKeys - 1) / kKeys;
  WaitForPrevious();

  // A thread copies one piece of every kStep-th key; with steps of eight it is swapped to the same place.
  constexpr int kStep = kThreads / kPieces;
  static_assert(kStep % 8 == 0 && kKeys % kStep == 0);
  const int my_key = static_cast<int>(threadIdx.x) / kPieces;
  const int my_piece = static_cast<int>(threadIdx.x) % kPieces;
  const auto pointer = [&](const Rows& from) {
    return static_cast<const __nv_bfloat16*>(from.data) + (group.first_key + my_key) * from.stride +
           head + my_piece * 8;
  };
  const __nv_bfloat16* const my_k = pointer(k);
  const __nv_bfloat16* const my_v = pointer(v);
  const uint32_t my_place =
      base + static_cast<uint32_t>((my_key * kPieces + Swapped(my_key, my_piece)) * 16);
  const auto copy_stage = [&](int stage) {
    if (stage < stages) {
      const uint32_t to = my_place + static_cast<uint32_t>(stage % kStages * kStageBytes);
#pragma unroll
      for (int i = 0; i < kKeys / kStep; ++i) {
        const int key = stage * kKeys + i * kStep;
        const bool inside = my_key + key < group.keys;  // zeros behind them: 0 times NaN is NaN
        const int64_t there = inside ? key : -my_key;
        CopyAsync16(to + i * kStep * kPieces * 16, my_k + there * k.stride, inside);
        CopyAsync16(to + i * kStep * kPieces * 16 + kPartBytes, my_v + there * v.stride, inside);
      }
    }
    CommitCopies();  // an empty one keeps the count
  };
  copy_stage(0);
  copy_stage(1);

  Tile tile[kTiles];
#pragma unroll
  for (int m = 0; m < kTiles; ++m) {
    const auto piece = [&](int row, int j) {
      const int64_t there = min(first + 16 * m + row, end - 1);
      return *reinterpret_cast<const uint4*>(static_cast<const __nv_bfloat16*>(q.data) +
                                             there * q.stride + head + 32 * j + 8 * t);
    };
#pragma unroll
    for (int j = 0; j < kDim / 32; ++j) {
      tile[m].query.low[j] = piece(g, j);
      tile[m].query.high[j] = piece(g + 8, j);
    }
#pragma unroll
    for (auto& product : tile[m].out) {
#pragma unroll
      for (float& value : product) value = 0.0F;
    }
    tile[m].most[0] = tile[m].most[1] = -INFINITY;
    tile[m].weight[0] = tile[m].weight[1] = 0.0F;
  }

  // Keys 8 i + g are at pieces 4 j + t, values 8 i + 2 t and the one behind it at piece g.
  const int key_at[2] = {(g * kPieces + Swapped(g, t)) * 16,
                         (g * kPieces + Swapped(g, 4 + t)) * 16};
  const int value_at[2] = {kPartBytes + (2 * t * kPieces + Swapped(2 * t, g)) * 16,
                           kPartBytes + ((2 * t + 1) * kPieces + Swapped(2 * t + 1, g)) * 16};
  for (int stage = 0; stage < stages; ++stage) {
    WaitCopies<1>();
    __syncthreads();  // everybody's copies are there, and nobody reads the stage before any more
    copy_stage(stage + 2);
    if (idle) continue;
    const uint8_t* here = shared + stage % kStages * kStageBytes;
    float scores[kTiles][kSixteens][2][4];
#pragma unroll
    for (int b = 0; b < kSixteens; ++b) {
      Keys16<kDim> sixteen;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int j = 0; j < kDim / 32; ++j) {
          sixteen.piece[half][j] = *reinterpret_cast<const uint4*>(
              here + (16 * b + 8 * half) * kPieces * 16 + key_at[j]);
        }
      }
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
        Scores<kDim, true>(tile[m].query, sixteen, scores[m][b]);
      }
    }
    if (stage * kKeys + kKeys > group.keys) {
#pragma unroll
      for (int b = 0; b < kSixteens; ++b) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            if (stage * kKeys + 16 * b + 8 * half + 2 * t + (i & 1) < group.keys) continue;
#pragma unroll
            for (int m = 0; m < kTiles; ++m) scores[m][b][half][i] = -INFINITY;
          }
        }
      }
    }
#pragma unroll
    for (int m = 0; m < kTiles; ++m) Weigh(tile[m], scores[m]);
#pragma unroll
    for (int b = 0; b < kSixteens; ++b) {
      uint4 row[4];  // values of keys 2 t, 2 t + 1, 2 t + 8, 2 t + 9
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        row[i] = *reinterpret_cast<const uint4*>(here + (16 * b + 8 * (i / 2)) * kPieces * 16 +
                                                 value_at[i & 1]);
      }
      uint32_t a[kTiles][4];
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
        const auto& p = scores[m][b];
        a[m][0] = PackBf16(p[0][0], p[0][1]);
        a[m][1] = PackBf16(p[0][2], p[0][3]);
        a[m][2] = PackBf16(p[1][0], p[1][1]);
        a[m][3] = PackBf16(p[1][2], p[1][3]);
      }
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const auto word = [&](int i) { return Word(row[i], j / 2); };
        const uint32_t pick = j % 2 == 0 ? 0x5410 : 0x7632;
        const uint32_t b0 = __byte_perm(word(0), word(1), pick);
        const uint32_t b1 = __byte_perm(word(2), word(3), pick);
#pragma unroll
        for (int m = 0; m < kTiles; ++m) {
          Mma(tile[m].out[j], a[m][0], a[m][1], a[m][2], a[m][3], b0, b1);
        }
      }
    }
  }

#pragma unroll
  for (int m = 0; m < kTiles; ++m) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float weight = tile[m].weight[r];
      weight += __shfl_xor_sync(~0U, weight, 1);
      weight += __shfl_xor_sync(~0U, weight, 2);
      const int row = first + 16 * m + 8 * r + g;
      if (row >= end) continue;
      const float scale = 1.0F / weight;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const auto value = [&](int j) { return tile[m].out[j][2 * r + i] * scale; };
        const int column = head + 16 * t + 8 * i;
        Store4(out, row, column, {value(0), value(1), value(2), value(3)});
        Store4(out, row, column + 4, {value(4), value(5), value(6), value(7)});
      }
    }
  }
}

bool Aligned(const Rows& x) {
  return x.type == Type::kBf16 && x.stride % 8 == 0 &&
         reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
}

}  // namespace

bool AttendGroupsCan(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                     const Rows& out) {
  return head_dim == kDim && q.cols % kDim == 0 && Aligned(q) && Aligned(k) && Aligned(v) &&
         InFours(out);
}

cudaError_t LaunchAttendGroups(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                               const Groups& groups, const Rows& out, cudaStream_t stream) {
  if (!AttendGroupsCan(q, k, v, head_dim, out) || !SameShape(q, out) || !SameShape(k, v) ||
      q.cols != k.cols || groups.count < 1 || groups.count > kMostGroups) {
    return cudaErrorInvalidValue;
  }
  int blocks = 0;
  for (int i = 0; i < groups.count; ++i) {
    const Group& group = groups.group[i];
    if (group.rows < 1 || group.keys < 1 || group.first_row + group.rows > q.rows ||
        group.first_key + group.keys > k.rows) {
      return cudaErrorInvalidValue;
    }
    blocks += BlocksOf(group.rows);
  }
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(q.cols / kDim));
  return LaunchDependent(AttendGroupsKernel, grid, dim3(kThreads), kStages * kStageBytes, stream, q,
                         k, v, groups, out);
}

}  // namespace parley::kernels::cuda
