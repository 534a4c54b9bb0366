// The sound that travels inside parley: 16 kHz, mono, float in [-1, 1].
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace parley {

inline constexpr int kSampleRateHz = 16000;
using PcmView = std::span<const float>;  // 16 kHz mono; valid while its owner keeps still

}  // namespace parley
