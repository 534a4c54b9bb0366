// A client of the Realtime protocol without a network and without a clock: a RealtimeSession over scripted models on
// simulated time, what it is told and everything that it says.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "realtime/sim_executor.h"
#include "realtime/sim_workers.h"
#include "server/realtime_session.h"
#include "support/protocol_order.h"
#include "support/scripted_talks.h"
#include "support/spoken_words.h"
#include "wire/base64.h"

namespace parley::test {

// Who ends a turn, in the protocol's words.
inline const nlohmann::json kServerVad = {{"type", "server_vad"}, {"silence_duration_ms", 500}};
inline const nlohmann::json kSemanticVad = {{"type", "semantic_vad"}};

class SimTalks : public ScriptedTalks {
 public:
  SimTalks()
      : executor_(std::make_shared<realtime::SimExecutor>()),
        turn_end_(*executor_, network_, {}),
        voice_(*executor_, synthesizer_, {}) {
    OpenEngine(*executor_);
  }
  std::shared_ptr<realtime::Executor> NewStrand() override { return executor_; }
  realtime::VoiceWorker& voice() override { return voice_; }
  realtime::SimExecutor& executor() { return *executor_; }
  FakeTurnEnd& network() { return network_; }
  void Run(int64_t ms) { executor_->RunUntil(executor_->Now() + milliseconds(ms)); }

 protected:
  realtime::TurnEndWorker& turn_end() override { return turn_end_; }

 private:
  std::shared_ptr<realtime::SimExecutor> executor_;
  FakeTurnEnd network_;
  ToneSynthesizer synthesizer_;
  realtime::SimTurnEndWorker turn_end_;
  realtime::SimVoiceWorker voice_;
};

class FakeSocket final : public wire::Socket {
 public:
  bool Send(std::string text, int64_t group) override {
    if (code != 0) return false;
    seen(nlohmann::json::parse(text), group);
    return true;
  }
  size_t TakeBack(int64_t) override { return 0; }
  void Close(uint16_t why, std::string) override {
    if (code == 0) code = why;
  }
  size_t queued_bytes() const override { return 0; }

  std::function<void(nlohmann::json event, int64_t group)> seen;
  uint16_t code = 0;  // of the close frame; 0: open
};

class SessionStage {
 public:
  using Json = nlohmann::json;

  explicit SessionStage(server::SessionOpening opening = {}, server::ServerConfig server = {})
      : config(std::move(server)) {
    socket->seen = [this](Json event, int64_t) {
      if (ordered) order.See(event);
      event["at"] = Ms(talks.executor().Now());
      events.push_back(std::move(event));
    };
    session = std::make_shared<server::RealtimeSession>(config, talks, metrics, socket,
                                                        std::move(opening));
    session->SetOnEnd([this] { ++ended; });
    session->Start();
    talks.Run(1);
  }
  ~SessionStage() {
    session->OnClosed();
    talks.Run(1);
    session.reset();
    talks.Run(1);
  }

  void Tell(const Json& event) { session->OnText(event.dump()); }
  void Tell(const char* type) { Tell(Json::object({{"type", type}})); }
  // Sound at the speed of speech, 20 ms at a time; level n says phrase n, 0.4 is a voice without
  // words, 0 is silence.
  void Sound(int64_t ms, double level = 0) {
    for (int64_t done = 0; done < ms; done += 20) {
      talks.Run(20);
      std::string pcm;
      for (int i = 0; i < 480; ++i, ++phase_) {
        const auto sample =
            static_cast<int16_t>(std::sin(phase_ * 0.15) > 0 ? 3277 * level : -3277 * level);
        pcm += static_cast<char>(sample & 255);
        pcm += static_cast<char>(sample >> 8 & 255);
      }
      std::string text;
      wire::AppendBase64(text, pcm);
      Tell({{"type", "input_audio_buffer.append"}, {"audio", text}});
    }
    talks.Run(0);
  }
  void Say(const std::string& text) {
    Tell({{"type", "conversation.item.create"},
          {"item",
           {{"type", "message"},
            {"role", "user"},
            {"content", Json::array({{{"type", "input_text"}, {"text", text}}})}}}});
  }
  void Turns(const Json& turns, const Json& more = Json::object()) {
    Json session_patch = {
        {"type", "realtime"},
        {"audio", {{"input", {{"transcription", {{"model", "any"}}}, {"turn_detection", turns}}}}}};
    session_patch.update(more, true);
    Tell({{"type", "session.update"}, {"session", session_patch}});
    talks.Run(1);
  }

  std::vector<Json> All(const std::string& type, size_t since = 0) const {
    std::vector<Json> found;
    for (size_t i = since; i < events.size(); ++i) {
      if (events[i]["type"] == type) found.push_back(events[i]);
    }
    return found;
  }
  // The last one of this type; null when there is none.
  Json Last(const std::string& type) const {
    const auto all = All(type);
    return all.empty() ? Json() : all.back();
  }
  std::vector<std::string> Types(size_t since = 0) const {
    std::vector<std::string> types;
    for (size_t i = since; i < events.size(); ++i)
      types.push_back(events[i]["type"].get<std::string>());
    return types;
  }

  server::ServerConfig config;
  SimTalks talks;
  server::Metrics metrics;
  std::shared_ptr<FakeSocket> socket = std::make_shared<FakeSocket>();
  std::vector<Json> events;
  ProtocolOrder order;
  bool ordered = true;  // other dialects have an order of their own
  int ended = 0;
  std::shared_ptr<server::RealtimeSession> session;

 private:
  int phase_ = 0;
};

}  // namespace parley::test
