// SPDX-License-Identifier: Apache-2.0
// What the server answers over HTTP.
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "common/json.h"
#include "server/endpoints.h"
#include "server/request_bodies.h"
#include "server/server.h"
#include "server/session_settings.h"
#include "server/unix_time.h"
#include "server/web_files.h"
#include "wire/codec.h"

namespace parley::server {
namespace {

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

double CpuSeconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

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
  gauges.hear_seconds = engine.encode_ms / 1000;
  gauges.speak_seconds = talks_.voice().busy_ms() / 1000;
  gauges.spoken_seconds = talks_.voice().sound_ms() / 1000;
  const Talks::Replicas replicas = talks_.replicas();
  gauges.replicas = static_cast<int64_t>(replicas.all);
  gauges.replicas_lost = static_cast<int64_t>(replicas.lost);
  gauges.slow_readers = net.slow_readers;
  gauges.queued_bytes = net.queued_bytes;
  gauges.resident_bytes = ResidentBytes();
  gauges.cpu_seconds = CpuSeconds();
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
      return reply->Send(wire::TryLaterAnswer(503, "draining", "This server is going away.", 5));
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
    std::string why;
    if (now - last_tick_ms_ >= 10'000) why = "the talk threads have not moved for ten seconds";
    if (talks_.replicas().none_left()) why = kNoDevice;  // nothing but a restart brings one back
    return {.status = why.empty() ? 200 : 503,
            .content_type = "text/plain",
            .body = (why.empty() ? "ok" : why) + "\n"};
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
