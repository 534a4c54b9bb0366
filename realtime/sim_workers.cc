// SPDX-License-Identifier: Apache-2.0
#include "realtime/sim_workers.h"

#include <algorithm>
#include <utility>

namespace parley::realtime {

Result<std::span<const float>> SimVoiceActivity::Push(PcmView samples) {
  PARLEY_TRY(const std::span<const float> probabilities, network_->Push(samples));
  executor_->Charge(Duration(costs_.voice_activity_us) *
                    static_cast<int64_t>(probabilities.size()));
  return probabilities;
}

Result<std::unique_ptr<nn::VoiceActivity>> SimVoiceActivity::Another() const {
  PARLEY_TRY(auto network, network_->Another());
  return std::unique_ptr<nn::VoiceActivity>(
      std::make_unique<SimVoiceActivity>(executor_, std::move(network), costs_));
}

void SimTurnEndWorker::Ask(TurnEndQuestion question) {
  free_ = std::max(free_, executor_.Now()) + milliseconds(costs_.turn_end_ms);
  executor_.At(free_,
               [answer = std::move(question.answer),
                probability = network_.Probability(question.sound)] { answer(probability); });
}

bool SimVoiceWorker::Speak(SpeakJob job) {
  if (jobs_.size() >= ThreadVoiceWorker::kJobs) {
    ++refused_;
    return false;
  }
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1) executor_.Post([this] { Begin(); });
  return true;
}

void SimVoiceWorker::Begin() {
  SpeakJob& job = jobs_.front();
  chunks_.clear();
  status_ = Fail(Code::kCancelled, "its turn was over before it was spoken");
  if (job.stale()) return Next();
  const auto keep = [this](tts::SpeechChunk chunk) {
    chunks_.push_back(std::move(chunk));
    return true;
  };
  status_ =
      std::visit([&](const auto& text) { return voice_.Speak(text, job.options, keep); }, job.text);
  Work(milliseconds(costs_.first_chunk_ms));
}

void SimVoiceWorker::Work(Duration spent) {
  busy_ += spent;
  executor_.At(executor_.Now() + spent, [this] { Next(); });
}

// Hands over the next chunk, or ends the clause.
void SimVoiceWorker::Next() {
  SpeakJob& job = jobs_.front();
  if (job.stale()) {
    chunks_.clear();
    status_ = Fail(Code::kCancelled, "its turn is over");
  }
  if (!chunks_.empty()) {
    sound_ms_ += static_cast<double>(chunks_.front().samples.size()) * 1000 / sample_rate_hz();
    executor_.Post([deliver = job.chunk, chunk = std::move(chunks_.front())]() mutable {
      deliver(std::move(chunk));
    });
    chunks_.pop_front();
    if (!chunks_.empty()) {
      const auto samples = static_cast<int64_t>(chunks_.front().samples.size());
      return Work(Duration(samples * 1000 * costs_.per_second_ms / voice_.sample_rate_hz()));
    }
  }
  if (!status_ && status_.error().code == Code::kCancelled) ++cancelled_;
  executor_.Post([done = std::move(job.done), status = status_] { done(status); });
  jobs_.pop_front();
  if (!jobs_.empty()) executor_.Post([this] { Begin(); });
}

}  // namespace parley::realtime
