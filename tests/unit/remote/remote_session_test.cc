// A talk on another server, against a server on this machine that says what a test wants it to say.
// SPDX-License-Identifier: Apache-2.0
#include "remote/remote_session.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "wire/codec.h"
#include "wire/ws.h"
#include "wire/ws_client.h"

namespace parley::remote {
namespace {

namespace rt = realtime;
namespace told = wire::server;
namespace say = wire::client;

// Keeps what its client says; says what it is told to.
class Peer final : public wire::Handler {
 public:
  std::optional<wire::Answer> OnUpgrade(const wire::Request& request) override {
    const std::lock_guard lock(mutex_);
    authorization = request.Header("authorization");
    if (refuses) return wire::ErrorAnswer(503, "server_error", "full", "no room");
    return std::nullopt;
  }
  std::shared_ptr<wire::SocketListener> OnOpen(const wire::Request&,
                                               std::shared_ptr<wire::Socket> opened) override {
    const std::lock_guard lock(mutex_);
    socket_ = std::move(opened);
    changed_.notify_all();
    return std::make_shared<Ear>(*this);
  }
  void OnRequest(wire::Request, std::shared_ptr<wire::Reply> reply) override { reply->Send({}); }

  void Tell(const wire::ServerEvent& event) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return socket_ != nullptr; });
    socket_->Send(wire::Encode(event, "evt_1"));
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    socket_->Close(1001, "going away");
  }
  // The next message of this kind that the client sends.
  template <class What>
  What Next() {
    std::unique_lock lock(mutex_);
    for (;;) {
      for (; seen_ < heard_.size(); ++seen_) {
        if (const auto* what = std::get_if<What>(&heard_[seen_].event)) {
          ++seen_;
          return *what;
        }
      }
      if (changed_.wait_for(lock, std::chrono::seconds(20)) == std::cv_status::timeout) {
        ADD_FAILURE() << "the client never said " << What::kType;
        return {};
      }
    }
  }

  bool refuses = false;
  std::string authorization;

 private:
  class Ear final : public wire::SocketListener {
   public:
    explicit Ear(Peer& peer) : peer_(peer) {}
    void OnText(std::string text) override {
      auto message = wire::DecodeClient(text);
      const auto* client = std::get_if<wire::ClientMessage>(&message);
      ASSERT_NE(client, nullptr) << text;
      const std::lock_guard lock(peer_.mutex_);
      peer_.heard_.push_back(*client);
      peer_.changed_.notify_all();
    }
    void OnClosed() override {}

   private:
    Peer& peer_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<wire::Socket> socket_;
  std::vector<wire::ClientMessage> heard_;
  size_t seen_ = 0;
};

// What came out of the session, as words.
class Log {
 public:
  rt::EventSink Sink() {
    return [this](const rt::Event& event) {
      const std::lock_guard lock(mutex_);
      std::visit([this](const auto& what) { Add(what); }, event.what);
      changed_.notify_all();
    };
  }
  std::string Until(const std::string& word) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, std::chrono::seconds(20),
                                        [&] { return text_.find(word) != std::string::npos; });
    EXPECT_TRUE(came) << "no " << word << " in: " << text_;
    return std::exchange(text_, {});
  }

 private:
  void Add(const rt::SpeechStarted&) { text_ += "start "; }
  void Add(const rt::TurnEnded& e) { text_ += "end(" + e.reason + ") "; }
  void Add(const rt::Heard& e) { text_ += (e.final ? "final(" : "live(") + e.text + ") "; }
  void Add(const rt::Say& e) { text_ += "say(" + e.text + "@" + std::to_string(e.begin) + ") "; }
  void Add(const rt::FirstAudio&) { text_ += "first "; }
  void Add(const rt::AudioOut& e) {
    text_ += "audio(" + std::to_string(e.samples.size()) + "@" + std::to_string(e.first_sample) +
             "@" + std::to_string(e.sample_rate_hz) + ") ";
  }
  void Add(const rt::Thought& e) { text_ += "thought(" + std::string(e.text.ForTrace()) + ") "; }
  void Add(const rt::AnswerSent&) { text_ += "sent "; }
  void Add(const rt::TurnDone& e) { text_ += "done(" + e.trace.answer + ") "; }
  void Add(const rt::BargedIn& e) { text_ += "barge(" + e.heard_text + ") "; }
  void Add(const rt::Failed& e) { text_ += "failed(" + e.error.message + ") "; }
  void Add(const rt::ToolCalled& e) { text_ += "tool(" + e.name + ") "; }
  void Add(const rt::NoSpeech&) { text_ += "nothing "; }
  template <class Other>
  void Add(const Other&) {}

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

class RemoteSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = wire::WsServer::Start({}, peer);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    server = *std::move(started);
  }
  void Open(RemoteOptions options = {}) {
    options.url = "ws://127.0.0.1:" + std::to_string(server->port()) + "/v1/realtime?model=m";
    auto opened = OpenRemoteSession(options, log.Sink());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    session = *std::move(opened);
  }
  void Answer(const std::string& id, int samples) {
    wire::Response response;
    response.id = id;
    peer.Tell(told::ResponseCreated{response});
    told::OutputTranscriptDelta text;
    text.response_id = id;
    text.item_id = "item_" + id;
    text.delta = "Hello there.";
    peer.Tell(text);
    told::OutputAudioDelta sound;
    sound.response_id = id;
    sound.item_id = "item_" + id;
    sound.delta.bytes.assign(static_cast<size_t>(2 * samples), '\1');
    peer.Tell(sound);
  }
  void Complete(const std::string& id) {
    wire::Response response;
    response.id = id;
    response.status = "completed";
    peer.Tell(told::ResponseDone{response});
  }

  Peer peer;
  Log log;
  std::unique_ptr<wire::WsServer> server;
  std::unique_ptr<rt::Session> session;  // before the server
};

TEST_F(RemoteSessionTest, SetsUpSoundAndSendsTheKey) {
  Open({.key = "secret"});
  const wire::Session wanted = peer.Next<say::SessionUpdate>().session;
  EXPECT_EQ(wanted.audio->input->format->rate, 24000);
  EXPECT_EQ(wanted.audio->input->turn_detection->value().type, "semantic_vad");
  EXPECT_TRUE(wanted.audio->input->transcription->has_value());
  EXPECT_EQ(peer.authorization, "Bearer secret");
}

TEST_F(RemoteSessionTest, AWholeTurn) {
  Open();
  session->PushSound(std::vector<float>(16000 / 10, 0.5F));
  const std::string bytes = peer.Next<say::InputAudioAppend>().audio.bytes;
  EXPECT_EQ(bytes.size(), 960U);  // 20 ms at 24 kHz
  peer.Tell(told::SpeechStarted{100, "u"});
  peer.Tell(told::TranscriptionDelta{"u", 0, "What is"});
  peer.Tell(told::SpeechStopped{900, "u"});
  told::TranscriptionCompleted heard{.item_id = "u", .transcript = "What is it?"};
  peer.Tell(heard);
  Answer("r1", 480);
  Complete("r1");
  EXPECT_EQ(log.Until("sent"),
            "start live(What is) end(server) final(What is it?) say(Hello there.@0) first "
            "audio(480@0@24000) sent ");
  session->Played(480);
  EXPECT_EQ(log.Until("done"), "done(Hello there.) ");
}

TEST_F(RemoteSessionTest, AnInterruptionTellsTheServerHowFarItWasHeard) {
  Open();
  Answer("r1", 24000);
  log.Until("audio");
  session->Played(12000);
  peer.Tell(told::SpeechStarted{5000, "u2"});
  const say::ItemTruncate cut = peer.Next<say::ItemTruncate>();
  EXPECT_EQ(cut.item_id, "item_r1");
  EXPECT_EQ(cut.audio_end_ms, 500);
  EXPECT_EQ(log.Until("start"), "barge(Hello there.) done(Hello there.) start ");
  // What was still on its way is nobody's.
  told::OutputAudioDelta late;
  late.response_id = "r1";
  late.delta.bytes.assign(96, '\1');
  peer.Tell(late);
  Complete("r1");
  Answer("r2", 48);
  EXPECT_EQ(log.Until("audio"), "say(Hello there.@0) first audio(48@0@24000) ");
  EXPECT_EQ(session->stats().stale_dropped, 1);
}

TEST_F(RemoteSessionTest, TheStopButtonCancels) {
  Open();
  Answer("r1", 24000);
  log.Until("audio");
  session->Interrupt();
  peer.Next<say::ResponseCancel>();
  EXPECT_EQ(log.Until("done"), "barge() done() ");
}

