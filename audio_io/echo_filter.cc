// SPDX-License-Identifier: Apache-2.0
#include "audio_io/echo_filter.h"

#include <algorithm>
#include <cmath>

namespace parley::audio {
namespace {

constexpr size_t kWindow = 2 * kEchoBlock;
// How much of a weight is the same a block later. Rooms stay; people move.
constexpr float kStays = 0.9998F;
constexpr float kMostDoubt = 0.1F;
constexpr float kFirstDoubt = 0.2F;  // times the power of the echo to that of the far sound
constexpr double kWeighMs = 2500;    // of far sound
constexpr float kLeastDoubt = 1e-9F;
constexpr float kNearSmooth = 0.8F;
constexpr float kAudible = 1e-8F;  // mean power of far sound, -80 dBFS
constexpr double kMuted = 1e-11;   // of the microphone: no converter is that quiet
constexpr float kLeastPower = 1e-7F;
constexpr size_t kConstrainedEachBlock = 5;
constexpr int64_t kDelayEvery = 50;  // blocks

}  // namespace

double Energy(EchoBlock block) {
  double sum = 0;
  for (const float x : block) sum += static_cast<double>(x) * x;
  return sum;
}

EchoFilter::EchoFilter()
    : fft_(static_cast<int>(kWindow)),
      weights_(kPartitions),
      far_(kPartitions + kMostDelay + 1),
      time_(kWindow),
      spectrum_(kBins),
      error_(kBins) {
  for (Partition& p : weights_) {
    p.re.resize(kBins);
    p.im.resize(kBins);
    p.doubt.resize(kBins);
  }
  for (Far& f : far_) {
    f.re.resize(kBins);
    f.im.resize(kBins);
    f.power.resize(kBins);
  }
  Reset();
}

void EchoFilter::Reset() {
  for (Partition& p : weights_) {
    std::fill(p.re.begin(), p.re.end(), 0.0F);
    std::fill(p.im.begin(), p.im.end(), 0.0F);
    std::fill(p.doubt.begin(), p.doubt.end(), kMostDoubt);
  }
  for (Far& f : far_) {
    std::fill(f.re.begin(), f.re.end(), 0.0F);
    std::fill(f.im.begin(), f.im.end(), 0.0F);
    std::fill(f.power.begin(), f.power.end(), 0.0F);
  }
  far_before_.fill(0);
  unsure_.fill(0);
  near_power_.fill(0);
  near_energy_.fill(0);
  far_energy_.fill(0);
  prior_.fill(kMostDoubt);
  near_before_.fill(0);
  delay_ = 0;
  quiet_blocks_ = 1'000'000;
  heard_ms_ = 0;
}

// A block behind the one before it, into spectrum_.
void EchoFilter::Transform(EchoBlock now, std::array<float, kEchoBlock>& before) {
  std::copy(before.begin(), before.end(), time_.begin());
  std::copy(now.begin(), now.end(), time_.begin() + kEchoBlock);
  std::copy(now.begin(), now.end(), before.begin());
  fft_.Forward(time_, spectrum_);
}

void EchoFilter::TakeFar(EchoBlock far) {
  float power = 0;
  for (const float x : far) power += x * x;
  quiet_blocks_ =
      power / kEchoBlock > kAudible ? 0 : std::min<size_t>(quiet_blocks_ + 1, 1'000'000);
  newest_ = (newest_ + 1) % far_.size();
  Transform(far, far_before_);
  Far& newest = far_[newest_];
  for (size_t k = 0; k < kBins; ++k) {
    newest.re[k] = spectrum_[k].real();
    newest.im[k] = spectrum_[k].imag();
    newest.power[k] = std::norm(spectrum_[k]);
  }
}

// No echo is louder than what the microphone hears: of a loudspeaker that is hardly heard the weights
// are small, and so is the doubt in them. Without this a quiet echo is long taken for a loud one that
// is not known yet, and a voice that is as quiet for the echo. The echo comes late and a voice may
// speak meanwhile, so this is looked at anew while the room is learnt, and doubt follows up and down.
// The weights together may be 9 dB more than that: nobody knows yet in which of them the echo is.
void EchoFilter::Weigh(EchoBlock near) {
  if (heard_ms_ >= kWeighMs) return;
  Transform(near, near_before_);
  const Far& far = far_[newest_];
  for (size_t k = 0; k < kBins; ++k) {
    near_energy_[k] += std::norm(spectrum_[k]);
    far_energy_[k] += far.power[k];
    const float prior = std::clamp(kFirstDoubt * near_energy_[k] / (far_energy_[k] + kLeastPower),
                                   kLeastDoubt, kMostDoubt);
    const float change = prior / prior_[k];
    prior_[k] = prior;
    for (Partition& p : weights_) p.doubt[k] = std::max(change * p.doubt[k], kLeastDoubt);
  }
}

void EchoFilter::Estimate() {
  std::array<float, kBins> re{}, im{};
  unsure_.fill(0);
  for (size_t p = 0; p < kPartitions; ++p) {
    const Far& x = FarAt(p + delay_);
    const Partition& w = weights_[p];
    const float *xr = x.re.data(), *xi = x.im.data(), *xp = x.power.data();
    const float *wr = w.re.data(), *wi = w.im.data(), *doubt = w.doubt.data();
    for (size_t k = 0; k < kBins; ++k) {
      re[k] += xr[k] * wr[k] - xi[k] * wi[k];
      im[k] += xr[k] * wi[k] + xi[k] * wr[k];
      unsure_[k] += doubt[k] * xp[k];
    }
  }
  for (size_t k = 0; k < kBins; ++k) spectrum_[k] = {re[k], im[k]};
  fft_.Inverse(spectrum_, time_);
  std::copy(time_.begin() + kEchoBlock, time_.end(), echo_.begin());
}

void EchoFilter::Learn() {
  std::fill(time_.begin(), time_.begin() + kEchoBlock, 0.0F);
  std::copy(rest_.begin(), rest_.end(), time_.begin() + kEchoBlock);
  fft_.Forward(time_, error_);
  std::array<float, kBins> er{}, ei{}, share{};
  for (size_t k = 0; k < kBins; ++k) {
    er[k] = error_[k].real();
    ei[k] = error_[k].imag();
    near_power_[k] = kNearSmooth * near_power_[k] + (1 - kNearSmooth) * std::norm(error_[k]);
    share[k] = 1 / (unsure_[k] + 2 * near_power_[k] + kLeastPower);
  }
  constexpr float kDrift = 1 - kStays * kStays;
  for (size_t p = 0; p < kPartitions; ++p) {
    const Far& x = FarAt(p + delay_);
    Partition& w = weights_[p];
    const float *xr = x.re.data(), *xi = x.im.data(), *xp = x.power.data();
    float *wr = w.re.data(), *wi = w.im.data(), *doubt = w.doubt.data();
    for (size_t k = 0; k < kBins; ++k) {
      const float gain = doubt[k] * share[k];
      const float before = wr[k] * wr[k] + wi[k] * wi[k];
      wr[k] += gain * (xr[k] * er[k] + xi[k] * ei[k]);
      wi[k] += gain * (xr[k] * ei[k] - xi[k] * er[k]);
      const float surer = kStays * kStays * (1 - 0.5F * gain * xp[k]) * doubt[k];
      doubt[k] = std::max(surer + kDrift * before, kLeastDoubt);
    }
  }
  // A weight is a filter of 160 samples, not of 320: all at once would cost ten times the rest.
  for (size_t i = 0; i < kConstrainedEachBlock; ++i) {
    Constrain(weights_[next_constrained_]);
    next_constrained_ = (next_constrained_ + 1) % kPartitions;
  }
}

void EchoFilter::Constrain(Partition& partition) {
  for (size_t k = 0; k < kBins; ++k) spectrum_[k] = {partition.re[k], partition.im[k]};
  fft_.Inverse(spectrum_, time_);
  std::fill(time_.begin() + kEchoBlock, time_.end(), 0.0F);
  fft_.Forward(time_, spectrum_);
  for (size_t k = 0; k < kBins; ++k) {
    partition.re[k] = spectrum_[k].real();
    partition.im[k] = spectrum_[k].imag();
  }
}

// Devices hold sound back for longer than rooms do: weights that stay empty at the front are moved
// to the back, where the room's reverberation is.
void EchoFilter::FindDelay() {
  if (heard_ms_ < 1500) return;
  std::array<float, kPartitions> energy{};
  for (size_t p = 0; p < kPartitions; ++p) {
    for (size_t k = 0; k < kBins; ++k) {
      energy[p] += weights_[p].re[k] * weights_[p].re[k] + weights_[p].im[k] * weights_[p].im[k];
    }
  }
  const float loudest = *std::max_element(energy.begin(), energy.end());
  size_t empty = 0;
  while (empty < kPartitions && energy[empty] < 0.003F * loudest) ++empty;
  if (empty < 4) return;  // two blocks are left in front: clocks may drift back
  const size_t shift = std::min(empty - 2, kMostDelay - delay_);
  delay_ += shift;
  std::rotate(weights_.begin(), weights_.begin() + static_cast<std::ptrdiff_t>(shift),
              weights_.end());
  for (size_t p = kPartitions - shift; p < kPartitions; ++p) {
    std::fill(weights_[p].re.begin(), weights_[p].re.end(), 0.0F);
    std::fill(weights_[p].im.begin(), weights_[p].im.end(), 0.0F);
    for (size_t k = 0; k < kBins; ++k) weights_[p].doubt[k] = 0.1F * prior_[k];
  }
}

void EchoFilter::Process(EchoBlock near, EchoBlock far, std::span<float, kEchoBlock> rest) {
  TakeFar(far);
  // A microphone that is muted hears no echo, but not because there is none.
  const bool muted = Energy(near) < kMuted * kEchoBlock;
  if (!active() || muted) {
    std::copy(near.begin(), near.end(), rest.begin());
    echo_.fill(0);
    unsure_.fill(0);
    return;
  }
  Weigh(near);
  Estimate();
  for (size_t i = 0; i < kEchoBlock; ++i) rest[i] = rest_[i] = near[i] - echo_[i];
  Learn();
  if (quiet_blocks_ == 0) heard_ms_ += 10;
  if (++blocks_ % kDelayEvery == 0) FindDelay();
}

}  // namespace parley::audio
