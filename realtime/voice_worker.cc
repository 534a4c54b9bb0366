// SPDX-License-Identifier: Apache-2.0
#include "realtime/voice_worker.h"

#include <optional>
#include <utility>

namespace parley::realtime {

ThreadVoiceWorker::ThreadVoiceWorker(tts::Synthesizer& voice)
    : voice_(voice), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void ThreadVoiceWorker::Run(const std::stop_token& stop) {
  while (std::optional<SpeakJob> job = jobs_.Pop(stop)) {
    Status status = Fail(Code::kCancelled, "its turn was over before it was spoken");
    if (!job->stale()) {
      const auto give = [&](tts::SpeechChunk chunk) {
        if (job->stale() || stop.stop_requested()) return false;
        job->executor->Post([deliver = job->chunk, chunk = std::move(chunk)]() mutable {
          deliver(std::move(chunk));
        });
        return true;
      };
      status = std::visit([&](const auto& text) { return voice_.Speak(text, job->options, give); },
                          job->text);
    }
    if (!status && status.error().code == Code::kCancelled) ++cancelled_;
    job->executor->Post(
        [done = std::move(job->done), status = std::move(status)] { done(status); });
  }
}

}  // namespace parley::realtime
