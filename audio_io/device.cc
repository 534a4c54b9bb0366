// SPDX-License-Identifier: Apache-2.0
#include "audio_io/device.h"

#include <portaudio.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "common/check.h"

namespace parley::audio {
namespace {

constexpr int kMostChannels = 2;

// The ALSA library tells a hundred lines about cards that are not there, on the standard error of
// whoever links it; it has no other switch that PortAudio's users can reach.
class QuietStderr {
 public:
  QuietStderr() : saved_(dup(STDERR_FILENO)) {
    const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing < 0) return;
    dup2(nothing, STDERR_FILENO);
    close(nothing);
  }
  ~QuietStderr() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;

 private:
  int saved_;
};

Error DeviceError(const std::string& what, PaError error) {
  std::string why = Pa_GetErrorText(error);
  if (error == paUnanticipatedHostError && Pa_GetLastHostErrorInfo() != nullptr) {
    why = Pa_GetLastHostErrorInfo()->errorText;
  }
  return Fail(Code::kDevice, what + ": " + why);
}

class PaDeviceStream final : public DeviceStream {
 public:
  PaDeviceStream(const DeviceInfo& device, Direction direction)
      : name_(device.name), in_(direction == Direction::kIn) {}
  ~PaDeviceStream() override {
    if (stream_ == nullptr) return;
    const QuietStderr quiet;
    Pa_AbortStream(stream_);  // StopStream waits for what is still to be played
    Pa_CloseStream(stream_);
  }

  Status Open(const DeviceInfo& device, size_t frame) {
    const QuietStderr quiet;
    PaStreamParameters parameters{};
    parameters.device = device.number;
    parameters.sampleFormat = paFloat32;
    const bool in = in_;
    parameters.suggestedLatency = in ? device.in_latency_s : device.out_latency_s;
    const PaStreamParameters* none = nullptr;
    // Mono where the device has it, else the first two channels.
    for (channels_ = 1; channels_ <= kMostChannels; ++channels_) {
      parameters.channelCount = channels_;
      const auto rate = ChooseRate(device.default_rate_hz, [&](int hz) {
        return Pa_IsFormatSupported(in ? &parameters : none, in ? none : &parameters, hz) ==
               paFormatIsSupported;
      });
      if (rate.has_value()) {
        rate_hz_ = *rate;
        break;
      }
      if (channels_ == kMostChannels) return Context(name_, rate.error());
    }
    const std::vector<int> choices = FrameChoices(rate_hz_);
    frame_ = choices[std::min(frame, choices.size() - 1)];
    // Three frames of the device's own buffer, or what it wants at the least.
    parameters.suggestedLatency = std::max(parameters.suggestedLatency, 3.0 * frame_ / rate_hz_);
    mixed_.resize(8 * static_cast<size_t>(frame_));
    const PaError opened =
        Pa_OpenStream(&stream_, in ? &parameters : none, in ? none : &parameters, rate_hz_,
                      static_cast<unsigned long>(frame_), paClipOff, &Callback, this);
    if (opened != paNoError) return DeviceError("cannot open " + name_, opened);
    const PaStreamInfo* info = Pa_GetStreamInfo(stream_);
    if (info != nullptr) latency_ms_ = 1000 * (in ? info->inputLatency : info->outputLatency);
    return {};
  }

  Status Start(FrameTaker& taker) override {
    PARLEY_CHECK(in_ && taker_ == nullptr, "a microphone, started once");
    taker_ = &taker;
    return Start();
  }
  Status Start(FrameGiver& giver) override {
    PARLEY_CHECK(!in_ && giver_ == nullptr, "a loudspeaker, started once");
    giver_ = &giver;
    return Start();
  }

  int rate_hz() const override { return rate_hz_; }
  int frame_samples() const override { return frame_; }
  double latency_ms() const override { return latency_ms_; }
  const std::string& name() const override { return name_; }
  DeviceStats stats() const override { return {callbacks_, overflows_, underflows_}; }

 private:
  Status Start() {
    const QuietStderr quiet;
    const PaError started = Pa_StartStream(stream_);
    if (started != paNoError) return DeviceError("cannot start " + name_, started);
    return {};
  }

