// SPDX-License-Identifier: Apache-2.0
#include "audio_io/device_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace parley::audio {
namespace {

// From what a resampler to 16 kHz does best to what it does worst.
constexpr std::array kRates = {48000, 32000, 16000, 24000};
constexpr std::array kFrameMs = {10, 15, 20, 40};

std::string Lower(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

const char* Kind(Direction direction) {
  return direction == Direction::kIn ? "microphone" : "loudspeaker";
}

std::string Names(std::span<const DeviceInfo> devices, Direction direction) {
  std::string names;
  for (const DeviceInfo& device : devices) {
    if (!device.Has(direction)) continue;
    names += (names.empty() ? "" : ", ") + std::to_string(device.number) + " " + device.name;
  }
  return names.empty() ? "none" : names;
}

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<DeviceInfo> ChooseDevice(std::span<const DeviceInfo> devices, std::string_view wanted,
                                Direction direction) {
  std::vector<DeviceInfo> found;
  const std::optional<int> number = Number(wanted);
  for (const DeviceInfo& device : devices) {
    if (number) {
      if (device.number != *number) continue;
      if (device.Has(direction)) return device;
      return Fail(Code::kInvalidArgument, "device " + std::string(wanted) + " (" + device.name +
                                              ") is no " + Kind(direction) +
                                              "; there are: " + Names(devices, direction));
    }
    if (!device.Has(direction)) continue;
    if (wanted.empty()) {
      if (direction == Direction::kIn ? device.default_in : device.default_out) return device;
    } else if (Lower(device.name) == Lower(wanted)) {
      return device;
    } else if (Lower(device.name).find(Lower(wanted)) != std::string::npos) {
      found.push_back(device);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return Fail(Code::kInvalidArgument, "\"" + std::string(wanted) +
                                            "\" is a part of several names: " +
                                            Names(found, direction) + "; take the number");
  }
  if (wanted.empty()) {
    return Fail(Code::kNotFound, std::string("there is no default ") + Kind(direction) +
                                     "; there are: " + Names(devices, direction) +
                                     ". Plug one in, or name one; "
                                     "`parley talk --list-devices` shows them all");
  }
  return Fail(Code::kNotFound, std::string("there is no ") + Kind(direction) + " \"" +
                                   std::string(wanted) +
                                   "\"; there are: " + Names(devices, direction));
}

Result<int> ChooseRate(double default_rate_hz, const std::function<bool(int)>& runs) {
  for (const int rate : kRates) {
    if (runs(rate)) return rate;
  }
  const int own = static_cast<int>(std::lround(default_rate_hz));
  if (own >= 8000 && own <= 384000 && runs(own)) return own;
  return Fail(Code::kUnsupported,
              "the device takes none of the rates 48000, 32000, 16000, 24000 Hz nor its own (" +
                  std::to_string(own) + " Hz)");
}

std::vector<int> FrameChoices(int rate_hz) {
  std::vector<int> frames;
  frames.reserve(std::size(kFrameMs));
  for (const int ms : kFrameMs) frames.push_back(rate_hz * ms / 1000);
  return frames;
}

bool LossWatch::TooMany(int64_t fresh) {
  lost_[next_] = fresh;
  next_ = (next_ + 1) % lost_.size();
  return std::accumulate(lost_.begin(), lost_.end(), int64_t{0}) > kMost;
}

std::string DeviceTable(std::span<const DeviceInfo> devices) {
  if (devices.empty()) return "no sound devices\n";
  std::string table = "  no  in out     rate  name\n";
  for (const DeviceInfo& d : devices) {
    std::array<char, 64> line{};
    std::snprintf(line.data(), line.size(), "%4d %3d %3d %8.0f  ", d.number,
                  std::min(d.in_channels, 999), std::min(d.out_channels, 999), d.default_rate_hz);
    table += line.data() + d.name + " (" + d.host + ")";
    if (d.default_in) table += ", default microphone";
    if (d.default_out) table += ", default loudspeaker";
    table += "\n";
  }
  return table;
}

}  // namespace parley::audio
