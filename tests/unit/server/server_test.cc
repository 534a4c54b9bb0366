// The server's own decisions, asked as the network asks them: no connection is opened.
// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/session_stage.h"

namespace parley::server {
namespace {

class FakeReply final : public wire::Reply {
 public:
  void Send(wire::Answer whole) override {
    answer = std::move(whole);
    ended = true;
  }
  void Begin(wire::Answer head) override { answer = std::move(head); }
  bool Write(std::string_view piece) override {
    answer.body += piece;
    ++pieces;
    return true;
  }
  void End() override { ended = true; }
  bool gone() const override { return false; }

  wire::Answer answer;
  int pieces = 0;  // behind the head
  bool ended = false;
};

std::string HeaderOf(const wire::Answer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) return value;
  }
  return "";
}

wire::Request To(const std::string& path, const std::string& method = "GET") {
  wire::Request request;
  request.method = method;
  request.path = path;
  request.headers = {{"host", "127.0.0.1:80"}};
  request.peer = "127.0.0.1";
  return request;
}

class ServerTest : public ::testing::Test {
 protected:
  void Start(const ServerConfig& config, ServerOptions options = {}) {
    auto started = Server::Start(config, std::move(options), talks_);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    server_ = *std::move(started);
    talks_.Run(10);
  }
  void TearDown() override {
    for (auto& listener : open_) listener->OnClosed();
    talks_.Run(10);
    open_.clear();
    server_.reset();
  }
  // Nothing: a conversation was opened.
  std::optional<wire::Answer> Connect(const wire::Request& request = To("/v1/realtime")) {
    auto refusal = server_->OnUpgrade(request);
    if (refusal) return refusal;
    auto socket = std::make_shared<test::FakeSocket>();
    socket->seen = [](const nlohmann::json&, int64_t) {};
    sockets_.push_back(socket);
    open_.push_back(server_->OnOpen(request, socket));
    talks_.Run(5);
    return std::nullopt;
  }
  wire::Answer Ask(wire::Request request, const std::string& body = "") {
    request.body = body;
    auto reply = std::make_shared<FakeReply>();
    server_->OnRequest(std::move(request), reply);
    talks_.Run(1500);
    EXPECT_TRUE(reply->ended);
    pieces_ = reply->pieces;
    return reply->answer;
  }

  test::SimTalks talks_;
  int pieces_ = 0;  // in which the last answer came
  std::unique_ptr<Server> server_;
  std::vector<std::shared_ptr<test::FakeSocket>> sockets_;
  std::vector<std::shared_ptr<wire::SocketListener>> open_;
};

TEST_F(ServerTest, RefusesTheOneTooManyBeforeTheUpgrade) {
  ServerConfig config;
  config.max_sessions = 2;
  Start(config);
  EXPECT_FALSE(Connect());
  EXPECT_EQ(Ask(To("/readyz")).status, 200);
  EXPECT_FALSE(Connect());
  const auto refusal = Connect();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 503);
  EXPECT_GT(std::stoi(HeaderOf(*refusal, "retry-after")), 0);
  EXPECT_EQ(Ask(To("/readyz")).status, 503);
  EXPECT_EQ(Ask(To("/healthz")).status, 200);
  EXPECT_NE(Ask(To("/metrics")).body.find("parley_session_rejected_total{reason=\"capacity\"} 1"),
            std::string::npos);
  open_[0]->OnClosed();
  talks_.Run(5);
  EXPECT_EQ(server_->sessions(), 1);
  EXPECT_FALSE(Connect());
}

TEST_F(ServerTest, RefusesAKeyThatHasEnough) {
  setenv("PARLEY_API_KEYS", "one,two", 1);
  ServerConfig config;
  config.max_sessions = 10;
  config.sessions_per_key = 1;
  Start(config);
  unsetenv("PARLEY_API_KEYS");
  EXPECT_EQ(Connect()->status, 401);
  wire::Request one = To("/v1/realtime"), two = To("/realtime");
  one.headers["api-key"] = "one";
  two.headers["authorization"] = "Bearer two";
  EXPECT_FALSE(Connect(one));
  EXPECT_EQ(Connect(one)->status, 429);
  EXPECT_FALSE(Connect(two));
}

TEST_F(ServerTest, RefusesAStormOfConnections) {
  ServerConfig config;
  config.max_sessions = 100;
  config.upgrades_per_second = 3;
  Start(config);
  int refused = 0;
  for (int i = 0; i < 6; ++i) {
    const auto refusal = server_->OnUpgrade(To("/v1/realtime"));
    if (!refusal) continue;
    EXPECT_EQ(refusal->status, 429);
    EXPECT_EQ(HeaderOf(*refusal, "retry-after"), "1");
    ++refused;
  }
  EXPECT_EQ(refused, 3);
  talks_.Run(1000);
  EXPECT_FALSE(server_->OnUpgrade(To("/v1/realtime")));
}

