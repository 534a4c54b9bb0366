// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <utility>

#include "common/json.h"
#include "common/log.h"
#include "server/endpoints.h"
#include "server/realtime_session.h"
#include "server/request_bodies.h"
#include "server/web_files.h"
#include "wire/codec.h"

namespace parley::server {
namespace {

int64_t UnixNow() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool IsRealtime(const std::string& path) {
  return path == "/v1/realtime" || path == "/realtime" || path == "/openai/v1/realtime" ||
         path == "/openai/realtime";
}

wire::Answer TryLater(int status, std::string_view code, std::string_view message, int seconds) {
  wire::Answer answer = wire::ErrorAnswer(status, "server_error", code, message);
  answer.headers.emplace_back("retry-after", std::to_string(seconds));
  return answer;
}

bool Offers(const wire::Request& request, std::string_view protocol) {
  return std::find(request.protocols.begin(), request.protocols.end(), protocol) !=
         request.protocols.end();
}

wire::Dialect DialectOf(const wire::Request& request) {
  if (request.Query("dialect") == "step") return wire::Dialect::kStep;
  const bool beta = request.Header("openai-beta").find("realtime=v1") != std::string_view::npos ||
                    Offers(request, "openai-beta.realtime-v1") ||
                    request.Query("dialect") == "beta" ||
                    (request.path == "/openai/realtime" && !request.Query("api-version").empty());
  return beta ? wire::Dialect::kBeta : wire::Dialect::kGa;
}

std::string_view TypeOf(std::string_view name) {
  const std::string_view extension = name.substr(std::min(name.rfind('.'), name.size()));
  if (extension == ".html") return "text/html; charset=utf-8";
  if (extension == ".js" || extension == ".mjs") return "text/javascript; charset=utf-8";
  if (extension == ".css") return "text/css; charset=utf-8";
  if (extension == ".svg") return "image/svg+xml";
  if (extension == ".json") return "application/json";
  return "application/octet-stream";
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

// Refuses what would let strangers in, and says what to do instead.
Status CheckSafe(const ServerOptions& options, bool has_keys) {
  if (!options.proxy.empty()) {
    PARLEY_TRY([[maybe_unused]] const bool inside, InNetwork("127.0.0.1", options.proxy));
  }
  if (IsLoopback(options.host)) return {};
  std::string missing;
  if (!has_keys) missing = "API keys (--keys FILE, or PARLEY_API_KEYS)";
  const bool covered = !options.cert_file.empty() || !options.proxy.empty();
  if (!covered) {
    if (!missing.empty()) missing += ", and ";
    missing += "TLS (--tls-cert F --tls-key F, or --tls-self-signed), or --behind-proxy CIDR";
  }
  if (missing.empty()) return {};
  if (options.insecure) {
    LogWarn("insecure", {{"listens_on", options.host}, {"without", missing}});
    return {};
  }
  return Fail(Code::kInvalidArgument,
              "will not listen on " + options.host + ", where others can reach it, without " +
                  missing + "; or listen on 127.0.0.1, or say --insecure and mean it");
}

}  // namespace

Status Server::Check(const ServerConfig& config, const ServerOptions& options) {
  PARLEY_TRY(const Access access, Access::Open(config));
  return CheckSafe(options, !access.open_to_all());
}

Result<std::unique_ptr<Server>> Server::Start(const ServerConfig& config, ServerOptions options,
                                              Talks& talks) {
  PARLEY_TRY(Access access, Access::Open(config));
  PARLEY_TRY_STATUS(CheckSafe(options, !access.open_to_all()));
  std::unique_ptr<Server> server(new Server(config, std::move(options), talks, std::move(access)));
  wire::WsOptions network;
  network.host = server->options_.host;
  network.port = server->options_.port;
  network.cert_file = server->options_.cert_file;
  network.key_file = server->options_.key_file;
  network.longest_message = static_cast<size_t>(config.longest_message_kb) * 1024;
  network.outbox_bytes = static_cast<size_t>(config.outbox_kb) * 1024;
  PARLEY_TRY(server->network_, wire::WsServer::Start(network, *server));
  server->Tick();
  return server;
}

Server::Server(const ServerConfig& config, ServerOptions options, Talks& talks, Access access)
    : config_(config),
      options_(std::move(options)),
      talks_(talks),
      access_(std::move(access)),
      strand_(talks.NewStrand()) {}

Server::~Server() {
  network_.reset();  // closes every connection; the sessions end on their strands, and use us there
  {
    std::unique_lock lock(mutex_);
    all_ended_.wait_for(lock, std::chrono::seconds(5), [this] { return sessions_.empty(); });
  }
  *alive_ = false;
}

std::string Server::url() const {
  const bool v6 = options_.host.find(':') != std::string::npos;
  return std::string(options_.cert_file.empty() ? "http" : "https") + "://" +
         (v6 ? "[" + options_.host + "]" : options_.host) + ":" + std::to_string(port());
}

// Shows that the talk threads still turn.
void Server::Tick() {
  last_tick_ms_ = static_cast<int64_t>(Ms(strand_->Now()));
  strand_->At(strand_->Now() + milliseconds(1000), [this, alive = alive_] {
    if (*alive) Tick();
  });
}

int64_t Server::Limit() const {
  if (config_.max_sessions > 0) return config_.max_sessions;
  return std::max(1, options_.most_sessions);
}

bool Server::Ready(std::string& why) const {
  if (draining_) {
    why = "draining";
  } else if (open_sessions_ >= Limit()) {
    why = "at capacity";
  }
  return why.empty();
}

void Server::Drain() {
  draining_ = true;
  std::set<std::shared_ptr<RealtimeSession>> sessions;
  {
    const std::lock_guard lock(mutex_);
    sessions = sessions_;
  }
  for (const auto& session : sessions) session->Drain(int64_t{config_.drain_s} * 1000);
}

// ---- WebSockets ----------------------------------------------------------------------------------

std::optional<wire::Answer> Server::OnUpgrade(const wire::Request& request) {
  const auto refuse = [&](std::string_view reason, wire::Answer answer) {
    metrics_.sessions_refused.Add(reason);
    LogInfo("refused", {{"reason", reason}, {"client", ClientAddress(request, options_.proxy)}});
    return std::optional(std::move(answer));
  };
  if (!IsRealtime(request.path)) {
    return refuse("path", wire::ErrorAnswer(404, "invalid_request_error", "not_found",
                                            "WebSockets live at /v1/realtime."));
  }
  Access::Guest guest;
  if (auto refusal = access_.Refuse(request, guest)) return refuse("access", *std::move(refusal));
  if (draining_) {
    return refuse("draining", TryLater(503, "draining", "This server is going away.", 5));
  }
  if (open_sessions_ >= Limit()) {
    return refuse("capacity", TryLater(503, "at_capacity",
                                       "All " + std::to_string(Limit()) +
                                           " conversations of this server are taken.",
                                       10));
  }
  if (config_.sessions_per_key > 0 && !guest.key.empty()) {
    const std::lock_guard lock(mutex_);
    if (per_key_[guest.key] >= config_.sessions_per_key) {
      return refuse("key", TryLater(429, "too_many_sessions",
                                    "This key has as many conversations as it may.", 10));
    }
  }
  // A bucket of upgrades that fills with time.
  const Time now = strand_->Now();
  const auto rate = static_cast<double>(config_.upgrades_per_second);
  upgrade_tokens_ = std::min(rate, upgrade_tokens_ + Ms(now - upgrades_since_) / 1000 * rate);
  if (upgrades_since_ == Time()) upgrade_tokens_ = rate;
  upgrades_since_ = now;
  if (upgrade_tokens_ < 1) {
    return refuse("rate", TryLater(429, "rate_limit_exceeded", "Too many at once.", 1));
  }
  upgrade_tokens_ -= 1;
  return std::nullopt;
}

std::shared_ptr<wire::SocketListener> Server::OnOpen(const wire::Request& request,
                                                     std::shared_ptr<wire::Socket> socket) {
  Access::Guest guest;
  (void)access_.Refuse(request, guest);  // who it is; it was let in
  SessionOpening opening;
  opening.dialect = DialectOf(request);
  const std::string_view include = request.Query("include");
  opening.shows_reasoning = include.find("reasoning") != std::string_view::npos ||
                            Offers(request, "parley.v1") || opening.dialect == wire::Dialect::kStep;
  if (!guest.session_json.empty()) {
    auto session = wire::DecodeSession(guest.session_json);
    if (auto* read = std::get_if<wire::Session>(&session)) opening.session = std::move(*read);
  }
  auto session = std::make_shared<RealtimeSession>(config_, talks_, metrics_, std::move(socket),
                                                   std::move(opening));
  {
    const std::lock_guard lock(mutex_);
    sessions_.insert(session);
    ++per_key_[guest.key];
    open_sessions_ = static_cast<int64_t>(sessions_.size());
  }
  session->SetOnEnd(
      [this, alive = alive_, key = guest.key, weak = std::weak_ptr<RealtimeSession>(session)] {
        if (!*alive) return;
        const std::lock_guard lock(mutex_);
        sessions_.erase(weak.lock());
        --per_key_[key];
        open_sessions_ = static_cast<int64_t>(sessions_.size());
        all_ended_.notify_all();
      });
  session->Start();
  return session;
}

// ---- HTTP ----------------------------------------------------------------------------------------

Gauges Server::ReadGauges() const {
  const engine::EngineStats engine = talks_.engine().stats();
  const wire::WsStats net = network_->stats();
  Gauges gauges;
  gauges.sessions = open_sessions_;
  gauges.most_sessions = Limit();
  gauges.draining = draining_;
  gauges.kv_pages_used = engine.pages_used;
  gauges.kv_pages_total = engine.pages_total;
  gauges.engine_steps = engine.steps;
  gauges.decode_rows = engine.decode_rows;
  gauges.decode_seconds = engine.decode_ms / 1000;
  gauges.messages_in = net.messages_in;
  gauges.messages_out = net.messages_out;
  gauges.slow_readers = net.slow_readers;
  gauges.queued_bytes = net.queued_bytes;
  gauges.resident_bytes = ResidentBytes();
  gauges.version = options_.version;
  return gauges;
}

void Server::OnRequest(wire::Request request, std::shared_ptr<wire::Reply> reply) {
  const std::string path = request.path;
  const bool api = path.starts_with("/v1/") && request.method != "OPTIONS";
  if (api && path != "/v1/realtime") {
    metrics_.requests.Add(path == "/v1/chat/completions" || path == "/v1/audio/speech" ||
                                  path == "/v1/models" || path == "/v1/audio/voices" ||
                                  path == "/v1/realtime/client_secrets"
                              ? path
                              : "other");
    Access::Guest guest;
    auto refusal = access_.Refuse(request, guest);
    // An ephemeral key is in the hands of a browser: it opens conversations and nothing else.
    if (!refusal && guest.key == "ephemeral") {
      refusal = wire::ErrorAnswer(401, "invalid_request_error", "invalid_api_key",
                                  "An ephemeral key opens conversations only.");
    }
    if (refusal) return reply->Send(*std::move(refusal));
  }
  if (request.method == "POST" && (path == "/v1/chat/completions" || path == "/v1/audio/speech")) {
    if (draining_) {
      return reply->Send(TryLater(503, "draining", "This server is going away.", 5));
    }
    strand_->Post([this, alive = alive_, request = std::move(request), reply = std::move(reply)] {
      if (!*alive) return;
      if (request.path == "/v1/audio/speech") {
        SpeakText(talks_, strand_, request, reply);
      } else {
        CompleteChat(talks_, strand_, request, reply);
      }
    });
    return;
  }
  wire::Answer answer = Answer(request);
  if (!request.Header("origin").empty() && access_.OriginAllowed(request)) {
    answer.headers.emplace_back("access-control-allow-origin",
                                std::string(request.Header("origin")));
    answer.headers.emplace_back("vary", "origin");
  }
  reply->Send(std::move(answer));
}

wire::Answer Server::Answer(const wire::Request& request) {
  const std::string& path = request.path;
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.method == "OPTIONS") {
    return {.status = 204,
            .content_type = "",
            .headers = {{"access-control-allow-methods", "GET, POST, OPTIONS"},
                        {"access-control-allow-headers", "authorization, content-type, api-key"},
                        {"access-control-max-age", "600"}}};
  }
  if (IsRealtime(path) && get) {
    wire::Answer answer =
        wire::ErrorAnswer(426, "invalid_request_error", "upgrade_required",
                          "This is a WebSocket: connect with Upgrade: websocket.");
    answer.headers.emplace_back("upgrade", "websocket");
    return answer;
  }
  if (path == "/v1/realtime/client_secrets" && request.method == "POST") {
    return ClientSecret(request, false);
  }
  if (path == "/v1/realtime/sessions" && request.method == "POST") {
    return ClientSecret(request, true);
  }
  if (!get) {
    return wire::ErrorAnswer(404, "invalid_request_error", "not_found",
                             "There is no such endpoint: " + request.method + " " + path + ".");
  }
  if (path == "/healthz" || path == "/livez") {
    const auto now = static_cast<int64_t>(Ms(strand_->Now()));
    const bool well = now - last_tick_ms_ < 10'000;
    return {.status = well ? 200 : 503,
            .content_type = "text/plain",
            .body = well ? "ok\n" : "the talk threads have not moved for ten seconds\n"};
  }
  if (path == "/readyz") {
    std::string why;
    const bool ready = Ready(why);
    return {.status = ready ? 200 : 503,
            .content_type = "text/plain",
            .body = ready ? "ready\n" : why + "\n"};
  }
  if (path == "/metrics") {
    Access::Guest guest;
    if (!IsLoopback(ClientAddress(request, options_.proxy))) {
      if (auto refusal = access_.Refuse(request, guest)) return *std::move(refusal);
    }
    return {.content_type = "text/plain; version=0.0.4",
            .body = PrometheusText(metrics_, ReadGauges())};
  }
  if (path == "/version") {
    return {.body = JsonLine().Add("version", options_.version).Take() + "\n"};
  }
  if (path == "/v1/audio/voices") {
    std::string voices;
    for (const std::string& voice : talks_.voices()) {
      voices += (voices.empty() ? "" : ",") + JsonLine().Add("id", voice).Add("name", voice).Take();
    }
    return {.body = JsonLine().AddRaw("voices", "[" + voices + "]").Take() + "\n"};
  }
  if (path == "/v1/models") {
    JsonLine model;
    model.Add("id", talks_.model_name()).Add("object", "model").Add("created", 0);
    model.Add("owned_by", "parley");
    return {.body = JsonLine()
                        .Add("object", "list")
                        .AddRaw("data", "[" + std::move(model).Take() + "]")
                        .Take() +
                    "\n"};
  }
  return Page(request);
}

wire::Answer Server::ClientSecret(const wire::Request& request, bool beta) {
  const auto wanted = ParseSecretRequest(request.body, config_.secret_s);
  if (!wanted) {
    return wire::ErrorAnswer(400, "invalid_request_error", "invalid_json", wanted.error().message);
  }
  SessionSettings settings(
      {talks_.model_name(), talks_.voices(), talks_.instructions(), talks_.transcriber_name()},
      "sess_ephemeral", UnixNow() + config_.longest_session_s);
  if (const auto refusal = settings.Merge(wanted->session)) {
    return wire::ErrorAnswer(400, "invalid_request_error", "invalid_value", refusal->message);
  }
  const int64_t expires = UnixNow() + wanted->seconds;
  const std::string secret = access_.Mint(wire::EncodeSession(wanted->session), expires);
  const std::string session = wire::EncodeSession(settings.echo());
  JsonLine answer;
  if (beta) {
    answer.AddRaw("client_secret",
                  JsonLine().Add("value", secret).Add("expires_at", expires).Take());
  } else {
    answer.Add("value", secret).Add("expires_at", expires);
  }
  answer.AddRaw("session", session);
  return {.body = std::move(answer).Take() + "\n"};
}

wire::Answer Server::Page(const wire::Request& request) const {
  const std::string name = request.path == "/" ? "index.html" : request.path.substr(1);
  std::optional<std::string> text;
  if (options_.web_dir.empty()) {
    for (const WebFile& file : WebFiles()) {
      if (file.name == name) text = std::string(file.text);
    }
  } else if (name.find("..") == std::string::npos && name.find('/') == std::string::npos) {
    std::ifstream file(options_.web_dir + "/" + name, std::ios::binary);
    if (file) {
      std::ostringstream content;
      content << file.rdbuf();
      text = std::move(content).str();
    }
  }
  if (!text) {
    return wire::ErrorAnswer(404, "invalid_request_error", "not_found",
                             "There is nothing at " + request.path + ".");
  }
  if (auto refusal = access_.RefuseOrigin(request)) return *std::move(refusal);
  return {.content_type = std::string(TypeOf(name)),
          .headers = {{"cache-control", "no-cache"},
                      {"x-content-type-options", "nosniff"},
                      {"referrer-policy", "no-referrer"},
                      {"permissions-policy", "microphone=(self)"},
                      {"content-security-policy",
                       "default-src 'self'; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
                       "media-src 'self' blob:; frame-ancestors 'none'"}},
          .body = *std::move(text)};
}

}  // namespace parley::server
