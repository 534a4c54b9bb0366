// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <deque>
#include <string>
#include <utility>

#include "server/audio_port.h"
#include "server/endpoints.h"
#include "server/request_bodies.h"

namespace parley::server {
namespace {

constexpr int kRateHz = 24000;
constexpr size_t kLongestClause = 240;

// Sentences, and pieces of very long ones: what the voice takes at once.
std::deque<std::string> Clauses(const std::string& text) {
  std::deque<std::string> clauses;
  std::string clause;
  for (size_t i = 0; i < text.size(); ++i) {
    clause += text[i];
    const bool behind = i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n';
    const bool sentence = behind && std::string_view(".!?\n").find(text[i]) != std::string::npos;
    const bool full = behind && clause.size() >= kLongestClause;
    if (!sentence && !full) continue;
    clauses.push_back(std::exchange(clause, {}));
  }
  if (!clause.empty()) clauses.push_back(std::move(clause));
  std::erase_if(clauses, [](const std::string& c) {
    return c.find_first_not_of(" \t\r\n") == std::string::npos;
  });
  return clauses;
}

std::string WavHead() {  // of a sound whose length nobody knows yet
  std::string head = "RIFF\xFF\xFF\xFF\xFFWAVEfmt ";
  const auto put = [&head](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) head += static_cast<char>(value >> (8 * i) & 255);
  };
  put(16, 4);
  put(1, 2);
  put(1, 2);
  put(kRateHz, 4);
  put(kRateHz * 2, 4);
  put(2, 2);
  put(16, 2);
  return head + "data\xFF\xFF\xFF\xFF";
}

// Speaks one clause behind the other, and sends what is made as it is made.
class Reading : public std::enable_shared_from_this<Reading> {
 public:
  Reading(Talks& talks, std::shared_ptr<realtime::Executor> strand, std::deque<std::string> clauses,
          float speed, AudioOut out, std::shared_ptr<wire::Reply> reply)
      : talks_(talks),
        strand_(std::move(strand)),
        clauses_(std::move(clauses)),
        speed_(speed),
        out_(std::move(out)),
        reply_(std::move(reply)) {}

  void Next() {
    const auto write = [this](const std::string& bytes) { alive_ &= reply_->Write(bytes); };
    if (clauses_.empty()) {
      out_.Flush(write);
      return reply_->End();
    }
    realtime::SpeakJob job{.text = CallerText(std::move(clauses_.front())),
                           .options = {.speed = speed_},
                           .epoch = Epoch{0},
                           .live = live_,
                           .executor = strand_,
                           .chunk =
                               [self = shared_from_this(), write](const tts::SpeechChunk& chunk) {
                                 self->out_.Push(chunk.samples, write);
                                 if (!self->alive_) self->live_->store(1);  // nobody listens
                               },
                           .done =
                               [self = shared_from_this()](const Status& status) {
                                 if (!status) return self->reply_->End();
                                 self->Next();
                               }};
    clauses_.pop_front();
    if (!talks_.voice().Speak(std::move(job))) reply_->End();
  }

 private:
  Talks& talks_;
  const std::shared_ptr<realtime::Executor> strand_;
  std::deque<std::string> clauses_;
  const float speed_;
  AudioOut out_;
  const std::shared_ptr<wire::Reply> reply_;
  const realtime::LiveEpoch live_ = std::make_shared<std::atomic<int64_t>>(0);
  bool alive_ = true;
};

}  // namespace

void SpeakText(Talks& talks, const std::shared_ptr<realtime::Executor>& strand,
               const wire::Request& request, const std::shared_ptr<wire::Reply>& reply) {
  const auto wanted = ParseSpeechRequest(request.body, talks.voices());
  if (!wanted) {
    return reply->Send(
        wire::ErrorAnswer(400, "invalid_request_error", "invalid_value", wanted.error().message));
  }
  auto out = AudioOut::Open({"audio/pcm", kRateHz}, talks.voice_rate_hz());
  if (!out) return reply->Send(wire::ErrorAnswer(500, "server_error", "", out.error().message));
  reply->Begin({.content_type = wanted->wav ? "audio/wav" : "audio/pcm",
                .body = wanted->wav ? WavHead() : ""});
  std::make_shared<Reading>(talks, strand, Clauses(wanted->input), wanted->speed, *std::move(out),
                            reply)
      ->Next();
}

}  // namespace parley::server
