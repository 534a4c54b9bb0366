// SPDX-License-Identifier: Apache-2.0
// What the client says. What its talk says is realtime_events.cc.
#include "server/realtime_session.h"

#include <algorithm>
#include <random>
#include <utility>

#include "common/log.h"
#include "common/pcm.h"
#include "wire/codec.h"

namespace parley::server {

namespace say = wire::server;

namespace {

constexpr int64_t kBlock = kSampleRateHz / 10;
constexpr int64_t kBlocksAtOnce = 40;  // 4 s: less than a talk's own queue takes
constexpr int64_t kBurstMs = 15'000;   // a client may be so far ahead of the clock,
constexpr int64_t kPace = 3;           // and from then on so many times as fast
constexpr int64_t kShortestCommit = kSampleRateHz / 10;

std::string RandomName() {
  static constexpr char kLetters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device random;
  std::string name;
  for (int i = 0; i < 10; ++i) name += kLetters[random() % 36];
  return name;
}

int64_t UnixNow() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RealtimeSession::RealtimeSession(const ServerConfig& config, Talks& talks, Metrics& metrics,
                                 std::shared_ptr<wire::Socket> socket, SessionOpening opening)
    : config_(config),
      talks_(talks),
      metrics_(metrics),
      strand_(talks.NewStrand()),
      socket_(std::move(socket)),
      opening_(std::move(opening)),
      name_(RandomName()),
      out_(socket_, opening_.dialect),
      settings_(
          {talks.model_name(), talks.voices(), talks.instructions(), talks.transcriber_name()},
          "sess_" + name_, UnixNow() + config.longest_session_s) {}

RealtimeSession::~RealtimeSession() = default;

std::string RealtimeSession::NewId(std::string_view prefix) {
  return std::string(prefix) + "_" + name_ + std::to_string(++ids_);
}

void RealtimeSession::Start() {
  strand_->Post([self = shared_from_this()] {
    self->begun_ = self->last_message_ = self->strand_->Now();
    auto talk = self->talks_.Open(self->strand_,
                                  [weak = self->weak_from_this()](const realtime::Event& event) {
                                    if (const auto s = weak.lock()) s->OnTalk(event);
                                  });
    if (!talk) {
      self->Fail("server_at_capacity", talk.error().message);
      return self->End(1013, "at capacity");
    }
    self->talk_ = *std::move(talk);
    if (self->opening_.session) self->settings_.Merge(*self->opening_.session);
    if (self->opening_.shows_reasoning) self->settings_.ShowReasoning();
    self->OpenPorts();
    self->known_.system = self->talks_.instructions();
    self->Apply();
    self->out_.Send(say::SessionCreated{self->settings_.echo()});
    self->WatchLimits();
  });
}

void RealtimeSession::OnText(std::string text) {
  const auto size = static_cast<int64_t>(text.size());
  if (waiting_bytes_.fetch_add(size) + size > static_cast<int64_t>(kWaitingBytes)) {
    socket_->Close(1008, "you send faster than it can be heard");
    return;
  }
  strand_->Post([self = shared_from_this(), text = std::move(text)] {
    self->waiting_bytes_ -= static_cast<int64_t>(text.size());
    if (!self->ended_) self->Take(text);
  });
}

void RealtimeSession::OnClosed() {
  strand_->Post([self = shared_from_this()] { self->End(1000, ""); });
}

void RealtimeSession::End(uint16_t code, std::string reason) {
  if (std::exchange(ended_, true)) return;
  out_.Close(code, std::move(reason));
  CountLate();
  talk_.reset();
  if (beside_) beside_->Cancel();
  metrics_.session_duration.Observe(Ms(strand_->Now() - begun_) / 1000);
  metrics_.sessions_ended.Add(code == 1000 ? "closed" : std::to_string(code));
  if (on_end_) on_end_();
}

void RealtimeSession::Drain(int64_t deadline_ms) {
  strand_->Post([self = shared_from_this(), deadline_ms] {
    if (self->ended_) return;
    self->drain_until_ = self->strand_->Now() + milliseconds(deadline_ms);
    if (self->settings_.reasoning_shown()) self->out_.Send(say::Draining{deadline_ms});
    self->WatchLimits();
  });
}

void RealtimeSession::WatchLimits() {
  if (ended_) return;
  const Time now = strand_->Now();
  const auto quiet = now - last_message_;
  if (drain_until_ && ((!response_ && user_item_.empty()) || now >= *drain_until_)) {
    return End(1001, "the server is going away");
  }
  if (now - begun_ >= std::chrono::seconds(config_.longest_session_s)) {
    Fail("session_expired", "Your session hit the maximum duration of " +
                                std::to_string(config_.longest_session_s) + " seconds.");
    return End(1001, "session_expired");
  }
  if (!spoke_ && quiet >= std::chrono::seconds(config_.first_message_s)) {
    return End(1008, "no message came");
  }
  if (quiet >= std::chrono::seconds(config_.idle_s)) return End(1008, "idle for too long");
  const Duration again = drain_until_ ? milliseconds(50) : milliseconds(1000);
  strand_->At(now + again, [weak = weak_from_this(), draining = drain_until_.has_value()] {
    const auto self = weak.lock();
    // Draining has a watch of its own.
    if (self && draining == self->drain_until_.has_value()) self->WatchLimits();
  });
}

void RealtimeSession::Fail(std::string_view code, std::string message, std::string_view param) {
  wire::ErrorBody error{.code = std::string(code), .message = std::move(message)};
  if (!param.empty()) error.param = std::string(param);
  if (!event_id_.empty()) error.event_id = event_id_;
  metrics_.errors.Add(error.code);
  out_.Send(say::ErrorEvent{std::move(error)});
}

void RealtimeSession::Take(const std::string& text) {
  last_message_ = strand_->Now();
  spoke_ = true;
  auto read = opening_.dialect == wire::Dialect::kGa
                  ? wire::DecodeClient(text)
                  : wire::DecodeClient(wire::FromDialect(opening_.dialect, text));
  if (auto* error = std::get_if<wire::ErrorBody>(&read)) {
    metrics_.errors.Add(error->code);
    out_.Send(say::ErrorEvent{std::move(*error)});
    return;
  }
  auto& message = std::get<wire::ClientMessage>(read);
  event_id_ = std::move(message.event_id);
  std::visit([this](const auto& event) { On(event); }, message.event);
  event_id_.clear();
}

// ---- the session ---------------------------------------------------------------------------------

void RealtimeSession::On(const wire::client::SessionUpdate& event) {
  const auto in = settings_.input_format(), out = settings_.output_format();
  if (const auto refusal = settings_.Merge(event.session)) {
    Fail("invalid_value", refusal->message, refusal->param);
  }
  if ((in != settings_.input_format() || out != settings_.output_format()) && !OpenPorts()) return;
  Apply();
  out_.Send(say::SessionUpdated{settings_.echo()});
}

bool RealtimeSession::OpenPorts() {
  auto in = AudioIn::Open(settings_.input_format());
  auto out = AudioOut::Open(settings_.output_format(), talks_.voice_rate_hz());
  if (!in || !out) {
    Fail("server_error", (in ? out.error() : in.error()).message);
    End(1011, "no coder for this format");
    return false;
  }
  sound_in_.emplace(*std::move(in));
  sound_out_.emplace(*std::move(out));
  return true;
}

void RealtimeSession::Apply() {
  talk_->Configure(settings_.Talk());
  SyncPast();
}

// The talk remembers what the items say. Words that have no answer stand before an empty one.
void RealtimeSession::SyncPast() {
  if (!talk_ || !answer_item_.empty()) return;  // the answer's end brings everything up to date
  ItemList::Reading reading = items_.Read(System());
  if (reading.open && reading.open != unanswered_) {
    reading.past.exchanges.push_back({*std::move(reading.open), ""});
  }
  if (reading.past == known_) return;
  known_ = reading.past;
  talk_->SetPast(std::move(reading.past));
}

// ---- sound ---------------------------------------------------------------------------------------

void RealtimeSession::On(const wire::client::InputAudioAppend& event) {
  const auto sound = sound_in_->Push(event.audio.bytes);
  if (!sound) return Fail("invalid_value", sound.error().message, "audio");
  if (fed_ == sound_.size()) {
    sound_.clear();
    fed_ = 0;
  }
  sound_.insert(sound_.end(), sound->begin(), sound->end());
  metrics_.audio_in_ms.Add(static_cast<int64_t>(sound->size()) * 1000 / kSampleRateHz);
  if (static_cast<int64_t>(sound_.size() - fed_) > kWaitingSoundMs * kSampleRateHz / 1000) {
    Fail("rate_limit_exceeded", "You sent minutes of sound that nobody could hear yet.");
    return End(1008, "too much sound at once");
  }
  if (!feeding_) FeedSound();
}

void RealtimeSession::FeedSound() {
  feeding_ = false;
  if (ended_) return;
  const Time now = strand_->Now();
  if (heard_samples_ == 0) first_sound_ = now;
  const auto elapsed_ms = static_cast<int64_t>(Ms(now - first_sound_));
  const int64_t allowed = (kBurstMs + kPace * elapsed_ms) * kSampleRateHz / 1000;
  for (int64_t i = 0; i < kBlocksAtOnce && fed_ < sound_.size(); ++i) {
    if (heard_samples_ >= allowed) break;
    const size_t count = std::min(static_cast<size_t>(kBlock), sound_.size() - fed_);
    talk_->PushSound(std::span<const float>(sound_).subspan(fed_, count));
    fed_ += count;
    heard_samples_ += static_cast<int64_t>(count);
  }
  if (fed_ == sound_.size()) {
    if (std::exchange(commit_waits_, false)) talk_->CommitTurn();
    return;
  }
  feeding_ = true;
  const auto again = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->FeedSound();
  };
  if (heard_samples_ >= allowed) {
    strand_->At(now + milliseconds(100), again);
  } else {
    strand_->Post(again);
  }
}

void RealtimeSession::On(const wire::client::InputAudioCommit&) {
  const int64_t there = heard_samples_ + static_cast<int64_t>(sound_.size() - fed_);
  if (commit_asked_ || there - committed_samples_ < kShortestCommit) {
    return Fail("input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
                "audio, but buffer only has " +
                    std::to_string((there - committed_samples_) * 1000 / kSampleRateHz) +
                    "ms of audio.");
  }
  committed_samples_ = there;
  commit_asked_ = true;
  // While it answers it hears no turn, and would say nothing of one.
  if (!answer_item_.empty() && user_item_.empty() && !feeding_) return CommitWithoutWords();
  commit_waits_ = feeding_;
  if (!feeding_) talk_->CommitTurn();
}

void RealtimeSession::On(const wire::client::InputAudioClear&) {
  sound_.clear();
  fed_ = 0;
  committed_samples_ = heard_samples_;
  commit_asked_ = commit_waits_ = false;
  if (!committed_) user_item_.clear();
  talk_->DiscardTurn();
  out_.Send(say::InputAudioCleared{});
}

void RealtimeSession::On(const wire::client::Playback& event) {
  const ConversationItem* item = items_.Find(event.item_id);
  if (item == nullptr || event.item_id != answer_item_) return;
  talk_->Played(std::max<int64_t>(0, event.played_ms) * item->rate_hz / 1000);
}

// ---- items ---------------------------------------------------------------------------------------

void RealtimeSession::On(const wire::client::ItemCreate& event) {
  ConversationItem item{.shown = event.item};
  if (!item.shown.id || item.shown.id->empty()) item.shown.id = NewId("item");
  if (items_.Has(*item.shown.id)) {
    return Fail("invalid_value", "There is an item with the id '" + *item.shown.id + "' already.",
                "item.id");
  }
  if (items_.full()) return Fail("invalid_value", "This conversation has too many items.", "item");
  std::optional<std::string> after = items_.last();
  if (event.previous_item_id) {
    if (*event.previous_item_id == "root") {
      after.reset();
    } else if (items_.Has(*event.previous_item_id)) {
      after = event.previous_item_id;
    } else {
      return Fail("invalid_value", "There is no item '" + *event.previous_item_id + "'.",
                  "previous_item_id");
    }
  }
  const std::string& type = item.shown.type;
  if (type != "message" && type != "function_call" && type != "function_call_output") {
    return Fail("invalid_value", "Items of type '" + type + "' are not supported.", "item.type");
  }
  if (item.shown.content) {
    for (const wire::ContentPart& part : *item.shown.content) {
      const std::string words =
          part.text.value_or(part.transcript.value_or(wire::Nullable<std::string>()).value_or(""));
      if (!item.text.empty() && !words.empty()) item.text += "\n";
      item.text += words;
    }
    item.shown.content.reset();
  }
  if (type == "message" && !item.shown.role) item.shown.role = "user";
  item.shown.object = "realtime.item";
  item.shown.status = "completed";
  const wire::Item shown = items_.Insert(std::move(item), after).Shown();
  out_.Send(say::ItemAdded{after, shown});
  out_.Send(say::ItemDone{after, shown});
  SyncPast();
}

void RealtimeSession::On(const wire::client::ItemRetrieve& event) {
  const ConversationItem* item = items_.Find(event.item_id);
  if (item == nullptr) {
    return Fail("item_retrieve_invalid_item_id",
                "Error retrieving item: the item with id '" + event.item_id + "' does not exist.",
                "item_id");
  }
  out_.Send(say::ItemRetrieved{item->Shown()});
}

void RealtimeSession::On(const wire::client::ItemTruncate& event) {
  ConversationItem* item = items_.Find(event.item_id);
  if (item == nullptr || !item->assistant()) {
    return Fail("item_truncate_invalid_item_id",
                "Error truncating item: there is no answer with the id '" + event.item_id + "'.",
                "item_id");
  }
  const int64_t ms = std::max<int64_t>(0, event.audio_end_ms);
  const int64_t played = ms * item->rate_hz / 1000;
  const int64_t made_ms = item->samples * 1000 / item->rate_hz;
  if (ms > made_ms + 1000) {
    LogInfo("truncated_beyond_its_end", {{"audio_end_ms", ms}, {"made_ms", made_ms}});
  }
  metrics_.cut_audio_ms.Add(std::max<int64_t>(0, made_ms - ms));
  if (item->spoken) {
    item->CutAt(played);
    item->cut_by_client = true;
  }
  out_.Send(say::ItemTruncated{event.item_id, event.content_index, std::min(ms, made_ms)});
  if (event.item_id == answer_item_) talk_->Played(played);
  SyncPast();
}

void RealtimeSession::On(const wire::client::ItemDelete& event) {
  if (!items_.Erase(event.item_id)) {
    return Fail("item_delete_invalid_item_id",
                "Error deleting item: the item with id '" + event.item_id + "' does not exist.",
                "item_id");
  }
  out_.Send(say::ItemDeleted{event.item_id});
  SyncPast();
}

// ---- responses -----------------------------------------------------------------------------------

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
  Respond(request);
}

void RealtimeSession::Respond(const wire::ResponseRequest& request) {
  // A response may have instructions, tools and modalities of its own.
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
