// The scripted double keeps the promises of engine.h that conversations rely on.
// SPDX-License-Identifier: Apache-2.0
#include "support/scripted_engine.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/manual_executor.h"
#include "support/token_log.h"
#include "support/word_tokenizer.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::GenerateOptions;
using engine::Position;
using engine::Sequence;
using engine::Urgency;

class ScriptedEngineTest : public testing::Test {
 protected:
  ScriptedEngineTest() {
    Script script;
    script.tokenizer = &tokenizer_;
    script.say = [this](std::span<const TokenId>, const GenerateOptions&) {
      return tokenizer_.Encode("Yes, I do. And you?");
    };
    script.hear = [](PcmView sound, const model::TranscribeOptions&) {
      model::Transcript transcript;
      transcript.text = sound.size() > 16000 ? "how are you" : "how";
      return transcript;
    };
    engine_ = std::make_unique<ScriptedEngine>(executor_, std::move(script));
    auto opened = engine_->Open(512);
    EXPECT_TRUE(opened.has_value());
    trunk_ = std::move(*opened);
    engine_->Append(trunk_, {.tokens = {7, 8, 9}}, Urgency::kThinkingListening, {});
  }

  std::string Text(const TokenLog& log) const {
    std::string text;
    for (const TokenId id : log.tokens) text += tokenizer_.Bytes(id);
    return text;
  }

  ManualExecutor executor_;
  WordTokenizer tokenizer_;
  std::unique_ptr<ScriptedEngine> engine_;
  Sequence trunk_;
};

TEST_F(ScriptedEngineTest, SaysTheScriptOneTokenAStep) {
  auto log = std::make_shared<TokenLog>();
  engine_->Generate(trunk_, {}, log);
  executor_.RunUntil(Time(milliseconds(8 + 3)));
  ASSERT_EQ(log->tokens.size(), 1U);
  EXPECT_EQ(log->positions[0], 4);
  executor_.Run();
  EXPECT_EQ(Text(*log), "Yes, I do. And you?");
  ASSERT_TRUE(log->ended);
  EXPECT_EQ(log->ended->reason, EndReason::kStopToken);
  EXPECT_EQ(log->ended->position, 3 + 8);
}

TEST_F(ScriptedEngineTest, StopTextIsNotDelivered) {
  auto log = std::make_shared<TokenLog>();
  engine_->Generate(trunk_, {.stop_texts = {"o. A"}}, log);
  executor_.Run();
  EXPECT_EQ(Text(*log), "Yes, I");
  EXPECT_EQ(log->ended->reason, EndReason::kStopText);
  EXPECT_EQ(log->ended->text, " d");
  EXPECT_EQ(log->ended->position, 3 + 3);
}

TEST_F(ScriptedEngineTest, AppendSupersedesAndRollbackForgets) {
  auto log = std::make_shared<TokenLog>();
  engine_->Generate(trunk_, {}, log);
  executor_.RunUntil(Time(milliseconds(11 + 8)));
  const Sequence branch = engine_->Fork(trunk_, 4);
  engine_->Append(trunk_, {.tokens = {5}}, Urgency::kFirstWords, {});
  executor_.Run();
  EXPECT_EQ(log->ended->reason, EndReason::kSuperseded);
  EXPECT_EQ(log->ended->position, 5);
  EXPECT_EQ(engine_->Ids(trunk_).size(), 6U);
  EXPECT_EQ(engine_->Ids(branch).size(), 4U);
  engine_->Rollback(trunk_, 2);
  EXPECT_EQ(engine_->Ids(trunk_), (std::vector<TokenId>{7, 8}));
}

