// One generation on a sequence of its own: a prompt in, text out as it comes. What chat completions
// and responses beside a conversation are made of.
// Thread:   the strand it was given; the callbacks come there.
// Memory:   one sequence in the engine, the ids of the answer.
// Overload: kExhausted from Begin, or at the end, when the engine has no room.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "model/tokenizer.h"
#include "realtime/executor.h"

namespace parley::server {

struct CompletionEnd {
  std::string reason;  // "stop", "length"
  int64_t prompt_tokens = 0, tokens = 0;
  bool failed = false;
  Error error{};
};

class Completion : public std::enable_shared_from_this<Completion> {
 public:
  struct Callbacks {
    std::function<void(std::string text)> text;
    std::function<void(const CompletionEnd& end)> end;  // once, last
  };

  Completion(engine::Engine& engine, std::shared_ptr<const model::Tokenizer> tokenizer,
             std::shared_ptr<realtime::Executor> strand, Callbacks callbacks);

  // A mark of the model, as text. Before Begin.
  void WriteAs(TokenId mark, std::string text) { mark_ = {mark, std::move(text)}; }
  // Everything from here on the strand.
  void Begin(std::vector<TokenId> prompt, engine::GenerateOptions options);
  void Cancel();  // no callback follows

 private:
  void OnToken(TokenId id);
  void OnEnded(const engine::Ended& ended);
  void Finish(CompletionEnd end);

  engine::Engine& engine_;
  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  const std::shared_ptr<realtime::Executor> strand_;
  Callbacks callbacks_;
  model::TextStream stream_;
  engine::Sequence sequence_;
  std::pair<TokenId, std::string> mark_{-1, ""};  // and how it is written
  int64_t prompt_tokens_ = 0, tokens_ = 0;
  bool over_ = false;
};

}  // namespace parley::server
