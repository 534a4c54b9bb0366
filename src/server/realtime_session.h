// One client of the Realtime protocol and its talk: events of the client become calls, events of the
// talk become events of the protocol, in the order that its clients rely on.
//
//   speech_started  speech_stopped  committed  item.added/done  transcription…
//   response.created … response.done, once each; one response at a time
//
// Thread:   its strand, on which the talk runs as well; OnText and OnClosed come from the network and
//           are posted to it.
// Memory:   the items' text; sound that waits to be heard, at most kWaitingSound of it.
// Overload: messages beyond kWaitingBytes, or sound beyond kWaitingSound, end the session with 1008:
//           a client that sends faster than it can be heard.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/audio_port.h"
#include "server/completion.h"
#include "server/item_list.h"
#include "server/metrics.h"
#include "server/outgoing.h"
#include "server/response_writer.h"
#include "server/server_config.h"
#include "server/session_settings.h"
#include "server/talks.h"
#include "wire/client_events.h"
#include "wire/ws.h"

namespace parley::server {

// How a client came in.
struct SessionOpening {
  wire::Dialect dialect = wire::Dialect::kGa;
  bool shows_reasoning = false;
  std::optional<wire::Session> session;  // of an ephemeral key
};

class RealtimeSession final : public wire::SocketListener,
                              public std::enable_shared_from_this<RealtimeSession> {
 public:
  static constexpr size_t kWaitingBytes = size_t{48} << 20;
  static constexpr int64_t kWaitingSoundMs = 330'000;

  RealtimeSession(const ServerConfig& config, Talks& talks, Metrics& metrics,
                  std::shared_ptr<wire::Socket> socket, SessionOpening opening);
  ~RealtimeSession() override;

  void Start();  // once, any thread
  // Ends when nothing is being said, at the latest after `deadline_ms`. Any thread.
  void Drain(int64_t deadline_ms);
  void SetOnEnd(std::function<void()> on_end) { on_end_ = std::move(on_end); }  // before Start

  void OnText(std::string text) override;
  void OnClosed() override;

 private:
  struct Active {  // the response of the conversation
    ResponseWriter writer;
    bool cancelled = false;  // by the client
    wire::Usage usage{};
  };

  // ---- from the client (realtime_session.cc, _sound.cc, _items.cc, _responses.cc)
  void Take(const std::string& text);
  void On(const wire::client::SessionUpdate& event);
  void On(const wire::client::InputAudioAppend& event);
  void On(const wire::client::InputAudioCommit& event);
  void On(const wire::client::InputAudioClear& event);
  void On(const wire::client::ItemCreate& event);
  void On(const wire::client::ItemRetrieve& event);
  void On(const wire::client::ItemTruncate& event);
  void On(const wire::client::ItemDelete& event);
  void On(const wire::client::ResponseCreate& event);
  void On(const wire::client::ResponseCancel& event);
  void On(const wire::client::OutputAudioClear&) {}
  void On(const wire::client::Playback& event);
  Status OpenTalk();
  void Apply();  // the settings
  bool OpenPorts();
  void FeedSound();
  void SyncPast() { SyncPast(settings_); }
  void SyncPast(const SessionSettings& settings);
  void Respond(const wire::ResponseRequest& request);
  SessionSettings Override(const wire::ResponseRequest& request);
  void AnswerAsked();
  void RespondBeside(const wire::ResponseRequest& request);
  void CancelBeside();
  void Fail(std::string_view code, std::string message, std::string_view param = "");
  void End(uint16_t code, std::string reason);
  void WatchLimits();

  // ---- from the talk (realtime_session_turn.cc, _answer.cc)
  void OnTalk(const realtime::Event& event);
  void On(const realtime::SpeechStarted& event);
  void On(const realtime::Paused&) { Mark("pause"); }
  void On(const realtime::Resumed& event);
  void On(const realtime::TurnEnded& event);
  void On(const realtime::Heard& event);
  void On(const realtime::Thought& event);
  void On(const realtime::Say& event);
  void On(const realtime::WordsTimed& event);
  void On(const realtime::FirstAudio&);
  void On(const realtime::AudioOut& event);
  void On(const realtime::AnswerSent& event);
  void On(const realtime::ToolCalled& event);
  void On(const realtime::BargedIn& event);
  void On(const realtime::Lowered&) { held_ = true; }
  void On(const realtime::Unlowered& event);
  void On(const realtime::TurnDone& event);
  void On(const realtime::NoSpeech& event);
  void On(const realtime::Unasked& event);
  void On(const realtime::Failed& event);
  template <class Other>
  void On(const Other&) {}  // of talks that know more than this protocol
  void BeginSpeech(Time since);
  void CommitUserItem();
  void CommitWithoutWords();
  void FinishTranscript(const std::string& transcript);
  void FinishThought();
  void BeginResponse(const wire::ResponseRequest& request);
  wire::Response NewResponse(const wire::ResponseRequest& request, bool in_conversation);
  std::optional<std::string> AddAnswerItem(const wire::Item& item);
  void FinishResponse(std::string_view status, std::optional<wire::StatusDetails> details);
  void GiveSound(std::string bytes);
  void SendSound(std::string bytes);
  void GiveCaptions(std::optional<size_t> timed_to);
  void GiveCalls();
  void Observe(const realtime::TurnTrace& trace);
  void CountFaults();
  void Mark(std::string_view name);
  void MarkAt(std::string_view name, double audio_ms);
  std::string NewId(std::string_view prefix);

  const ServerConfig& config_;
  Talks& talks_;
  Metrics& metrics_;
  const std::shared_ptr<realtime::Executor> strand_;
  const std::shared_ptr<wire::Socket> socket_;
  const SessionOpening opening_;
  const std::string name_;  // the random part of its ids
  std::atomic<int64_t> waiting_bytes_{0};
  std::function<void()> on_end_;

  // ---- the strand's
  Outgoing out_;
  SessionSettings settings_;
  std::unique_ptr<realtime::Session> talk_;
  std::optional<AudioIn> sound_in_;
  std::optional<AudioOut> sound_out_;
  ItemList items_;
  realtime::PastTalk known_;  // what the talk remembers, as far as we have told it
  std::string event_id_;      // of the client's event being worked on
  int64_t ids_ = 0;
  Time begun_, last_message_;
  bool spoke_ = false;  // the client said something
  Time now_;            // of the talk's event, on the clock of its sound
  bool ended_ = false;
  std::optional<Time> drain_until_;

  std::vector<float> sound_;  // that waits to be heard, behind fed_
  size_t fed_ = 0;
  int64_t heard_samples_ = 0, committed_samples_ = 0;
  Time first_sound_;
  bool feeding_ = false;

  // The user's turn.
  std::string user_item_;                  // its id; "" between turns
  bool committed_ = false;                 // the item is in the list
  bool commit_asked_ = false;              // by the client; the turn's end has not been told yet
  bool commit_waits_ = false;              // until all sound before it has been heard
  bool typed_turn_ = false;                // the turn that is being answered came as text
  std::optional<std::string> unanswered_;  // the talk holds this turn until Respond
  std::optional<wire::ResponseRequest> asked_;  // a response to the turn that is being heard
  std::string delta_sent_, last_live_;
  std::string before_;  // words of this turn that belong to the item before: it was reopened
  Time speech_begin_{};

  // The answer.
  std::optional<Active> response_;
  std::string answer_item_;  // that plays, also after its response is done
  int64_t responses_ = 0;
  bool overridden_ = false;   // the talk is set up for this response alone
  bool interrupted_ = false;  // by a voice: told once its speech_started is
  bool held_ = false;         // a voice talks over it: sound is kept back until it is known why
  std::deque<std::string> held_sound_;
  Time last_sound_;  // when the answer's last sound was sent
  struct Caption {   // said, but nobody knows yet when it sounds
    size_t begin = 0;
    std::string text;
  };
  std::deque<Caption> captions_;
  std::vector<realtime::ToolCalled> calls_;  // that wait for the end of the words before them
  realtime::SessionStats counted_;           // of the talk, in the metrics
  std::string thought_;                      // of the user's turn, until its transcript is final
  std::shared_ptr<Completion> beside_;       // a response beside the conversation
  std::function<void()> cancel_beside_;
};

}  // namespace parley::server
