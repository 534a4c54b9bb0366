// SPDX-License-Identifier: Apache-2.0
#include "remote/remote_session.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <variant>

#include "audio_io/resampler.h"
#include "audio_io/sample_format.h"
#include "common/log.h"
#include "wire/codec.h"
#include "wire/ws_client.h"

namespace parley::remote {
namespace {

namespace say = wire::client;
namespace told = wire::server;
namespace rt = realtime;

constexpr int kWireRate = 24000;
constexpr size_t kMessageSamples = kWireRate / 50;  // 20 ms
constexpr std::string_view kWishForThought = "evt_reasoning";
// What a race between two parties may bring about; common clients take these for no errors.
constexpr std::array kHarmless = {
    "response_cancel_not_active", "conversation_already_has_active_response",
    "input_audio_buffer_commit_empty", "item_truncate_invalid_item_id"};

std::string Pcm16(std::span<const float> samples) {
  std::string bytes(2 * samples.size(), '\0');
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto x = static_cast<uint16_t>(audio::ToInt16(samples[i]));
    bytes[2 * i] = static_cast<char>(x & 0xFF);
    bytes[2 * i + 1] = static_cast<char>(x >> 8);
  }
  return bytes;
}

std::vector<float> FromPcm16(std::string_view bytes) {
  std::vector<float> samples(bytes.size() / 2);
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto low = static_cast<uint8_t>(bytes[2 * i]);
    const auto high = static_cast<uint8_t>(bytes[2 * i + 1]);
    samples[i] = audio::FromInt16(static_cast<int16_t>(low | high << 8));
  }
  return samples;
}

wire::Item Message(std::string_view role, std::string_view part, std::string text) {
  wire::Item item{.type = "message"};
  item.role = std::string(role);
  item.content =
      std::vector<wire::ContentPart>{{.type = std::string(part), .text = std::move(text)}};
  return item;
}

class RemoteSession final : public rt::Session {
 public:
  static Result<std::unique_ptr<rt::Session>> Open(const RemoteOptions& options,
                                                   rt::EventSink sink) {
    std::unique_ptr<RemoteSession> session(new RemoteSession(options, std::move(sink)));
    wire::WsClientOptions connect{.url = options.url, .any_certificate = options.any_certificate};
    if (!options.key.empty()) {
      connect.headers.emplace_back("Authorization", "Bearer " + options.key);
    }
    session->listener_ = std::make_shared<Listener>(session.get());
    PARLEY_TRY(session->client_, wire::WsClient::Connect(connect, session->listener_));
    session->SetUp();
    return std::unique_ptr<rt::Session>(std::move(session));
  }

  ~RemoteSession() override { client_.reset(); }

  // ---- from the user ---------------------------------------------------------------------------

  void PushSound(PcmView sound) override {
    const std::lock_guard lock(mutex_);
    pushed_ += static_cast<int64_t>(sound.size());
    const auto converted = to_wire_.Push(sound);
    waiting_.insert(waiting_.end(), converted.begin(), converted.end());
    while (waiting_.size() >= kMessageSamples) {
      Send(say::InputAudioAppend{{Pcm16(std::span(waiting_).first(kMessageSamples))}});
      waiting_.erase(waiting_.begin(), waiting_.begin() + kMessageSamples);
    }
  }

  void PushText(std::string text) override {
    const std::lock_guard lock(mutex_);
    CutAnswer();
    trace_ = {};
    trace_.transcript = text;
    Send(say::ItemCreate{std::nullopt, Message("user", "input_text", std::move(text))});
    Send(say::ResponseCreate{});
  }

  void CommitTurn() override {
    const std::lock_guard lock(mutex_);
    Send(say::InputAudioCommit{});
    if (settings_.turn_end == rt::TalkSettings::TurnEnd::kCommit && settings_.answers) {
      Send(say::ResponseCreate{});
    }
  }

  void Played(int64_t samples) override {
    const std::lock_guard lock(mutex_);
    if (!answering_) return;
    played_ = std::max(played_, std::min(samples, sent_));
    if (ours_ && !item_.empty()) {
      Send(say::Playback{item_, played_ * 1000 / kWireRate, (sent_ - played_) * 1000 / kWireRate});
    }
    FinishIfPlayed();
  }

