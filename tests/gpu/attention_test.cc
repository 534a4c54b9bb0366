// The paged cache and attention on the GPU against the reference: shuffled and shared pages, lengths around a page, single
// rows, tiles and both in one step; forks and rollbacks; any cutting into steps.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "gpu/gpu_bed.h"

namespace parley::kernels {
namespace {

using testing::Close;
using testing::Noise;

struct Geometry {
  int32_t heads, kv_heads, head_dim;
  DType cache = DType::kBf16;
};
constexpr Geometry kR1{10, 2, 128};    // groups of five
constexpr Geometry kMini{14, 2, 128};  // of seven
constexpr Geometry kLlama{9, 3, 64};
constexpr Geometry kOdd{6, 1, 20};
constexpr Geometry kWide{18, 2, 64};  // nine: beyond the fast kernels
constexpr Geometry kExact{4, 2, 64, DType::kF32};

struct Row {
  int32_t seq, position;
};

// One backend's cache and the rows that were appended to it: contents depend on (salt, position) only, so that any way of
// cutting into steps means the same.
class Talk {
 public:
  Talk(Side& side, const Geometry& g, std::vector<std::vector<int32_t>> pages, int32_t total)
      : side_(side), g_(g), pages_(std::move(pages)) {
    auto made = side.be->AllocateKv(
        {.layers = 3, .kv_heads = g.kv_heads, .head_dim = g.head_dim, .dtype = g.cache}, total);
    EXPECT_TRUE(made.has_value());
    pool_ = *made;
  }
  std::vector<std::vector<int32_t>>& pages() { return pages_; }
  const KvPool& pool() const { return pool_; }

  std::vector<float> Step(const std::vector<Row>& rows, uint64_t salt = 0) {
    size_t width = 1;
    for (const auto& p : pages_) width = std::max(width, p.size());
    std::vector<int32_t> table;
    for (const auto& p : pages_) {
      table.insert(table.end(), p.begin(), p.end());
      table.resize((table.size() + width - 1) / width * width, 0);
    }
    std::vector<int32_t> position;
    std::vector<int32_t> seq;
    std::vector<float> values;
    const int32_t cols = (g_.heads + 2 * g_.kv_heads) * g_.head_dim;
    for (const Row& r : rows) {
      position.push_back(r.position);
      seq.push_back(r.seq);
      const auto v = Bf16Values(static_cast<size_t>(cols),
                                salt + static_cast<uint64_t>(r.position) * 7 + 1, 2.0F);
      values.insert(values.end(), v.begin(), v.end());
    }
    const auto count = static_cast<int32_t>(rows.size());
    const StepBatch batch{.pool = &pool_,
                          .rows = count,
                          .position = position.data(),
                          .row_seq = seq.data(),
                          .seqs = static_cast<int32_t>(pages_.size()),
                          .page_table = table.data(),
                          .max_pages = static_cast<int32_t>(width)};
    const DType type = side_.be->activation_type();
    const TensorView qkv = side_.Make(count, cols, values, 0, type);
    const TensorView out = side_.Make(count, g_.heads * g_.head_dim, {}, 0, type);
    side_.be->RopeAttend(qkv, {.theta = 1e6F, .head_dim = g_.head_dim}, batch, 1, out);
    return side_.Values(out);
  }

