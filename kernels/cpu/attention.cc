// Attention over pages or over plain rows, in one way: queries in blocks, keys in chunks of 128 that begin at multiples
// of 128. A chunk gives every query a partial result {weighted values, largest score, sum of weights}; partial results
// are merged in the order of the chunks. The chunks of a query depend on its position alone, so its result depends
// neither on the rows beside it nor on whether the chunks went to several cores. Branches of one trunk take their
// turns at a chunk together, so that the pages they share are turned once.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/host.h"

namespace parley::kernels::cpu {
namespace {

constexpr int32_t kChunkKeys = 8 * kPageTokens;
constexpr int32_t kPagedRows = 16;  // rows of a block: a turned page serves so many
constexpr int32_t kDenseRows = 48;
constexpr int64_t kWorthSharingProducts = 1 << 16;

int32_t DivideUp(int32_t a, int32_t b) { return (a + b - 1) / b; }
int32_t RoundUp(int32_t a, int32_t b) { return DivideUp(a, b) * b; }

// Which page, and how many keys of it, stand turned in the places of a chunk.
struct TurnedPages {
  struct Place {
    int32_t page = -1;
    int32_t keys = 0;
    bool operator==(const Place&) const = default;
  };
  std::array<Place, kChunkKeys / kPageTokens> places{};
};
struct Turned {
  TurnedPages keys;
  TurnedPages values;
};

}  // namespace

// Queries of one kv head: `group` heads for each of the block's rows.
struct CpuBackend::Attention {
  const KernelTable& kernels;
  TensorView q;
  TensorView out;
  int32_t head_dim;
  int32_t kv_heads;
  int32_t group;
  int32_t most_rows;  // of a block
  float scale;

  int32_t queries() const { return most_rows * group; }
  int32_t padded_dim() const { return RoundUp(head_dim, kLanes); }
  // One query's partial result: the weighted values, then the largest score and the sum.
  int32_t record() const { return padded_dim() + kLanes; }
  size_t records() const { return static_cast<size_t>(queries()) * static_cast<size_t>(record()); }

  // What one worker needs: queries, scores, keys, values, and two sets of records.
  size_t scratch() const {
    const auto n = static_cast<size_t>(queries());
    const auto dim = static_cast<size_t>(padded_dim());
    return n * dim + n * kChunkKeys + 2 * kChunkKeys * dim + 2 * records();
  }

  void Gather(const AttendFamily& family, int32_t kv_head, float* queries_out) const {
    for (int32_t r = 0; r < family.rows; ++r) {
      const float* heads = q.F32(family.first_row + r) + kv_head * group * head_dim;
      std::memcpy(queries_out + static_cast<ptrdiff_t>(r) * group * head_dim, heads,
                  sizeof(float) * static_cast<size_t>(group * head_dim));
    }
  }

  // fn(block, its first query in the family) for every block that has keys in this chunk
  template <class Fn>
  void ForBlocks(const AttendFamily& family, int32_t chunk, const Fn& fn) const {
    for (const AttendBlock& block : family.blocks) {
      if (chunk * kChunkKeys < block.keys) fn(block, (block.first_row - family.first_row) * group);
    }
  }

  // The partial results of a chunk, in the order of the family's rows.
  template <class Source>
  void Chunk(const Source& source, const AttendFamily& family, int32_t kv_head, int32_t chunk,
             float* work, float* result) const {
    Turned turned;
    ForBlocks(family, chunk, [&](const AttendBlock& block, int32_t query) {
      BlockChunk(source, block, kv_head, chunk, work + static_cast<ptrdiff_t>(query) * head_dim,
                 work, result + static_cast<ptrdiff_t>(query) * record(), turned);
    });
  }