  void Interrupt() override {
    const std::lock_guard lock(mutex_);
    if (!answering_) return;
    if (!answer_complete_) Send(say::ResponseCancel{});
    CutAnswer();
  }

  void Configure(rt::TalkSettings settings) override {
    const std::lock_guard lock(mutex_);
    settings_ = settings;
    Send(say::SessionUpdate{Wanted()});
  }

  void SetPast(rt::PastTalk past) override {
    const std::lock_guard lock(mutex_);
    if (!past.system.empty()) {
      wire::Session update;
      update.type = "realtime";
      update.instructions = wire::Nullable<std::string>(std::move(past.system));
      Send(say::SessionUpdate{std::move(update)});
    }
    for (rt::PastTalk::Exchange& exchange : past.exchanges) {
      Send(say::ItemCreate{std::nullopt, Message("user", "input_text", std::move(exchange.user))});
      if (exchange.answer.empty()) continue;
      Send(say::ItemCreate{std::nullopt,
                           Message("assistant", "output_text", std::move(exchange.answer))});
    }
  }

  void Respond() override {
    const std::lock_guard lock(mutex_);
    Send(say::ResponseCreate{});
  }

  void DiscardTurn() override {
    const std::lock_guard lock(mutex_);
    Send(say::InputAudioClear{});
  }

  rt::SessionStats stats() const override {
    const std::lock_guard lock(mutex_);
    return {refused_ * 1000 / kWireRate, stale_};
  }

 private:
  class Listener final : public wire::SocketListener {
   public:
    explicit Listener(RemoteSession* session) : session_(session) {}
    void OnText(std::string text) override { session_->OnText(text); }
    void OnClosed() override { session_->OnClosed(); }

   private:
    RemoteSession* session_;  // its client is gone before it is
  };

  RemoteSession(const RemoteOptions& options, rt::EventSink sink)
      : url_(options.url), sink_(std::move(sink)), to_wire_(kSampleRateHz, kWireRate) {
    if (options.push_to_talk) settings_.turn_end = rt::TalkSettings::TurnEnd::kCommit;
  }

  void SetUp() {
    const std::lock_guard lock(mutex_);
    Send(say::SessionUpdate{Wanted()});
    // Only ours shows thought; another server may call the wish an error, which is then expected.
    wire::Session wish;
    wish.type = "realtime";
    wish.include = wire::Nullable<std::vector<std::string>>(std::vector<std::string>{"reasoning"});
    Send(say::SessionUpdate{std::move(wish)}, kWishForThought);
  }

  wire::Session Wanted() const {  // {mutex_}
    wire::Session session;
    session.type = "realtime";
    session.output_modalities = std::vector<std::string>{settings_.speaks ? "audio" : "text"};
    wire::AudioInput in;
    in.format = wire::AudioFormat{"audio/pcm", kWireRate};
    in.transcription = wire::Nullable<wire::Transcription>(wire::Transcription{});
    using End = rt::TalkSettings::TurnEnd;
    if (settings_.turn_end == End::kCommit) {
      in.turn_detection = wire::Nullable<wire::TurnDetection>();
    } else {
      wire::TurnDetection turns;
      turns.type = settings_.turn_end == End::kSilence ? "server_vad" : "semantic_vad";
      turns.silence_duration_ms = settings_.silence_ms;
      turns.create_response = settings_.answers;
      turns.interrupt_response = settings_.barge_in;
      in.turn_detection = wire::Nullable<wire::TurnDetection>(turns);
    }
    wire::AudioOutput out;
    out.format = wire::AudioFormat{"audio/pcm", kWireRate};
    if (settings_.speed) out.speed = *settings_.speed;
    session.audio = wire::SessionAudio{std::move(in), std::move(out)};
    return session;
  }

  void Send(const wire::ClientEvent& event, std::string_view id = "") {  // {mutex_}
    if (client_ == nullptr) return;
    const auto* sound = std::get_if<say::InputAudioAppend>(&event);
    if (!client_->socket().Send(wire::Encode(event, id), 0) && sound != nullptr) {
      refused_ += static_cast<int64_t>(sound->audio.bytes.size() / 2);
    }
  }