TEST_F(RemoteSessionTest, SamplesThatAreTornApartAreJoined) {
  Open();
  wire::Response response;
  response.id = "r";
  peer.Tell(told::ResponseCreated{response});
  for (const size_t bytes : {3U, 3U}) {
    told::OutputAudioDelta sound;
    sound.response_id = "r";
    sound.delta.bytes.assign(bytes, '\1');
    peer.Tell(sound);
  }
  EXPECT_EQ(log.Until("@1@"), "first audio(1@0@24000) audio(2@1@24000) ");
}

TEST_F(RemoteSessionTest, ThoughtIsShownWhereTheServerShowsIt) {
  Open();
  told::ThoughtDelta thought;
  thought.when_spoken = "listening";
  thought.delta = "a note";
  peer.Tell(thought);
  EXPECT_EQ(log.Until("thought"), "thought(a note) ");
}

TEST_F(RemoteSessionTest, PlaybackIsReportedToServersOfOursOnly) {
  Open();
  Answer("r1", 24000);
  log.Until("audio");
  session->Played(2400);
  wire::Session echo;
  echo.include = wire::Nullable<std::vector<std::string>>(std::vector<std::string>{"reasoning"});
  peer.Tell(told::SessionUpdated{echo});
  peer.Tell(told::ThoughtDelta{});  // comes behind it
  log.Until("thought");
  session->Played(4800);
  const say::Playback report = peer.Next<say::Playback>();
  EXPECT_EQ(report.played_ms, 200);  // the first report was not sent
}

TEST_F(RemoteSessionTest, ErrorsOfRacesAreNone) {
  Open();
  told::ErrorEvent race;
  race.error.code = "response_cancel_not_active";
  peer.Tell(race);
  told::ErrorEvent wish;  // another server does not know the wish for thought
  wish.error.event_id = wire::Nullable<std::string>("evt_reasoning");
  peer.Tell(wish);
  told::ErrorEvent real;
  real.error.code = "server_error";
  real.error.message = "broken";
  peer.Tell(real);
  EXPECT_EQ(log.Until("failed"), "failed(the server says: broken) ");
}

TEST_F(RemoteSessionTest, PushToTalkCommitsAndAsks) {
  Open({.push_to_talk = true});
  EXPECT_FALSE(peer.Next<say::SessionUpdate>().session.audio->input->turn_detection->has_value());
  session->CommitTurn();
  peer.Next<say::InputAudioCommit>();
  peer.Next<say::ResponseCreate>();
}

TEST_F(RemoteSessionTest, TellsWhenTheConnectionEnds) {
  Open();
  peer.Next<say::SessionUpdate>();
  peer.Close();
  EXPECT_NE(log.Until("failed").find("has ended"), std::string::npos);
}

TEST_F(RemoteSessionTest, ARefusalAndAnEmptyPortAreErrors) {
  peer.refuses = true;
  RemoteOptions options;
  options.url = "ws://127.0.0.1:" + std::to_string(server->port()) + "/v1/realtime";
  const auto refused = OpenRemoteSession(options, log.Sink());
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("cannot connect to ws://127.0.0.1"), std::string::npos);
  options.url = "ws://127.0.0.1:1/v1/realtime";
  EXPECT_FALSE(OpenRemoteSession(options, log.Sink()).has_value());
}

TEST(ParseUrl, TakesAddressesApart) {
  const auto plain = wire::ParseUrl("ws://host:8080/v1/realtime?model=a");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->host, "host");
  EXPECT_EQ(plain->port, 8080);
  EXPECT_EQ(plain->path, "/v1/realtime?model=a");
  EXPECT_FALSE(plain->tls);
  const auto tls = wire::ParseUrl("wss://[::1]");
  ASSERT_TRUE(tls.has_value());
  EXPECT_EQ(tls->host, "::1");
  EXPECT_EQ(tls->port, 443);
  EXPECT_EQ(tls->path, "/");
  EXPECT_TRUE(tls->tls);
  for (const char* bad :
       {"", "host", "ftp://host/", "ws://", "ws://host:0/", "ws://host:x/", "ws://host:70000/"}) {
    EXPECT_FALSE(wire::ParseUrl(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace parley::remote
