// A whole talk on a simulated clock: a Conversation with scripted ears, model and voice, fed with
// sound block by block, and everything that came out of it.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "realtime/local_session.h"
#include "realtime/sim_executor.h"
#include "realtime/sim_workers.h"
#include "realtime/tools/builtin_tools.h"
#include "support/scripted_engine.h"
#include "support/scripted_mind.h"
#include "support/scripted_tool.h"
#include "support/spoken_words.h"
#include "support/tone_synthesizer.h"
#include "support/word_tokenizer.h"

namespace parley::test {

struct TalkOptions {
  realtime::ConversationConfig config;
  realtime::VoiceCosts costs;
  Script script;
  realtime::Style style;
  std::vector<ToolScript> tools;
  int64_t block_ms = 20;
  tts::Synthesizer* voice = nullptr;  // null: a ToneSynthesizer
};

inline realtime::PromptPieces ChatMlPieces(const model::Tokenizer& tokenizer,
                                           std::string_view system) {
  const auto parse = [&](const std::string& text) {
    return tokenizer.Encode(text, model::SpecialTokens::kParse);
  };
  realtime::PromptPieces pieces;
  pieces.system = parse("<|im_start|>system\n" + std::string(system) + "<|im_end|>\n");
  pieces.user_open = parse("<|im_start|>user\n");
  pieces.answer_open = parse("<|im_end|>\n<|im_start|>assistant\n");
  pieces.think_open = parse("<|im_end|>\n<|im_start|>assistant\n<think>\n");
  pieces.no_think_open = parse("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n");
  pieces.answer_close = parse("<|im_end|>\n");
  pieces.stop = {*tokenizer.Find("<|im_end|>")};
  return pieces;
}

class Talk {
 public:
  explicit Talk(TalkOptions options)
      : block_(options.block_ms * kSampleRateHz / 1000),
        executor_(std::make_shared<realtime::SimExecutor>()),
        tokenizer_(std::make_shared<WordTokenizer>(ThinkingSpecials())),
        mind_(tokenizer_),
        turn_end_worker_(*executor_, turn_end_, options.costs),
        voice_worker_(*executor_, options.voice != nullptr ? *options.voice : voice_,
                      options.costs) {
    options.script.hear = [this](PcmView sound, const model::TranscribeOptions&) {
      return words_.Hear(sound);
    };
    options.script.say = [this](std::span<const TokenId> prompt, const engine::GenerateOptions&) {
      std::vector<TokenId> said = mind_.Say(prompt);
      written_.push_back({{prompt.begin(), prompt.end()}, said});
      written_.back().ids.insert(written_.back().ids.end(), said.begin(), said.end());
      return said;
    };
    options.script.tokenizer = tokenizer_.get();
    engine_ = std::make_unique<ScriptedEngine>(*executor_, std::move(options.script));
    realtime::ConversationParts parts;
    parts.executor = executor_;
    parts.engine = engine_.get();
    parts.tokenizer = tokenizer_;
    parts.prompt = ChatMlPieces(*tokenizer_, "Be brief.");
    parts.style = options.style;
    parts.tools = std::make_unique<realtime::ToolRunner>(options.config.tools, executor_);
    for (ToolScript& tool : options.tools) {
      EXPECT_TRUE(parts.tools->Offer(std::make_unique<ScriptedTool>(std::move(tool), executor_)));
    }
    // Sunday, 22 November 2026, 07:05:00 UTC
    EXPECT_TRUE(realtime::OfferBuiltinTools(
        options.config.tools, executor_,
        [] { return std::chrono::system_clock::from_time_t(1795331100); }, *parts.tools));
    notices_ = parts.tools->notices();
    parts.voice_activity = std::make_unique<realtime::SimVoiceActivity>(
        executor_, std::make_unique<FakeVoiceActivity>(), options.costs);
    parts.turn_end = &turn_end_worker_;
    parts.voice = &voice_worker_;
    auto session = realtime::LocalSession::Open(
        options.config, std::move(parts), [this](const realtime::Event& event) {
          if (std::holds_alternative<realtime::TurnDone>(event.what)) mind_.NextTurn();
          events_.push_back(event);
        });
    if (session) {
      session_ = *std::move(session);
    } else {
      refused_ = session.error();
    }
  }