  // ---- from the server ---------------------------------------------------------------------------

  void OnText(const std::string& text) {
    auto message = wire::DecodeServer(text);
    if (const auto* error = std::get_if<wire::ErrorBody>(&message)) {
      // A type that nobody knew when this was written; the protocol grows.
      return LogDebug("server_event_skipped", {{"why", error->message}});
    }
    const std::lock_guard lock(mutex_);
    std::visit([this](const auto& event) { On(event); },
               std::get<wire::ServerMessage>(message).event);
  }

  void OnClosed() {
    const std::lock_guard lock(mutex_);
    Emit(rt::Failed{Fail(Code::kPeer, "the connection to " + url_ + " has ended")});
  }

  template <class What>
  void Emit(What what) {  // {mutex_}: recursive, a sink may call back
    if (sink_) sink_(rt::Event{Now(), epoch_, std::move(what)});
  }
  Time Now() const { return Time(Duration(pushed_ * 1'000'000 / kSampleRateHz)); }

  template <class Other>
  void On(const Other&) {}

  void On(const told::SessionUpdated& event) {
    const auto& include = event.session.include;
    ours_ = include && include->has_value() &&
            std::find((*include)->begin(), (*include)->end(), "reasoning") != (*include)->end();
  }

  void On(const told::SpeechStarted& event) {
    CutAnswer();
    trace_ = {};
    heard_.clear();
    epoch_ = epoch_.Next();
    Emit(rt::SpeechStarted{Time(milliseconds(event.audio_start_ms))});
  }

  void On(const told::SpeechStopped& event) {
    const Time end{milliseconds(event.audio_end_ms)};
    trace_.speech_end_ms = Ms(end);
    trace_.turn_end_ms = Ms(Now());
    Emit(rt::TurnEnded{-1, "server", end});
  }

  void On(const told::TranscriptionDelta& event) {
    heard_ += event.delta;
    Emit(rt::Heard{heard_, false});
  }
  void On(const told::TranscriptionCompleted& event) {
    trace_.transcript = event.transcript;
    trace_.transcript_ms = Ms(Now());
    if (event.transcript.empty()) return Emit(rt::NoSpeech{});
    Emit(rt::Heard{event.transcript, true});
  }

  void On(const told::ResponseCreated& event) {
    CutAnswer();
    response_ = event.response.id;
    answering_ = true;
    answer_complete_ = first_told_ = false;
    item_.clear();
    answer_.clear();
    odd_.clear();
    sent_ = played_ = 0;
  }

  void On(const told::OutputTranscriptDelta& event) {
    if (!Mine(event.response_id)) return;
    SayPiece(event.item_id, event.delta);
  }
  void On(const told::OutputTextDelta& event) {
    if (!Mine(event.response_id)) return;
    SayPiece(event.item_id, event.delta);
  }
  void SayPiece(const std::string& item, const std::string& text) {
    if (trace_.first_clause_ms < 0) trace_.first_clause_ms = Ms(Now());
    item_ = item;
    const size_t begin = answer_.size();
    answer_ += text;
    said_.emplace_back(sent_, answer_.size());
    Emit(rt::Say{text, begin});
  }

  void On(const told::OutputAudioDelta& event) {
    if (!Mine(event.response_id)) {
      ++stale_;
      return;
    }
    item_ = event.item_id;
    const std::string bytes = std::exchange(odd_, {}) + event.delta.bytes;
    std::string_view whole = bytes;
    if (whole.size() % 2 != 0) {
      odd_ = bytes.substr(bytes.size() - 1);
      whole.remove_suffix(1);
    }
    if (whole.empty()) return;
    if (!std::exchange(first_told_, true)) {
      trace_.first_audio_ms = Ms(Now());
      Emit(rt::FirstAudio{});
    }
    rt::AudioOut out{FromPcm16(whole), kWireRate, sent_};
    sent_ += static_cast<int64_t>(out.samples.size());
    Emit(std::move(out));
  }

