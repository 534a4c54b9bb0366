// SPDX-License-Identifier: Apache-2.0
#include "engine/cost_table.h"

#include <gtest/gtest.h>

namespace parley::engine {
namespace {

constexpr CostTable kCosts{.step_us = 1000,
                           .decode_row_us = 100,
                           .prefill_row_us = 10,
                           .logit_row_us = 1,
                           .context_us_per_1000 = 2000,
                           .page_copy_us = 7,
                           .audio_slice_us = 50,
                           .encoder_row_us = 3,
                           .transcriber_row_us = 80};

TEST(CostTable, ChargesWhatAStepRan) {
  EXPECT_EQ(kCosts.Cost({}).count(), 0);
  EXPECT_EQ(kCosts
                .Cost({.decode_rows = 2,
                       .prefill_rows = 3,
                       .logit_rows = 2,
                       .context = 500,
                       .pages_copied = 1})
                .count(),
            1000 + 200 + 30 + 2 + 1000 + 7);
}

TEST(CostTable, ChargesASliceOfAudioByItsRows) {
  EXPECT_EQ(kCosts.Cost({.transcription_slices = 1, .encoder_rows = 100}).count(), 50 + 300);
  EXPECT_EQ(kCosts.Cost({.transcription_slices = 1, .transcriber_rows = 1}).count(), 50 + 80);
  EXPECT_EQ(kCosts.Cost({.transcription_slices = 1, .transcriber_rows = 9}).count(), 50 + 160);
}

}  // namespace
}  // namespace parley::engine