  template <class Source>
  void BlockChunk(const Source& source, const AttendBlock& block, int32_t kv_head, int32_t chunk,
                  const float* queries_in, float* work, float* result, Turned& turned) const {
    const int32_t first = chunk * kChunkKeys;
    const int32_t keys = std::min(kChunkKeys, block.keys - first);
    const int32_t n = block.rows * group;
    float* scores = work + static_cast<ptrdiff_t>(queries()) * padded_dim();
    float* tiles = scores + static_cast<ptrdiff_t>(queries()) * kChunkKeys;
    float* values = tiles + static_cast<ptrdiff_t>(kChunkKeys) * padded_dim();
    source.Keys(block, kv_head, first, keys, tiles, turned.keys);
    DenseProduct p;
    p.x = queries_in;
    p.x_stride = static_cast<ptrdiff_t>(head_dim) * 4;
    p.rows = n;
    p.w = tiles;
    p.tile_stride = static_cast<ptrdiff_t>(head_dim) * kLanes * 4;
    p.tiles = DivideUp(keys, kLanes);
    p.steps = head_dim;
    p.out = scores;
    p.out_stride = kChunkKeys;
    p.out_cols = p.tiles * kLanes;
    kernels.dense_f32(p);
    for (int32_t i = 0; i < n; ++i) {
      float* stat = result + static_cast<ptrdiff_t>(i) * record() + padded_dim();
      float* row = scores + static_cast<ptrdiff_t>(i) * kChunkKeys;
      const int32_t visible = std::min(source.KeysOf(block.first_row + i / group) - first, keys);
      if (visible > 0) {
        kernels.softmax(row, visible, keys, scale, stat, stat + 1);
      } else {
        std::memset(row, 0, sizeof(float) * static_cast<size_t>(keys));
        stat[1] = 0.0F;
      }
    }
    source.Values(block, kv_head, first, keys, values, turned.values);
    p.x = scores;
    p.x_stride = kChunkKeys * 4;
    p.w = values;
    p.step_stride = static_cast<ptrdiff_t>(padded_dim()) * 4;
    p.tile_stride = kLanes * 4;
    p.tiles = padded_dim() / kLanes;
    p.steps = keys;
    p.out = result;
    p.out_stride = record();
    p.out_cols = padded_dim();
    kernels.dense_f32(p);
  }

  // into = both, seen together; a record without keys has sum 0 and changes nothing
  void Merge(const AttendFamily& family, int32_t chunk, const float* more, float* into) const {
    ForBlocks(family, chunk, [&](const AttendBlock& block, int32_t query) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(query) * record();
      MergeBlock(block.rows * group, more + at, into + at);
    });
  }

  void MergeBlock(int32_t n, const float* more, float* into) const {
    for (int32_t i = 0; i < n; ++i, more += record(), into += record()) {
      const float* b = more + padded_dim();
      float* a = into + padded_dim();
      if (b[1] == 0.0F) continue;
      const float largest = std::max(a[0], b[0]);
      const float keep = std::exp((a[0] - largest) * scale);
      const float add = std::exp((b[0] - largest) * scale);
      kernels.blend(into, keep, more, add, head_dim);
      a[0] = largest;
      a[1] = a[1] * keep + b[1] * add;
    }
  }

  void Finish(const AttendFamily& family, int32_t kv_head, float* result) const {
    for (int32_t i = 0; i < family.rows * group; ++i, result += record()) {
      kernels.scale(result, 1.0F / result[padded_dim() + 1], head_dim);
      float* to = out.F32(family.first_row + i / group) + (kv_head * group + i % group) * head_dim;
      std::memcpy(to, result, sizeof(float) * static_cast<size_t>(head_dim));
    }
  }
};

