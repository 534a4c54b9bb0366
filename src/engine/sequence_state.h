// What the engine knows of one sequence: its ids, where its keys and values live, what waits to be computed, and who
// waits for it. Positions [0, computed) are in the cache; [computed, length) are rows that steps still have to run.
// Thread:   one owner (the engine's step).
// Memory:   4 bytes a position and a page number every 16; embeddings are kept alive while their positions are held.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/engine.h"
#include "engine/page_pool.h"
#include "engine/stop_matcher.h"
#include "model/sampler.h"

namespace parley::engine {

inline constexpr TokenId kEmbeddingRow = -1;  // among the ids: the row is an embedding

// A stream that decodes on its sequence.
struct StreamState {
  StreamState(Stream stream_id, GenerateOptions generate, std::shared_ptr<TokenSink> token_sink,
              const model::Tokenizer* tokenizer);
  Stream id;
  GenerateOptions options;
  std::shared_ptr<TokenSink> sink;
  model::Sampler sampler;
  StopMatcher matcher;
  int32_t sampled = 0;         // tokens, stop token excluded
  std::vector<TokenId> draft;  // guessed to follow, in the step in hand
  Position delivered = 0;      // length of the sequence up to which tokens were reported
};

// An Append whose rows are not all computed.
struct PendingAppend {
  Position begin = 0;
  Position end = 0;
  Urgency urgency = Urgency::kHousekeeping;
  Done done;
};

struct EmbeddingSpan {
  Position begin = 0;
  int32_t rows = 0;
  int32_t first_row = 0;  // of the embeddings
  std::shared_ptr<const Embeddings> embeddings;
};

struct SequenceState {
  int64_t id = 0;
  int64_t talk_id = 0;  // the id of the sequence that was opened
  Talk* talk = nullptr;
  bool firm = false;
  std::optional<Error> lost;  // its pages went to something more urgent: what every later call gets
  std::optional<Error>
      failed;  // an Append failed: later calls fail alike, until a Rollback says what holds

  std::vector<TokenId> ids;
  std::vector<EmbeddingSpan> spans;  // by begin
  std::vector<int32_t> pages;
  Position computed = 0;

  std::vector<PendingAppend> appends;        // in order
  std::unique_ptr<StreamState> stream;       // or null
  Urgency urgency = Urgency::kHousekeeping;  // of the last call: who is stopped first
  int64_t served = 0;                        // step that last ran a row of it
  int64_t waited = 0;                        // steps since in which it wanted rows and got none

  Position length() const { return static_cast<Position>(ids.size()); }
  // Rows that somebody waits for. The last row is run only for a stream, which needs what follows it.
  Position wanted() const {
    const Position end = stream ? length() : appends.empty() ? computed : appends.back().end - 1;
    return end > computed ? end - computed : 0;
  }
  Urgency work_urgency() const;  // of the most urgent who waits
  // The row of the embeddings at a position.
  const EmbeddingSpan& SpanAt(Position position) const;
  // Forgets ids and spans from `to` on; pages are the cache's.
  void TruncateIds(Position to);
};

}  // namespace parley::engine
