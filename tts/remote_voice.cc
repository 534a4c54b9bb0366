// SPDX-License-Identifier: Apache-2.0
#include "tts/remote_voice.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "common/json.h"
#include "tts/text_normalizer.h"

namespace parley::tts {
namespace {

constexpr double kLettersPerSecond =
    15.0;                              // of English read aloud, the gaps between words included
constexpr double kPauseLetters = 4.0;  // what a mark is worth
constexpr double kChunkSeconds = 0.1;
constexpr std::array<std::string_view, 4> kContainers = {"RIFF", "OggS", "fLaC", "ID3"};

}  // namespace

class RemoteVoice::Delivery {
 public:
  Delivery(std::string_view text, float speed, int rate_hz, std::string from, const ChunkSink& sink)
      : words_(NormalizeText(text)),
        samples_per_letter_(rate_hz / (kLettersPerSecond * speed)),
        chunk_samples_(static_cast<size_t>(rate_hz * kChunkSeconds)),
        from_(std::move(from)),
        sink_(sink) {}

  // False: what came is no sound, or the sink has enough; status() says which.
  bool Take(std::string_view bytes) {
    if (head_.size() < kHead) {
      head_ += bytes.substr(0, kHead - head_.size());
      for (const std::string_view container : kContainers) {
        if (!head_.starts_with(container)) continue;
        status_ = Fail(Code::kUnsupported,
                       from_ + " sends a file that begins with \"" + std::string(container) +
                           "\"; raw 16-bit samples were asked for "
                           "(response_format \"pcm\"): the server must offer them");
        return false;
      }
    }
    for (const char c : bytes) {
      const auto byte = static_cast<uint8_t>(c);
      if (!half_) {
        low_ = byte;
      } else {
        const auto sample = static_cast<int16_t>(static_cast<uint16_t>(byte << 8U | low_));
        chunk_.samples.push_back(static_cast<float>(sample) / 32768.0F);
      }
      half_ = !half_;
    }
    while (status_ && chunk_.samples.size() > chunk_samples_) Send(chunk_samples_, false);
    return status_.has_value();
  }

  Status Finish() {
    if (!status_) return status_;
    if (half_) {
      return Fail(Code::kCorruptData, from_ +
                                          " ends in the middle of a sample; raw 16-bit samples "
                                          "were asked for");
    }
    if (sent_ == 0 && chunk_.samples.empty()) {
      return Fail(Code::kPeer, from_ + " answers without any sound");
    }
    Send(chunk_.samples.size(), true);
    return status_;
  }

  const Status& status() const { return status_; }
  double seconds(int rate_hz) const {
    return static_cast<double>(sent_ + static_cast<int64_t>(chunk_.samples.size())) / rate_hz;
  }

 private:
  static constexpr size_t kHead = 4;

  void Send(size_t count, bool last) {
    SpeechChunk chunk;
    chunk.first_sample = sent_;
    const auto end = chunk_.samples.begin() + static_cast<ptrdiff_t>(count);
    chunk.samples.assign(chunk_.samples.begin(), end);
    chunk_.samples.erase(chunk_.samples.begin(), end);
    sent_ += static_cast<int64_t>(count);
    chunk.last = last;
    chunk.words_estimated = true;
    // A word that should have begun by now has; what is left when the sound ends, began before that.
    for (; next_ < words_.size() &&
           (last || letters_ * samples_per_letter_ < static_cast<double>(sent_));
         ++next_) {
      const SpokenWord& word = words_[next_];
      const auto at = static_cast<int64_t>(std::llround(letters_ * samples_per_letter_));
      chunk.words.push_back({.first_sample = std::clamp(at, chunk.first_sample, sent_),
                             .char_begin = word.char_begin,
                             .char_end = word.char_end});
      letters_ += static_cast<double>(word.text.size()) + 1 + (word.pause != 0 ? kPauseLetters : 0);
    }
    if (!sink_(std::move(chunk)) && !last)
      status_ = Fail(Code::kCancelled, "the listener has enough");
  }

  const std::vector<SpokenWord> words_;
  const double samples_per_letter_;
  const size_t chunk_samples_;
  const std::string from_;
  const ChunkSink& sink_;
  SpeechChunk chunk_;
  std::string head_;
  uint8_t low_ = 0;
  bool half_ = false;
  int64_t sent_ = 0;
  size_t next_ = 0;
  double letters_ = 0.0;
  Status status_;
};

Result<std::unique_ptr<RemoteVoice>> RemoteVoice::Open(const VoiceConfig& config) {
  if (!config.url.starts_with("http://") && !config.url.starts_with("https://")) {
    return Fail(Code::kInvalidArgument, "voice.url is \"" + fetch::PrintableUrl(config.url) +
                                            "\"; voice.kind remote needs a whole address, such as "
                                            "http://127.0.0.1:8880/v1/audio/speech");
  }
  std::string key;
  if (!config.key_env.empty()) {
    const char* value = std::getenv(config.key_env.c_str());
    if (value == nullptr || *value == '\0') {
      return Fail(Code::kInvalidArgument, "voice.key_env names " + config.key_env +
                                              ", which is not set: export it, or leave "
                                              "voice.key_env empty for a server without keys");
    }
    key = value;
  }
  return std::unique_ptr<RemoteVoice>(new RemoteVoice(config, std::move(key)));
}

RemoteVoice::RemoteVoice(const VoiceConfig& config, std::string key)
    : config_(config), key_(std::move(key)), http_(fetch::HttpOptions{}) {}

Status RemoteVoice::SpeakView(std::string_view text, const SpeakOptions& options,
                              const ChunkSink& sink) {
  const float speed = std::clamp(options.speed * config_.speed, 0.5F, 2.0F);
  fetch::HttpPost post{.url = config_.url,
                       .headers = {"Content-Type: application/json"},
                       .body = JsonLine()
                                   .Add("model", config_.remote_model)
                                   .Add("voice", config_.remote_name)
                                   .Add("input", text)
                                   .Add("response_format", "pcm")
                                   .Add("speed", static_cast<double>(speed))
                                   .Take(),
                       .stall = std::chrono::seconds(config_.timeout_s)};
  if (!key_.empty()) post.headers.push_back("Authorization: Bearer " + key_);
  const std::string from = "the voice at " + fetch::PrintableUrl(config_.url);
  Delivery delivery(text, speed, config_.remote_rate_hz, from, sink);
  const Status posted =
      http_.Post(post, [&](std::string_view bytes) { return delivery.Take(bytes); });
  if (!delivery.status()) return delivery.status();
  if (!posted) {
    char after[48];
    std::snprintf(after, sizeof(after), " after %.1f s of sound",
                  delivery.seconds(config_.remote_rate_hz));
    return Fail(posted.error().code,
                "the voice failed" + std::string(after) + ": " + posted.error().message +
                    "; voice.url says where it is, voice.kind piper needs none");
  }
  return delivery.Finish();
}

}  // namespace parley::tts