template <class Source>
void CpuBackend::RunAttention(const Attention& a, const Source& source) {
  int32_t most_chunks = 1;
  int64_t products = 0;
  for (const AttendBlock& b : blocks_) {
    most_chunks = std::max(most_chunks, DivideUp(b.keys, kChunkKeys));
    products += int64_t{b.rows} * a.q.cols * b.keys;
  }
  const auto chunks_of = [](const AttendFamily& family) {
    int32_t keys = 0;
    for (const AttendBlock& b : family.blocks) keys = std::max(keys, b.keys);
    return DivideUp(keys, kChunkKeys);
  };
  float* scratch = attend_scratch_.Get(a.scratch() * static_cast<size_t>(pool_.threads()));
  const auto work_of = [&](int worker) {
    return scratch + a.scratch() * static_cast<size_t>(worker);
  };
  const auto heads = static_cast<int32_t>(families_.size()) * a.kv_heads;
  const bool share = products >= kWorthSharingProducts;
  const auto run = [&](int32_t slices, const auto& fn) {
    if (share) return pool_.Run(slices, fn);
    for (int32_t i = 0; i < slices; ++i) fn(i, 0);
  };
  if (heads >= 4 * pool_.threads() || !share) {  // heads enough for everyone: chunks in turn
    run(heads, [&](int32_t slice, int worker) {
      const AttendFamily& family = families_[static_cast<size_t>(slice / a.kv_heads)];
      const int32_t kv_head = slice % a.kv_heads;
      float* work = work_of(worker);
      float* result = work + a.scratch() - 2 * a.records();
      float* more = result + a.records();
      a.Gather(family, kv_head, work);
      a.Chunk(source, family, kv_head, 0, work, result);
      for (int32_t chunk = 1; chunk < chunks_of(family); ++chunk) {
        a.Chunk(source, family, kv_head, chunk, work, more);
        a.Merge(family, chunk, more, result);
      }
      a.Finish(family, kv_head, result);
    });
    return;
  }
  float* partial = attend_partial_.Get(a.records() * static_cast<size_t>(heads) *
                                       static_cast<size_t>(most_chunks));
  const auto record_of = [&](int32_t head, int32_t chunk) {
    return partial + a.records() * static_cast<size_t>(head * most_chunks + chunk);
  };
  run(heads * most_chunks, [&](int32_t slice, int worker) {
    const int32_t head = slice / most_chunks;
    const int32_t chunk = slice % most_chunks;
    const AttendFamily& family = families_[static_cast<size_t>(head / a.kv_heads)];
    if (chunk >= chunks_of(family)) return;
    float* work = work_of(worker);
    a.Gather(family, head % a.kv_heads, work);
    a.Chunk(source, family, head % a.kv_heads, chunk, work, record_of(head, chunk));
  });
  for (int32_t head = 0; head < heads; ++head) {
    const AttendFamily& family = families_[static_cast<size_t>(head / a.kv_heads)];
    for (int32_t chunk = 1; chunk < chunks_of(family); ++chunk) {
      a.Merge(family, chunk, record_of(head, chunk), record_of(head, 0));
    }
    a.Finish(family, head % a.kv_heads, record_of(head, 0));
  }
}

namespace {

struct PagedKeys {
  const KernelTable& kernels;
  const StepBatch& batch;
  int32_t layer;

  int32_t KeysOf(int32_t row) const { return batch.position[row] + 1; }

  // fn(page, offset of its first key in the chunk, keys of it) for pages that do not stand there already
  template <class Block, class Fn>
  void ForPages(const Block& block, int32_t first, int32_t keys, TurnedPages& turned,
                const Fn& fn) const {
    for (int32_t at = 0; at < keys; at += kPageTokens) {
      const TurnedPages::Place wanted{.page = host::PageOf(batch, block.seq, first + at),
                                      .keys = std::min(kPageTokens, keys - at)};
      TurnedPages::Place& there = turned.places[static_cast<size_t>(at / kPageTokens)];
      if (there == wanted) continue;
      there = wanted;
      fn(wanted.page, at, wanted.keys);
    }
  }
  template <class Block>
  void Keys(const Block& block, int32_t head, int32_t first, int32_t keys, float* tiles,
            TurnedPages& turned) const {
    const KvGeometry& g = batch.pool->geometry;
    ForPages(block, first, keys, turned, [&](int32_t page, int32_t at, int32_t n) {
      kernels.key_tiles(host::PageHead(*batch.pool, page, layer, host::KvPart::kKey, head), g.dtype,
                        g.head_dim, n, g.head_dim, tiles + static_cast<ptrdiff_t>(at) * g.head_dim);
    });
  }
  template <class Block>
  void Values(const Block& block, int32_t head, int32_t first, int32_t keys, float* rows,
              TurnedPages& turned) const {
    const KvGeometry& g = batch.pool->geometry;
    const int32_t padded = RoundUp(g.head_dim, kLanes);
    ForPages(block, first, keys, turned, [&](int32_t page, int32_t at, int32_t n) {
      kernels.value_rows(host::PageHead(*batch.pool, page, layer, host::KvPart::kValue, head),
                         g.dtype, g.head_dim, n, g.head_dim, padded,
                         rows + static_cast<ptrdiff_t>(at) * padded);
    });
  }
};

struct DenseKeys {
  const KernelTable& kernels;
  const TensorView& k;
  const TensorView& v;
  int32_t head_dim;
  int32_t q_rows;  // when causal: its last row sees every key; -1 when every row does

