// SPDX-License-Identifier: Apache-2.0
// Talks in which everything happens at any time: words, pauses, interruptions, buttons, failures,
// slow and fast engines, tools, and a model that writes marks, tags and calls wherever it likes.
// Whatever comes of it, nothing private is said, the cache holds what the trunk claims, and when all
// is quiet again every branch has gone. A talk is a function of its seed: the clock is simulated.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/talk.h"

namespace parley::test {
namespace {

constexpr uint32_t kSeeds = 100;

class RandomTalk {
 public:
  RandomTalk(uint32_t seed, realtime::ThinkingStyle style)
      : random_(seed), by_mark_(style == realtime::ThinkingStyle::kInterleaved) {
    TalkOptions options;
    options.style.style = style;
    options.config.mind.effort = static_cast<realtime::Effort>(Pick(4));
    options.config.mind.part_tokens = 8 + Pick(24);
    options.config.mind.think_every_ms = 200 + Pick(2000);
    options.config.mind.thought_tokens = 20 + Pick(200);
    options.config.mind.cover_after_ms = Pick(1500);
    options.config.mind.first_audio_deadline_ms = Pick(1200);
    options.config.mind.correct = Pick(4) != 0;
    options.config.turn.patience_ms = 400 + Pick(1200);
    options.config.tools.timeout_ms = 50 + Pick(1000);
    constexpr int64_t kSteps[] = {1000, 8000, 30000, 120000};
    options.script.step = Duration(kSteps[Pick(4)]);
    options.tools.push_back({.name = "time", .ms = Pick(800), .result = std::string("noon")});
    options.tools.push_back({.name = "never", .never = true});
    talk_ = std::make_unique<Talk>(options);
    talk_->Reply("");
    Scramble();
  }

  void Run() {
    int64_t at = 0;
    const int turns = 2 + Pick(3);
    for (int i = 0; i < turns; ++i) {
      at += 200 + Pick(4000);
      talk_->Silence(at - talk_->said_ms());
      talk_->Speech(400 + Pick(4000), Words(1 + Pick(16)));
      at = talk_->said_ms();
      if (Pick(3) == 0) talk_->At(at + Pick(3000), [this] { talk_->session().Interrupt(); });
      if (Pick(4) == 0) talk_->At(at + Pick(1000), [this] { talk_->session().CommitTurn(); });
      if (Pick(4) == 0) {
        talk_->At(at + Pick(3000), [this] { talk_->session().PushText("and what is this"); });
      }
      if (Pick(5) == 0) {
        talk_->At(at - Pick(1000) + Pick(3000),
                  [this] { talk_->engine().FailNext(Fail(Code::kDevice, "it fails")); });
      }
      if (Pick(5) == 0) {
        talk_->At(at - Pick(1000) + Pick(3000),
                  [this] { talk_->engine().FailStreams(Fail(Code::kDevice, "it fails")); });
      }
      talk_->At(at + Pick(500),
                [this] { talk_->turn_end().probability = Pick(2) == 0 ? 0.1F : 0.9F; });
    }
    talk_->RunUntil(talk_->said_ms() + 90000);
  }

  void Check() {
    EXPECT_EQ(talk_->held(), talk_->conversation().trunk().ids());
    EXPECT_EQ(talk_->engine().open_streams(), 0U);
    EXPECT_EQ(talk_->engine().open_sequences(), 1U);
    for (const auto& event : talk_->events()) {
      if (const auto* say = std::get_if<realtime::Say>(&event.what)) {
        EXPECT_EQ(say->text.find("SECRET"), std::string::npos) << say->text;
        EXPECT_EQ(say->text.find("think>"), std::string::npos) << say->text;
        EXPECT_EQ(say->text.find("tool_call"), std::string::npos) << say->text;
        EXPECT_EQ(say->text.find('{'), std::string::npos) << say->text;
      }
    }
    for (const TokenId id : talk_->conversation().trunk().ids()) {
      EXPECT_TRUE(id < 2 || id > 13) << "a mark stays in the history";
      EXPECT_EQ(talk_->tokenizer().Bytes(id).find("SECRET"), std::string_view::npos);
    }
  }

 private:
  int Pick(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }
  std::string Words(int count) {
    std::string words;
    for (int i = 0; i < count; ++i) words += (i > 0 ? " word" : "word") + std::to_string(Pick(30));
    return words;
  }

  // Private words in a thought, others in an answer, and between them anything.
  void Scramble() {
    static const std::vector<std::string> kNoise = {
        "{note}",
        "{note_end}",
        "{speech_end}",
        "{tool_result}",
        "{tool_call_end}",
        "\n",
        " ",
        "<tool_call>{\"name\":\"time\",\"arguments\":{}}</tool_call>",
        "{tool_call}{\"name\":\"time\",\"arguments\":{}}{tool_call_end}",
        "{tool_call}{\"name\":\"never\",\"arguments\":{}}{tool_call_end}",
        "{tool_call}"};
    talk_->engine().script().say = [this](std::span<const TokenId> prompt,
                                          const engine::GenerateOptions&) {
      const auto& tokenizer = talk_->tokenizer();
      const bool answers = InAnswer(prompt);
      std::string text;
      bool thought = !answers, tagged = false;
      const int pieces = Pick(12);
      for (int i = 0; i < pieces; ++i) {
        // Marks mean something to a model that takes notes only; between them stands text.
        const int noises = static_cast<int>(by_mark_ ? kNoise.size() : kNoise.size() - 3);
        if (Pick(4) == 0) text += kNoise[static_cast<size_t>(Pick(noises))];
        if (Pick(6) == 0 && thought) {
          // A mark ends every thought of a model that has marks, a tag what a tag has begun.
          const bool mark = Pick(2) == 0;
          text += mark ? "{answer}" : "</think>";
          thought = mark ? !by_mark_ : by_mark_ && !tagged;
        } else if (Pick(12) == 0 && !thought) {
          text += "<think>";
          thought = tagged = true;
        }
        text += thought ? " SECRET" : (Pick(3) == 0 ? " Yes." : " well and 12");
      }
      return tokenizer.Encode(text, model::SpecialTokens::kParse);
    };
  }
  bool InAnswer(std::span<const TokenId> prompt) {
    bool answers = true;
    std::string text;
    for (const TokenId id : prompt) {
      if (id == *talk_->tokenizer().Find("<|im_start|>")) {
        text.clear();
        answers = true;
      }
      if (id >= 3 && id <= 8) answers = false;
      if (id == 9) answers = true;
      text += talk_->tokenizer().Bytes(id);
    }
    if (by_mark_) return answers;
    const size_t open = text.rfind("<think>"), close = text.rfind("</think>");
    return open == std::string::npos || (close != std::string::npos && close > open);
  }

  std::mt19937 random_;
  std::unique_ptr<Talk> talk_;
  const bool by_mark_;
};

class RandomTalks : public testing::TestWithParam<realtime::ThinkingStyle> {};

TEST_P(RandomTalks, NothingPrivateIsSaidAndEverythingIsGivenBack) {
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomTalk talk(seed, GetParam());
    talk.Run();
    talk.Check();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Styles, RandomTalks,
                         testing::Values(realtime::ThinkingStyle::kNone,
                                         realtime::ThinkingStyle::kDrafted,
                                         realtime::ThinkingStyle::kInterleaved));

}  // namespace
}  // namespace parley::test
