// A desk in a measured room, 10 ms at a time: what its loudspeaker plays comes back to its microphone
// through the room's response, beside a near voice and a little noise, and goes the way that
// `parley talk` gives it: lines, sound path, echo canceller.
// Thread:   one thread.
// Memory:   the response's spectra, the lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "audio_io/sound_file.h"
#include "audio_io/sound_path.h"
#include "support/echo_scene.h"
#include "support/paths.h"

namespace parley::test {

inline Sound SpeechFile(const std::string& name) {
  auto sound = audio::ReadSound(DataDir() + "/speech/" + name);
  if (!sound.has_value()) ADD_FAILURE() << sound.error().message;
  return sound.has_value() ? *std::move(sound) : Sound();
}

// From where the voice is loud for 30 ms: recordings begin with breath.
inline Sound FromItsVoice(Sound sound) {
  constexpr size_t kBlock = RoomResponse::kBlock;
  std::vector<double> power;
  for (size_t at = 0; at + kBlock <= sound.size(); at += kBlock) {
    power.push_back(Power(std::span(sound).subspan(at, kBlock)));
  }
  const double loud = *std::max_element(power.begin(), power.end()) / 30;  // -15 dB
  size_t begin = 0;
  while (begin + 3 < power.size() &&
         *std::min_element(power.begin() + static_cast<std::ptrdiff_t>(begin),
                           power.begin() + static_cast<std::ptrdiff_t>(begin) + 3) < loud) {
    ++begin;
  }
  sound.erase(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(begin * kBlock));
  return sound;
}

class EchoRoom {
 public:
  static constexpr size_t kTick = RoomResponse::kBlock;  // 10 ms at 16 kHz, of both devices
  static constexpr size_t kDeviceDelay = 640;            // samples

  // The echo is `echo_db` louder than what is played, for speech as our voice speaks it.
  EchoRoom(const std::string& room, double echo_db, audio::DeviceClock clock)
      : microphone_(16000, clock), loudspeaker_(16000, 20, clock) {
    const Sound answers = SpeechFile("synthetic/answers.ogg");
    Sound response = SpeechFile("rooms/" + room + ".flac");
    echo_power_ = Power(answers) * std::pow(10, echo_db / 10);
    const double gain = std::sqrt(echo_power_ / Power(Convolve(answers, response)));
    for (float& x : response) x = static_cast<float>(x * gain);
    response.insert(response.begin(), kDeviceDelay, 0.0F);
    response_.emplace(response);
  }

  // A voice beside the desk from now on, its first second so much louder than the echo.
  void Speak(Sound near, double over_echo_db = 0) {
    near_ = std::move(near);
    near_at_ = 0;
    const auto begin = std::span<const float>(near_).first(std::min<size_t>(near_.size(), 16000));
    near_gain_ = std::sqrt(echo_power_ * std::pow(10, over_echo_db / 10) / Power(begin));
  }

  void Tick(const std::function<void(PcmView)>& give) {
    std::array<float, kTick> frame{}, heard{};
    loudspeaker_.FillFrames(frame);
    response_->Play(frame, heard);
    for (float& x : heard) {
      x += static_cast<float>(noise_(random_));
      if (near_at_ < near_.size()) x += static_cast<float>(near_gain_ * near_[near_at_++]);
    }
    microphone_.OnFrames(heard);
    path_.Step(give);
  }

  audio::PlaybackLine& loudspeaker() { return loudspeaker_; }
  const audio::SoundPath& path() const { return path_; }

 private:
  std::optional<RoomResponse> response_;
  Sound near_;
  size_t near_at_ = 0;
  double near_gain_ = 0, echo_power_ = 0;
  std::mt19937 random_{5};
  std::normal_distribution<double> noise_{0, 0.0003};  // -70 dBFS
  audio::CaptureLine microphone_;
  audio::PlaybackLine loudspeaker_;
  audio::SoundPath path_{microphone_, loudspeaker_, true};
};

}  // namespace parley::test
