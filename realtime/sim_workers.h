// The stages beside the engine on a simulated clock: the real networks run, at once, and what they
// give arrives after a fixed cost, so that a run is the same at any machine load.
// Thread:   one: the simulated executor's.
// Memory:   one clause's chunks, between its making and its arrival.
// Overload: a worker is busy until its last job is done; what waits is bounded as on the real one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "common/config_fields.h"
#include "nn/turn_end.h"
#include "nn/voice_activity.h"
#include "realtime/sim_executor.h"
#include "realtime/turn_end_worker.h"
#include "realtime/voice_worker.h"

namespace parley::realtime {

struct VoiceCosts {
  int32_t voice_activity_us = 50;
  int32_t turn_end_ms = 37;
  int32_t first_chunk_ms = 50;
  int32_t per_second_ms = 90;

  template <class V>
  void VisitFields(V&& v) {
    v("voice_activity_us", voice_activity_us, Range{0, 1e6}, "one frame of 32 ms [us]");
    v("turn_end_ms", turn_end_ms, Range{0, 10000}, "one answer of the turn detector [ms]");
    v("first_chunk_ms", first_chunk_ms, Range{0, 10000}, "a clause's first sound [ms]");
    v("per_second_ms", per_second_ms, Range{0, 10000},
      "every second of sound behind the first chunk [ms]");
  }
};

// Runs on the strand, as the real one does: the strand is busy meanwhile.
class SimVoiceActivity final : public nn::VoiceActivity {
 public:
  SimVoiceActivity(std::shared_ptr<SimExecutor> executor,
                   std::unique_ptr<nn::VoiceActivity> network, const VoiceCosts& costs)
      : executor_(std::move(executor)), network_(std::move(network)), costs_(costs) {}
  Result<std::span<const float>> Push(PcmView samples) override;
  void Reset() override { network_->Reset(); }
  Result<std::unique_ptr<nn::VoiceActivity>> Another() const override;

 private:
  std::shared_ptr<SimExecutor> executor_;
  std::unique_ptr<nn::VoiceActivity> network_;
  VoiceCosts costs_;
};

class SimTurnEndWorker final : public TurnEndWorker {
 public:
  SimTurnEndWorker(SimExecutor& executor, nn::TurnEnd& network, const VoiceCosts& costs)
      : executor_(executor), network_(network), costs_(costs) {}
  void Ask(TurnEndQuestion question) override;
  int64_t dropped() const override { return 0; }

 private:
  SimExecutor& executor_;
  nn::TurnEnd& network_;
  const VoiceCosts costs_;
  Time free_{};
};

class SimVoiceWorker final : public VoiceWorker {
 public:
  SimVoiceWorker(SimExecutor& executor, tts::Synthesizer& voice, const VoiceCosts& costs)
      : executor_(executor), voice_(voice), costs_(costs) {}
  bool Speak(SpeakJob job) override;
  int sample_rate_hz() const override { return voice_.sample_rate_hz(); }
  int64_t cancelled() const override { return cancelled_; }
  int64_t refused() const override { return refused_; }
  double busy_ms() const override { return Ms(busy_); }
  double sound_ms() const override { return sound_ms_; }

 private:
  void Begin();
  void Work(Duration spent);  // until the next chunk is made
  void Next();

  SimExecutor& executor_;
  tts::Synthesizer& voice_;
  const VoiceCosts costs_;
  std::deque<SpeakJob> jobs_;            // the first is being spoken
  std::deque<tts::SpeechChunk> chunks_;  // of it
  Status status_;
  int64_t cancelled_ = 0, refused_ = 0;
  Duration busy_{};
  double sound_ms_ = 0;
};

}  // namespace parley::realtime
