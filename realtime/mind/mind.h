// When the model thinks and answers: a pure controller over one branch of the trunk. Events in,
// actions out; who executes them (conversation.cc) knows the engine.
//
// This is the seam for ways of thinking: a Mind that drafts or takes notes hears the same events
// and forks more branches. The one here does not think (ThinkingStyle::kNone): at a possible end
// of the turn it forks the trunk and prefills the whole prompt; a little later it begins to decode
// an answer; when the turn has ended the branch becomes the trunk, when the user goes on it is
// dropped and its tokens are counted as wasted.
//
// Thread:   plain value; one owner.
// Memory:   one parser; actions are valid until the next call.
// Overload: one branch at a time, one answer's budget of tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/result.h"
#include "common/spoken_text.h"
#include "engine/engine.h"
#include "realtime/mind/mind_config.h"
#include "realtime/mind/parser.h"
#include "realtime/session.h"

namespace parley::realtime {

// What a branch holds beyond the trunk: the trunk's first `keep` positions, then `append`.
struct BranchPrompt {
  engine::Position keep = 0;
  std::vector<TokenId> append;
};

namespace mind {
struct Fork {  // a new branch of the trunk; OnFailed if it cannot be
  BranchPrompt prompt;
  engine::Urgency urgency = engine::Urgency::kSpeculation;
};
struct Generate {  // on the branch; answer with OnToken and OnEnded
  engine::GenerateOptions options;
};
struct Hurry {};  // the stream that was a guess is now the answer
struct Adopt {};  // the branch becomes the trunk
struct Drop {     // the branch goes, and its stream with it
  int64_t wasted_tokens = 0;
};
struct Answer {  // more of the answer; also while it may still be thrown away
  AnswerText text;
};
struct Think {  // for whoever asked to see it
  ThoughtText text;
};
struct TokenTaken {  // after what it added to the answer
  TokenId id = 0;
  bool clean = true;  // the answer's text so far ends where this token ends
};
struct AnswerEnded {
  bool complete = true;  // false: cut by its budget
};
struct Failed {
  Error error;
};
using Action = std::variant<Fork, Generate, Hurry, Adopt, Drop, Answer, Think, TokenTaken,
                            AnswerEnded, Failed>;
}  // namespace mind

class Mind {
 public:
  using Actions = const std::vector<mind::Action>&;
  virtual ~Mind() = default;

  virtual Actions OnStableWords(std::string_view text) = 0;  // they are on their way into the trunk
  virtual Actions OnPossibleEnd(BranchPrompt prompt) = 0;  // the whole prompt, if this was the end
  virtual Actions MaySpeculate() = 0;
  virtual Actions OnTurnEnded() = 0;  // the prompt may come before or after
  virtual Actions Abandon() = 0;      // the user goes on, or interrupts: nothing of it is wanted
  virtual Actions OnToken(TokenId id) = 0;
  virtual Actions OnEnded(const engine::Ended& ended) = 0;
  virtual Actions OnFailed(Error error) = 0;  // of the branch
};

// kUnsupported for a style that is not built yet.
Result<std::unique_ptr<Mind>> MakeMind(const MindConfig& config,
                                       std::shared_ptr<const model::Tokenizer> tokenizer,
                                       std::vector<TokenId> stop_ids);

}  // namespace parley::realtime
