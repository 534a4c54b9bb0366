// What fits on a GPU: the published sizes, the cuts, and what a refusal offers.
// SPDX-License-Identifier: Apache-2.0
#include "model/footprint.h"

#include <gtest/gtest.h>

namespace parley::model {
namespace {

using kernels::Storage;

DecoderGeometry R1() {
  DecoderGeometry g;
  g.layers = 64;
  g.hidden = 5120;
  g.heads = 40;
  g.kv_heads = 8;
  g.head_dim = 128;
  g.ffn = 27648;
  g.vocabulary = 158720;
  g.qkv_bias = true;
  return g;
}

constexpr int64_t kGib = int64_t{1} << 30;

TEST(Footprint, IsThatOfThePublishedModel) {
  // model.md §1.3: 64 layers of q, k, v, o and three feed-forward matrices, table and head, in bf16; biases and norms f32.
  const int64_t layer =
      (int64_t{5120} * (5120 + 1024 + 1024) + 5120 * 5120 + 3LL * 5120 * 27648) * 2 +
      (5120 + 1024 + 1024) * 4 + 2 * 5120 * 4;
  EXPECT_EQ(RankWeightBytes(R1(), Storage::kBf16, 1),
            64 * layer + 2LL * 158720 * 5120 * 2 + 5120 * 4);
  EXPECT_EQ(RankPageBytes(R1(), 1), 64LL * 2 * 8 * 16 * 128 * 2);  // 256 KiB a position
  EXPECT_EQ(RankPageBytes(R1(), 8), RankPageBytes(R1(), 1) / 8);
}

TEST(Footprint, OfARankIsItsShareAndTheWholeTable) {
  const int64_t table = 158720LL * 5120 * 2;
  const int64_t alone = RankWeightBytes(R1(), Storage::kBf16, 1) - table;
  const int64_t half = RankWeightBytes(R1(), Storage::kBf16, 2) - table;
  const int64_t norms = (64LL * 2 + 1) * 5120 * 4;  // every rank has them
  EXPECT_EQ(2 * (half - norms), alone - norms);
  // fp8 halves the matrices, and has a scale a row.
  const int64_t scales = (64LL * (7168 + 5120 + 2 * 27648 + 5120) + 158720) * 4;
  const int64_t biases = 64LL * 7168 * 4;
  EXPECT_EQ(2 * (RankWeightBytes(R1(), Storage::kFp8Row, 1) - table - norms - biases - scales),
            alone - norms - biases);
}

TEST(Footprint, ATiedTableIsHeldOnce) {
  DecoderGeometry g = R1();
  const int64_t untied = RankWeightBytes(g, Storage::kBf16, 1);
  g.tied_head = true;
  EXPECT_EQ(untied - RankWeightBytes(g, Storage::kBf16, 1), 158720LL * 5120 * 2);
}

TEST(Footprint, CountsTalksAsTheEnginePromisesThem) {
  const int64_t pages = PagesThatFit(R1(), Storage::kBf16, 1, 139 * kGib);
  EXPECT_GT(pages, 15000);  // about 76 GiB of 4 MiB each
  EXPECT_LT(pages, 20000);
  EXPECT_EQ(TalksThatFit(129 * 7, 2048), 7);
  EXPECT_EQ(TalksThatFit(129 * 7 - 1, 2048), 6);
  EXPECT_EQ(PagesThatFit(R1(), Storage::kBf16, 1, 60 * kGib), 0);
}

TEST(Footprint, SaysWhatIsMissingAndWhatWouldFit) {
  EXPECT_TRUE(CheckFits(R1(), Storage::kBf16, 1, 139 * kGib, 2048));
  const Status refused = CheckFits(R1(), Storage::kBf16, 1, 40 * kGib, 2048);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  const std::string& why = refused.error().message;
  EXPECT_NE(why.find("the model in bf16 needs "), std::string::npos) << why;
  EXPECT_NE(why.find("40.0 GiB are free"), std::string::npos) << why;
  EXPECT_NE(why.find(" are missing; it would fit as fp8 on one GPU ("), std::string::npos) << why;
  EXPECT_NE(why.find(", or bf16 on each of 2 GPUs ("), std::string::npos) << why;
  // Nothing is offered that would not fit either.
  const Status small = CheckFits(R1(), Storage::kBf16, 1, 16 * kGib, 2048);
  EXPECT_EQ(small.error().message.find("fp8"), std::string::npos) << small.error().message;
  EXPECT_NE(small.error().message.find("bf16 on each of 8 GPUs"), std::string::npos)
      << small.error().message;
  const Status tiny = CheckFits(R1(), Storage::kFp8Row, 1, 2 * kGib, 2048);
  EXPECT_NE(tiny.error().message.find("neither fp8 nor up to 8 such GPUs would do"),
            std::string::npos)
      << tiny.error().message;
  // What would fit does.
  EXPECT_TRUE(CheckFits(R1(), Storage::kFp8Row, 1, 40 * kGib, 2048));
  EXPECT_TRUE(CheckFits(R1(), Storage::kBf16, 2, 40 * kGib, 2048));
  EXPECT_FALSE(CheckFits(R1(), Storage::kBf16, 3, 139 * kGib, 2048));  // 40 heads over 3
}

}  // namespace
}  // namespace parley::model
