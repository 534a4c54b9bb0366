// Attention of the fast backend against the reference: lengths around a page, shuffled and shared pages, several
// sequences in a step; and bit-equal to itself however the rows are cut into steps.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "parity/two_backends.h"

namespace parley::kernels {
namespace {

using testing::Close;
using testing::DotTolerance;
using testing::Identical;
using testing::Noise;

constexpr std::array kLengths = {1, 15, 16, 17, 333};

struct Geometry {
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim;
};
constexpr std::array kGeometries = {Geometry{9, 3, 64}, Geometry{4, 4, 16}, Geometry{6, 1, 20}};

// Weights of a softmax add up to one, values are at most 1: scores are off by a dot of head_dim products of at most
// one times one, and a weight moves by as much, relatively.
double Tolerance(int32_t head_dim, int32_t keys) {
  return DotTolerance(2.0 * head_dim, head_dim) + DotTolerance(2.0, keys);
}

// Sequences on one pool, with tables into shuffled pages.
struct Paged {
  Paged(Host& h, const Geometry& g, DType type, const std::vector<std::vector<int32_t>>& tables,
        int32_t pages)
      : host(h), geometry(g) {
    auto made = h.be->AllocateKv(
        {.layers = 2, .kv_heads = g.kv_heads, .head_dim = g.head_dim, .dtype = type}, pages);
    EXPECT_TRUE(made.has_value());
    pool = *made;
    for (const auto& t : tables) max_pages = std::max(max_pages, static_cast<int32_t>(t.size()));
    for (const auto& t : tables) {
      table.insert(table.end(), t.begin(), t.end());
      table.resize((table.size() + static_cast<size_t>(max_pages) - 1) /
                       static_cast<size_t>(max_pages) * static_cast<size_t>(max_pages),
                   -1);
    }
    seqs = static_cast<int32_t>(tables.size());
  }

  // One step: row i is position[i] of seq[i]; q, k and v of a row come from its (sequence, position), so that any way of
  // cutting into steps means the same.
  std::vector<float> Step(const std::vector<int32_t>& seq, const std::vector<int32_t>& position,
                          bool append = true) {
    const auto rows = static_cast<int32_t>(seq.size());
    const StepBatch batch{.pool = &pool,
                          .rows = rows,
                          .position = position.data(),
                          .row_seq = seq.data(),
                          .seqs = seqs,
                          .page_table = table.data(),
                          .max_pages = max_pages};
    const auto values = [&](int32_t heads, uint64_t salt) {
      std::vector<float> all;
      for (size_t r = 0; r < seq.size(); ++r) {
        Noise noise(salt + static_cast<uint64_t>(seq[r]) * 100000 +
                    static_cast<uint64_t>(position[r]));
        const std::vector<float> row = noise.Values(static_cast<size_t>(heads * geometry.head_dim));
        all.insert(all.end(), row.begin(), row.end());
      }
      return host.Make(rows, heads * geometry.head_dim, all, 6);
    };
    if (append)
      host.be->AppendKv(values(geometry.kv_heads, 7000000), values(geometry.kv_heads, 9000000),
                        batch, 1);
    const TensorView out = host.Make(rows, geometry.heads * geometry.head_dim, {}, 4);
    host.be->Attend(values(geometry.heads, 5000000), batch, 1, out);
    return host.Values(out);
  }

