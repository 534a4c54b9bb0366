// The server: who comes in, on which path, and how many; the sessions that are open; how it drains.
//
//   /v1/realtime, /realtime      WebSocket           /healthz /readyz /metrics   for operators
//   /v1/chat/completions         text for text        /v1/models /version
//   /v1/audio/speech             sound for text       /                           the page
//   /v1/realtime/client_secrets  keys for browsers
//
// Thread:   Start, Drain, Stop and the destructor belong to the main thread.
// Memory:   the sessions; see RealtimeSession.
// Overload: at capacity, draining or too many at once: 503 or 429 with Retry-After, before the upgrade.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/access.h"
#include "server/metrics.h"
#include "server/server_config.h"
#include "server/talks.h"
#include "wire/ws.h"

namespace parley::server {

class RealtimeSession;

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string cert_file, key_file;
  std::string proxy;    // network of a proxy in front of it, "10.0.0.0/8"
  std::string web_dir;  // the page's files, instead of those inside the program
  std::string version;
  bool insecure = false;      // another address than loopback without keys or TLS
  int32_t most_sessions = 0;  // that the engine can keep
};

class Server final : public wire::Handler {
 public:
  // kInvalidArgument: what is unsafe, and how to mend it; kIo: the keys cannot be read.
  static Status Check(const ServerConfig& config, const ServerOptions& options);
  // The same, and kIo: it cannot listen.
  static Result<std::unique_ptr<Server>> Start(const ServerConfig& config, ServerOptions options,
                                               Talks& talks);
  ~Server() override;

  int port() const { return network_->port(); }
  std::string url() const;

  void Drain();  // nobody new; sessions end at their next quiet moment
  int64_t sessions() const { return open_sessions_; }
  const Metrics& metrics() const { return metrics_; }

  // wire::Handler, on the network's thread.
  std::optional<wire::Answer> OnUpgrade(const wire::Request& request) override;
  std::shared_ptr<wire::SocketListener> OnOpen(const wire::Request& request,
                                               std::shared_ptr<wire::Socket> socket) override;
  void OnRequest(wire::Request request, std::shared_ptr<wire::Reply> reply) override;

 private:
  Server(const ServerConfig& config, ServerOptions options, Talks& talks, Access access);

  static constexpr std::string_view kNoDevice = "every device has failed; restart parley";

  static bool IsRealtime(const std::string& path);
  int64_t Limit() const;
  bool Ready(std::string& why) const;
  Gauges ReadGauges() const;
  wire::Answer Answer(const wire::Request& request);
  wire::Answer ClientSecret(const wire::Request& request, bool beta);
  wire::Answer Page(const wire::Request& request) const;
  void Tick();

  const ServerConfig config_;
  const ServerOptions options_;
  Talks& talks_;
  const Access access_;
  Metrics metrics_;
  const std::shared_ptr<realtime::Executor> strand_;  // of requests
  std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
  std::atomic<int64_t> last_tick_ms_{0};
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> open_sessions_{0};
  double upgrade_tokens_ = 0;  // the network's thread
  Time upgrades_since_;        // the network's thread
  mutable std::mutex mutex_;
  std::condition_variable all_ended_;
  std::set<std::shared_ptr<RealtimeSession>> sessions_;  // {mutex_}
  std::map<std::string, int64_t> per_key_;               // {mutex_}
  std::unique_ptr<wire::WsServer> network_;              // last: it calls the rest
};

}  // namespace parley::server
