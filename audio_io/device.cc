// SPDX-License-Identifier: Apache-2.0
#include "audio_io/device.h"

#include <portaudio.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>

#include "audio_io/library.h"
#include "common/check.h"

namespace parley::audio {
namespace {

using std::chrono::milliseconds;

constexpr int kMostChannels = 2;
constexpr milliseconds kStarts{10'000};     // with whatever opens or starts
constexpr milliseconds kCloses{3'000};      // with what is not wanted any more
constexpr milliseconds kLastCallback{500};  // more than the longest frame

Error PaFailure(const std::string& what, PaError error) {
  std::string why = Pa_GetErrorText(error);
  if (error == paUnanticipatedHostError && Pa_GetLastHostErrorInfo() != nullptr) {
    why = Pa_GetLastHostErrorInfo()->errorText;
  }
  return Fail(Code::kDevice, what + ": " + why);
}

// PortAudio is one for the whole program. It outlives main, as threads may that were left in it.
Library& PortAudio() {
  static Library& it = *new Library;
  return it;
}

// What PortAudio's thread has to do with. It lives as long as that thread may.
class Callee {
 public:
  std::shared_ptr<FrameTaker> taker;
  std::shared_ptr<FrameGiver> giver;
  int channels = 1;
  std::vector<float> mixed;

  // The next callback is the last one; false: none came.
  bool End(milliseconds limit) {
    ends_ = true;
    return ended_.get_future().wait_for(limit) == std::future_status::ready;
  }
  DeviceStats stats() const { return {callbacks_, overflows_, underflows_}; }

  static int Callback(const void* input, void* output, unsigned long frames,
                      const PaStreamCallbackTimeInfo*, PaStreamCallbackFlags flags, void* self) {
    return static_cast<Callee*>(self)->OnCallback(static_cast<const float*>(input),
                                                  static_cast<float*>(output), frames, flags);
  }
  static void Finished(void* self) { static_cast<Callee*>(self)->ended_.set_value(); }

 private:
  int OnCallback(const float* input, float* output, size_t frames, PaStreamCallbackFlags flags) {
    if (ends_) {
      if (output != nullptr) std::fill_n(output, frames * static_cast<size_t>(channels), 0.0F);
      return paAbort;
    }
    callbacks_.fetch_add(1, std::memory_order_relaxed);
    // The first callback of a stream that is being filled is no loss.
    if ((flags & (paInputOverflow | paOutputOverflow)) != 0) ++overflows_;
    if ((flags & (paInputUnderflow | paOutputUnderflow)) != 0) ++underflows_;
    for (size_t done = 0; done < frames;) {
      const size_t n = channels == 1 ? frames - done : std::min(frames - done, mixed.size());
      if (taker != nullptr && channels == 1) taker->OnFrames({input + done, n});
      if (taker != nullptr && channels == 2) {
        for (size_t i = 0; i < n; ++i) {
          mixed[i] = 0.5F * (input[2 * (done + i)] + input[2 * (done + i) + 1]);
        }
        taker->OnFrames({mixed.data(), n});
      }
      if (giver != nullptr && channels == 1) giver->FillFrames({output + done, n});
      if (giver != nullptr && channels == 2) {
        giver->FillFrames({mixed.data(), n});
        for (size_t i = 0; i < n; ++i) {
          output[2 * (done + i)] = output[2 * (done + i) + 1] = mixed[i];
        }
      }
      done += n;
    }
    return paContinue;
  }

  std::atomic<bool> ends_{false};
  std::promise<void> ended_;
  std::atomic<int64_t> callbacks_{0}, overflows_{0}, underflows_{0};
};

// A device as it can be opened.
struct Setting {
  PaStreamParameters parameters{};
  bool in = true;
  int rate_hz = 0, frame = 0;

  Result<PaStream*> Open(Callee* callee) const {
    PaStream* stream = nullptr;
    const PaError error = Pa_OpenStream(
        &stream, in ? &parameters : nullptr, in ? nullptr : &parameters, rate_hz,
        static_cast<unsigned long>(frame), paClipOff, callee ? &Callee::Callback : nullptr, callee);
    if (error != paNoError) return PaFailure("cannot be opened", error);
    if (callee != nullptr) Pa_SetStreamFinishedCallback(stream, &Callee::Finished);
    return stream;
  }
};

// Mono where the device has it, else the first two channels.
Result<Setting> ChooseSetting(const DeviceInfo& device, Direction direction, size_t frame) {
  Setting s{.in = direction == Direction::kIn};
  s.parameters.device = device.number;
  s.parameters.sampleFormat = paFloat32;
  s.parameters.suggestedLatency = s.in ? device.in_latency_s : device.out_latency_s;
  Result<int> rate = 0;
  for (int channels = 1; channels <= kMostChannels; ++channels) {
    s.parameters.channelCount = channels;
    rate = ChooseRate(device.default_rate_hz, [&](int hz) {
      return Pa_IsFormatSupported(s.in ? &s.parameters : nullptr, s.in ? nullptr : &s.parameters,
                                  hz) == paFormatIsSupported;
    });
    if (rate.has_value()) break;
  }
  PARLEY_TRY(s.rate_hz, std::move(rate));
  const std::vector<int> choices = FrameChoices(s.rate_hz);
  s.frame = choices[std::min(frame, choices.size() - 1)];
  // Three frames of the device's own buffer, or what it wants at the least.
  s.parameters.suggestedLatency =
      std::max(s.parameters.suggestedLatency, 3.0 * s.frame / s.rate_hz);
  return s;
}

// Where a device does not start, Pa_StartStream of a stream with a callback waits for ever: the
// stream's thread dies with the lock that it waits for (19.6, pa_unix_util.c). One without a
// callback has no such thread, and says what is wrong.
Status StartsAtAll(const Setting& setting) {
  PARLEY_TRY(PaStream* const stream, setting.Open(nullptr));
  const PaError started = Pa_StartStream(stream);
  Status status;
  if (started != paNoError) status = PaFailure("does not start", started);
  if (started == paNoError) Pa_AbortStream(stream);
  Pa_CloseStream(stream);
  return status;
}

class PaDeviceStream final : public DeviceStream {
 public:
  PaDeviceStream(const DeviceInfo& device, Direction direction)
      : name_(device.name), in_(direction == Direction::kIn) {}

  // Ends as PortAudio's thread does by itself. Where no callback comes any more it waits in poll(),
  // the one place where it can be cancelled, and Pa_AbortStream does so.
  ~PaDeviceStream() override {
    if (stream_ == nullptr) return;
    if (started_) callee_->End(kLastCallback);
    // Beside a call that has not returned a stream cannot be taken off the library's list.
    const bool closes = !PortAudio().busy();
    const Status closed = PortAudio().ForStream("closing " + name_, kCloses, callee_,
                                                [stream = stream_, callee = callee_, closes] {
                                                  Pa_AbortStream(stream);
                                                  if (closes) Pa_CloseStream(stream);
                                                  return Status();
                                                });
    if (!closed.has_value()) return;  // counted in lost()
    if (!closes) PortAudio().Lose(callee_);
  }

  Status Open(const DeviceInfo& device, const SoundSystem::Opening& opening) {
    using Opened = std::pair<Setting, PaStream*>;
    const auto open = [device, opening, in = in_, callee = callee_]() -> Result<Opened> {
      PARLEY_TRY(const Setting setting,
                 ChooseSetting(device, in ? Direction::kIn : Direction::kOut, opening.frame));
      if (opening.tries) PARLEY_TRY_STATUS(StartsAtAll(setting));
      callee->channels = setting.parameters.channelCount;
      callee->mixed.resize(8 * static_cast<size_t>(setting.frame));
      PARLEY_TRY(PaStream* const stream, setting.Open(callee.get()));
      return Opened{setting, stream};
    };
    const auto close = [](const Result<Opened>& opened) {
      if (opened.has_value()) Pa_CloseStream(opened->second);
    };
    Result<Opened> opened = PortAudio().Alone("opening " + name_, open, close);
    if (!opened.has_value()) return Context(name_, opened.error());
    rate_hz_ = opened->first.rate_hz;
    frame_ = opened->first.frame;
    stream_ = opened->second;
    const PaStreamInfo* info = Pa_GetStreamInfo(stream_);
    if (info != nullptr) latency_ms_ = 1000 * (in_ ? info->inputLatency : info->outputLatency);
    return {};
  }

  Status Start(std::shared_ptr<FrameTaker> taker) override {
    PARLEY_CHECK(in_ && !started_, "a microphone, started once");
    callee_->taker = std::move(taker);
    return Start();
  }
  Status Start(std::shared_ptr<FrameGiver> giver) override {
    PARLEY_CHECK(!in_ && !started_, "a loudspeaker, started once");
    callee_->giver = std::move(giver);
    return Start();
  }

  int rate_hz() const override { return rate_hz_; }
  int frame_samples() const override { return frame_; }
  double latency_ms() const override { return latency_ms_; }
  const std::string& name() const override { return name_; }
  DeviceStats stats() const override { return callee_->stats(); }

 private:
  Status Start() {
    started_ = true;
    Status started = PortAudio().ForStream(
        "starting " + name_, kStarts, callee_, [stream = stream_, name = name_]() -> Status {
          const PaError error = Pa_StartStream(stream);
          if (error != paNoError) return Context(name, PaFailure("does not start", error));
          return {};
        });
    if (started.has_value()) return started;
    started_ = false;
    if (started.error().code == Code::kTimeout) {
      callee_->End(milliseconds(0));
      stream_ = nullptr;  // lost
    }
    return started;
  }

  const std::string name_;
  const bool in_;
  const std::shared_ptr<Callee> callee_ = std::make_shared<Callee>();
  PaStream* stream_ = nullptr;
  bool started_ = false;
  int rate_hz_ = 0, frame_ = 0;
  double latency_ms_ = 0;
};

class PaSoundSystem final : public SoundSystem {
 public:
  // The list of devices is made by the first Pa_Initialize behind as many Pa_Terminate; that closes
  // all streams, so it is not for a library that has kept one.
  static Result<std::unique_ptr<SoundSystem>> Start() {
    const int owed = PortAudio().lost() == 0 ? OwedEnds().exchange(0) : 0;
    const auto initialize = [owed]() -> Status {
      for (int i = 0; i < owed; ++i) Pa_Terminate();
      const PaError error = Pa_Initialize();
      if (error != paNoError) return PaFailure("cannot start PortAudio", error);
      return {};
    };
    PARLEY_TRY_STATUS(
        PortAudio().Alone("looking for devices", initialize, [](const Status& initialized) {
          if (initialized.has_value()) Pa_Terminate();
        }));
    std::unique_ptr<PaSoundSystem> system(new PaSoundSystem());
    system->List();
    return std::unique_ptr<SoundSystem>(std::move(system));
  }
  ~PaSoundSystem() override {
    if (PortAudio().busy()) {
      ++OwedEnds();
    } else if (PortAudio().lost() == 0) {
      (void)PortAudio().Alone(
          "ending", [] { return Pa_Terminate(), Status(); }, [](const Status&) {});
    }
  }

  const std::vector<DeviceInfo>& devices() const override { return devices_; }
  Result<std::unique_ptr<DeviceStream>> Open(const DeviceInfo& device, Direction direction,
                                             const Opening& opening) override {
    auto stream = std::make_unique<PaDeviceStream>(device, direction);
    PARLEY_TRY_STATUS(stream->Open(device, opening));
    return std::unique_ptr<DeviceStream>(std::move(stream));
  }

 private:
  PaSoundSystem() = default;

  static std::atomic<int>& OwedEnds() {  // Pa_Terminate that a busy library has not had
    static std::atomic<int> owed{0};
    return owed;
  }

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
int64_t SoundSystem::lost_streams() { return static_cast<int64_t>(PortAudio().lost()); }
Result<std::unique_ptr<SoundSystem>> SoundSystem::Start() { return PaSoundSystem::Start(); }

}  // namespace parley::audio
