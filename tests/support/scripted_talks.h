// What a server serves in tests: talks with scripted ears, model and voice behind the real ones' interfaces.
// How loud a voice is says what it says: the n-th level of 0.1, 0.2, … is the n-th phrase. What the model answers depends
// on the prompt's last turn: AnswerTo.
// Thread:   as server::Talks says, on executors that a test chooses; the scripted engine lives on one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/voice_activity.h"
#include "realtime/local_session.h"
#include "realtime/turn_end_worker.h"
#include "server/talks.h"
#include "support/scripted_engine.h"
#include "support/tone_synthesizer.h"
#include "support/word_tokenizer.h"

namespace parley::test {

inline constexpr std::array<std::string_view, 3> kPhrases = {
    "What is the weather in Bonn?", "Tell me a long story.", "Stop, what time is it?"};

class LoudnessVoiceActivity final : public nn::VoiceActivity {
 public:
  Result<std::span<const float>> Push(PcmView samples) override {
    probabilities_.clear();
    for (const float sample : samples) {
      energy_ += static_cast<double>(sample) * sample;
      if (++count_ < nn::kVoiceWindow) continue;
      probabilities_.push_back(energy_ / nn::kVoiceWindow > 1e-3 ? 0.95F : 0.02F);
      energy_ = 0;
      count_ = 0;
    }
    return std::span<const float>(probabilities_);
  }
  void Reset() override { *this = LoudnessVoiceActivity(); }
  Result<std::unique_ptr<nn::VoiceActivity>> Another() const override {
    return std::unique_ptr<nn::VoiceActivity>(std::make_unique<LoudnessVoiceActivity>());
  }

 private:
  std::vector<float> probabilities_;
  double energy_ = 0;
  int count_ = 0;
};

inline model::Transcript HearLoudness(PcmView sound) {
  float loudest = 0;
  for (const float sample : sound) loudest = std::max(loudest, std::abs(sample));
  const auto level = static_cast<size_t>(std::lround(loudest * 10));
  model::Transcript heard;
  heard.no_speech = 0.9F;
  if (level == 0) return heard;
  heard.text = kPhrases[std::min(level, kPhrases.size()) - 1];
  heard.no_speech = 0.02F;
  return heard;
}

inline std::string AnswerTo(std::string_view prompt) {
  const size_t turn = prompt.rfind("user\n");
  const std::string_view last = turn == std::string_view::npos ? prompt : prompt.substr(turn);
  if (last.find("tool_response") != std::string_view::npos) {
    return last.find("sunny") != std::string_view::npos ? "It is sunny in Bonn today."
                                                        : "I cannot tell.";
  }
  if (last.find("weather") != std::string_view::npos &&
      prompt.find("<tools>") != std::string_view::npos) {
    return "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
           "\"Bonn\"}}\n</tool_call>";
  }
  if (last.find("story") != std::string_view::npos) {
    return "Once upon a time there was a king who had three sons, and the eldest of them went far "
           "away. "
           "The second stayed at home, and the youngest sang all day long to the birds of the "
           "wood.";
  }
  return "It is noon.";
}

class ScriptedTalks : public server::Talks {
 public:
  Result<std::unique_ptr<realtime::Session>> Open(std::shared_ptr<realtime::Executor> strand,
                                                  realtime::EventSink sink,
                                                  std::optional<realtime::Effort> effort) override {
    efforts_.push_back(effort);
    realtime::ConversationParts parts;
    parts.executor = std::move(strand);
    parts.engine = engine_.get();
    parts.lane = NewLane();
    parts.tokenizer = tokenizer_;
    parts.prompt = realtime::PiecesOf(*chat_, "Be brief.");
    parts.system_turn = [chat = chat_](std::string_view words) {
      return realtime::PiecesOf(*chat, words).system;
    };
    parts.voice_activity = std::make_unique<LoudnessVoiceActivity>();
    parts.turn_end = &turn_end();
    parts.voice = &voice();
    realtime::ConversationConfig config;
    config.speak.lowered_by = realtime::LoweredBy::kPlayer;
    PARLEY_TRY(auto session,
               realtime::LocalSession::Open(config, std::move(parts), std::move(sink)));
    return std::unique_ptr<realtime::Session>(std::move(session));
  }
  engine::Engine& engine() override { return *engine_; }
  ScriptedEngine& scripted_engine() { return *engine_; }
  Replicas replicas() const override { return replicas_; }
  void SetReplicas(Replicas replicas) { replicas_ = replicas; }
  std::shared_ptr<const model::Tokenizer> tokenizer() override { return tokenizer_; }
  std::shared_ptr<const model::ChatTemplate> chat() override { return chat_; }
  const realtime::Style& style() const override { return style_; }
  engine::TranscribeLane NewLane() override { return lane_ = lane_.Next(); }
  int voice_rate_hz() const override { return ToneSynthesizer::kRateHz; }
  std::string model_name() const override { return "scripted"; }
  // With which effort each talk was opened.
  const std::vector<std::optional<realtime::Effort>>& efforts() const { return efforts_; }
  // From here on the model is one that takes notes, to whoever asks; the talks do not think.
  void TakeNotes() { style_.style = realtime::ThinkingStyle::kInterleaved; }
  std::vector<std::string> voices() const override { return {"tone", "other"}; }
  std::string transcriber_name() const override { return "scripted"; }
  std::string instructions() const override { return "Be brief."; }

 protected:
  ScriptedTalks()
      : tokenizer_(std::make_shared<WordTokenizer>(std::vector<std::string>{
            "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<listen>", "<after>", "<none>",
            "<note>", "<note_end>", "<speech_end>", "<answer>", "<tool_call>", "<tool_call_end>",
            "<tool_result>", "<tool_result_end>"})),
        chat_(*model::ChatTemplate::For(tokenizer_)) {}
  virtual realtime::TurnEndWorker& turn_end() = 0;

  // Before anything else.
  void OpenEngine(realtime::Executor& strand) {
    Script script;
    script.step = milliseconds(15);  // faster than any model is, clients lose their step
    script.prefill_row = Duration(10);
    script.transcribe = milliseconds(20);
    script.transcribe_per_second = milliseconds(1);
    script.capacity = 1 << 24;
    script.tokenizer = tokenizer_.get();
    script.hear = [](PcmView sound, const model::TranscribeOptions&) {
      return HearLoudness(sound);
    };
    script.say = [this](std::span<const TokenId> prompt, const engine::GenerateOptions&) {
      return tokenizer_->Encode(AnswerTo(tokenizer_->Decode(prompt)));
    };
    engine_ = std::make_unique<ScriptedEngine>(strand, std::move(script));
  }

 private:
  std::shared_ptr<WordTokenizer> tokenizer_;
  std::shared_ptr<const model::ChatTemplate> chat_;
  realtime::Style style_;  // it does not think
  std::vector<std::optional<realtime::Effort>> efforts_;
  engine::TranscribeLane lane_;
  Replicas replicas_;
  std::unique_ptr<ScriptedEngine> engine_;
};

}  // namespace parley::test
