// A sample is sign, exponent ("segment", the place of the highest bit) and four bits below it.
// SPDX-License-Identifier: Apache-2.0
#include "audio_io/g711.h"

#include <algorithm>
#include <array>
#include <bit>

#include "audio_io/sample_format.h"
#include "common/check.h"

namespace parley::audio {
namespace {

// µ-law adds 33 (in 14-bit steps; 132 at 16 bit) so that every magnitude has its highest bit at
// bit 5 of 14 or above. Codes go over the wire inverted.
constexpr int kMuBias = 132;
constexpr int kMuClip = 32635;
constexpr uint8_t kMuInvert = 0xFF;
// A-law is linear in its lowest segment instead, and inverts every other bit.
constexpr uint8_t kALawInvert = 0x55;

constexpr int16_t DecodeMuLaw(uint8_t wire) {
  const unsigned code = static_cast<unsigned>(wire ^ kMuInvert);
  const unsigned segment = code >> 4 & 7u;
  const int magnitude = static_cast<int>(((code & 15u) << 3 | kMuBias) << segment) - kMuBias;
  return static_cast<int16_t>((code & 0x80u) != 0 ? -magnitude : magnitude);
}

constexpr uint8_t EncodeMuLaw(int16_t sample) {
  const unsigned sign = sample < 0 ? 0x80u : 0u;
  const auto magnitude =
      static_cast<unsigned>(std::min(sample < 0 ? -int{sample} : int{sample}, kMuClip) + kMuBias);
  const auto segment = static_cast<unsigned>(std::bit_width(magnitude)) - 8u;
  const unsigned mantissa = magnitude >> (segment + 3) & 15u;
  return static_cast<uint8_t>((sign | segment << 4 | mantissa) ^ kMuInvert);
}

constexpr int16_t DecodeALaw(uint8_t wire) {
  const unsigned code = static_cast<unsigned>(wire ^ kALawInvert);
  const unsigned segment = code >> 4 & 7u;
  // The value in the middle of its step: 8 is half of the smallest step of 16.
  unsigned magnitude = (code & 15u) << 4 | 8u;
  if (segment > 0) magnitude = (magnitude | 0x100u) << (segment - 1);
  return static_cast<int16_t>((code & 0x80u) != 0 ? static_cast<int>(magnitude)
                                                  : -static_cast<int>(magnitude));
}

constexpr uint8_t EncodeALaw(int16_t sample) {
  const unsigned sign = sample < 0 ? 0u : 0x80u;  // here the bit says positive
  // One's complement, so that -1 and 0 are the two middle steps and nothing overflows.
  const auto magnitude = static_cast<unsigned>(sample < 0 ? ~int{sample} : int{sample});
  const unsigned segment =
      magnitude < 0x100u ? 0u : static_cast<unsigned>(std::bit_width(magnitude)) - 8u;
  const unsigned mantissa = magnitude >> (segment == 0 ? 4u : segment + 3u) & 15u;
  return static_cast<uint8_t>((sign | segment << 4 | mantissa) ^ kALawInvert);
}

using DecodeTable = std::array<float, 256>;
template <int16_t (*decode)(uint8_t)>
constexpr DecodeTable MakeTable() {
  DecodeTable table{};
  for (size_t code = 0; code < table.size(); ++code) {
    table[code] = static_cast<float>(decode(static_cast<uint8_t>(code))) / 32768.0f;
  }
  return table;
}
constexpr DecodeTable kMuLawTable = MakeTable<DecodeMuLaw>();
constexpr DecodeTable kALawTable = MakeTable<DecodeALaw>();

}  // namespace

int16_t DecodeG711(G711 law, uint8_t code) {
  return law == G711::kMuLaw ? DecodeMuLaw(code) : DecodeALaw(code);
}

uint8_t EncodeG711(G711 law, int16_t sample) {
  return law == G711::kMuLaw ? EncodeMuLaw(sample) : EncodeALaw(sample);
}

void DecodeG711(G711 law, std::span<const uint8_t> codes, std::span<float> samples) {
  PARLEY_CHECK(codes.size() == samples.size(), "one byte is one sample");
  const DecodeTable& table = law == G711::kMuLaw ? kMuLawTable : kALawTable;
  for (size_t i = 0; i < codes.size(); ++i) samples[i] = table[codes[i]];
}

void EncodeG711(G711 law, std::span<const float> samples, std::span<uint8_t> codes) {
  PARLEY_CHECK(codes.size() == samples.size(), "one byte is one sample");
  for (size_t i = 0; i < samples.size(); ++i) codes[i] = EncodeG711(law, ToInt16(samples[i]));
}

}  // namespace parley::audio