 private:
  Side& side_;
  Geometry g_;
  std::vector<std::vector<int32_t>> pages_;
  KvPool pool_;
};

std::vector<Row> RowsOf(int32_t seq, int32_t begin, int32_t end) {
  std::vector<Row> rows;
  for (int32_t p = begin; p < end; ++p) rows.push_back({seq, p});
  return rows;
}
std::vector<Row> operator+(std::vector<Row> a, const std::vector<Row>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Keys, values, queries and weights are bf16 on the way; scores are sums of head_dim products of magnitude up to four,
// each operand off by half a bf16 step, over sqrt(head_dim); a weight is off relatively by as much as its score absolutely.
// Random operands make these errors independent: the bound takes four standard deviations of their sum.
std::vector<double> Within(size_t n, const Geometry& g) {
  const double score = 4.0 * 0.3 * testing::kEpsBf16 * 2.0;
  const double cache = g.cache == DType::kF32 ? 0.5 : 1.0;
  return std::vector<double>(n, cache * (2.0 * score + 3.0 * testing::kEpsBf16));
}

class GpuAttention : public Gpu {
 protected:
  void Same(const std::vector<float>& gpu, const std::vector<float>& ref, const Geometry& g) {
    EXPECT_TRUE(Close(gpu, ref, Within(ref.size(), g)));
  }
};

std::vector<int32_t> Shuffled(int32_t first, int32_t count, uint64_t seed) {
  std::vector<int32_t> pages(static_cast<size_t>(count));
  std::iota(pages.begin(), pages.end(), first);
  Noise noise(seed);
  for (size_t i = pages.size(); i > 1; --i)
    std::swap(pages[i - 1], pages[noise.Below(static_cast<uint32_t>(i))]);
  return pages;
}

TEST_F(GpuAttention, LengthsAroundAPageInOneStepAndRowByRow) {
  for (const Geometry& g : {kR1, kMini, kLlama, kOdd, kWide, kExact}) {
    for (const int32_t length : {1, 2, 15, 16, 17, 33, 150}) {
      SCOPED_TRACE(::testing::Message()
                   << g.heads << " heads of " << g.head_dim << ", " << length << " long");
      Talk ref(ref_, g, {Shuffled(0, 10, 3)}, 10);
      Talk gpu(gpu_, g, {Shuffled(0, 10, 3)}, 10);
      Same(gpu.Step(RowsOf(0, 0, length)), ref.Step(RowsOf(0, 0, length)), g);
      Same(gpu.Step(RowsOf(0, length, length + 1)), ref.Step(RowsOf(0, length, length + 1)), g);
      Same(gpu.Step(RowsOf(0, length + 1, length + 4)), ref.Step(RowsOf(0, length + 1, length + 4)),
           g);
    }
  }
}

TEST_F(GpuAttention, LongSequencesAreSplitOverBlocks) {
  for (const Geometry& g : {kR1, kMini, kLlama}) {
    constexpr int32_t kLength = 529;
    Talk ref(ref_, g, {Shuffled(0, 34, 5)}, 34);
    Talk gpu(gpu_, g, {Shuffled(0, 34, 5)}, 34);
    for (int32_t at = 0; at < kLength; at += 256) {
      const auto rows = RowsOf(0, at, std::min(kLength, at + 256));
      Same(gpu.Step(rows), ref.Step(rows), g);
    }
    for (int i = 0; i < 2; ++i) {  // twice: the counters were left at zero
      const auto row = RowsOf(0, kLength, kLength + 1);
      Same(gpu.Step(row), ref.Step(row), g);
    }
  }
}

// Then a row's keys are not all there before its kernel begins.
TEST_F(GpuAttention, RowsOfOneSequenceThatStandApartInAStep) {
  for (const Geometry& g : {kR1, kLlama}) {
    Talk ref(ref_, g, {Shuffled(0, 4, 5), Shuffled(4, 4, 6)}, 8);
    Talk gpu(gpu_, g, {Shuffled(0, 4, 5), Shuffled(4, 4, 6)}, 8);
    const std::vector<Row> before = RowsOf(0, 0, 20) + RowsOf(1, 0, 33);
    Same(gpu.Step(before), ref.Step(before), g);
    const std::vector<Row> apart = {{0, 20}, {1, 33}, {0, 21}};
    Same(gpu.Step(apart), ref.Step(apart), g);
    const std::vector<Row> after = {{0, 22}, {1, 34}};
    Same(gpu.Step(after), ref.Step(after), g);
  }
}

TEST_F(GpuAttention, SinglesAndTilesOfManySequencesInOneStep) {
  for (const Geometry& g : {kR1, kLlama, kWide}) {
    const std::vector<std::vector<int32_t>> pages = {Shuffled(0, 8, 1), Shuffled(8, 8, 2),
                                                     Shuffled(16, 8, 3), Shuffled(24, 8, 4)};
    Talk ref(ref_, g, pages, 32);
    Talk gpu(gpu_, g, pages, 32);
    const auto fill = RowsOf(0, 0, 90) + RowsOf(1, 0, 31) + RowsOf(2, 0, 5);
    Same(gpu.Step(fill), ref.Step(fill), g);
    const auto mixed = RowsOf(0, 90, 91) + RowsOf(3, 0, 60) + RowsOf(1, 31, 32) + RowsOf(2, 5, 40);
    Same(gpu.Step(mixed), ref.Step(mixed), g);
    const auto singles =
        RowsOf(0, 91, 92) + RowsOf(1, 32, 33) + RowsOf(2, 40, 41) + RowsOf(3, 60, 61);
    Same(gpu.Step(singles), ref.Step(singles), g);
  }
}

// What a warpgroup takes at once is 64 pairs of a token and a query head, a block 128, against 128 keys at a time: one less, as many
// and one more, with one to eight query heads a key head, on nothing and on a context.
TEST_F(GpuAttention, RowsAroundATileAndABlockOfKeys) {
  for (const int32_t head_dim : {64, 128}) {
    for (int32_t group = 1; group <= 8; ++group) {
      SCOPED_TRACE(::testing::Message() << group << " of " << head_dim);
      const Geometry g{2 * group, 2, head_dim};
      Talk ref(ref_, g, {Shuffled(0, 25, 7)}, 25);
      Talk gpu(gpu_, g, {Shuffled(0, 25, 7)}, 25);
      int32_t at = 0;
      for (const int32_t rows : {63, 1, 2, 65, 128, 129}) {
        Same(gpu.Step(RowsOf(0, at, at + rows)), ref.Step(RowsOf(0, at, at + rows)), g);
        at += rows;
      }
    }
  }
}

// More tiles than multiprocessors: a block takes several, of sequences of different lengths.
TEST_F(GpuAttention, ManyTilesOfSequencesOfDifferentLengths) {
  for (const Geometry& g : {Geometry{100, 20, 64}, Geometry{60, 20, 128}}) {
    const std::vector<std::vector<int32_t>> pages = {Shuffled(0, 16, 1), Shuffled(16, 16, 2),
                                                     Shuffled(32, 16, 3), Shuffled(48, 16, 4)};
    Talk ref(ref_, g, pages, 64);
    Talk gpu(gpu_, g, pages, 64);
    const auto fill = RowsOf(0, 0, 40) + RowsOf(1, 0, 131);
    Same(gpu.Step(fill), ref.Step(fill), g);
    const auto mixed =
        RowsOf(0, 40, 240) + RowsOf(2, 0, 77) + RowsOf(1, 131, 132) + RowsOf(3, 0, 129);
    Same(gpu.Step(mixed), ref.Step(mixed), g);
  }
}

// Steps of so many rows are cut into larger tiles.
TEST_F(GpuAttention, AStepOfManyRows) {
  for (const Geometry& g : {Geometry{3, 1, 64}, Geometry{5, 1, 128}}) {
    constexpr int32_t kRows = 1540;
    Talk ref(ref_, g, {Shuffled(0, 98, 11)}, 98);
    Talk gpu(gpu_, g, {Shuffled(0, 98, 11)}, 98);
    Same(gpu.Step(RowsOf(0, 0, kRows)), ref.Step(RowsOf(0, 0, kRows)), g);
    Same(gpu.Step(RowsOf(0, kRows, kRows + 20)), ref.Step(RowsOf(0, kRows, kRows + 20)), g);
  }
}

TEST_F(GpuAttention, ForkAndRollbackEqualAFreshPrefill) {
  const Geometry g = kR1;
  // A trunk of 40 positions; a branch shares its first two pages and copies the third, then both go on differently.
  Talk gpu(gpu_, g, {{0, 1, 2, 3}, {0, 1, 5, 6}}, 8);
  gpu.Step(RowsOf(0, 0, 40));
  gpu_.be->CopyPage(gpu.pool(), 2, 5);
  gpu.Step(RowsOf(0, 40, 50), 1000);
  const auto branch = gpu.Step(RowsOf(1, 40, 50), 2000);
  Talk ref(ref_, g, {{0, 1, 2, 3}}, 4);
  ref.Step(RowsOf(0, 0, 40));
  Same(branch, ref.Step(RowsOf(0, 40, 50), 2000), g);
  // Rollback: positions from 35 are written again; what stood behind them is not seen.
  const auto again = gpu.Step(RowsOf(0, 35, 44), 3000);
  Talk fresh(gpu_, g, {{0, 1, 2}}, 3);
  fresh.Step(RowsOf(0, 0, 35));
  Same(again, fresh.Step(RowsOf(0, 35, 44), 3000), g);
}

TEST_F(GpuAttention, SlotsBehindTheLastPositionMayHoldNan) {
  constexpr int32_t kPages = 18;
  for (const Geometry& g : {kR1, kLlama}) {
    Talk gpu(gpu_, g, {Shuffled(0, kPages, 9)}, kPages);
    const int32_t cols = 3 * 2 * g.kv_heads * kPageTokens * g.head_dim;
    const TensorView all{.data = gpu.pool().memory.get(),
                         .dtype = DType::kBf16,
                         .rows = kPages,
                         .cols = cols,
                         .stride = cols};
    gpu_.be->Upload(std::vector<float>(static_cast<size_t>(kPages * cols), NAN), all);
    Talk ref(ref_, g, {Shuffled(0, kPages, 9)}, kPages);
    for (const auto& rows : {RowsOf(0, 0, 5), RowsOf(0, 5, 6), RowsOf(0, 6, 20), RowsOf(0, 20, 127),
                             RowsOf(0, 127, 131), RowsOf(0, 131, 273)}) {
      Same(gpu.Step(rows), ref.Step(rows), g);
    }
  }
}

}  // namespace
}  // namespace parley::kernels
