// What a chat's messages are to the model: the ids of the prompt, and how the model ends a thought that the prompt opens.
// A prefill of "<think>\n" is the model's own opening of a thought: marks that are ids where it takes notes (style.h of the
// mind), the tag as it was trained for Step-Audio, and plain text elsewhere.
// Thread:   plain values, a pure function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "model/chat_template.h"
#include "realtime/mind/style.h"
#include "server/chat_request.h"

namespace parley::server {

struct ChatPrompt {
  std::vector<TokenId> ids;
  std::vector<TokenId> stop_ids;       // of the model, besides those of the request
  std::optional<TokenId> thought_end;  // a mark, written as "</think>"
};

// `request`: its sounds have been transcribed.
ChatPrompt PromptOf(const ChatRequest& request, const model::ChatTemplate& chat,
                    const std::shared_ptr<const model::Tokenizer>& tokenizer,
                    const realtime::Style& style);

}  // namespace parley::server
