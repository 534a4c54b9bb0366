// Which microphone and which loudspeaker, at what rate and in what frames: the choices, apart from
// the devices (device.h), so that they can be tested without any.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace parley::audio {

enum class Direction { kIn, kOut };

struct DeviceInfo {
  int number = 0;
  std::string name, host;  // the host is the sound system: "ALSA", "JACK Audio Connection Kit"
  int in_channels = 0, out_channels = 0;
  double default_rate_hz = 0;
  double in_latency_s = 0, out_latency_s = 0;  // the lowest that the device promises
  bool default_in = false, default_out = false;

  bool Has(Direction direction) const {
    return (direction == Direction::kIn ? in_channels : out_channels) > 0;
  }
};

// `wanted`: a number of the list, or a part of a name in any case; empty: the default. A part that
// several names have is taken where it is the whole name, else it is an error that lists them.
Result<DeviceInfo> ChooseDevice(std::span<const DeviceInfo> devices, std::string_view wanted,
                                Direction direction);

// The first of these that the device runs at: a whole multiple of what we compute with (48, 32, 16,
// 24 kHz), then its own default. `runs` asks the device.
Result<int> ChooseRate(double default_rate_hz, const std::function<bool(int rate_hz)>& runs);

// Frames to try, in this order: 10 ms, and when that does not run clean, 15, 20 and 40 ms.
std::vector<int> FrameChoices(int rate_hz);

// Are frames too small for this machine? Told every ten seconds how many were lost in them.
class LossWatch {
 public:
  static constexpr int64_t kMost = 2;  // a minute
  bool TooMany(int64_t fresh);

 private:
  std::array<int64_t, 6> lost_{};  // of the last minute
  size_t next_ = 0;
};

// As `parley talk --list-devices` prints it.
std::string DeviceTable(std::span<const DeviceInfo> devices);

}  // namespace parley::audio