TEST_F(ServerTest, DrainsAndSaysSo) {
  ServerConfig config;
  config.max_sessions = 2;
  Start(config);
  EXPECT_FALSE(Connect());
  server_->Drain();
  talks_.Run(200);
  EXPECT_EQ(sockets_[0]->code, 1001);
  EXPECT_EQ(server_->sessions(), 0);
  const wire::Answer ready = Ask(To("/readyz"));
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "draining\n");
  const auto refusal = Connect();
  EXPECT_EQ(refusal->status, 503);
  EXPECT_FALSE(HeaderOf(*refusal, "retry-after").empty());
  EXPECT_EQ(Ask(To("/v1/chat/completions", "POST"), "{}").status, 503);
  EXPECT_EQ(Ask(To("/healthz")).status, 200) << "it is alive, only not for newcomers";
}

TEST_F(ServerTest, IsNotReadyOnceEveryDeviceWasGivenUp) {
  ServerConfig config;
  config.max_sessions = 2;
  Start(config);
  EXPECT_EQ(Ask(To("/readyz")).status, 200);
  talks_.SetReplicas({.all = 2, .lost = 1});
  EXPECT_EQ(Ask(To("/readyz")).status, 200);
  EXPECT_EQ(Ask(To("/healthz")).status, 200);
  talks_.SetReplicas({.all = 2, .lost = 2});
  const wire::Answer ready = Ask(To("/readyz"));
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "every device has failed; restart parley\n");
  EXPECT_EQ(Ask(To("/healthz")).status, 503) << "whoever watches it may restart it";
  EXPECT_EQ(Connect()->status, 503);
  const std::string metrics = Ask(To("/metrics")).body;
  EXPECT_NE(metrics.find("parley_replicas_lost 2"), std::string::npos);
  EXPECT_NE(metrics.find("parley_session_rejected_total{reason=\"device\"} 1"), std::string::npos);
}

