// SPDX-License-Identifier: Apache-2.0
#include "audio_io/opus_codec.h"

#include <opus/opus.h>

#include <algorithm>
#include <limits>
#include <string>

#include "common/check.h"

namespace parley::audio {
namespace {

constexpr size_t kMostPacketBytes = 1500;  // the library's advice for one frame is 1276
constexpr size_t kLongestPacketMs = 120;

Status CheckRate(int rate_hz) {
  if (IsOpusRate(rate_hz)) return {};
  return Fail(Code::kInvalidArgument, "Opus has no rate of " + std::to_string(rate_hz) +
                                          " Hz; use 8000, 12000, 16000, 24000 or 48000");
}

}  // namespace

void OpusPacketEncoder::Free::operator()(OpusEncoder* encoder) const {
  opus_encoder_destroy(encoder);
}

OpusPacketEncoder::OpusPacketEncoder(int rate_hz, OpusEncoder* encoder)
    : frame_samples_(OpusFrameSamples(rate_hz)), encoder_(encoder), packet_(kMostPacketBytes) {}
OpusPacketEncoder::OpusPacketEncoder(OpusPacketEncoder&&) noexcept = default;
OpusPacketEncoder& OpusPacketEncoder::operator=(OpusPacketEncoder&&) noexcept = default;
OpusPacketEncoder::~OpusPacketEncoder() = default;

Result<OpusPacketEncoder> OpusPacketEncoder::Create(const OpusOptions& options) {
  PARLEY_TRY_STATUS(CheckRate(options.rate_hz));
  int error = OPUS_OK;
  OpusEncoder* encoder = opus_encoder_create(options.rate_hz, 1, OPUS_APPLICATION_VOIP, &error);
  if (error != OPUS_OK) {
    return Fail(Code::kExhausted, std::string("no Opus encoder: ") + opus_strerror(error));
  }
  OpusPacketEncoder made(options.rate_hz, encoder);
  for (const int status :
       {opus_encoder_ctl(encoder, OPUS_SET_BITRATE(options.bit_rate)),
        opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(options.complexity)),
        opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)),
        opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(options.expected_loss)),
        opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(options.expected_loss > 0 ? 1 : 0))}) {
    if (status == OPUS_OK) continue;
    return Fail(Code::kInvalidArgument,
                "Opus refuses bit_rate=" + std::to_string(options.bit_rate) +
                    " complexity=" + std::to_string(options.complexity) + " expected_loss=" +
                    std::to_string(options.expected_loss) + ": " + opus_strerror(status));
  }
  return made;
}

Result<std::span<const uint8_t>> OpusPacketEncoder::Encode(std::span<const float> frame) {
  PARLEY_CHECK(frame.size() == frame_samples_, "an Opus frame has 20 ms");
  const int bytes = opus_encode_float(encoder_.get(), frame.data(), static_cast<int>(frame.size()),
                                      packet_.data(), static_cast<opus_int32>(packet_.size()));
  if (bytes < 0) {
    return Fail(Code::kInvalidArgument, std::string("Opus cannot encode: ") + opus_strerror(bytes));
  }
  return std::span<const uint8_t>(packet_).first(static_cast<size_t>(bytes));
}

int OpusPacketEncoder::delay_samples() const {
  opus_int32 samples = 0;
  opus_encoder_ctl(encoder_.get(), OPUS_GET_LOOKAHEAD(&samples));
  return samples;
}

void OpusPacketEncoder::Reset() { opus_encoder_ctl(encoder_.get(), OPUS_RESET_STATE); }

void OpusPacketDecoder::Free::operator()(OpusDecoder* decoder) const {
  opus_decoder_destroy(decoder);
}

OpusPacketDecoder::OpusPacketDecoder(int rate_hz, OpusDecoder* decoder)
    : rate_hz_(rate_hz),
      decoder_(decoder),
      samples_(static_cast<size_t>(rate_hz) * kLongestPacketMs / 1000) {}
OpusPacketDecoder::OpusPacketDecoder(OpusPacketDecoder&&) noexcept = default;
OpusPacketDecoder& OpusPacketDecoder::operator=(OpusPacketDecoder&&) noexcept = default;
OpusPacketDecoder::~OpusPacketDecoder() = default;

Result<OpusPacketDecoder> OpusPacketDecoder::Create(int rate_hz) {
  PARLEY_TRY_STATUS(CheckRate(rate_hz));
  int error = OPUS_OK;
  OpusDecoder* decoder = opus_decoder_create(rate_hz, 1, &error);
  if (error != OPUS_OK) {
    return Fail(Code::kExhausted, std::string("no Opus decoder: ") + opus_strerror(error));
  }
  return OpusPacketDecoder(rate_hz, decoder);
}

Result<std::span<const float>> OpusPacketDecoder::Run(std::span<const uint8_t> packet,
                                                      size_t samples, bool copy) {
  const int decoded = opus_decode_float(decoder_.get(), packet.empty() ? nullptr : packet.data(),
                                        static_cast<opus_int32>(packet.size()), samples_.data(),
                                        static_cast<int>(samples), copy);
  if (decoded < 0) {
    return Fail(Code::kCorruptData, "not an Opus packet (" + std::to_string(packet.size()) +
                                        " bytes): " + opus_strerror(decoded));
  }
  return std::span<const float>(samples_).first(static_cast<size_t>(decoded));
}

Result<std::span<const float>> OpusPacketDecoder::Decode(std::span<const uint8_t> packet) {
  // No bytes would mean "lost" to the library, and lengths are ints there.
  if (packet.empty() || packet.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Fail(Code::kCorruptData,
                "not an Opus packet (" + std::to_string(packet.size()) + " bytes)");
  }
  return Run(packet, samples_.size(), false);
}

Result<std::span<const float>> OpusPacketDecoder::Conceal(std::span<const uint8_t> next) {
  return Run(next, OpusFrameSamples(rate_hz_), !next.empty());
}

void OpusPacketDecoder::Reset() { opus_decoder_ctl(decoder_.get(), OPUS_RESET_STATE); }

}  // namespace parley::audio
