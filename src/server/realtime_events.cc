// SPDX-License-Identifier: Apache-2.0
// What a session's talk says, as events of the protocol. What its client says is realtime_session.cc.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <string_view>
#include <utility>

#include "common/log.h"
#include "common/pcm.h"
#include "server/realtime_session.h"

namespace parley::server {

namespace say = wire::server;

namespace {

int64_t WholeMs(double ms) { return std::max<int64_t>(0, static_cast<int64_t>(ms)); }

// How much of `text` the next hypothesis will hardly take back: what it and the one before agree on,
// in whole words, without the last one.
std::string_view Settled(std::string_view before, std::string_view text) {
  size_t same = 0;
  while (same < std::min(before.size(), text.size()) && before[same] == text[same]) ++same;
  const size_t space = text.substr(0, same).rfind(' ');
  return space == std::string_view::npos ? std::string_view() : text.substr(0, space);
}

// `text` without the words that `before` begins it with, if it does.
std::string Behind(std::string_view before, const std::string& text) {
  const auto plain = [](std::string_view s) {
    std::string out;
    for (const char c : s) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0) {
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
    }
    return out;
  };
  const std::string wanted = plain(before);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const bool edge = cut == text.size() || text[cut] == ' ';
    if (edge && plain(std::string_view(text).substr(0, cut)) == wanted) {
      return text.substr(std::min(text.size(), cut + 1));
    }
  }
  return text;
}

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

void RealtimeSession::OnTalk(const realtime::Event& event) {
  if (ended_) return;
  now_ = event.at;
  std::visit([this](const auto& what) { On(what); }, event.what);
}

void RealtimeSession::MarkAt(std::string_view name, double audio_ms) {
  if (!settings_.reasoning_shown() || audio_ms < 0) return;
  say::Mark mark{.name = std::string(name), .audio_ms = WholeMs(audio_ms)};
  if (!user_item_.empty()) mark.item_id = user_item_;
  if (response_) mark.response_id = response_->writer.id();
  out_.Send(mark);
}

void RealtimeSession::Mark(std::string_view name) { MarkAt(name, Ms(now_)); }

// ---- the user's turn -----------------------------------------------------------------------------

void RealtimeSession::On(const realtime::SpeechStarted& event) {
  if (std::exchange(unanswered_, std::nullopt)) SyncPast();  // it was left without an answer
  before_.clear();
  BeginSpeech(event.since);
}

void RealtimeSession::BeginSpeech(Time since) {
  user_item_ = NewId("item");
  committed_ = false;
  delta_sent_.clear();
  last_live_.clear();
  thought_.clear();
  speech_begin_ = since;
  if (const wire::TurnDetection* turns = settings_.turns()) {
    const int64_t padding = turns->prefix_padding_ms.value_or(300);
    out_.Send(say::SpeechStarted{WholeMs(Ms(since) - static_cast<double>(padding)), user_item_});
  }
  interrupted_ = false;
  if (response_) {  // nobody speaks while the talk answers, unless it was interrupted
    FinishResponse("cancelled",
                   wire::StatusDetails{.type = "cancelled", .reason = "turn_detected"});
  }
  MarkAt("speech_start", Ms(since));
}

void RealtimeSession::On(const realtime::Resumed&) {
  Mark("resume");
  if (!committed_ && !response_) return;  // it was only a pause
  // The turn had ended for the client: what comes now is another item of the same turn.
  out_.TakeBack(responses_);
  if (ConversationItem* item = items_.Find(answer_item_)) item->heard = 0;
  answer_item_.clear();
  before_ = last_live_;
  if (committed_) FinishTranscript(before_);
  BeginSpeech(now_);
}

void RealtimeSession::On(const realtime::TurnEnded& event) {
  typed_turn_ = event.reason == "text";
  if (typed_turn_ && user_item_.empty()) return;
  if (user_item_.empty()) user_item_ = NewId("item");
  if (settings_.turns() != nullptr && !commit_asked_) {
    out_.Send(say::SpeechStopped{WholeMs(Ms(event.speech_end)), user_item_});
  }
  if (!thought_.empty()) out_.Send(say::ThoughtDone{user_item_, std::exchange(thought_, {})});
  Mark("turn_end");
  CommitUserItem();
  if (typed_turn_) FinishTranscript(last_live_);  // typed into the middle of what was being said
}

void RealtimeSession::CommitUserItem() {
  const std::optional<std::string> previous = items_.last();
  committed_ = true;
  commit_asked_ = false;
  committed_samples_ = heard_samples_;
  out_.Send(say::InputAudioCommitted{user_item_, previous});
  ConversationItem item{.spoken = true};
  item.shown.id = user_item_;
  item.shown.object = "realtime.item";
  item.shown.type = "message";
  item.shown.status = "completed";
  item.shown.role = "user";
  const wire::Item shown = items_.Append(std::move(item)).Shown();
  out_.Send(say::ItemAdded{previous, shown});
  out_.Send(say::ItemDone{previous, shown});
}