  Host& host;
  Geometry geometry;
  KvPool pool;
  std::vector<int32_t> table;
  int32_t max_pages = 0;
  int32_t seqs = 0;
};

std::vector<int32_t> Range(int32_t begin, int32_t end) {
  std::vector<int32_t> v(static_cast<size_t>(end - begin));
  std::iota(v.begin(), v.end(), begin);
  return v;
}

class AttentionParity : public Parity {};

TEST_P(AttentionParity, PagedAgreesWithReference) {
  for (const Geometry& g : kGeometries) {
    for (const DType type : {DType::kBf16, DType::kF32}) {
      for (const int32_t length : kLengths) {
        const int32_t pages = (length + 15) / 16;
        std::vector<int32_t> shuffled = Range(0, pages);
        std::reverse(shuffled.begin(), shuffled.end());
        std::swap(shuffled.front(), shuffled[shuffled.size() / 2]);
        const auto run = [&](Host& h) {
          Paged paged(h, g, type, {shuffled}, pages);
          return paged.Step(std::vector<int32_t>(static_cast<size_t>(length), 0), Range(0, length));
        };
        const std::vector<float> ref = run(ref_);
        EXPECT_TRUE(
            Close(run(fast_), ref, std::vector<double>(ref.size(), Tolerance(g.head_dim, length))))
            << "length " << length << " dim " << g.head_dim;
      }
    }
  }
}

TEST_P(AttentionParity, SequencesSharePagesInOneStep) {
  const Geometry g = kGeometries[0];
  // Three branches of a trunk of 32 positions: pages 5 and 2 are shared, then each has its own.
  const std::vector<std::vector<int32_t>> tables = {{5, 2, 0, 7}, {5, 2, 1}, {5, 2, 6, 3}};
  const auto run = [&](Host& h) {
    Paged paged(h, g, DType::kBf16, tables, 8);
    (void)paged.Step(std::vector<int32_t>(32, 0), Range(0, 32));
    (void)paged.Step({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, Range(32, 48));
    return paged.Step({0, 1, 1, 2}, {48, 32, 33, 32});
  };
  const std::vector<float> ref = run(ref_);
  EXPECT_TRUE(Close(run(fast_), ref, std::vector<double>(ref.size(), Tolerance(64, 49))));
}

// Four branches of a trunk of 160 positions in one step, of which two share one more page that is not yet full: the
// same bits as in steps of their own.
TEST_P(AttentionParity, BranchesOfATrunkGiveTheBitsOfEachAlone) {
  const Geometry g = kGeometries[0];
  const std::vector<int32_t> trunk = Range(0, 10);
  std::vector<std::vector<int32_t>> tables(4, trunk);
  for (size_t i = 0; i < 3; ++i) tables[i].push_back(10 + static_cast<int32_t>(i));
  tables[3].push_back(10);
  Paged paged(fast_, g, DType::kBf16, tables, 13);
  (void)paged.Step(std::vector<int32_t>(160, 0), Range(0, 160));
  (void)paged.Step({0, 0, 0, 0, 0, 1, 2, 2}, {160, 161, 162, 163, 164, 160, 160, 161});
  const std::vector<float> together = paged.Step({0, 1, 2, 3}, {164, 160, 161, 162}, false);
  std::vector<float> alone;
  for (const auto& [seq, position] :
       {std::pair(0, 164), std::pair(1, 160), std::pair(2, 161), std::pair(3, 162)}) {
    const std::vector<float> one = paged.Step({seq}, {position}, false);
    alone.insert(alone.end(), one.begin(), one.end());
  }
  EXPECT_TRUE(Identical(together, alone));
}

TEST_P(AttentionParity, AnyCutIntoStepsGivesTheSameBits) {
  const Geometry g = kGeometries[0];
  constexpr int32_t kLength = 333;
  const auto run = [&](const std::vector<int32_t>& cuts) {
    Paged paged(fast_, g, DType::kBf16, {Range(0, 21)}, 21);
    std::vector<float> all;
    int32_t begin = 0;
    for (const int32_t end : cuts) {
      const std::vector<float> part =
          paged.Step(std::vector<int32_t>(static_cast<size_t>(end - begin), 0), Range(begin, end));
      all.insert(all.end(), part.begin(), part.end());
      begin = end;
    }
    return all;
  };
  const std::vector<float> whole = run({kLength});
  EXPECT_TRUE(Identical(run({1, 2, 5, 21, 128, 129, 300, 332, kLength}), whole));
  std::vector<int32_t> ones = Range(1, 150);
  ones.push_back(kLength);
  EXPECT_TRUE(Identical(run(ones), whole));
}

TEST_P(AttentionParity, DoesNotReadBeyondThePosition) {
  const Geometry g = kGeometries[0];
  Paged paged(fast_, g, DType::kF32, {{0, 1}}, 2);
  const std::vector<float> clean = paged.Step(std::vector<int32_t>(17, 0), Range(0, 17));
  auto* memory = static_cast<float*>(paged.pool.memory.get());
  const size_t head = static_cast<size_t>(16 * g.head_dim);
  const size_t page = paged.pool.geometry.page_bytes() / sizeof(float);
  for (size_t plane = 0; plane < page / head;
       ++plane) {  // slots 1–15 of the second page: never written
    std::fill_n(memory + page + plane * head + static_cast<size_t>(g.head_dim),
                head - static_cast<size_t>(g.head_dim), std::nanf(""));
  }
  EXPECT_TRUE(Identical(paged.Step(std::vector<int32_t>(17, 0), Range(0, 17), false), clean));
}

TEST_P(AttentionParity, DenseAgreesWithReference) {
  Noise noise(1);
  struct Case {
    int32_t rows, keys, heads, dim;
    bool causal;
  };
  for (const Case c :
       {Case{1, 1, 1, 1, false}, Case{1, 333, 8, 64, false}, Case{99, 99, 2, 64, true},
        Case{19, 40, 3, 20, true}, Case{130, 300, 2, 64, false}, Case{5, 16, 2, 7, true}}) {
    const int32_t cols = c.heads * c.dim;
    const std::vector<float> q = noise.Values(static_cast<size_t>(c.rows * cols));
    const std::vector<float> k = noise.Values(static_cast<size_t>(c.keys * cols));
    const std::vector<float> v = noise.Values(static_cast<size_t>(c.keys * cols));
    const auto run = [&](Host& h) {
      const TensorView out = h.Make(c.rows, cols, {}, 2);
      h.be->AttendDense(h.Make(c.rows, cols, q, 4), h.Make(c.keys, cols, k, 6),
                        h.Make(c.keys, cols, v, 8), c.dim, c.causal, out);
      return h.Values(out);
    };
    const std::vector<float> ref = run(ref_);
    EXPECT_TRUE(Close(run(fast_), ref, std::vector<double>(ref.size(), Tolerance(c.dim, c.keys))));
  }
}

TEST_P(AttentionParity, DenseRowDoesNotDependOnTheRowsBesideIt) {
  Noise noise(2);
  const std::vector<float> q = noise.Values(100 * 128);
  const std::vector<float> k = noise.Values(300 * 128);
  const TensorView queries = fast_.Make(100, 128, q);
  const TensorView keys = fast_.Make(300, 128, k);
  const TensorView all = fast_.Make(100, 128, {});
  fast_.be->AttendDense(queries, keys, keys, 64, false, all);
  for (const int32_t rows : {1, 3, 50}) {
    const TensorView some = fast_.Make(rows, 128, {});
    fast_.be->AttendDense(queries.Rows(100 - rows, rows), keys, keys, 64, false, some);
    EXPECT_TRUE(Identical(fast_.Values(some), fast_.Values(all.Rows(100 - rows, rows))));
  }
}

TEST_P(AttentionParity, OneKeyDominates) {
  constexpr int32_t kKeys = 200;
  std::vector<float> k(kKeys * 16, 0.0F);
  std::vector<float> v(kKeys * 16, 1.0F);
  for (size_t i = 0; i < 16; ++i) {
    k[150 * 16 + i] = 1e4F;
    v[150 * 16 + i] = -3.0F;
  }
  const TensorView out = fast_.Make(1, 16, {});
  fast_.be->AttendDense(fast_.Make(1, 16, std::vector<float>(16, 10.0F)), fast_.Make(kKeys, 16, k),
                        fast_.Make(kKeys, 16, v), 16, false, out);
  EXPECT_TRUE(Identical(fast_.Values(out), std::vector<float>(16, -3.0F)));
}

INSTANTIATE_TEST_SUITE_P(Cpu, AttentionParity, ::testing::ValuesIn(Devices()), PrintDevice);

}  // namespace
}  // namespace parley::kernels
