// What each kind of step costs on the machine that `ask --pace fast` pretends to run on. Measured, written in
// configs/cost.yaml, and charged to a simulated clock, so that results are the same at any machine load.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/clock.h"
#include "common/config_fields.h"
#include "engine/step_report.h"

namespace parley::engine {

struct CostTable {
  int32_t step_us = 2600;              // reading the weights once
  int32_t decode_row_us = 700;         // per branch
  int32_t prefill_row_us = 400;        // per appended position
  int32_t logit_row_us = 300;          // head and sampling
  int32_t context_us_per_1000 = 1500;  // attention over a thousand positions, per row
  int32_t page_copy_us = 40;
  int32_t audio_slice_us = 500;       // of encoding or transcription
  int32_t encoder_row_us = 20;        // per row of such a slice
  int32_t transcriber_row_us = 4000;  // a pass of its decoder; rows beyond one cost an eighth

  template <class V>
  void VisitFields(V&& v) {
    const Range us{0, 10'000'000};
    v("step_us", step_us, us, "a decoder step, whatever its rows [us]");
    v("decode_row_us", decode_row_us, us, "a branch that decodes in it [us]");
    v("prefill_row_us", prefill_row_us, us, "an appended position in it [us]");
    v("logit_row_us", logit_row_us, us, "a token that is sampled [us]");
    v("context_us_per_1000", context_us_per_1000, us,
      "attention of a row to a thousand positions [us]");
    v("page_copy_us", page_copy_us, us, "a page that a fork copies [us]");
    v("audio_slice_us", audio_slice_us, us, "a slice of encoding or transcription [us]");
    v("encoder_row_us", encoder_row_us, us, "a row through a block of the audio encoder [us]");
    v("transcriber_row_us", transcriber_row_us, us,
      "a pass of the transcriber's decoder; rows beyond the first cost an eighth [us]");
  }

  Duration Cost(const StepReport& report) const;
};

}  // namespace parley::engine
