// SPDX-License-Identifier: Apache-2.0
#include "realtime/voice_worker.h"

#include <chrono>
#include <optional>
#include <utility>

namespace parley::realtime {

ThreadVoiceWorker::ThreadVoiceWorker(tts::Synthesizer& voice)
    : voice_(voice), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

double ThreadVoiceWorker::sound_ms() const {
  return static_cast<double>(samples_.load()) * 1000 / voice_.sample_rate_hz();
}

void ThreadVoiceWorker::Run(const std::stop_token& stop) {
  while (std::optional<SpeakJob> job = jobs_.Pop(stop)) {
    Status status = Fail(Code::kCancelled, "its turn was over before it was spoken");
    if (!job->stale()) {
      const auto began = std::chrono::steady_clock::now();
      const auto give = [&](tts::SpeechChunk chunk) {
        if (job->stale() || stop.stop_requested()) return false;
        samples_ += static_cast<int64_t>(chunk.samples.size());
        job->executor->Post([deliver = job->chunk, chunk = std::move(chunk)]() mutable {
          deliver(std::move(chunk));
        });
        return true;
      };
      status = std::visit([&](const auto& text) { return voice_.Speak(text, job->options, give); },
                          job->text);
      busy_us_ +=
          std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began).count();
    }
    if (!status && status.error().code == Code::kCancelled) ++cancelled_;
    job->executor->Post(
        [done = std::move(job->done), status = std::move(status)] { done(status); });
  }
}

}  // namespace parley::realtime
