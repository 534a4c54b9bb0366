// Speech synthesis beside the conversations: clauses in, chunks of sound back on the strand that
// asked. One voice serves many talks, one clause at a time.
// Thread:   Speak may be called from any thread; Synthesizer::Speak runs on the worker's own. Chunks
//           and the end of a clause are posted to the job's executor, in order.
// Memory:   one clause's text a job; a chunk is handed over.
// Overload: at most kJobs clauses wait; a further one is refused and counted. A clause whose epoch
//           has passed is not begun, one that is being spoken stops before its next chunk; both are
//           counted in cancelled().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <variant>

#include "common/ids.h"
#include "common/mailbox.h"
#include "common/result.h"
#include "common/spoken_text.h"
#include "realtime/executor.h"
#include "tts/synthesizer.h"

namespace parley::realtime {

using LiveEpoch = std::shared_ptr<std::atomic<int64_t>>;  // of one talk; only ever grows

struct SpeakJob {
  std::variant<AnswerText, CallerText> text;
  tts::SpeakOptions options;
  Epoch epoch;
  LiveEpoch live;
  std::shared_ptr<Executor> executor;
  std::function<void(tts::SpeechChunk)> chunk;
  std::function<void(Status)> done;  // kCancelled: its epoch has passed

  bool stale() const { return live->load() != epoch.value; }
};

class VoiceWorker {
 public:
  virtual ~VoiceWorker() = default;
  virtual bool Speak(SpeakJob job) = 0;  // false: too many wait; `done` is not called
  virtual int sample_rate_hz() const = 0;
  virtual int64_t cancelled() const = 0;
  virtual int64_t refused() const = 0;
  virtual double busy_ms() const = 0;   // spent speaking …
  virtual double sound_ms() const = 0;  // … and what was said of it
};

class ThreadVoiceWorker final : public VoiceWorker {
 public:
  static constexpr size_t kJobs = 64;

  explicit ThreadVoiceWorker(tts::Synthesizer& voice);
  bool Speak(SpeakJob job) override { return jobs_.Push(std::move(job)); }
  int sample_rate_hz() const override { return voice_.sample_rate_hz(); }
  int64_t cancelled() const override { return cancelled_.load(); }
  int64_t refused() const override { return jobs_.dropped(); }
  double busy_ms() const override { return static_cast<double>(busy_us_.load()) / 1000; }
  double sound_ms() const override;

 private:
  void Run(const std::stop_token& stop);

  tts::Synthesizer& voice_;
  Mailbox<SpeakJob> jobs_{kJobs, WhenFull::kRejectNew};
  std::atomic<int64_t> cancelled_{0}, busy_us_{0}, samples_{0};
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace parley::realtime
