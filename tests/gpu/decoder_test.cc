// The decoder of Step-Audio's true widths on the GPU: one layer and the whole vocabulary against the reference, recorded steps
// against issued ones, two ranks against one, fp8 against bf16.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "bench/random_weights.h"
#include "gpu/gpu_bed.h"
#include "model/decoder.h"
#include "model/parallel_decoder.h"

namespace parley::model {
namespace {

using kernels::Apart;
using kernels::Backend;

std::unique_ptr<Backend> OpenGpu(int device, bool graphs) {
  auto made = kernels::MakeCudaBackend({.device = device, .graphs = graphs});
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return made ? *std::move(made) : nullptr;
}

bench::RandomDecoder Weights(int64_t layers) {
  auto made = bench::MakeRandomDecoder("step-audio-2-mini", layers);
  EXPECT_TRUE(made.has_value());
  return *std::move(made);
}

// A prompt of `prompt` tokens in one step, then `more` tokens one by one in each of `branches` sequences of their own pages:
// logits of every decode step, all branches.
std::vector<float> Say(Backend& backend, const Decoder& decoder, int32_t prompt, int32_t more,
                       int32_t branches) {
  const DecoderGeometry& g = decoder.geometry();
  DecoderState state = decoder.NewState(std::max(prompt, branches), branches);
  const int32_t pages = (prompt + more + kernels::kPageTokens - 1) / kernels::kPageTokens;
  const auto pool = backend.AllocateKv(
      {.layers = g.layers, .kv_heads = g.kv_heads, .head_dim = g.head_dim}, pages * branches);
  EXPECT_TRUE(pool.has_value());
  std::vector<int32_t> table(static_cast<size_t>(pages * branches));
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<int32_t>(table.size() - 1 - i);
  std::vector<float> said;
  const auto step = [&](const std::vector<int32_t>& seqs, const std::vector<int32_t>& positions,
                        bool logits) {
    std::vector<TokenId> ids;
    std::vector<int32_t> wanted;
    for (size_t i = 0; i < seqs.size(); ++i) {
      ids.push_back((positions[i] * 7919 + seqs[i] * 31 + 17) % 150000);
      if (logits) wanted.push_back(static_cast<int32_t>(i));
    }
    const kernels::StepBatch batch{.pool = &*pool,
                                   .rows = static_cast<int32_t>(seqs.size()),
                                   .position = positions.data(),
                                   .row_seq = seqs.data(),
                                   .seqs = branches,
                                   .page_table = table.data(),
                                   .max_pages = pages};
    decoder.Forward({.ids = ids, .embeddings = {}, .batch = &batch, .logit_rows = wanted}, state);
    if (!logits) return;
    std::vector<float> values(wanted.size() * static_cast<size_t>(g.vocabulary));
    backend.Download(state.logits.view().Rows(0, static_cast<int32_t>(wanted.size())), values);
    said.insert(said.end(), values.begin(), values.end());
  };
  for (int32_t seq = 0; seq < branches; ++seq) {
    std::vector<int32_t> positions;
    for (int32_t p = 0; p < prompt; ++p) positions.push_back(p);
    step(std::vector<int32_t>(positions.size(), seq), positions, false);
  }
  for (int32_t i = 0; i < more; ++i) {
    std::vector<int32_t> seqs;
    for (int32_t seq = 0; seq < branches; ++seq) seqs.push_back(seq);
    step(seqs, std::vector<int32_t>(seqs.size(), prompt + i), true);
  }
  const Status polled = backend.Poll();
  EXPECT_TRUE(polled.has_value()) << polled.error().message;
  return said;
}

// The likeliest token is the same wherever it stands out by more than four times the typical difference.
void ExpectSameTop(const std::vector<float>& a, const std::vector<float>& b, size_t vocabulary,
                   double apart) {
  for (size_t row = 0; row * vocabulary < a.size(); ++row) {
    const auto first = b.begin() + static_cast<ptrdiff_t>(row * vocabulary);
    std::vector<float> sorted(first, first + static_cast<ptrdiff_t>(vocabulary));
    double size = 0.0;
    for (const float v : sorted) size += static_cast<double>(v) * v;
    const double typical = apart * std::sqrt(size / static_cast<double>(vocabulary));
    const auto top_b = std::max_element(sorted.begin(), sorted.end()) - sorted.begin();
    const auto mine = a.begin() + static_cast<ptrdiff_t>(row * vocabulary);
    const auto top_a = std::max_element(mine, mine + static_cast<ptrdiff_t>(vocabulary)) - mine;
    std::partial_sort(sorted.begin(), sorted.begin() + 2, sorted.end(), std::greater<>());
    if (sorted[0] - sorted[1] > 4.0 * typical) {
      EXPECT_EQ(top_a, top_b) << "row " << row;
    }
  }
}

TEST(GpuDecoder, OneLayerOfTrueWidthIsTheReference) {
  const auto weights = Weights(1);
  const auto gpu = OpenGpu(0, true);
  const auto reference = kernels::MakeReferenceBackend();
  const auto fast = Decoder::Load(*gpu, *weights.checkpoint);
  const auto truth = Decoder::Load(*reference, *weights.checkpoint);
  ASSERT_TRUE(fast.has_value() && truth.has_value());
  const auto expected = Say(*reference, **truth, 3, 2, 1);
  const auto found = Say(*gpu, **fast, 3, 2, 1);
  const double apart = Apart(found, expected);
  EXPECT_LT(apart, 0.01);
  EXPECT_GT(apart, 0.0);
  ExpectSameTop(found, expected, 158720, apart);
}

// Sixteen rows at most: beyond them cuBLASLt's proposals are timed, and two backends may choose different ones.
TEST(GpuDecoder, RecordedStepsSayWhatIssuedOnesSay) {
  const auto weights = Weights(2);
  std::vector<float> said[2];
  for (const bool graphs : {false, true}) {
    const auto gpu = OpenGpu(0, graphs);
    const auto decoder = Decoder::Load(*gpu, *weights.checkpoint);
    ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
    for (const int32_t branches : {1, 3}) {
      const auto more =
          Say(*gpu, **decoder, 16, 20, branches);  // across a page and a power of two of pages
      said[graphs ? 1 : 0].insert(said[graphs ? 1 : 0].end(), more.begin(), more.end());
    }
  }
  EXPECT_TRUE(testing::Identical(said[1], said[0]));
}

TEST(GpuDecoder, AppendingInPiecesIsAppendingAtOnce) {
  const auto weights = Weights(2);
  const auto gpu = OpenGpu(0, true);
  const auto decoder = Decoder::Load(*gpu, *weights.checkpoint);
  ASSERT_TRUE(decoder.has_value());
  // 40 + 1 against 1 + 40: the last logits see the same 41 tokens.
  const auto at_once = Say(*gpu, **decoder, 40, 1, 1);
  const auto one_by_one = Say(*gpu, **decoder, 1, 40, 1);
  const std::vector<float> last(one_by_one.end() - 158720, one_by_one.end());
  EXPECT_LT(Apart(last, at_once), 0.01);
}

TEST(GpuDecoder, Fp8StaysNearBf16) {
  const auto weights = Weights(2);
  const auto gpu = OpenGpu(0, true);
  const auto wide = Decoder::Load(*gpu, *weights.checkpoint);
  const auto narrow = Decoder::Load(*gpu, *weights.checkpoint, kernels::Storage::kFp8Row);
  ASSERT_TRUE(wide.has_value() && narrow.has_value());
  // e4m3 rounds a weight by up to 2^-4 of itself, 2^-5.8 typically; random roundings add up like the products themselves, so
  // each of the five products in a row moves its result by about 0.027 of it.
  EXPECT_LT(Apart(Say(*gpu, **narrow, 20, 3, 1), Say(*gpu, **wide, 20, 3, 1)),
            0.027 * std::sqrt(5.0 * 2) * 1.5);
}

TEST(GpuDecoder, TwoRanksSayWhatOneSays) {
  if (!kernels::MakeCudaBackend({.device = 1}).has_value()) {
    GTEST_SKIP()
        << "needs two GPUs: on one, freeing memory would wait for a kernel that waits for its peer";
  }
  const auto weights = Weights(2);
  const auto gpu = OpenGpu(0, true);
  const auto alone = Decoder::Load(*gpu, *weights.checkpoint);
  ASSERT_TRUE(alone.has_value());
  const auto expected = Say(*gpu, **alone, 37, 6, 2);

  std::vector<std::unique_ptr<Backend>> ranks;
  for (int rank = 0; rank < 2; ++rank) ranks.push_back(OpenGpu(rank, true));
  const Status joined = kernels::JoinCudaRanks(ranks, 64, 8, 3584, 158720);
  ASSERT_TRUE(joined.has_value()) << joined.error().message;
  const auto together = ParallelModel::Load(std::move(ranks), *weights.checkpoint);
  ASSERT_TRUE(together.has_value()) << together.error().message;
  const auto found = Say((*together)->backend(), (*together)->decoder(), 37, 6, 2);
  const double apart = Apart(found, expected);
  EXPECT_LT(apart, 0.01);
  ExpectSameTop(found, expected, 158720, apart);
}

}  // namespace
}  // namespace parley::model
