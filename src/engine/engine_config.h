// What an operator may say about the engine.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/config_fields.h"
#include "kernels/tensor.h"

namespace parley::engine {

enum class KvType : uint8_t { kBf16, kF32 };

struct EngineConfig {
  int32_t kv_mb = 64;
  int32_t kv_pages = 0;
  KvType kv_type = KvType::kBf16;
  int32_t step_rows = 64;
  int32_t mixed_rows = 16;
  int32_t background_rows = 4;
  int32_t branches = 16;
  int32_t transcriptions = 2;
  int32_t waiting_jobs = 64;
  int32_t mailbox = 4096;
  int32_t draft_tokens = 0;
  float draft_margin = 0.0F;

  template <class V>
  void VisitFields(V&& v) {
    v("kv_mb", kv_mb, Range{1, 1 << 20}, "memory for keys and values of all talks [MB]");
    v("kv_pages", kv_pages, Range{0, 1 << 24},
      "the same in pages of 16 positions; 0: as many as kv_mb holds");
    v("kv_type", kv_type, EnumNames<KvType>{{KvType::kBf16, "bf16"}, {KvType::kF32, "f32"}},
      "how keys and values are kept");
    v("step_rows", step_rows, Range{1, 4096}, "rows of one step at most");
    v("mixed_rows", mixed_rows, Range{1, 4096},
      "appended rows beside a branch that is at least as urgent: bounds how long its token takes");
    v("background_rows", background_rows, Range{1, 4096},
      "appended rows beside first words or a speculation that is more urgent");
    v("branches", branches, Range{1, 1024}, "branches that decode in one step at most");
    v("transcriptions", transcriptions, Range{1, 64},
      "transcriptions that are at work at the same time; each keeps its own state");
    v("waiting_jobs", waiting_jobs, Range{1, 4096},
      "encodings, and lanes of transcription, that may wait");
    v("mailbox", mailbox, Range{16, 1 << 20}, "calls that may wait for the engine");
    v("draft_tokens", draft_tokens, Range{0, 15},
      "tokens that a step guesses from what the text already holds, where it repeats itself; what "
      "is said stays the same; 0: none");
    v("draft_margin", draft_margin, Range{0, 20},
      "a guess also stands in thought while listening when its logit is at most this much below "
      "the one drawn; 0: only what would have been drawn");
  }
};

}  // namespace parley::engine
