// G.711: one byte a sample at 8 kHz, as telephones speak it. µ-law in America and Japan, A-law
// elsewhere.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace parley::audio {

enum class G711 { kMuLaw, kALaw };

inline constexpr int kG711RateHz = 8000;

int16_t DecodeG711(G711 law, uint8_t code);
uint8_t EncodeG711(G711 law, int16_t sample);

// Whole blocks, to and from [-1, 1]. Both spans have the same size.
void DecodeG711(G711 law, std::span<const uint8_t> codes, std::span<float> samples);
void EncodeG711(G711 law, std::span<const float> samples, std::span<uint8_t> codes);

}  // namespace parley::audio
