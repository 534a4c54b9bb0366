// SPDX-License-Identifier: Apache-2.0
// Who comes in and how many. What is answered over HTTP is server_http.cc.
#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/log.h"
#include "server/realtime_session.h"
#include "wire/codec.h"

namespace parley::server {
namespace {

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

bool Server::IsRealtime(const std::string& path) {
  return path == "/v1/realtime" || path == "/realtime" || path == "/openai/v1/realtime" ||
         path == "/openai/realtime";
}

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
  } else if (talks_.replicas().none_left()) {
    why = kNoDevice;
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
    return refuse("draining",
                  wire::TryLaterAnswer(503, "draining", "This server is going away.", 5));
  }
  if (talks_.replicas().none_left()) {
    return refuse("device", wire::TryLaterAnswer(503, "device_failed",
                                                 "No device of this server works any more.", 60));
  }
  if (open_sessions_ >= Limit()) {
    return refuse("capacity", wire::TryLaterAnswer(503, "at_capacity",
                                                   "All " + std::to_string(Limit()) +
                                                       " conversations of this server are taken.",
                                                   10));
  }
  if (config_.sessions_per_key > 0 && !guest.key.empty()) {
    const std::lock_guard lock(mutex_);
    if (per_key_[guest.key] >= config_.sessions_per_key) {
      return refuse("key",
                    wire::TryLaterAnswer(429, "too_many_sessions",
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
    return refuse("rate", wire::TryLaterAnswer(429, "rate_limit_exceeded", "Too many at once.", 1));
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

}  // namespace parley::server
