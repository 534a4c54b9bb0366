// What one step did: the ground for statistics, and for the time that a simulated clock charges.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace parley::engine {

struct StepReport {
  int32_t decode_rows = 0;   // branches that got a token, or tried to
  int32_t prefill_rows = 0;  // appended rows
  int32_t logit_rows = 0;
  int64_t context = 0;  // positions that the rows looked back on, in sum
  int32_t pages_copied = 0;
  int32_t encoder_slices = 0;
  int32_t transcription_slices = 0;
  int32_t encoder_rows = 0;  // rows through a block of an audio encoder, of either kind of slice
  int32_t transcriber_rows = 0;  // rows of the transcriber's decoder
  int32_t transcriptions = 0;    // that were finished
  int64_t transcribed_ms = 0;

  bool decoded() const { return decode_rows + prefill_rows > 0; }
  bool worked() const { return decoded() || encoder_slices + transcription_slices > 0; }
};

}  // namespace parley::engine