  static int Callback(const void* input, void* output, unsigned long frames,
                      const PaStreamCallbackTimeInfo*, PaStreamCallbackFlags flags, void* self) {
    static_cast<PaDeviceStream*>(self)->OnCallback(static_cast<const float*>(input),
                                                   static_cast<float*>(output), frames, flags);
    return paContinue;
  }

  // On the device's thread.
  void OnCallback(const float* input, float* output, size_t frames, PaStreamCallbackFlags flags) {
    callbacks_.fetch_add(1, std::memory_order_relaxed);
    // The first callback of a stream that is being filled is no loss.
    if ((flags & (paInputOverflow | paOutputOverflow)) != 0) ++overflows_;
    if ((flags & (paInputUnderflow | paOutputUnderflow)) != 0) ++underflows_;
    const auto channels = static_cast<size_t>(channels_);
    for (size_t done = 0; done < frames;) {
      const size_t n = channels == 1 ? frames - done : std::min(frames - done, mixed_.size());
      if (taker_ != nullptr && channels == 1) taker_->OnFrames({input + done, n});
      if (taker_ != nullptr && channels == 2) {
        for (size_t i = 0; i < n; ++i) {
          mixed_[i] = 0.5F * (input[2 * (done + i)] + input[2 * (done + i) + 1]);
        }
        taker_->OnFrames({mixed_.data(), n});
      }
      if (giver_ != nullptr && channels == 1) giver_->FillFrames({output + done, n});
      if (giver_ != nullptr && channels == 2) {
        giver_->FillFrames({mixed_.data(), n});
        for (size_t i = 0; i < n; ++i) {
          output[2 * (done + i)] = output[2 * (done + i) + 1] = mixed_[i];
        }
      }
      done += n;
    }
  }

  const std::string name_;
  const bool in_;
  FrameTaker* taker_ = nullptr;
  FrameGiver* giver_ = nullptr;
  PaStream* stream_ = nullptr;
  int rate_hz_ = 0, frame_ = 0, channels_ = 1;
  double latency_ms_ = 0;
  std::vector<float> mixed_;  // the device's thread
  std::atomic<int64_t> callbacks_{0}, overflows_{0}, underflows_{0};
};

class PaSoundSystem final : public SoundSystem {
 public:
  static Result<std::unique_ptr<SoundSystem>> Start() {
    const QuietStderr quiet;
    const PaError error = Pa_Initialize();
    if (error != paNoError) return DeviceError("cannot start PortAudio", error);
    std::unique_ptr<PaSoundSystem> system(new PaSoundSystem());
    system->List();
    return std::unique_ptr<SoundSystem>(std::move(system));
  }
  ~PaSoundSystem() override {
    const QuietStderr quiet;
    Pa_Terminate();
  }

  const std::vector<DeviceInfo>& devices() const override { return devices_; }
  Result<std::unique_ptr<DeviceStream>> Open(const DeviceInfo& device, Direction direction,
                                             size_t frame) override {
    auto stream = std::make_unique<PaDeviceStream>(device, direction);
    PARLEY_TRY_STATUS(stream->Open(device, frame));
    return std::unique_ptr<DeviceStream>(std::move(stream));
  }

 private:
  PaSoundSystem() = default;

  void List() {
    for (int i = 0; i < Pa_GetDeviceCount(); ++i) {
      const PaDeviceInfo* info = Pa_GetDeviceInfo(i);
      const PaHostApiInfo* host = Pa_GetHostApiInfo(info->hostApi);
      devices_.push_back({.number = i,
                          .name = info->name,
                          .host = host->name,
                          .in_channels = info->maxInputChannels,
                          .out_channels = info->maxOutputChannels,
                          .default_rate_hz = info->defaultSampleRate,
                          .in_latency_s = info->defaultLowInputLatency,
                          .out_latency_s = info->defaultLowOutputLatency,
                          .default_in = i == Pa_GetDefaultInputDevice(),
                          .default_out = i == Pa_GetDefaultOutputDevice()});
    }
  }

  std::vector<DeviceInfo> devices_;
};

}  // namespace

bool SoundSystem::built_in() { return true; }
Result<std::unique_ptr<SoundSystem>> SoundSystem::Start() { return PaSoundSystem::Start(); }

}  // namespace parley::audio
