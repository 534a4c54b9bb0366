// Speech in tests of conversations: a sound whose value says which word it is, so that a fake voice
// detector and a scripted transcriber hear exactly what was said, and only what was said so far.
//   0        silence
//   -p       noise, which the voice detector takes for a voice with probability p
//   2 + k    word k of the vocabulary, a voice with probability 0.95
// A word of which less than nine tenths have been heard is heard as its first half.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/pcm.h"
#include "engine/engine.h"
#include "nn/turn_end.h"
#include "nn/voice_activity.h"

namespace parley::test {

class SpokenWords {
 public:
  // The words of `text`, each the same share of `samples`.
  std::vector<float> Say(std::string_view text, int64_t samples) {
    std::vector<std::string> words;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      if (end > at) words.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
    std::vector<float> sound;
    for (size_t i = 0; i < words.size(); ++i) {
      const auto end = static_cast<size_t>(samples * static_cast<int64_t>(i + 1) /
                                           static_cast<int64_t>(words.size()));
      words_.push_back({words[i], end - sound.size()});
      sound.resize(end, 1.0F + static_cast<float>(words_.size()));
    }
    if (words.empty()) {  // a voice without words: a cough
      words_.push_back({"", static_cast<size_t>(samples)});
      sound.assign(static_cast<size_t>(samples), 1.0F + static_cast<float>(words_.size()));
    }
    return sound;
  }

  model::Transcript Hear(PcmView sound) const {
    model::Transcript transcript;
    transcript.no_speech = 0.02F;
    for (size_t at = 0; at < sound.size();) {
      size_t end = at;
      while (end < sound.size() && sound[end] == sound[at]) ++end;
      if (sound[at] >= 2.0F) {
        const Word& word = words_[static_cast<size_t>(sound[at] - 2.0F + 0.5F)];
        const bool whole = (end - at) * 10 >= word.samples * 9;
        const std::string heard = whole ? word.text : word.text.substr(0, word.text.size() / 2);
        if (!heard.empty()) transcript.text += (transcript.text.empty() ? "" : " ") + heard;
      }
      at = end;
    }
    if (transcript.text.empty()) transcript.no_speech = 0.9F;
    return transcript;
  }

 private:
  struct Word {
    std::string text;
    size_t samples;
  };
  std::vector<Word> words_;
};

class FakeVoiceActivity final : public nn::VoiceActivity {
 public:
  Result<std::span<const float>> Push(PcmView samples) override {
    probabilities_.clear();
    for (const float sample : samples) {
      if (sample >= 2.0F) ++voice_;
      if (sample < 0.0F) noise_ += -sample;
      if (++count_ < nn::kVoiceWindow) continue;
      const float share = static_cast<float>(voice_) / nn::kVoiceWindow;
      probabilities_.push_back(
          share >= 0.5F ? 0.95F : 0.02F + noise_ / static_cast<float>(nn::kVoiceWindow));
      voice_ = count_ = 0;
      noise_ = 0;
    }
    return std::span<const float>(probabilities_);
  }
  void Reset() override { *this = FakeVoiceActivity(); }
  Result<std::unique_ptr<nn::VoiceActivity>> Another() const override {
    return std::unique_ptr<nn::VoiceActivity>(std::make_unique<FakeVoiceActivity>());
  }

 private:
  std::vector<float> probabilities_;
  int count_ = 0, voice_ = 0;
  float noise_ = 0;
};

// Answers what the test says.
class FakeTurnEnd final : public nn::TurnEnd {
 public:
  Result<float> Probability(PcmView turn) override {
    asked.push_back(std::vector<float>(turn.begin(), turn.end()));
    if (failing) return Fail(Code::kDevice, "the turn detector is broken");
    return probability;
  }
  Result<std::unique_ptr<nn::TurnEnd>> Another() const override {
    return std::unique_ptr<nn::TurnEnd>(std::make_unique<FakeTurnEnd>());
  }
  float probability = 0.95F;
  bool failing = false;
  std::vector<std::vector<float>> asked;
};

}  // namespace parley::test
