// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "audio_io/sound_file.h"
#include "common/json.h"
#include "common/pcm.h"
#include "server/chat_prompt.h"
#include "server/chat_request.h"
#include "server/completion.h"
#include "server/endpoints.h"
#include "server/unix_time.h"

namespace parley::server {
namespace {

constexpr int64_t kWindow = int64_t{28} * kSampleRateHz;  // what a transcriber hears at once

wire::Answer AnswerOf(const Error& error) {
  if (error.code == Code::kExhausted) {
    return wire::TryLaterAnswer(503, "at_capacity", error.message, 5);
  }
  if (error.code == Code::kInvalidArgument || error.code == Code::kCorruptData) {
    return wire::ErrorAnswer(400, "invalid_request_error", "invalid_value", error.message);
  }
  return wire::ErrorAnswer(500, "server_error", CodeName(error.code), error.message);
}

// One request: transcribes what is sound, then generates, then answers.
class Chat : public std::enable_shared_from_this<Chat> {
 public:
  Chat(Talks& talks, std::shared_ptr<realtime::Executor> strand, ChatRequest request,
       std::shared_ptr<wire::Reply> reply)
      : talks_(talks),
        strand_(std::move(strand)),
        request_(std::move(request)),
        reply_(std::move(reply)),
        id_("chatcmpl-" + std::to_string(++count_)),
        created_(UnixNow()),
        splitter_(ThinkPrefilled()) {}

  void Hear() {
    for (ChatMessage& message : request_.messages) {
      for (ChatPart& part : message.parts) {
        if (part.sound.empty()) continue;
        return Transcribe(part);
      }
    }
    Generate();
  }

 private:
  bool ThinkPrefilled() const {
    return request_.continue_final && request_.messages.back().Text().find("<think>") == 0 &&
           request_.messages.back().Text().find("</think>") == std::string::npos;
  }

  void Transcribe(ChatPart& part) {
    const std::string bytes = std::exchange(part.sound, {});
    auto file = audio::SoundFile::OpenMemory(std::as_bytes(std::span(bytes)), "input_audio");
    if (!file) return reply_->Send(AnswerOf(file.error()));
    auto sound = std::make_shared<std::vector<float>>();
    for (;;) {
      auto block = (*file)->Read();
      if (!block) return reply_->Send(AnswerOf(block.error()));
      if (block->empty()) break;
      sound->insert(sound->end(), block->begin(), block->end());
      if (sound->size() > size_t{600} * kSampleRateHz) {
        return reply_->Send(
            AnswerOf(Fail(Code::kInvalidArgument, "more than ten minutes of sound")));
      }
    }
    TranscribeFrom(part, sound, 0, talks_.NewLane());
  }

  void TranscribeFrom(ChatPart& part, const std::shared_ptr<std::vector<float>>& sound,
                      size_t begin, engine::TranscribeLane lane) {
    if (begin >= sound->size()) return Hear();
    const size_t count = std::min(static_cast<size_t>(kWindow), sound->size() - begin);
    talks_.engine().Transcribe(
        lane, std::span<const float>(*sound).subspan(begin, count), {},
        engine::Urgency::kHousekeeping,
        [self = shared_from_this(), &part, sound, begin, count,
         lane](Result<model::Transcript> heard) {
          self->strand_->Post([self, &part, sound, begin, count, lane, heard = std::move(heard)] {
            if (!heard) return self->reply_->Send(AnswerOf(heard.error()));
            if (!part.text.empty() && !heard->text.empty()) part.text += ' ';
            part.text += heard->text;
            self->TranscribeFrom(part, sound, begin + count, lane);
          });
        });
  }

  void Generate() {
    ChatPrompt prompt = PromptOf(request_, *talks_.chat(), talks_.tokenizer(), talks_.style());
    request_.options.stop_ids.insert(request_.options.stop_ids.end(), prompt.stop_ids.begin(),
                                     prompt.stop_ids.end());
    request_.options.urgency = engine::Urgency::kSpeaking;
    completion_ = std::make_shared<Completion>(
        talks_.engine(), talks_.tokenizer(), strand_,
        Completion::Callbacks{
            .text = [this](const std::string& text) { OnText(text); },
            .end = [self = shared_from_this()](const CompletionEnd& end) { self->OnEnd(end); }});
    if (prompt.thought_end) completion_->WriteAs(*prompt.thought_end, "</think>");
    completion_->Begin(std::move(prompt.ids), request_.options);
  }

