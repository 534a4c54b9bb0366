// The sound devices of this machine through PortAudio: a list, and open streams that call back for
// every frame. The home of portaudio.h; a build without it says so in every answer.
//
// Thread:   Open, List and destructors belong to one thread. FrameTaker and FrameGiver are called on
//           the device's own thread, which must not wait: no lock, no allocation, no writing.
// Memory:   PortAudio's buffers, and two channels' worth of a frame for devices that have no mono.
// Overload: a frame that was lost is counted by the device (DeviceStats).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "audio_io/device_list.h"
#include "common/result.h"

namespace parley::audio {

class FrameTaker {  // of a microphone
 public:
  virtual ~FrameTaker() = default;
  virtual void OnFrames(std::span<const float> frames) noexcept = 0;
};

class FrameGiver {  // for a loudspeaker; fills all of `frames`
 public:
  virtual ~FrameGiver() = default;
  virtual void FillFrames(std::span<float> frames) noexcept = 0;
};

struct DeviceStats {
  int64_t callbacks = 0;
  int64_t overflows = 0, underflows = 0;  // frames lost, as the device tells
};

class DeviceStream {  // open; runs from Start to its destruction
 public:
  virtual ~DeviceStream() = default;
  // Once, the one of its direction. Whoever is called back outlives the stream.
  virtual Status Start(FrameTaker& taker) = 0;
  virtual Status Start(FrameGiver& giver) = 0;
  virtual int rate_hz() const = 0;
  virtual int frame_samples() const = 0;
  virtual double latency_ms() const = 0;  // the device's own, as it tells
  virtual const std::string& name() const = 0;
  virtual DeviceStats stats() const = 0;
};

class SoundSystem {
 public:
  static bool built_in();
  // Looks for devices; what is plugged in later is seen by the next SoundSystem only.
  static Result<std::unique_ptr<SoundSystem>> Start();
  virtual ~SoundSystem() = default;  // after its streams

  virtual const std::vector<DeviceInfo>& devices() const = 0;
  // `frame` picks from FrameChoices.
  virtual Result<std::unique_ptr<DeviceStream>> Open(const DeviceInfo& device, Direction direction,
                                                     size_t frame) = 0;
};

}  // namespace parley::audio