TEST_F(ScriptedEngineTest, BudgetDeadlineAndStopEndAStream) {
  auto budget = std::make_shared<TokenLog>();
  engine_->Generate(trunk_, {.max_tokens = 2}, budget);
  executor_.Run();
  EXPECT_EQ(budget->tokens.size(), 2U);
  EXPECT_EQ(budget->ended->reason, EndReason::kBudget);
  auto late = std::make_shared<TokenLog>();
  engine_->Generate(trunk_, {.deadline = executor_.Now() + milliseconds(20)}, late);
  executor_.Run();
  EXPECT_EQ(late->tokens.size(), 2U);
  EXPECT_EQ(late->ended->reason, EndReason::kDeadline);
  auto stopped = std::make_shared<TokenLog>();
  engine_->Stop(engine_->Generate(trunk_, {}, stopped));
  executor_.Run();
  EXPECT_EQ(stopped->ended->reason, EndReason::kStopped);
}

// As FailureTest.CallsThatCountOnAFailedAppendFailWithIt of the engine.
TEST_F(ScriptedEngineTest, CallsThatCountOnAFailedAppendFailWithIt) {
  std::vector<Code> told;
  const auto done = [&told](const Result<Position>& r) {
    told.push_back(r ? Code::kIo : r.error().code);
  };
  engine_->FailNext(Fail(Code::kDevice, "it fails"));
  engine_->Append(trunk_, {.tokens = {5}}, Urgency::kFirstWords, done);
  engine_->Rollback(trunk_, 4);  // to a position that never came about
  engine_->Append(trunk_, {.tokens = {6}}, Urgency::kFirstWords, done);
  const Sequence branch = engine_->Fork(trunk_, 5);
  engine_->Append(branch, {.tokens = {7}}, Urgency::kFirstWords, done);
  auto log = std::make_shared<TokenLog>();
  engine_->Generate(branch, {}, log);
  executor_.Run();
  EXPECT_EQ(told, std::vector<Code>(3, Code::kDevice));
  EXPECT_EQ(log->ended->reason, EndReason::kFailed);
  engine_->Rollback(trunk_, 3);  // now it knows
  engine_->Append(trunk_, {.tokens = {5}}, Urgency::kFirstWords, done);
  executor_.Run();
  EXPECT_EQ(told.back(), Code::kIo);
  EXPECT_EQ(engine_->Ids(trunk_), (std::vector<TokenId>{7, 8, 9, 5}));
  engine_->Rollback(branch, 0);  // a trunk that is written anew
  engine_->Append(branch, {.tokens = {7}}, Urgency::kFirstWords, done);
  executor_.Run();
  EXPECT_EQ(engine_->Ids(branch), std::vector<TokenId>{7});
}

TEST_F(ScriptedEngineTest, NewerTranscriptionSupersedesTheOlder) {
  const std::vector<float> sound(32000);
  std::vector<std::string> heard;
  auto note = [&heard](Result<model::Transcript> transcript) {
    heard.push_back(transcript ? transcript->text : std::string(CodeName(transcript.error().code)));
  };
  engine_->Transcribe({1}, PcmView(sound).first(8000), {}, Urgency::kThinkingListening, note);
  engine_->Transcribe({1}, sound, {}, Urgency::kThinkingListening, note);
  engine_->Transcribe({2}, PcmView(sound).first(8000), {}, Urgency::kThinkingListening, note);
  executor_.Run();
  EXPECT_EQ(heard, (std::vector<std::string>{"cancelled", "how", "how are you"}));
}

TEST_F(ScriptedEngineTest, LettingGoEndsTheStreamAndReturnsTheReservation) {
  auto log = std::make_shared<TokenLog>();
  engine_->Generate(trunk_, {}, log);
  EXPECT_FALSE(engine_->Open(1 << 16).has_value());
  trunk_ = Sequence();
  executor_.Run();
  EXPECT_EQ(log->ended->reason, EndReason::kSuperseded);
  EXPECT_EQ(engine_->open_sequences(), 0U);
  EXPECT_TRUE(engine_->Open(1 << 16).has_value());
}

}  // namespace
}  // namespace parley::test
