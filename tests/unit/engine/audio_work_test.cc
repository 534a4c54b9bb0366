// Transcription beside decoding: slices, lanes, who supersedes whom, whose turn it is.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/engine_bed.h"
#include "support/word_tokenizer.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::Sequence;
using engine::TranscribeLane;
using engine::Urgency;

// Takes one slice a hundred samples, then says how many samples it heard.
class SlicedTranscriber final : public model::Transcriber {
 public:
  explicit SlicedTranscriber(std::vector<int64_t>& slices) : slices_(slices) {}
  std::unique_ptr<model::TranscriptionJob> NewJob() const override {
    ++jobs_;
    return std::make_unique<Job>(slices_);
  }
  const model::Tokenizer& tokenizer() const override { return tokenizer_; }
  size_t weight_bytes() const override { return 0; }
  int32_t window_ms() const override { return 1000; }
  int jobs() const { return jobs_; }

 private:
  class Job final : public model::TranscriptionJob {
   public:
    explicit Job(std::vector<int64_t>& slices) : slices_(slices) {}
    Status Reset(PcmView sound, const model::TranscribeOptions&) override {
      if (sound.size() > 16000) return Fail(Code::kInvalidArgument, "longer than the window");
      samples_ = sound.size();
      left_ = samples_ / 100;
      return {};
    }
    Result<bool> Advance() override {
      slices_.push_back(static_cast<int64_t>(samples_));
      if (left_ > 0) --left_;
      result_.text = std::to_string(samples_);
      return left_ == 0;
    }
    const model::Transcript& result() const override { return result_; }
    Slice last_slice() const override { return {.encoder_rows = 100, .decoder_rows = 0}; }

   private:
    std::vector<int64_t>& slices_;
    size_t samples_ = 0, left_ = 0;
    model::Transcript result_;
  };
  std::vector<int64_t>& slices_;
  WordTokenizer tokenizer_;
  mutable int jobs_ = 0;
};

class AudioWorkTest : public testing::Test {
 protected:
  void Hear(int64_t lane, size_t samples, Urgency urgency = Urgency::kThinkingListening) {
    const std::vector<float> sound(samples);
    bed_.engine().Transcribe(TranscribeLane{lane}, sound, {}, urgency,
                             [this, lane](Result<model::Transcript> r) {
                               news_.push_back(std::to_string(lane) + ":" +
                                               (r ? r->text : CodeName(r.error().code).data()));
                             });
  }

  std::vector<int64_t> slices_;
  SlicedTranscriber transcriber_{slices_};
  EngineBed bed_{
      {.config = {.transcriptions = 2, .waiting_jobs = 3}, .transcriber = &transcriber_}};
  std::vector<std::string> news_;
};

TEST_F(AudioWorkTest, ANewerRequestOfALaneTakesTheOldersPlace) {
  Hear(1, 1000);
  bed_.RunFor(milliseconds(6));
  Hear(1, 1200);
  bed_.Run();
  EXPECT_EQ(news_, (std::vector<std::string>{"1:cancelled", "1:1200"}));
  EXPECT_EQ(transcriber_.jobs(), 1);
  EXPECT_EQ(bed_.stats().transcriptions, 1);
  EXPECT_EQ(bed_.stats().transcriptions_superseded, 1);
  EXPECT_EQ(bed_.stats().transcribed_ms, 75);
}

TEST_F(AudioWorkTest, LanesTakeTurnsAndTheUrgentGoesFirst) {
  Hear(1, 300);
  Hear(2, 400);
  bed_.Run();
  EXPECT_EQ(slices_, (std::vector<int64_t>{300, 400, 300, 400, 300, 400, 400}));
  slices_.clear();
  Hear(1, 300);
  Hear(2, 200, Urgency::kFirstWords);
  bed_.Run();
  EXPECT_EQ(slices_, (std::vector<int64_t>{200, 200, 300, 300, 300}));
}

TEST_F(AudioWorkTest, JobsAreBoundedAndLanesBeyondAreRefused) {
  for (int64_t lane = 1; lane <= 4; ++lane) Hear(lane, 200);
  bed_.Run();
  EXPECT_EQ(news_, (std::vector<std::string>{"4:exhausted", "1:200", "2:200", "3:200"}));
  EXPECT_EQ(transcriber_.jobs(), 2);
  Hear(7, 17000);
  bed_.Run();
  EXPECT_EQ(news_.back(), "7:invalid_argument");
  Hear(7, 100);
  bed_.Run();
  EXPECT_EQ(news_.back(), "7:100");
}

TEST_F(AudioWorkTest, DecodingKeepsItsRhythmWhileSlicesRun) {
  const Sequence talk = bed_.Open();
  ASSERT_TRUE(bed_.Append(talk, Ids(5)).has_value());
  Hear(1, 10000);  // 100 slices
  const auto log = bed_.Generate(talk, {.max_tokens = 40, .urgency = Urgency::kSpeaking});
  std::vector<size_t> slices_before_token;
  log->on_token = [&](TokenId, engine::Position) { slices_before_token.push_back(slices_.size()); };
  bed_.Run();
  ASSERT_EQ(slices_before_token.size(), 40U);
  for (size_t i = 1; i < 40; ++i) {
    EXPECT_LE(slices_before_token[i] - slices_before_token[i - 1], 1U) << "before token " << i;
  }
  EXPECT_GE(slices_before_token.back(), 12U);  // nor do the slices starve
  EXPECT_EQ(news_, (std::vector<std::string>{"1:10000"}));
}

TEST_F(AudioWorkTest, AnUrgentTranscriptionGoesBeforeThought) {
  const Sequence talk = bed_.Open(1024);
  ASSERT_TRUE(bed_.Append(talk, Ids(5)).has_value());
  const auto log = bed_.Generate(talk, {.max_tokens = 400, .urgency = Urgency::kThinkingListening});
  Hear(1, 4000, Urgency::kFirstWords);  // 40 slices
  size_t tokens = 0;
  while (news_.empty()) {
    bed_.RunFor(milliseconds(1));
    tokens = log->tokens.size();
  }
  EXPECT_LE(tokens, 8U);
  EXPECT_GE(tokens, 2U);
}

TEST_F(AudioWorkTest, WithoutAnEncoderEncodingIsRefused) {
  Code code = Code::kIo;
  bed_.engine().Encode(std::vector<float>(1600), Urgency::kFirstWords,
                       [&code](Result<std::shared_ptr<const engine::Embeddings>> r) {
                         code = r ? Code::kIo : r.error().code;
                       });
  bed_.Run();
  EXPECT_EQ(code, Code::kUnsupported);
}

}  // namespace
}  // namespace parley::test
