// A room with a loudspeaker and a microphone: real answers of our voice through a room response,
// a near voice over the second half, and what a canceller made of it.
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "audio_io/fft.h"

namespace parley::test {

using Sound = std::vector<float>;

inline double Power(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * v;
  return x.empty() ? 0 : sum / static_cast<double>(x.size());
}
inline double Db(double power) { return 10 * std::log10(std::max(power, 1e-20)); }

// As long as `x`: what comes after is cut.
inline Sound Convolve(std::span<const float> x, std::span<const float> response) {
  int size = 1;
  while (size < static_cast<int>(x.size() + response.size())) size *= 2;
  const audio::RealFft fft(size);
  const auto transform = [&](std::span<const float> in) {
    Sound padded(static_cast<size_t>(size));
    std::copy(in.begin(), in.end(), padded.begin());
    std::vector<std::complex<float>> spectrum(fft.bins());
    fft.Forward(padded, spectrum);
    return spectrum;
  };
  auto product = transform(x);
  const auto other = transform(response);
  for (size_t k = 0; k < product.size(); ++k) product[k] *= other[k];
  Sound out(static_cast<size_t>(size));
  fft.Inverse(product, out);
  out.resize(x.size());
  return out;
}

// The same as Convolve, 10 ms at a time.
class RoomResponse {
 public:
  static constexpr size_t kBlock = 160;
  explicit RoomResponse(std::span<const float> response)
      : fft_(2 * kBlock), played_(2 * kBlock), time_(2 * kBlock), sum_(fft_.bins()) {
    for (size_t at = 0; at < response.size(); at += kBlock) {
      const auto part = response.subspan(at, std::min(kBlock, response.size() - at));
      std::fill(time_.begin(), time_.end(), 0.0F);
      std::copy(part.begin(), part.end(), time_.begin());
      parts_.emplace_back(fft_.bins());
      fft_.Forward(time_, parts_.back());
    }
    blocks_.assign(parts_.size(), std::vector<std::complex<float>>(fft_.bins()));
  }
  void Play(std::span<const float> block, std::span<float> heard) {
    std::copy(played_.begin() + kBlock, played_.end(), played_.begin());
    std::copy(block.begin(), block.end(), played_.begin() + kBlock);
    newest_ = (newest_ + 1) % blocks_.size();
    fft_.Forward(played_, blocks_[newest_]);
    std::fill(sum_.begin(), sum_.end(), 0.0F);
    for (size_t p = 0; p < parts_.size(); ++p) {
      const auto& x = blocks_[(newest_ + blocks_.size() - p) % blocks_.size()];
      for (size_t k = 0; k < sum_.size(); ++k) sum_[k] += x[k] * parts_[p][k];
    }
    fft_.Inverse(sum_, time_);
    std::copy(time_.begin() + kBlock, time_.end(), heard.begin());
  }

 private:
  audio::RealFft fft_;
  Sound played_, time_;
  std::vector<std::complex<float>> sum_;
  std::vector<std::vector<std::complex<float>>> parts_, blocks_;
  size_t newest_ = 0;
};

struct EchoScene {
  Sound far, near, echo, mic;  // 16 kHz, of one length
  size_t double_talk = 0;      // where the near voice begins
};

struct EchoSceneOptions {
  double echo_db = -6;      // of the echo's power to that of what is played
  double near_db = 0;       // of the near voice's to the echo's
  double noise_db = -70;    // full scale
  int delay_ms = 40;        // of the devices
  bool overdriven = false;  // a small loudspeaker: odd harmonics 25 dB down
  int length_s = 0;         // of `far`, from its beginning; 0: all of it
};

inline EchoScene MakeEchoScene(std::span<const float> far, std::span<const float> near,
                               std::span<const float> response, const EchoSceneOptions& options) {
  EchoScene scene;
  if (options.length_s > 0) far = far.first(static_cast<size_t>(options.length_s) * 16000);
  scene.far.assign(far.begin(), far.end());
  Sound played = scene.far;
  if (options.overdriven) {
    for (float& x : played) x = std::tanh(2.5F * x) / 2.5F;
  }
  const auto delay = static_cast<size_t>(options.delay_ms) * 16;
  played.insert(played.begin(), delay, 0.0F);
  played.resize(scene.far.size());
  scene.echo = Convolve(played, response);
  const double gain =
      std::sqrt(Power(scene.far) / Power(scene.echo) * std::pow(10, options.echo_db / 10));
  for (float& x : scene.echo) x = static_cast<float>(x * gain);

  scene.double_talk = scene.far.size() / 2;
  scene.near.assign(scene.far.size(), 0.0F);
  const double near_gain =
      std::sqrt(Power(scene.echo) / Power(near) * std::pow(10, options.near_db / 10));
  for (size_t i = scene.double_talk; i < scene.near.size(); ++i) {
    scene.near[i] = static_cast<float>(near[(i - scene.double_talk) % near.size()] * near_gain);
  }
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, std::pow(10, options.noise_db / 20));
  scene.mic.resize(scene.far.size());
  for (size_t i = 0; i < scene.mic.size(); ++i) {
    scene.mic[i] = scene.echo[i] + scene.near[i] + static_cast<float>(noise(random));
  }
  return scene;
}

struct EchoFigures {
  double erle_db = 0;       // from 2 s on, while nobody but the loudspeaker speaks
  double near_loss_db = 0;  // of the near voice under double talk
  double left_db = 0;       // what is not near voice in double talk, to the echo there
};

// `out` may come later than `mic` by up to 60 ms. The near voice that is left is its projection: what
// a suppressor takes away of it is missing there, what is left of the echo is not in it.
inline EchoFigures MeasureEcho(const EchoScene& scene, std::span<const float> out) {
  EchoFigures figures;
  const size_t from = 2 * 16000, to = scene.double_talk;
  figures.erle_db = Db(Power(std::span(scene.mic).subspan(from, to - from))) -
                    Db(Power(out.subspan(from, to - from)));
  const std::span<const float> near = std::span(scene.near).subspan(to, out.size() - to - 960);
  double best = 0;
  size_t lag = 0;
  const auto product = [&](size_t d, size_t step) {
    double sum = 0;
    for (size_t i = 0; i < near.size(); i += step) {
      sum += static_cast<double>(near[i]) * out[to + d + i];
    }
    return sum;
  };
  for (size_t d = 0; d < 960; ++d) {  // the lag is found on every seventh sample
    const double match = product(d, 7);
    if (match > best) {
      best = match;
      lag = d;
    }
  }
  best = product(lag, 1);
  const double energy = Power(near) * static_cast<double>(near.size());
  const double share = best / energy;
  figures.near_loss_db = -20 * std::log10(std::max(share, 1e-6));
  Sound rest(near.size());
  for (size_t i = 0; i < rest.size(); ++i) {
    rest[i] = out[to + lag + i] - static_cast<float>(share) * near[i];
  }
  figures.left_db = Db(Power(rest)) - Db(Power(std::span(scene.echo).subspan(to, near.size())));
  return figures;
}

}  // namespace parley::test
