// The real server over a scripted engine, for clients that test what a small model cannot do (calls of
// tools) or what a big one would blur (how long the wire takes). Only tests build it.
//
// How loud a voice is says what it says: the n-th level of 0.1, 0.2, … is the n-th phrase. What the
// model answers depends on the prompt's last turn; see Answer below.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/log.h"
#include "nn/turn_end.h"
#include "nn/voice_activity.h"
#include "realtime/asio_executor.h"
#include "realtime/local_session.h"
#include "server/server.h"
#include "support/scripted_engine.h"
#include "support/talk.h"
#include "support/tone_synthesizer.h"
#include "support/word_tokenizer.h"

namespace parley::test {
namespace {

constexpr std::array<std::string_view, 3> kPhrases = {
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

model::Transcript Hear(PcmView sound) {
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

std::string Answer(std::string_view prompt) {
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

// Writes into the first samples of every clause when it was made: four times 15 bits of microseconds on
// the machine's monotonic clock, so that a client can see how long its way was.
class StampedVoice final : public tts::Synthesizer {
 public:
  int sample_rate_hz() const override { return tones_.sample_rate_hz(); }
  Status Speak(const AnswerText& text, const tts::SpeakOptions& options,
               const tts::ChunkSink& sink) override {
    return tones_.Speak(text, options, Stamped(sink));
  }
  Status Speak(const CallerText& text, const tts::SpeakOptions& options,
               const tts::ChunkSink& sink) override {
    return tones_.Speak(text, options, Stamped(sink));
  }

 private:
  static tts::ChunkSink Stamped(const tts::ChunkSink& sink) {
    return [sink](tts::SpeechChunk chunk) {
      if (chunk.first_sample == 0 && chunk.samples.size() > 4) {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
        for (size_t i = 0; i < 4; ++i, us >>= 15) {
          chunk.samples[i] = static_cast<float>(us & 0x7FFF) / 32767.0F;
        }
      }
      return sink(std::move(chunk));
    };
  }
  ToneSynthesizer tones_;
};

class ScriptedTalks final : public server::Talks {
 public:
  ScriptedTalks()
      : threads_(1),  // the scripted engine knows one thread only
        engine_strand_(threads_.NewStrand()),
        tokenizer_(std::make_shared<WordTokenizer>(
            std::vector<std::string>{"<|im_start|>", "<|im_end|>", "<|endoftext|>"})),
        chat_(*model::ChatTemplate::For(tokenizer_)),
        turn_end_(turn_end_network_),
        voice_(synthesizer_) {
    turn_end_network_.probability = 0.95F;
    Script script;
    script.step = milliseconds(15);  // faster than any model is, clients lose their step
    script.prefill_row = Duration(10);
    script.transcribe = milliseconds(20);
    script.transcribe_per_second = milliseconds(1);
    script.capacity = 1 << 24;
    script.tokenizer = tokenizer_.get();
    script.hear = [](PcmView sound, const model::TranscribeOptions&) { return Hear(sound); };
    script.say = [this](std::span<const TokenId> prompt, const engine::GenerateOptions&) {
      return tokenizer_->Encode(Answer(tokenizer_->Decode(prompt)));
    };
    engine_ = std::make_unique<ScriptedEngine>(*engine_strand_, std::move(script));
  }

  std::shared_ptr<realtime::Executor> NewStrand() override { return threads_.NewStrand(); }
  Result<std::unique_ptr<realtime::Session>> Open(std::shared_ptr<realtime::Executor> strand,
                                                  realtime::EventSink sink) override {
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
    parts.turn_end = &turn_end_;
    parts.voice = &voice_;
    realtime::ConversationConfig config;
    config.speak.lowered_by = realtime::LoweredBy::kPlayer;
    PARLEY_TRY(auto session,
               realtime::LocalSession::Open(config, std::move(parts), std::move(sink)));
    return std::unique_ptr<realtime::Session>(std::move(session));
  }
  engine::Engine& engine() override { return *engine_; }
  std::shared_ptr<const model::Tokenizer> tokenizer() override { return tokenizer_; }
  std::shared_ptr<const model::ChatTemplate> chat() override { return chat_; }
  realtime::VoiceWorker& voice() override { return voice_; }
  engine::TranscribeLane NewLane() override { return lane_ = lane_.Next(); }
  int voice_rate_hz() const override { return ToneSynthesizer::kRateHz; }
  std::string model_name() const override { return "scripted"; }
  std::string voice_name() const override { return "tone"; }
  std::string transcriber_name() const override { return "scripted"; }
  std::string instructions() const override { return "Be brief."; }

 private:
  realtime::TalkThreads threads_;
  std::shared_ptr<realtime::Executor> engine_strand_;
  std::shared_ptr<WordTokenizer> tokenizer_;
  std::shared_ptr<const model::ChatTemplate> chat_;
  FakeTurnEnd turn_end_network_;
  StampedVoice synthesizer_;
  realtime::ThreadTurnEndWorker turn_end_;
  realtime::ThreadVoiceWorker voice_;
  engine::TranscribeLane lane_;
  std::unique_ptr<ScriptedEngine> engine_;
};

int Main(int argc, char** argv) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  server::ServerConfig config;
  config.max_sessions = argc > 1 ? std::atoi(argv[1]) : 4;
  config.drain_s = 5;
  ScriptedTalks talks;
  server::ServerOptions options;
  options.version = "scripted";
  options.port = argc > 2 ? std::atoi(argv[2]) : 0;
  auto server = server::Server::Start(config, options, talks);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("scripted server serves %s\n", (*server)->url().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ending, &signal);
  return 0;
}

}  // namespace
}  // namespace parley::test

int main(int argc, char** argv) { return parley::test::Main(argc, argv); }