void RealtimeSession::CommitWithoutWords() {
  if (user_item_.empty()) user_item_ = NewId("item");
  CommitUserItem();
  FinishTranscript("");
}

void RealtimeSession::FinishTranscript(const std::string& transcript) {
  committed_ = false;
  const std::string id = std::exchange(user_item_, {});
  ConversationItem* item = items_.Find(id);
  if (item == nullptr) return;  // deleted meanwhile
  item->text = last_live_ = transcript;
  if (!settings_.transcribes()) return;
  say::TranscriptionCompleted done{.item_id = id, .transcript = transcript};
  done.usage.seconds = std::max(0.0, Ms(now_ - speech_begin_) / 1000);
  out_.Send(done);
}

void RealtimeSession::On(const realtime::Heard& event) {
  if (!event.final) {
    std::string live = before_.empty() ? event.text : Behind(before_, event.text);
    if (settings_.transcribes() && !user_item_.empty()) {
      const std::string_view settled = Settled(last_live_, live);
      if (settled.size() > delta_sent_.size() && settled.starts_with(delta_sent_)) {
        out_.Send(say::TranscriptionDelta{user_item_, 0,
                                          std::string(settled.substr(delta_sent_.size()))});
        delta_sent_ = std::string(settled);
      }
    }
    last_live_ = std::move(live);
    return;
  }
  if (std::exchange(typed_turn_, false)) return;
  const std::string transcript = before_.empty() ? event.text : Behind(before_, event.text);
  Mark("transcript");
  if (settings_.transcribes() && transcript.size() > delta_sent_.size() &&
      transcript.starts_with(delta_sent_)) {
    out_.Send(say::TranscriptionDelta{user_item_, 0, transcript.substr(delta_sent_.size())});
  }
  FinishTranscript(transcript);
  if (settings_.answers_turns()) {
    asked_.reset();
    return BeginResponse({});
  }
  unanswered_ = transcript;
  if (asked_) Respond(*std::exchange(asked_, std::nullopt));
}

void RealtimeSession::On(const realtime::NoSpeech&) {
  if (user_item_.empty() && !commit_asked_) return;  // nobody has spoken for a while
  if (commit_asked_ && !committed_) {
    CommitWithoutWords();
  } else if (committed_) {
    FinishTranscript("");
  }
  if (asked_) Respond(*std::exchange(asked_, std::nullopt));
}

// A response that no turn has asked for.
void RealtimeSession::On(const realtime::Unasked&) {
  if (!response_) BeginResponse({});
}

// ---- the answer ----------------------------------------------------------------------------------

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
    response_->writer.Sound(answer_item_, std::move(bytes));
  }
}

void RealtimeSession::On(const realtime::Unlowered&) {
  held_ = false;
  if (!response_) return;
  for (std::string& bytes : std::exchange(held_sound_, {})) {
    response_->writer.Sound(answer_item_, std::move(bytes));
  }
}

void RealtimeSession::On(const realtime::Thought& event) {
  if (!settings_.reasoning_shown()) return;
  const std::string_view text = event.text.ForTrace();
  // A note that is finished behind the end of its turn is thought of the answer.
  const bool behind = event.when != realtime::ThoughtWhile::kListening || user_item_.empty();
  if (behind && response_) {
    const ConversationItem* item = items_.Find(answer_item_);
    std::optional<int64_t> offset;
    if (item != nullptr) offset = item->samples * 1000 / item->rate_hz;
    return response_->writer.Think(text, offset);
  }
  if (user_item_.empty()) return;  // the turn came to nothing
  thought_ += text;
  const bool listening = event.when == realtime::ThoughtWhile::kListening;
  out_.Send(say::ThoughtDelta{user_item_, listening ? "listening" : "gap", WholeMs(Ms(now_)),
                              std::string(text)});
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
  known_.exchanges.push_back({event.trace.transcript, event.trace.answer});
  if (response_) response_->usage = UsageOf(event.trace);
  if (response_ && response_->cancelled) {
    FinishResponse("cancelled",
                   wire::StatusDetails{.type = "cancelled", .reason = "client_cancelled"});
  } else if (!interrupted_) {
    GiveCaptions(std::nullopt);
    if (response_) GiveCalls();
    FinishResponse("completed", std::nullopt);
  }
  CountLate();
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

void RealtimeSession::CountLate() {
  if (!talk_) return;
  const int64_t late = talk_->stats().stale_dropped;
  metrics_.late_events.Add(late - std::exchange(late_told_, late));
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