  void On(const told::ReasoningDelta& event) {
    const auto when = sent_ > 0 ? rt::ThoughtWhile::kSpeaking : rt::ThoughtWhile::kGap;
    Emit(rt::Thought{ThoughtText(event.delta), when});
  }
  void On(const told::ThoughtDelta& event) {
    const auto when =
        event.when_spoken == "listening" ? rt::ThoughtWhile::kListening : rt::ThoughtWhile::kGap;
    Emit(rt::Thought{ThoughtText(event.delta), when});
  }

  void On(const told::OutputItemDone& event) {
    if (!Mine(event.response_id) || event.item.type != "function_call") return;
    Emit(rt::ToolCalled{event.item.name.value_or(""), event.item.arguments.value_or("{}")});
  }

  void On(const told::ResponseDone& event) {
    if (event.response.id != response_ || !answering_) return;
    if (event.response.usage.has_value()) {
      trace_.answer_tokens = event.response.usage->output_tokens;
    }
    if (event.response.status == "failed") {
      std::string why = "the server could not answer";
      const auto& details = event.response.status_details;
      if (details.has_value() && details->error && details->error->message) {
        why += ": " + *details->error->message;
      }
      answering_ = false;
      return Emit(rt::Failed{Fail(Code::kPeer, std::move(why))});
    }
    answer_complete_ = true;
    trace_.answer = answer_;
    Emit(rt::AnswerSent{trace_});
    FinishIfPlayed();
  }

  void On(const told::ErrorEvent& event) {
    const wire::ErrorBody& error = event.error;
    if (error.event_id.has_value() && *error.event_id == kWishForThought) return;
    if (std::find(kHarmless.begin(), kHarmless.end(), error.code) != kHarmless.end()) return;
    Emit(rt::Failed{Fail(Code::kPeer, "the server says: " + error.message)});
  }

  bool Mine(const std::string& response) const { return answering_ && response == response_; }

  void FinishIfPlayed() {  // {mutex_}
    if (!answering_ || !answer_complete_ || played_ < sent_) return;
    answering_ = false;
    said_.clear();
    Emit(rt::TurnDone{std::exchange(trace_, {})});
  }

  // The user interrupts: the server is told how far the answer was heard.
  void CutAnswer() {  // {mutex_}
    if (!answering_) return;
    answering_ = false;
    size_t heard = 0;
    // A piece of text is heard when sound beyond that before which it came has been played.
    for (const auto& [at, end] : said_) {
      if (at < played_) heard = end;
    }
    if (played_ >= sent_ && answer_complete_) heard = answer_.size();
    said_.clear();
    if (sent_ > 0 && !item_.empty() && played_ < sent_) {
      Send(say::ItemTruncate{item_, 0, played_ * 1000 / kWireRate});
    }
    Emit(rt::BargedIn{answer_.substr(0, heard)});
    trace_.answer = answer_.substr(0, heard);
    Emit(rt::TurnDone{std::exchange(trace_, {})});
  }

  const std::string url_;
  mutable std::recursive_mutex mutex_;
  const rt::EventSink sink_;
  audio::Resampler to_wire_;    // {mutex_}, as everything below
  std::vector<float> waiting_;  // 24 kHz, not yet a message
  int64_t pushed_ = 0;          // samples at 16 kHz
  int64_t refused_ = 0, stale_ = 0;
  rt::TalkSettings settings_;
  bool ours_ = false;  // it shows thought and takes reports of playback
  Epoch epoch_;
  std::string heard_;

  std::string response_, item_, answer_, odd_;
  std::vector<std::pair<int64_t, size_t>> said_;  // samples sent before it; where its text ends
  bool answering_ = false, answer_complete_ = false, first_told_ = false;
  int64_t sent_ = 0, played_ = 0;  // samples at 24 kHz
  rt::TurnTrace trace_;

  std::shared_ptr<Listener> listener_;
  std::unique_ptr<wire::WsClient> client_;  // first to go
};

}  // namespace

Result<std::unique_ptr<realtime::Session>> OpenRemoteSession(const RemoteOptions& options,
                                                             realtime::EventSink sink) {
  return RemoteSession::Open(options, std::move(sink));
}

}  // namespace parley::remote
