// SPDX-License-Identifier: Apache-2.0
// What a session's talk says of its answer, as events of the protocol.
#include "server/realtime_session.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "common/log.h"

namespace parley::server {

namespace {

int64_t ThoughtTokens(const realtime::TurnTrace& trace) {
  return trace.thought_tokens_listening + trace.thought_tokens_after_turn +
         trace.thought_tokens_speaking;
}

wire::Usage UsageOf(const realtime::TurnTrace& trace) {
  wire::Usage usage;
  const int64_t thought = ThoughtTokens(trace);
  // What the model has written into its own prompt is output: it is counted there. Sound that it hears as such has no
  // ids; words of a transcriber are text.
  const auto frames = std::count_if(trace.prompt_ids.begin(), trace.prompt_ids.end(),
                                    [](TokenId id) { return id < 0; });
  usage.input_tokens = static_cast<int64_t>(trace.prompt_ids.size()) - trace.prompt_thought_tokens;
  usage.input_token_details.audio_tokens = frames;
  usage.input_token_details.text_tokens = usage.input_tokens - frames;
  usage.input_token_details.cached_tokens =
      usage.input_token_details.cached_tokens_details.text_tokens =
          std::min(trace.cached_tokens, usage.input_tokens);
  usage.output_tokens = trace.answer_tokens + thought;
  usage.output_token_details.text_tokens = trace.answer_tokens;
  usage.output_token_details.reasoning_tokens = thought;
  usage.total_tokens = usage.input_tokens + usage.output_tokens;
  return usage;
}

}  // namespace

// A response that no turn has asked for.
void RealtimeSession::On(const realtime::Unasked&) {
  if (!response_) BeginResponse({});
}

wire::Response RealtimeSession::NewResponse(const wire::ResponseRequest& request,
                                            bool in_conversation) {
  wire::Response response;
  response.id = NewId("resp");
  if (in_conversation) response.conversation_id = "conv_" + name_;
  response.output_modalities = *settings_.echo().output_modalities;
  if (request.output_modalities && !request.output_modalities->empty()) {
    const auto& wanted = *request.output_modalities;
    const bool sound = std::find(wanted.begin(), wanted.end(), "audio") != wanted.end();
    response.output_modalities = {sound ? "audio" : "text"};
  }
  response.max_output_tokens =
      request.max_output_tokens.value_or(*settings_.echo().max_output_tokens);
  wire::AudioOutput output;
  output.format = settings_.output_format();
  output.voice = settings_.echo().audio->output->voice;
  response.audio = wire::ResponseAudio{std::move(output)};
  if (request.metadata) response.metadata = *request.metadata;
  return response;
}

void RealtimeSession::BeginResponse(const wire::ResponseRequest& request) {
  ++responses_;
  ResponseWriter::Begin begin{.response = NewResponse(request, true), .group = responses_};
  response_.emplace(Active{ResponseWriter(
      out_, std::move(begin), [this](const wire::Item& item) { return AddAnswerItem(item); })});
  answer_item_ = NewId("item");
  held_ = false;
  held_sound_.clear();
  captions_.clear();
  calls_.clear();
  sound_out_->Reset();
}

std::optional<std::string> RealtimeSession::AddAnswerItem(const wire::Item& item) {
  std::optional<std::string> previous = items_.last();
  ConversationItem added{.shown = item};
  added.shown.content.reset();
  added.spoken = item.type == "message" && !response_->writer.text_only();
  items_.Append(std::move(added));
  return previous;
}

void RealtimeSession::On(const realtime::Say& event) {
  if (!response_) return;
  if (response_->writer.item_id().empty()) Mark("first_word");
  response_->writer.Open(answer_item_);
  ConversationItem* item = items_.Find(answer_item_);
  if (item == nullptr) return;  // deleted meanwhile
  // Between clauses there is only white space.
  const size_t length = item->text.size();
  std::string text(event.begin > length ? event.begin - length : 0, ' ');
  text += event.text;
  item->text += text;
  if (response_->writer.text_only()) {
    response_->writer.Text(answer_item_, text, std::nullopt);
  } else {
    captions_.push_back({event.begin, std::move(text)});
  }
}

void RealtimeSession::On(const realtime::WordsTimed& event) {
  ConversationItem* item = items_.Find(answer_item_);
  if (item == nullptr || event.words.empty()) return;
  item->words.insert(item->words.end(), event.words.begin(), event.words.end());
  GiveCaptions(event.words.back().end);
}

// What is said up to there, with the time at which it sounds; all of it when no more times will come.
void RealtimeSession::GiveCaptions(std::optional<size_t> timed_to) {
  const ConversationItem* item = items_.Find(answer_item_);
  while (response_ && !captions_.empty() && (!timed_to || captions_.front().begin < *timed_to)) {
    const Caption caption = std::move(captions_.front());
    captions_.pop_front();
    std::optional<double> start;
    if (item != nullptr) {
      const auto word = std::find_if(item->words.begin(), item->words.end(),
                                     [&](const auto& w) { return w.begin >= caption.begin; });
      if (word != item->words.end()) {
        start = static_cast<double>(word->first_sample) / talks_.voice_rate_hz();
      }
    }
    response_->writer.Text(answer_item_, caption.text, start);
  }
}

void RealtimeSession::On(const realtime::FirstAudio&) {
  Mark("first_audio");
  // For whoever asks what the way from here to the client costs: tests/bench/serve.py.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  LogDebug("first_sound",
           {{"response", response_ ? response_->writer.id() : "none"},
            {"steady_us", std::chrono::duration_cast<std::chrono::microseconds>(now).count()}});
}

