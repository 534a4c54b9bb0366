// SPDX-License-Identifier: Apache-2.0
#include "server/completion.h"

#include <utility>

namespace parley::server {
namespace {

class Sink final : public engine::TokenSink {
 public:
  Sink(std::function<void(TokenId)> token, std::function<void(engine::Ended)> ended)
      : token_(std::move(token)), ended_(std::move(ended)) {}
  void OnToken(engine::Stream, TokenId id, engine::Position) override { token_(id); }
  void OnEnded(engine::Stream, const engine::Ended& ended) override { ended_(ended); }

 private:
  const std::function<void(TokenId)> token_;
  const std::function<void(engine::Ended)> ended_;
};

}  // namespace

Completion::Completion(engine::Engine& engine, std::shared_ptr<const model::Tokenizer> tokenizer,
                       std::shared_ptr<realtime::Executor> strand, Callbacks callbacks)
    : engine_(engine),
      tokenizer_(std::move(tokenizer)),
      strand_(std::move(strand)),
      callbacks_(std::move(callbacks)),
      stream_(tokenizer_) {}

void Completion::Begin(std::vector<TokenId> prompt, engine::GenerateOptions options) {
  prompt_tokens_ = static_cast<int64_t>(prompt.size());
  auto opened = engine_.Open(prompt_tokens_ + options.max_tokens + 1);
  if (!opened) return Finish({.failed = true, .error = std::move(opened).error()});
  sequence_ = *std::move(opened);
  const auto post = [strand = strand_, weak = weak_from_this()](auto work) {
    return [strand, weak, work](auto what) {
      strand->Post([weak, work, what = std::move(what)] {
        if (const auto self = weak.lock()) work(*self, what);
      });
    };
  };
  engine_.Append(sequence_, {std::move(prompt)}, options.urgency,
                 post([](Completion& self, const Result<engine::Position>& done) {
                   if (done || done.error().code == Code::kCancelled) return;
                   self.Finish({.failed = true, .error = done.error()});
                 }));
  engine_.Generate(
      sequence_, std::move(options),
      std::make_shared<Sink>(
          post([](Completion& self, TokenId id) { self.OnToken(id); }),
          post([](Completion& self, const engine::Ended& ended) { self.OnEnded(ended); })));
}

void Completion::Cancel() {
  over_ = true;
  sequence_ = engine::Sequence();  // ends its stream
}

void Completion::OnToken(TokenId id) {
  if (over_) return;
  ++tokens_;
  std::string text = id == mark_.first ? stream_.Flush() + mark_.second : stream_.Push(id);
  if (!text.empty()) callbacks_.text(std::move(text));
}

void Completion::OnEnded(const engine::Ended& ended) {
  if (over_) return;
  if (ended.reason == engine::EndReason::kFailed) {
    return Finish({.failed = true, .error = ended.error});
  }
  std::string rest = stream_.Flush() + ended.text;
  if (!rest.empty()) callbacks_.text(std::move(rest));
  const bool cut =
      ended.reason == engine::EndReason::kBudget || ended.reason == engine::EndReason::kDeadline;
  Finish({.reason = cut ? "length" : "stop"});
}

void Completion::Finish(CompletionEnd end) {
  if (std::exchange(over_, true)) return;
  sequence_ = engine::Sequence();
  end.prompt_tokens = prompt_tokens_;
  end.tokens = tokens_;
  callbacks_.end(end);
}

}  // namespace parley::server
