// SPDX-License-Identifier: Apache-2.0
#include "engine/cost_table.h"

namespace parley::engine {

Duration CostTable::Cost(const StepReport& report) const {
  int64_t us = 0;
  if (report.decoded()) {
    us += step_us;
    us += int64_t{decode_row_us} * report.decode_rows;
    us += int64_t{prefill_row_us} * report.prefill_rows;
    us += int64_t{logit_row_us} * report.logit_rows;
    us += context_us_per_1000 * report.context / 1000;
    us += int64_t{page_copy_us} * report.pages_copied;
  }
  us += int64_t{audio_slice_us} * (report.encoder_slices + report.transcription_slices);
  us += int64_t{encoder_row_us} * report.encoder_rows;
  if (report.transcriber_rows > 0) {  // one pass a slice; a batch of rows reads the weights once
    us += int64_t{transcriber_row_us} * (8 + report.transcriber_rows - 1) / 8;
  }
  return Duration(us);
}

}  // namespace parley::engine