void RealtimeSession::On(const realtime::AudioOut& event) {
  if (!response_) return;
  sound_out_->Push(event.samples, [this](std::string bytes) { GiveSound(std::move(bytes)); });
  if (ConversationItem* item = items_.Find(answer_item_)) {
    item->rate_hz = event.sample_rate_hz;
    item->samples = event.first_sample + static_cast<int64_t>(event.samples.size());
  }
  metrics_.audio_out_ms.Add(static_cast<int64_t>(event.samples.size()) * 1000 /
                            event.sample_rate_hz);
}

void RealtimeSession::GiveSound(std::string bytes) {
  if (held_) {
    held_sound_.push_back(std::move(bytes));
  } else {
    SendSound(std::move(bytes));
  }
}

void RealtimeSession::SendSound(std::string bytes) {
  last_sound_ = now_;
  response_->writer.Sound(answer_item_, std::move(bytes));
}

void RealtimeSession::On(const realtime::Unlowered&) {
  held_ = false;
  if (!response_) return;
  for (std::string& bytes : std::exchange(held_sound_, {})) {
    SendSound(std::move(bytes));
  }
}

void RealtimeSession::On(const realtime::AnswerSent& event) {
  if (!response_) return;
  Observe(event.trace);
  if (held_) {  // the user talks over its last sounds: they are sent, and cut if it was a turn
    On(realtime::Unlowered{});
  }
  response_->usage = UsageOf(event.trace);
  GiveCaptions(std::nullopt);
  sound_out_->Flush([this](std::string bytes) {
    if (!response_->writer.text_only()) GiveSound(std::move(bytes));
  });
  GiveCalls();
  FinishResponse("completed", std::nullopt);
}

void RealtimeSession::On(const realtime::ToolCalled& event) {
  if (!response_) return;
  calls_.push_back(event);
  // An item is over before the next begins: behind words, the call waits for their sound.
  if (response_->writer.item_id().empty()) GiveCalls();
}

void RealtimeSession::GiveCalls() {
  for (const realtime::ToolCalled& call : std::exchange(calls_, {})) {
    const std::string id = NewId("item");
    response_->writer.Call(id, NewId("call"), call.name, call.arguments);
    if (ConversationItem* item = items_.Find(id)) {
      item->shown.status = "completed";
      item->shown.arguments = call.arguments;
    }
  }
}

void RealtimeSession::On(const realtime::BargedIn& event) {
  Mark("barge_in");
  metrics_.barge_ins.Add();
  held_ = false;
  held_sound_.clear();
  if (sound_out_) sound_out_->Reset();
  out_.TakeBack(responses_);
  if (ConversationItem* item = items_.Find(answer_item_); item != nullptr && !item->cut_by_client) {
    item->heard = std::min(event.heard_text.size(), item->text.size());
  }
  // Told at the turn's end, which follows at once; by a voice, behind its speech_started.
  if (response_ && !response_->cancelled) interrupted_ = true;
}

