// The sound devices of this machine through PortAudio: a list, and open streams that call back for
// every frame. The home of portaudio.h; a build without it says so in every answer.
//
// A sound server that hangs hangs whoever calls it. So every call has a limit: one that opens gives an
// error after ten seconds, a stream that cannot be closed in three is lost, and left to the library.
//
// Thread:   Start, Open and destructors belong to one thread. FrameTaker and FrameGiver are called on
//           the device's own thread, which must not wait: no lock, no allocation, no writing.
// Memory:   PortAudio's buffers, and two channels' worth of a frame for devices that have no mono.
//           A lost stream keeps whom it calls back.
// Overload: a frame that was lost is counted by the device (DeviceStats), a stream in lost_streams().
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
  // Once, the one of its direction.
  virtual Status Start(std::shared_ptr<FrameTaker> taker) = 0;
  virtual Status Start(std::shared_ptr<FrameGiver> giver) = 0;
  virtual int rate_hz() const = 0;
  virtual int frame_samples() const = 0;
  virtual double latency_ms() const = 0;  // the device's own, as it tells
  virtual const std::string& name() const = 0;
  virtual DeviceStats stats() const = 0;
};

class SoundSystem {
 public:
  static bool built_in();
  // Of this program so far. When there are any, no SoundSystem sees devices that are new.
  static int64_t lost_streams();
  // Looks for devices; what is plugged in later is seen by the next SoundSystem only.
  static Result<std::unique_ptr<SoundSystem>> Start();
  virtual ~SoundSystem() = default;  // after its streams

  virtual const std::vector<DeviceInfo>& devices() const = 0;
  struct Opening {
    size_t frame = 0;    // of FrameChoices
    bool tries = false;  // first whether it starts at all: of a device that may have gone
  };
  virtual Result<std::unique_ptr<DeviceStream>> Open(const DeviceInfo& device, Direction direction,
                                                     const Opening& opening) = 0;
};

}  // namespace parley::audio