  int32_t KeysOf(int32_t row) const { return q_rows < 0 ? k.rows : row + 1 + k.rows - q_rows; }
  template <class Block>
  void Keys(const Block&, int32_t head, int32_t first, int32_t keys, float* tiles,
            TurnedPages&) const {
    kernels.key_tiles(k.F32(first) + head * head_dim, DType::kF32, k.stride, keys, head_dim, tiles);
  }
  template <class Block>
  void Values(const Block&, int32_t head, int32_t first, int32_t keys, float* rows,
              TurnedPages&) const {
    kernels.value_rows(v.F32(first) + head * head_dim, DType::kF32, v.stride, keys, head_dim,
                       RoundUp(head_dim, kLanes), rows);
  }
};

}  // namespace

// No larger than leaves every core a family and head of its own.
void CpuBackend::JoinFamilies(const StepBatch& batch, int32_t kv_heads) {
  const size_t most_blocks = std::max<size_t>(
      1, blocks_.size() * static_cast<size_t>(kv_heads) / static_cast<size_t>(pool_.threads()));
  families_.clear();
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const AttendBlock& block = blocks_[i];
    const int32_t page = host::PageOf(batch, block.seq, 0);
    AttendFamily* last = families_.empty() ? nullptr : &families_.back();
    if (last != nullptr && last->blocks.size() < most_blocks &&
        last->rows + block.rows <= kPagedRows &&
        host::PageOf(batch, last->blocks.front().seq, 0) == page) {
      last->blocks = {last->blocks.data(), last->blocks.size() + 1};
      last->rows += block.rows;
    } else {
      families_.push_back(
          {.blocks = {&block, 1}, .first_row = block.first_row, .rows = block.rows});
    }
  }
}

void CpuBackend::Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
                        const TensorView& out) {
  host::CheckBatch(q, batch, layer);
  const KvGeometry& g = batch.pool->geometry;
  host::CheckShape(out, q.rows, q.cols, "Attend: out is shaped as q");
  const int32_t heads = q.cols / g.head_dim;
  PARLEY_CHECK(heads % g.kv_heads == 0 && heads * g.head_dim == q.cols, "Attend: whole heads");
  blocks_.clear();
  for (int32_t r = 0; r < batch.rows;) {
    AttendBlock block{.first_row = r, .rows = 0, .seq = batch.row_seq[r], .keys = 0};
    for (; r < batch.rows && batch.row_seq[r] == block.seq && block.rows < kPagedRows; ++r) {
      ++block.rows;
      block.keys = std::max(block.keys, batch.position[r] + 1);
    }
    blocks_.push_back(block);
  }
  JoinFamilies(batch, g.kv_heads);
  int32_t most_rows = 0;
  for (const AttendFamily& family : families_) most_rows = std::max(most_rows, family.rows);
  const Attention attention{.kernels = kernels_,
                            .q = q,
                            .out = out,
                            .head_dim = g.head_dim,
                            .kv_heads = g.kv_heads,
                            .group = heads / g.kv_heads,
                            .most_rows = most_rows,
                            .scale = 1.0F / std::sqrt(static_cast<float>(g.head_dim))};
  RunAttention(attention, PagedKeys{.kernels = kernels_, .batch = batch, .layer = layer});
}

void CpuBackend::AttendDense(const TensorView& q, const TensorView& k, const TensorView& v,
                             int32_t head_dim, bool causal, const TensorView& out) {
  host::CheckDense(q, k, v, head_dim, causal, out);
  const DenseKeys source{
      .kernels = kernels_, .k = k, .v = v, .head_dim = head_dim, .q_rows = causal ? q.rows : -1};
  blocks_.clear();
  for (int32_t r = 0; r < q.rows; r += kDenseRows) {
    const int32_t rows = std::min(kDenseRows, q.rows - r);
    blocks_.push_back(
        {.first_row = r, .rows = rows, .seq = 0, .keys = source.KeysOf(r + rows - 1)});
  }
  families_.clear();
  for (const AttendBlock& block : blocks_) {
    families_.push_back({.blocks = {&block, 1}, .first_row = block.first_row, .rows = block.rows});
  }
  const Attention attention{.kernels = kernels_,
                            .q = q,
                            .out = out,
                            .head_dim = head_dim,
                            .kv_heads = q.cols / head_dim,
                            .group = 1,
                            .most_rows = std::min(kDenseRows, q.rows),
                            .scale = 1.0F / std::sqrt(static_cast<float>(head_dim))};
  RunAttention(attention, source);
}

}  // namespace parley::kernels::cpu