void RealtimeSession::On(const realtime::TurnDone& event) {
  metrics_.turns.Add();
  metrics_.answer_tokens.Add(event.trace.answer_tokens);
  metrics_.thought_tokens.Add(ThoughtTokens(event.trace));
  Mark("done");
  // The same words as the talk remembers, to the byte: then nothing must be read again.
  if (ConversationItem* item = items_.Find(answer_item_)) {
    const size_t heard = event.trace.answer.size();
    if (heard <= item->text.size()) {
      item->text.replace(0, heard, event.trace.answer);
      if (!item->cut_by_client) item->heard = heard;
      if (!interrupted_ && item->heard == heard && heard == item->text.size()) item->heard.reset();
    }
  }
  if (!event.trace.transcript.empty() || !event.trace.answer.empty()) {
    known_.exchanges.push_back({event.trace.transcript, event.trace.answer});
  }
  if (response_) response_->usage = UsageOf(event.trace);
  if (response_ && response_->cancelled) {
    FinishResponse("cancelled",
                   wire::StatusDetails{.type = "cancelled", .reason = "client_cancelled"});
  } else if (!interrupted_) {
    GiveCaptions(std::nullopt);
    if (response_) GiveCalls();
    FinishResponse("completed", std::nullopt);
  }
  CountFaults();
  answer_item_.clear();
  if (std::exchange(overridden_, false)) {
    Apply();
  } else {
    SyncPast();
  }
  if (asked_ && user_item_.empty() && !interrupted_) Respond(*std::exchange(asked_, std::nullopt));
}

void RealtimeSession::On(const realtime::Failed& event) {
  LogWarn("talk_failed", {{"session", name_}, {"error", event.error.message}});
  metrics_.errors.Add(CodeName(event.error.code));
  if (committed_) FinishTranscript("");
  answer_item_.clear();
  if (response_) {
    wire::StatusDetails details{.type = "failed"};
    details.error = wire::StatusError{.code = std::string(CodeName(event.error.code)),
                                      .message = event.error.message};
    FinishResponse("failed", std::move(details));
  } else {
    Fail(CodeName(event.error.code), event.error.message);
  }
  // Nothing will come of this talk; its client may connect anew, to a device that works.
  if (event.error.code == Code::kDevice) return End(1011, "the device of this talk has failed");
  known_ = realtime::PastTalk();  // nobody knows what the talk has kept
  SyncPast();
}

void RealtimeSession::FinishResponse(std::string_view status,
                                     std::optional<wire::StatusDetails> details) {
  if (!response_) return;
  Active done = *std::move(response_);
  response_.reset();
  if (ConversationItem* item = items_.Find(done.writer.item_id())) {
    item->shown.status = status == "completed" ? "completed" : "incomplete";
  }
  done.writer.Finish(status, std::move(details), done.usage);
}

void RealtimeSession::CountFaults() {
  if (!talk_) return;
  const realtime::SessionStats now = talk_->stats();
  const realtime::SessionStats before = std::exchange(counted_, now);
  metrics_.late_events.Add(now.stale_dropped - before.stale_dropped);
  metrics_.underruns.Add(now.underruns - before.underruns);
}

void RealtimeSession::Observe(const realtime::TurnTrace& trace) {
  const double begin = trace.speech_end_ms;
  if (begin < 0) return;
  const auto since = [begin](Histogram& histogram, double ms) {
    if (ms >= 0) histogram.Observe((ms - begin) / 1000);
  };
  since(metrics_.endpoint, trace.turn_end_ms);
  since(metrics_.transcript, trace.transcript_ms);
  since(metrics_.first_token, trace.first_token_ms);
  since(metrics_.first_clause, trace.first_clause_ms);
  since(metrics_.first_audio, trace.first_audio_ms);
  MarkAt("first_token", trace.first_token_ms);
  MarkAt("first_clause", trace.first_clause_ms);
}

}  // namespace parley::server