  ~Talk() {  // the talk ends on its executor, and with it what it owns
    session_.reset();
    executor_->RunUntil(executor_->Now());
  }

  // ---- what is said ---------------------------------------------------------------------------
  void Silence(int64_t ms) { Add(std::vector<float>(Samples(ms), 0.0F)); }
  void Noise(int64_t ms, float probability) { Add(std::vector<float>(Samples(ms), -probability)); }
  void Speech(int64_t ms, std::string_view words) {
    Add(words_.Say(words, static_cast<int64_t>(Samples(ms))));
  }
  int64_t said_ms() const { return static_cast<int64_t>(sound_.size()) * 1000 / kSampleRateHz; }

  // One answer a turn, in order; the last one again and again.
  void Reply(std::string text) { mind_.replies.push_back(std::move(text)); }
  ScriptedMind& mind() { return mind_; }

  // ---- running --------------------------------------------------------------------------------
  // Plays what was said from the beginning, then silence, and stops at `ms`.
  void RunUntil(int64_t ms) {
    if (!started_) {
      started_ = true;
      PushNext();
    }
    executor_->RunUntil(Time(milliseconds(ms)));
  }
  void At(int64_t ms, std::function<void()> work) {
    executor_->At(Time(milliseconds(ms)), std::move(work));
  }

  realtime::Session& session() { return *session_; }
  bool open() const { return session_ != nullptr; }
  const Error& refused() const { return refused_; }
  const realtime::Conversation& conversation() const { return session_->conversation(); }
  ScriptedEngine& engine() { return *engine_; }
  FakeTurnEnd& turn_end() { return turn_end_; }
  void Notice(std::string text) { notices_({std::move(text)}); }  // of a tool
  const realtime::SimVoiceWorker& voice() const { return voice_worker_; }
  WordTokenizer& tokenizer() { return *tokenizer_; }
  const std::vector<realtime::Event>& events() const { return events_; }
  // What every stream stood on, and would have written: the model's side of a trace's ids.
  struct Written {
    std::vector<TokenId> ids, said;
  };
  const std::vector<Written>& written() const { return written_; }
  // The ids the engine holds for this talk.
  const std::vector<TokenId>& held() { return engine_->Ids(conversation().sequence()); }

 private:
  static size_t Samples(int64_t ms) { return static_cast<size_t>(ms * kSampleRateHz / 1000); }
  void Add(const std::vector<float>& more) {
    sound_.insert(sound_.end(), more.begin(), more.end());
  }
  // A block is pushed when its last sample has been captured.
  void PushNext() {
    pushed_ += block_;
    executor_->At(realtime::TimeOfSample(pushed_), [this] {
      std::vector<float> block(static_cast<size_t>(block_), 0.0F);
      for (int64_t i = 0; i < block_; ++i) {
        const auto at = static_cast<size_t>(pushed_ - block_ + i);
        if (at < sound_.size()) block[static_cast<size_t>(i)] = sound_[at];
      }
      session_->PushSound(block);
      PushNext();
    });
  }

  const int64_t block_;
  std::shared_ptr<realtime::SimExecutor> executor_;
  std::shared_ptr<WordTokenizer> tokenizer_;
  SpokenWords words_;
  ScriptedMind mind_;
  FakeTurnEnd turn_end_;
  ToneSynthesizer voice_;
  realtime::SimTurnEndWorker turn_end_worker_;
  realtime::SimVoiceWorker voice_worker_;
  std::unique_ptr<ScriptedEngine> engine_;
  realtime::ToolNotices notices_;
  std::vector<Written> written_;
  std::vector<realtime::Event> events_;
  std::vector<float> sound_;
  int64_t pushed_ = 0;
  bool started_ = false;
  Error refused_;
  std::unique_ptr<realtime::LocalSession> session_;
};

}  // namespace parley::test
