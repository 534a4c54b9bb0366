// SPDX-License-Identifier: Apache-2.0
#include "engine/sequence_state.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "engine/embeddings.h"

namespace parley::engine {

StreamState::StreamState(Stream stream_id, GenerateOptions generate,
                         std::shared_ptr<TokenSink> token_sink, const model::Tokenizer* tokenizer)
    : id(stream_id),
      options(std::move(generate)),
      sink(std::move(token_sink)),
      sampler(options.sampler),
      matcher(options.stop_texts, tokenizer) {}

Urgency SequenceState::work_urgency() const {
  Urgency most = stream ? stream->options.urgency : Urgency::kHousekeeping;
  for (const PendingAppend& append : appends) most = std::min(most, append.urgency);
  return most;
}

const EmbeddingSpan& SequenceState::SpanAt(Position position) const {
  const auto after =
      std::upper_bound(spans.begin(), spans.end(), position,
                       [](Position p, const EmbeddingSpan& span) { return p < span.begin; });
  PARLEY_CHECK(after != spans.begin(), "no embeddings at this position");
  const EmbeddingSpan& span = *(after - 1);
  PARLEY_CHECK(position < span.begin + span.rows, "no embeddings at this position");
  return span;
}

void SequenceState::TruncateIds(Position to) {
  ids.resize(static_cast<size_t>(to));
  while (!spans.empty() && spans.back().begin >= to) spans.pop_back();
  if (!spans.empty()) {
    EmbeddingSpan& last = spans.back();
    last.rows = static_cast<int32_t>(std::min<Position>(last.rows, to - last.begin));
  }
}

}  // namespace parley::engine
