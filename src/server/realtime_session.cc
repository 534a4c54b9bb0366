// SPDX-License-Identifier: Apache-2.0
// How a session begins, ends and is set up. What its client says besides is in realtime_session_sound.cc, _items.cc and
// _responses.cc, what its talk says in _turn.cc and _answer.cc.
#include "server/realtime_session.h"

#include <algorithm>
#include <random>
#include <utility>

#include "common/log.h"
#include "server/unix_time.h"
#include "wire/codec.h"

namespace parley::server {

namespace say = wire::server;

namespace {

std::string RandomName() {
  static constexpr char kLetters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device random;
  std::string name;
  for (int i = 0; i < 10; ++i) name += kLetters[random() % 36];
  return name;
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
      out_(socket_, opening_.dialect, metrics.messages_out),
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
    if (self->opening_.session) self->settings_.Merge(*self->opening_.session);
    if (self->opening_.shows_reasoning) self->settings_.ShowReasoning();
    if (const Status opened = self->OpenTalk(); !opened) {
      self->Fail("server_at_capacity", opened.error().message);
      return self->End(1013, "at capacity");
    }
    self->OpenPorts();
    self->Apply();
    self->out_.Send(say::SessionCreated{self->settings_.echo()});
    self->WatchLimits();
  });
}

Status RealtimeSession::OpenTalk() {
  PARLEY_TRY(auto talk, talks_.Open(
                            strand_,
                            [weak = weak_from_this()](const realtime::Event& event) {
                              if (const auto self = weak.lock()) self->OnTalk(event);
                            },
                            settings_.effort()));
  talk_ = std::move(talk);
  known_ = realtime::PastTalk();
  known_.system = talks_.instructions();
  return {};
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
  CountFaults();
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
    metrics_.messages_in.Add("invalid");
    metrics_.errors.Add(error->code);
    out_.Send(say::ErrorEvent{std::move(*error)});
    return;
  }
  auto& message = std::get<wire::ClientMessage>(read);
  metrics_.messages_in.Add(wire::TypeOf(message.event));
  event_id_ = std::move(message.event_id);
  std::visit([this](const auto& event) { On(event); }, message.event);
  event_id_.clear();
}

// ---- the session ---------------------------------------------------------------------------------

void RealtimeSession::On(const wire::client::SessionUpdate& event) {
  const auto in = settings_.input_format(), out = settings_.output_format();
  const auto effort = settings_.effort();
  const auto reasoning = settings_.echo().reasoning;
  wire::Session patch = event.session;
  // How much a talk thinks is settled when it begins, and the echo says what holds.
  const bool fresh = heard_samples_ == 0 && sound_.empty() && !items_.last() && !response_;
  if (!fresh) patch.reasoning.reset();
  if (const auto refusal = settings_.Merge(patch)) {
    Fail("invalid_value", refusal->message, refusal->param);
  }
  if (settings_.effort() != effort && !OpenTalk()) settings_.KeepReasoning(reasoning);  // no room
  if ((in != settings_.input_format() || out != settings_.output_format()) && !OpenPorts()) return;
  Apply();
  out_.Send(say::SessionUpdated{settings_.echo()});
  if (settings_.turns() == nullptr) AnswerAsked();
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
void RealtimeSession::SyncPast(const SessionSettings& settings) {
  if (!talk_ || !answer_item_.empty()) return;  // the answer's end brings everything up to date
  ItemList::Reading reading = items_.Read(SystemText(settings.instructions(), settings.tools()));
  if (reading.open && reading.open != unanswered_) {
    reading.past.exchanges.push_back({*std::move(reading.open), ""});
  }
  if (reading.past == known_) return;
  known_ = reading.past;
  talk_->SetPast(std::move(reading.past));
}

}  // namespace parley::server
