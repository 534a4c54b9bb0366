// Sounds on their way to embeddings: what waits together is encoded together, and each gets its own rows.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/embeddings.h"
#include "model/audio_encoder.h"
#include "support/compare.h"
#include "support/engine_bed.h"
#include "support/paths.h"
#include "weights/checkpoint.h"

namespace parley::test {
namespace {

using engine::Embeddings;
using engine::Urgency;

class EncodingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto checkpoint = weights::Checkpoint::Open(GoldenDir() + "/step_audio");
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
    encoder_ = *model::AudioEncoder::Load(*backend_, **checkpoint, kernels::Storage::kF32);
    adaptor_ = *model::Adaptor::Load(*backend_, **checkpoint, kernels::Storage::kF32);
  }
  EngineBed Bed(engine::EncoderSlices slices) {
    return {{.config = {.waiting_jobs = 8},
             .encoder = encoder_.get(),
             .adaptor = adaptor_.get(),
             .encoder_slices = slices},
            *backend_};
  }
  static std::vector<float> Sound(int64_t samples) {
    return ::parley::testing::Noise(static_cast<uint64_t>(samples))
        .Values(static_cast<size_t>(samples), 0.3F);
  }
  struct Heard {
    std::vector<std::string> order;  // samples, as they were finished
    std::vector<std::vector<float>> rows;
    std::vector<std::shared_ptr<const Embeddings>> held;
  };
  void Hear(EngineBed& bed, int64_t samples, Heard& heard,
            Urgency urgency = Urgency::kSpeculation) {
    bed.engine().Encode(
        Sound(samples), urgency,
        [this, samples, &heard](Result<std::shared_ptr<const Embeddings>> r) {
          ASSERT_TRUE(r.has_value()) << r.error().message;
          heard.order.push_back(std::to_string(samples));
          const kernels::TensorView& view = (*r)->rows();
          heard.rows.emplace_back(static_cast<size_t>(view.rows) * static_cast<size_t>(view.cols));
          backend_->Download(view, heard.rows.back());
          heard.held.push_back(*r);
        });
  }

  std::unique_ptr<kernels::Backend> backend_ = kernels::MakeReferenceBackend();
  std::unique_ptr<model::AudioEncoder> encoder_;
  std::unique_ptr<model::Adaptor> adaptor_;
};

TEST_F(EncodingTest, WhatWaitsTogetherIsEncodedTogetherAndSaysTheSame) {
  const std::vector<int64_t> sounds = {1700, 640, 2560, 900, 1281};
  Heard apart;
  EngineBed one = Bed({.sounds = 1, .layers = 1});
  for (const int64_t samples : sounds) Hear(one, samples, apart);
  one.Run();
  Heard together;
  EngineBed three = Bed({.sounds = 3, .layers = 2});
  for (const int64_t samples : sounds) Hear(three, samples, together);
  three.Run();
  EXPECT_EQ(together.order, (std::vector<std::string>{"1700", "640", "2560", "900", "1281"}));
  EXPECT_EQ(together.order, apart.order);
  EXPECT_EQ(together.rows, apart.rows);  // to the bit
  EXPECT_LT(three.stats().encoder_slices, one.stats().encoder_slices / 2);
}

TEST_F(EncodingTest, TheUrgentGoInTheFirstBatch) {
  Heard heard;
  EngineBed bed = Bed({.sounds = 2, .layers = 1});
  Hear(bed, 640, heard, Urgency::kThinkingListening);
  Hear(bed, 700, heard, Urgency::kThinkingListening);
  Hear(bed, 800, heard, Urgency::kSpeculation);
  bed.Run();
  EXPECT_EQ(heard.order, (std::vector<std::string>{"800", "640", "700"}));
}

// Rows that somebody holds keep their room; those that nobody holds give it to the next sound.
TEST_F(EncodingTest, RowsInUseAreLeftAlone) {
  Heard held;
  EngineBed bed = Bed({});
  for (int64_t i = 0; i < 20; ++i) {
    Hear(bed, 1280 + i, held);
    bed.Run();
  }
  for (size_t i = 0; i < held.held.size(); ++i) {
    std::vector<float> now(held.rows[i].size());
    backend_->Download(held.held[i]->rows(), now);
    EXPECT_EQ(now, held.rows[i]) << i;
  }
  const void* last = held.held.front()->rows().data;
  held.held.clear();
  Heard again;
  Hear(bed, 1280, again);
  bed.Run();
  EXPECT_EQ(again.held.front()->rows().data, last);
  EXPECT_EQ(again.rows.front(), held.rows.front());
}

}  // namespace
}  // namespace parley::test