  void OnText(const std::string& text) {
    if (request_.include_reasoning) return Give(splitter_.Push(text));
    Give({"", text});
  }

  void Give(const ReasoningSplitter::Piece& piece) {
    reasoning_ += piece.reasoning;
    content_ += piece.content;
    if (piece.reasoning.empty() && piece.content.empty()) return;
    if (!request_.stream) {
      if (reply_->gone()) GiveUp();
      return;
    }
    JsonLine delta;
    BeginStream(delta);
    if (!piece.reasoning.empty()) delta.Add("reasoning_content", piece.reasoning);
    if (!piece.content.empty()) delta.Add("content", piece.content);
    if (!reply_->Write(Chunk(std::move(delta).Take(), ""))) GiveUp();
  }

  // The first delta names the role.
  void BeginStream(JsonLine& delta) {
    if (std::exchange(begun_, true)) return;
    delta.Add("role", "assistant");
    reply_->Begin(
        {.content_type = "text/event-stream", .headers = {{"cache-control", "no-cache"}}});
  }

  void GiveUp() {
    if (completion_) completion_->Cancel();
    completion_.reset();  // and with it this
  }

  JsonLine Head(std::string_view object) const {
    JsonLine line;
    line.Add("id", id_).Add("object", object).Add("created", created_);
    line.Add("model", talks_.model_name());
    return line;
  }

  std::string Chunk(std::string_view delta, std::string_view finish) const {
    JsonLine choice;
    choice.Add("index", 0).AddRaw("delta", delta);
    if (!finish.empty()) choice.Add("finish_reason", finish);
    JsonLine line = Head("chat.completion.chunk");
    line.AddRaw("choices", "[" + std::move(choice).Take() + "]");
    return "data: " + std::move(line).Take() + "\n\n";
  }

  void OnEnd(const CompletionEnd& end) {
    const auto self = shared_from_this();
    completion_.reset();
    if (end.failed) {
      if (!begun_) return reply_->Send(AnswerOf(end.error));
      reply_->Write("data: " + AnswerOf(end.error).body + "\n");
      return reply_->End();
    }
    if (request_.include_reasoning) Give(splitter_.Flush());
    JsonLine usage;
    usage.Add("prompt_tokens", end.prompt_tokens).Add("completion_tokens", end.tokens);
    usage.Add("total_tokens", end.prompt_tokens + end.tokens);
    const std::string used = std::move(usage).Take();
    if (request_.stream) {
      JsonLine delta;
      BeginStream(delta);
      reply_->Write(Chunk(std::move(delta).Take(), end.reason));
      if (request_.include_usage) {
        JsonLine line = Head("chat.completion.chunk");
        line.AddRaw("choices", "[]").AddRaw("usage", used);
        reply_->Write("data: " + std::move(line).Take() + "\n\n");
      }
      reply_->Write("data: [DONE]\n\n");
      return reply_->End();
    }
    JsonLine message;
    message.Add("role", "assistant").Add("content", content_);
    if (!reasoning_.empty()) message.Add("reasoning_content", reasoning_);
    JsonLine choice;
    choice.Add("index", 0).AddRaw("message", std::move(message).Take());
    choice.Add("finish_reason", end.reason);
    JsonLine line = Head("chat.completion");
    line.AddRaw("choices", "[" + std::move(choice).Take() + "]").AddRaw("usage", used);
    reply_->Send({.body = std::move(line).Take() + "\n"});
  }

  inline static std::atomic<int64_t> count_{0};
  Talks& talks_;
  const std::shared_ptr<realtime::Executor> strand_;
  ChatRequest request_;
  const std::shared_ptr<wire::Reply> reply_;
  const std::string id_;
  const int64_t created_;
  ReasoningSplitter splitter_;
  std::shared_ptr<Completion> completion_;
  std::string reasoning_, content_;
  bool begun_ = false;
};

}  // namespace

void CompleteChat(Talks& talks, const std::shared_ptr<realtime::Executor>& strand,
                  const wire::Request& request, const std::shared_ptr<wire::Reply>& reply) {
  if (talks.chat() == nullptr) {
    return reply->Send(
        wire::ErrorAnswer(501, "server_error", "unsupported", "This model has no chat format."));
  }
  auto parsed = ParseChatRequest(request.body, talks.tokenizer()->vocabulary());
  if (!parsed) return reply->Send(AnswerOf(parsed.error()));
  std::make_shared<Chat>(talks, strand, *std::move(parsed), reply)->Hear();
}

}  // namespace parley::server
