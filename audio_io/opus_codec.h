// Opus packets of 20 ms, mono: what a WebSocket transport or a telephone leg carries. The home of
// libopus.
// Thread:   one thread at a time for each coder.
// Memory:   fixed at construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/result.h"

struct OpusEncoder;
struct OpusDecoder;

namespace parley::audio {

inline constexpr int kOpusFrameMs = 20;
// Opus knows these rates and no others.
constexpr bool IsOpusRate(int hz) {
  return hz == 8000 || hz == 12000 || hz == 16000 || hz == 24000 || hz == 48000;
}
constexpr size_t OpusFrameSamples(int hz) { return static_cast<size_t>(hz) / 1000 * kOpusFrameMs; }

struct OpusOptions {
  int rate_hz = 24000;
  int bit_rate = 32000;   // bits a second, 6000 … 510000
  int complexity = 5;     // 0 … 10: 5 is 0.13 ms a frame on the default machine
  int expected_loss = 0;  // per cent; above 0 packets carry a copy of the one before
};

class OpusPacketEncoder {
 public:
  static Result<OpusPacketEncoder> Create(const OpusOptions& options);
  OpusPacketEncoder(OpusPacketEncoder&&) noexcept;
  OpusPacketEncoder& operator=(OpusPacketEncoder&&) noexcept;
  ~OpusPacketEncoder();

  // frame: exactly OpusFrameSamples(rate). The packet is valid until the next call.
  Result<std::span<const uint8_t>> Encode(std::span<const float> frame);
  // Samples by which the decoded sound comes later than what was encoded.
  int delay_samples() const;
  void Reset();

 private:
  struct Free {
    void operator()(OpusEncoder* encoder) const;
  };
  OpusPacketEncoder(int rate_hz, OpusEncoder* encoder);
  size_t frame_samples_;
  std::unique_ptr<OpusEncoder, Free> encoder_;
  std::vector<uint8_t> packet_;
};

class OpusPacketDecoder {
 public:
  static Result<OpusPacketDecoder> Create(int rate_hz);
  OpusPacketDecoder(OpusPacketDecoder&&) noexcept;
  OpusPacketDecoder& operator=(OpusPacketDecoder&&) noexcept;
  ~OpusPacketDecoder();

  // A packet of any length Opus allows (2.5 … 120 ms). What a peer sends is not trusted: garbage is
  // kCorruptData, and the decoder goes on with the next packet. Valid until the next call.
  Result<std::span<const float>> Decode(std::span<const uint8_t> packet);
  // 20 ms in place of a packet that was lost, from what was heard before; `next`, if it has come
  // already, may hold a copy of the lost one.
  Result<std::span<const float>> Conceal(std::span<const uint8_t> next = {});
  void Reset();

 private:
  struct Free {
    void operator()(OpusDecoder* decoder) const;
  };
  OpusPacketDecoder(int rate_hz, OpusDecoder* decoder);
  Result<std::span<const float>> Run(std::span<const uint8_t> packet, size_t samples, bool copy);
  int rate_hz_;
  std::unique_ptr<OpusDecoder, Free> decoder_;
  std::vector<float> samples_;
};

}  // namespace parley::audio