TEST_F(ServerTest, SaysWhatEachPathIs) {
  ServerConfig config;
  config.max_sessions = 1;
  Start(config, {.version = "test"});
  const wire::Answer realtime = Ask(To("/v1/realtime"));
  EXPECT_EQ(realtime.status, 426);
  EXPECT_EQ(HeaderOf(realtime, "upgrade"), "websocket");
  EXPECT_EQ(server_->OnUpgrade(To("/chat"))->status, 404);
  EXPECT_EQ(Ask(To("/v1/models")).body.find("\"id\":\"scripted\"") != std::string::npos, true);
  EXPECT_EQ(
      Ask(To("/v1/audio/voices")).body,
      "{\"voices\":[{\"id\":\"tone\",\"name\":\"tone\"},{\"id\":\"other\",\"name\":\"other\"}]}\n");
  EXPECT_NE(Ask(To("/version")).body.find("test"), std::string::npos);
  EXPECT_EQ(Ask(To("/nothing")).status, 404);
  EXPECT_EQ(Ask(To("/v1/models", "DELETE")).status, 404);
  const wire::Answer page = Ask(To("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(HeaderOf(page, "content-security-policy").find("default-src 'self'"),
            std::string::npos);
  EXPECT_EQ(Ask(To("/../etc/passwd")).status, 404);
  wire::Request bent = To("/");
  bent.headers["host"] = "evil.example";
  EXPECT_EQ(Ask(bent).status, 403) << "a name that was bent to this machine";
}

TEST_F(ServerTest, MintsSecretsThatOpenConversationsAndNothingElse) {
  setenv("PARLEY_API_KEYS", "one", 1);
  ServerConfig config;
  config.max_sessions = 4;
  Start(config);
  unsetenv("PARLEY_API_KEYS");
  wire::Request mint = To("/v1/realtime/client_secrets", "POST");
  EXPECT_EQ(Ask(mint, "{}").status, 401);
  mint.headers["authorization"] = "Bearer one";
  const auto answer = nlohmann::json::parse(
      Ask(mint,
          R"({"expires_after":{"seconds":60},"session":{"type":"realtime","instructions":"x"}})")
          .body);
  EXPECT_EQ(answer["session"]["instructions"], "x");
  wire::Request browser = To("/v1/realtime");
  browser.protocols = {"realtime", "openai-insecure-api-key." + answer["value"].get<std::string>()};
  EXPECT_FALSE(Connect(browser));
  wire::Request chat = To("/v1/chat/completions", "POST");
  chat.headers["authorization"] = "Bearer " + answer["value"].get<std::string>();
  EXPECT_EQ(Ask(chat, "{}").status, 401);
  EXPECT_EQ(Ask(mint, "nonsense").status, 400);
}

TEST_F(ServerTest, CompletesChatsOnOneLineWithoutNulls) {
  ServerConfig config;
  config.max_sessions = 1;
  Start(config);
  const std::string messages = R"("messages":[{"role":"user","content":"What time is it?"}])";
  const wire::Answer whole = Ask(To("/v1/chat/completions", "POST"), "{" + messages + "}");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body.find('\n'), whole.body.size() - 1) << "one object on one line";
  EXPECT_EQ(whole.body.find("null"), std::string::npos);
  const auto json = nlohmann::json::parse(whole.body);
  EXPECT_EQ(json["choices"][0]["message"]["content"], "It is noon.");
  EXPECT_EQ(json["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(json["usage"]["total_tokens"], json["usage"]["prompt_tokens"].get<int>() +
                                               json["usage"]["completion_tokens"].get<int>());
  const wire::Answer stream =
      Ask(To("/v1/chat/completions", "POST"),
          "{" + messages + R"(,"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(stream.content_type, "text/event-stream");
  EXPECT_TRUE(stream.body.ends_with("data: [DONE]\n\n"));
  std::string text;
  for (size_t at = 0; (at = stream.body.find("data: {", at)) != std::string::npos; at += 6) {
    const size_t end = stream.body.find("\n\n", at);
    const auto chunk = nlohmann::json::parse(stream.body.substr(at + 6, end - at - 6));
    for (const auto& choice : chunk["choices"]) text += choice["delta"].value("content", "");
  }
  EXPECT_EQ(text, "It is noon.");
  EXPECT_EQ(Ask(To("/v1/chat/completions", "POST"), "{}").status, 400);
}

// The shape in which Step-Audio-R1's own client asks, of a model whose thought stands between marks.
TEST_F(ServerTest, GivesThoughtAsItWasGeneratedOrBesideTheAnswer) {
  ServerConfig config;
  config.max_sessions = 1;
  Start(config);
  talks_.TakeNotes();
  talks_.scripted_engine().script().say = [this](std::span<const TokenId> prompt, const auto&) {
    EXPECT_EQ(prompt.back(), 8) << "the end of the words, behind which it thinks";
    std::vector<TokenId> ids = talks_.tokenizer()->Encode("Two and two.");
    ids.push_back(9);  // its own end of a thought
    const std::vector<TokenId> answer = talks_.tokenizer()->Encode("Four.");
    ids.insert(ids.end(), answer.begin(), answer.end());
    return ids;
  };
  const std::string request =
      R"({"messages":[{"role":"human","content":"What is two and two?"},{"role":"assistant","content":"<think>\n"}],
          "continue_final_message":true,"stop_token_ids":[151665],"skip_special_tokens":false)";
  const auto ask = [&](const std::string& more) {
    return Ask(To("/v1/chat/completions", "POST"), request + more + "}").body;
  };
  const auto opened = talks_.scripted_engine().CallsOf(test::EngineCall::Kind::kOpen).size();
  const auto whole = nlohmann::json::parse(ask(""))["choices"][0]["message"];
  EXPECT_EQ(whole["content"], "Two and two.</think>Four.") << "the opening tag stood in the prompt";
  EXPECT_FALSE(whole.contains("reasoning_content"));
  EXPECT_EQ(talks_.scripted_engine().CallsOf(test::EngineCall::Kind::kOpen).size(), opened + 1);
  EXPECT_TRUE(talks_.scripted_engine().CallsOf(test::EngineCall::Kind::kFork).empty())
      << "one request is one sequence";
  EXPECT_EQ(talks_.scripted_engine().open_sequences(), 0U);
  const auto split =
      nlohmann::json::parse(ask(R"(,"include_reasoning":true)"))["choices"][0]["message"];
  EXPECT_EQ(split["reasoning_content"], "Two and two.");
  EXPECT_EQ(split["content"], "Four.");
  const std::string stream = ask(R"(,"include_reasoning":true,"stream":true)");
  EXPECT_NE(stream.find(R"("reasoning_content":)"), std::string::npos);
  EXPECT_EQ(stream.find("</think>"), std::string::npos);
  EXPECT_EQ(stream.find("null"), std::string::npos);
}

TEST_F(ServerTest, ReadsAloudInItsVoices) {
  ServerConfig config;
  config.max_sessions = 1;
  Start(config);
  const wire::Answer wav = Ask(To("/v1/audio/speech", "POST"),
                               R"({"input":"Good morning. How are you?","voice":"alloy"})");
  EXPECT_EQ(wav.content_type, "audio/wav");
  EXPECT_TRUE(wav.body.starts_with("RIFF"));
  EXPECT_GT(pieces_, 4) << "it is sent while it is made";
  // 60 ms of tone a letter, two sentences.
  EXPECT_NEAR(static_cast<double>(wav.body.size()), 44 + 26 * 0.06 * 48000, 6000);
  const wire::Answer wrong = Ask(To("/v1/audio/speech", "POST"), R"({"input":"x","voice":"zoe"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(wrong.body.find("tone, other"), std::string::npos);
}

TEST_F(ServerTest, ShowsMetricsToThisMachineOrToAKey) {
  setenv("PARLEY_API_KEYS", "one", 1);
  ServerConfig config;
  config.max_sessions = 1;
  Start(config, {.proxy = "127.0.0.0/8"});
  unsetenv("PARLEY_API_KEYS");
  EXPECT_EQ(Ask(To("/metrics")).status, 200);
  wire::Request far = To("/metrics");
  far.headers["x-forwarded-for"] = "203.0.113.7";
  EXPECT_EQ(Ask(far).status, 401);
  far.headers["api-key"] = "one";
  EXPECT_EQ(Ask(far).status, 200);
}

// What operators have been told to look for.
TEST_F(ServerTest, NamesItsMetricsAsItWasAgreed) {
  ServerConfig config;
  config.max_sessions = 1;
  Start(config);
  EXPECT_FALSE(Connect());
  open_[0]->OnText(R"({"type":"session.update","session":{"type":"realtime"}})");
  open_[0]->OnText("{}");
  talks_.Run(5);
  open_[0]->OnClosed();
  talks_.Run(5);
  Ask(To("/v1/audio/speech", "POST"), R"({"input":"Good morning.","voice":"tone"})");
  const std::string text = Ask(To("/metrics")).body;
  for (const char* line : {"parley_sessions_active 0",
                           "parley_sessions_total{transport=\"ws\",result=\"closed\"} 1",
                           "# TYPE parley_session_duration_seconds histogram",
                           "# TYPE parley_session_rejected_total counter",
                           "parley_turns_total 0",
                           "# TYPE parley_turn_first_audio_seconds histogram",
                           "parley_turn_first_audio_seconds_bucket{le=\"0.5\"} 0",
                           "# TYPE parley_endpoint_delay_seconds histogram",
                           "# TYPE parley_first_token_seconds histogram",
                           "parley_barge_in_total 0",
                           "# TYPE parley_barge_in_stop_seconds histogram",
                           "parley_truncated_audio_seconds_total 0",
                           "parley_audio_in_seconds_total 0",
                           "parley_audio_out_seconds_total 0",
                           "parley_batch_size_count ",
                           "parley_batch_step_seconds_sum ",
                           "parley_kv_cache_used_ratio ",
                           "parley_ws_send_queue_bytes 0",
                           "parley_ws_messages_total{direction=\"in\",type=\"session.update\"} 1",
                           "parley_ws_messages_total{direction=\"in\",type=\"invalid\"} 1",
                           "parley_ws_messages_total{direction=\"out\",type=\"session.created\"} 1",
                           "parley_output_underrun_total 0",
                           "parley_realtime_factor{stage=\"hear\"} 0",
                           "parley_realtime_factor{stage=\"speak\"} 0.",
                           "# TYPE parley_errors_total counter",
                           "parley_draining 0",
                           "process_resident_memory_bytes ",
                           "process_cpu_seconds_total ",
                           "parley_build_info{version="}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(ServerCheck, RefusesWhatWouldLetStrangersIn) {
  unsetenv("PARLEY_API_KEYS");
  const auto said = [](const ServerOptions& options) {
    const Status status = Server::Check({}, options);
    return status ? "" : status.error().message;
  };
  EXPECT_EQ(said({.host = "127.0.0.1"}), "");
  EXPECT_EQ(said({.host = "::1"}), "");
  for (const char* word : {"API keys", "--tls-self-signed", "--behind-proxy", "--insecure"}) {
    EXPECT_NE(said({.host = "0.0.0.0"}).find(word), std::string::npos) << word;
  }
  EXPECT_EQ(said({.host = "0.0.0.0", .insecure = true}), "");
  EXPECT_NE(said({.host = "0.0.0.0", .cert_file = "c", .key_file = "k"}).find("API keys"),
            std::string::npos);
  setenv("PARLEY_API_KEYS", "one", 1);
  EXPECT_NE(said({.host = "0.0.0.0"}).find("TLS"), std::string::npos);
  EXPECT_EQ(said({.host = "0.0.0.0", .cert_file = "c", .key_file = "k"}), "");
  EXPECT_EQ(said({.host = "0.0.0.0", .proxy = "10.0.0.0/8"}), "");
  EXPECT_NE(said({.host = "0.0.0.0", .proxy = "ten"}).find("10.0.0.0/8"), std::string::npos);
  unsetenv("PARLEY_API_KEYS");
}

}  // namespace
}  // namespace parley::server
