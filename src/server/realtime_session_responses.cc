// SPDX-License-Identifier: Apache-2.0
// The responses that a client asks for: in the conversation, and beside it.
#include "server/realtime_session.h"

#include <algorithm>
#include <utility>

namespace parley::server {

void RealtimeSession::On(const wire::client::ResponseCreate& event) {
  const wire::ResponseRequest request = event.response.value_or(wire::ResponseRequest());
  if (request.conversation == "none") return RespondBeside(request);
  if (response_) {
    return Fail("conversation_already_has_active_response",
                "Conversation already has an active response in progress: " +
                    response_->writer.id() + ". Wait until the response is finished.");
  }
  // The turn is being transcribed, or the answer before still plays.
  if (commit_asked_ || committed_ || !answer_item_.empty()) {
    asked_ = request;
    return;
  }
  // It is being spoken: what is asked for is its answer.
  if (settings_.turns() != nullptr && !user_item_.empty()) {
    asked_ = request;
    return SyncPast(Override(request));
  }
  Respond(request);
}

// What was asked for was to answer a turn of which nothing comes any more.
void RealtimeSession::AnswerAsked() {
  if (!asked_ || commit_asked_ || committed_ || !answer_item_.empty()) return;
  Respond(*std::exchange(asked_, std::nullopt));
}

// A response may have instructions, tools and modalities of its own.
SessionSettings RealtimeSession::Override(const wire::ResponseRequest& request) {
  SessionSettings mine = settings_;
  wire::Session patch;
  patch.output_modalities = request.output_modalities;
  patch.max_output_tokens = request.max_output_tokens;
  if (request.instructions) patch.instructions = wire::Nullable<std::string>(*request.instructions);
  if (request.tools) patch.tools = wire::Nullable<std::vector<wire::FunctionTool>>(*request.tools);
  mine.Merge(patch);
  overridden_ = request.output_modalities || request.max_output_tokens || request.instructions ||
                request.tools;
  if (overridden_) talk_->Configure(mine.Talk());
  return mine;
}

void RealtimeSession::Respond(const wire::ResponseRequest& request) {
  const SessionSettings mine = Override(request);
  BeginResponse(request);

  ItemList::Reading reading = items_.Read(SystemText(mine.instructions(), mine.tools()));
  if (reading.past != known_) {
    known_ = reading.past;
    talk_->SetPast(std::move(reading.past));
  }
  if (unanswered_ && reading.open == unanswered_) {
    unanswered_.reset();
    return talk_->Respond();
  }
  unanswered_.reset();
  talk_->PushText(reading.open.value_or(""));
}

void RealtimeSession::On(const wire::client::ResponseCancel& event) {
  if (beside_ && event.response_id &&
      (!response_ || *event.response_id != response_->writer.id())) {
    return CancelBeside();
  }
  if (asked_) {
    asked_.reset();
    if (!response_ && std::exchange(overridden_, false)) Apply();
    return;
  }
  if (!response_) {
    return Fail("response_cancel_not_active", "Cancellation failed: no active response found");
  }
  response_->cancelled = true;
  talk_->Interrupt();
}

// A response that nobody will remember: its own input, its own sequence in the engine, in text.
void RealtimeSession::RespondBeside(const wire::ResponseRequest& request) {
  const auto chat = talks_.chat();
  if (beside_ || !chat) {
    return Fail("conversation_already_has_active_response",
                "One response beside the conversation at a time.");
  }
  ItemList input;
  if (request.input) {
    for (const wire::Item& given : *request.input) {
      ConversationItem item{.shown = given};
      if (given.type == "item_reference") {
        const ConversationItem* found = given.id ? items_.Find(*given.id) : nullptr;
        if (found == nullptr) {
          return Fail("invalid_value", "There is no item '" + given.id.value_or("") + "'.",
                      "response.input");
        }
        item = *found;
      } else if (given.content) {
        for (const wire::ContentPart& part : *given.content) item.text += part.text.value_or("");
      }
      item.shown.id = NewId("item");
      input.Append(std::move(item));
    }
  }
  const std::string instructions = request.instructions.value_or(settings_.instructions());
  const ItemList::Reading reading = (request.input ? input : items_).Read(instructions);
  std::vector<TokenId> prompt = chat->Begin(
      reading.past.system.empty() ? std::nullopt
                                  : std::optional<std::string_view>(reading.past.system));
  const auto add = [&prompt](const std::vector<TokenId>& ids) {
    prompt.insert(prompt.end(), ids.begin(), ids.end());
  };
  for (const auto& exchange : reading.past.exchanges) {
    if (!exchange.user.empty()) add(chat->Turn(model::Role::kUser, exchange.user));
    add(chat->Turn(model::Role::kAssistant, exchange.answer));
  }
  add(chat->OpenUser());
  add(talks_.tokenizer()->Encode(reading.open.value_or("")));
  add(chat->CloseUser());

  wire::Response response = NewResponse(request, false);
  response.output_modalities = {"text"};
  auto writer = std::make_shared<ResponseWriter>(
      out_, ResponseWriter::Begin{.response = std::move(response), .in_conversation = false},
      ResponseWriter::Added());
  const std::string item_id = NewId("item");
  beside_ = std::make_shared<Completion>(
      talks_.engine(), talks_.tokenizer(), strand_,
      Completion::Callbacks{
          .text = [writer, item_id](const std::string& text) { writer->Text(item_id, text, {}); },
          .end =
              [weak = weak_from_this(), writer](const CompletionEnd& end) {
                const auto self = weak.lock();
                if (!self) return;
                self->beside_.reset();
                self->cancel_beside_ = nullptr;
                wire::Usage usage;
                usage.input_tokens = usage.input_token_details.text_tokens = end.prompt_tokens;
                usage.output_tokens = usage.output_token_details.text_tokens = end.tokens;
                usage.total_tokens = usage.input_tokens + usage.output_tokens;
                if (!end.failed) return writer->Finish("completed", std::nullopt, usage);
                wire::StatusDetails details{.type = "failed"};
                details.error = wire::StatusError{.code = std::string(CodeName(end.error.code)),
                                                  .message = end.error.message};
                writer->Finish("failed", details, usage);
              }});
  cancel_beside_ = [this, writer] {
    beside_->Cancel();
    beside_.reset();
    writer->Finish("cancelled",
                   wire::StatusDetails{.type = "cancelled", .reason = "client_cancelled"}, {});
  };
  engine::GenerateOptions options;
  options.max_tokens = 512;
  if (request.max_output_tokens && request.max_output_tokens->limit) {
    options.max_tokens =
        static_cast<int32_t>(std::clamp<int64_t>(*request.max_output_tokens->limit, 1, 2048));
  }
  options.stop_ids.assign(chat->stop_ids().begin(), chat->stop_ids().end());
  options.urgency = engine::Urgency::kHousekeeping;
  beside_->Begin(std::move(prompt), std::move(options));
}

void RealtimeSession::CancelBeside() {
  const auto cancel = std::exchange(cancel_beside_, nullptr);
  if (cancel) cancel();
}

}  // namespace parley::server
