// SPDX-License-Identifier: Apache-2.0
// The part of a Conversation in which a model hears sound itself: blocks become rows of embeddings on
// the trunk while the user speaks, and at a possible end the rows of the whole take their place.
#include <algorithm>
#include <utility>

#include "engine/embeddings.h"
#include "realtime/conversation.h"

namespace parley::realtime {

void Conversation::Do(const std::vector<listen::EncodeSound>& requests) {
  for (const listen::EncodeSound& request : requests) {
    parts_.engine->Encode(
        sound_.View(request.begin, request.end),
        request.urgent ? engine::Urgency::kSpeculation : engine::Urgency::kThinkingListening,
        OnStrand(
            [request](Conversation& self, Result<std::shared_ptr<const engine::Embeddings>> rows) {
              self.OnEncoded(request, std::move(rows));
            }));
  }
}

void Conversation::OnEncoded(const listen::EncodeSound& request,
                             Result<std::shared_ptr<const engine::Embeddings>> rows) {
  const int32_t count = rows ? (*rows)->rows().rows : -1;
  const FrameListener::Encoded heard = frame_listener_.OnEncoded(request.request, count);
  if (!rows && request.urgent) return FailTurn(rows.error());  // the next block of others says more
  for (const listen::TakeFrames& take : heard.take) TakeFrames(take, *rows);
  Do(heard.ask);
}

void Conversation::TakeFrames(const listen::TakeFrames& take,
                              const std::shared_ptr<const engine::Embeddings>& rows) {
  if (dead_ || (ended_ && !take.complete)) return;
  std::vector<TokenId> frames = trunk_.frames();
  frames.resize(std::min(frames.size(), take.keep));
  const std::vector<TokenId> more =
      branches_.AddFrames(rows, rows->rows().rows - take.take, take.take);
  frames.insert(frames.end(), more.begin(), more.end());
  trunk_.SetFrames(std::move(frames));
  if (!take.complete) {
    Do(mind_->OnStableWords({.text = listener_.live()}, Now()));
    return;
  }
  // What was only good enough to think with is replaced before an answer is begun on it.
  Apply(trunk_.Hear(""), engine::Urgency::kSpeculation);
  frames_complete_ = true;
  Ready();
}

}  // namespace parley::realtime
