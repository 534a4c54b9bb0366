// SPDX-License-Identifier: Apache-2.0
#include "app/serve.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "app/runtime.h"
#include "app/runtime_talks.h"
#include "app/self_signed.h"
#include "app/version.h"
#include "common/log.h"
#include "server/server.h"

namespace parley::app {
namespace {

Status SplitAddress(const std::string& listen, server::ServerOptions& options) {
  const size_t colon = listen.rfind(':');
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoi(port) > 65535) {
    return Fail(Code::kInvalidArgument,
                "--listen " + listen + ": write HOST:PORT, for example 127.0.0.1:8080");
  }
  options.host = listen.substr(0, colon);
  if (options.host.starts_with('[') && options.host.ends_with(']')) {
    options.host = options.host.substr(1, options.host.size() - 2);
  }
  if (options.host.empty() || options.host == "localhost") options.host = "127.0.0.1";
  options.port = std::stoi(port);
  return {};
}

sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Waits for a signal, at most so long; 0 when none came.
int WaitSignal(const sigset_t& signals, long ms) {
  const timespec limit{ms / 1000, ms % 1000 * 1'000'000};
  const int signal = sigtimedwait(&signals, nullptr, &limit);
  return signal < 0 ? 0 : signal;
}

void DrainAndWait(server::Server& server, const sigset_t& signals, int32_t drain_s) {
  std::fprintf(stderr, "parley: letting %lld conversations finish; a second signal ends them\n",
               static_cast<long long>(server.sessions()));
  server.Drain();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(drain_s + 1);
  while (server.sessions() > 0 && std::chrono::steady_clock::now() < deadline) {
    if (WaitSignal(signals, 50) != 0) return;
  }
}

}  // namespace

Status RunServe(const ServeOptions& wanted, AppConfig config) {
  server::ServerOptions options;
  PARLEY_TRY_STATUS(SplitAddress(wanted.listen, options));
  if (!wanted.keys.empty()) config.server.keys_file = wanted.keys;
  for (const std::string& origin : wanted.origins) {
    config.server.origins += (config.server.origins.empty() ? "" : ",") + origin;
  }
  if (wanted.max_sessions > 0) config.server.max_sessions = wanted.max_sessions;
  config = WithRoomForTalks(std::move(config));
  if (wanted.tls_cert.empty() != wanted.tls_key.empty()) {
    return Fail(Code::kInvalidArgument, "--tls-cert and --tls-key belong together");
  }
  options.cert_file = wanted.tls_cert;
  options.key_file = wanted.tls_key;
  if (wanted.self_signed) {
    PARLEY_TRY_STATUS(MakeSelfSigned(options.host, options.cert_file, options.key_file));
  }
  options.proxy = wanted.proxy;
  options.web_dir = wanted.web;
  options.insecure = wanted.insecure;
  options.version = VersionText();
  options.most_sessions = config.server.max_sessions;

  // Before the models are loaded: whoever must mend something should not wait for them.
  PARLEY_TRY_STATUS(server::Server::Check(config.server, options));

  // Before any thread starts, so that all of them leave these to us.
  const sigset_t signals = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  PARLEY_TRY(const auto runtime, Runtime::Load(config, wanted.model, Pace::kRealtime));
  RuntimeTalks talks(*runtime, config, wanted.model);
  PARLEY_TRY(const auto server, server::Server::Start(config.server, options, talks));
  std::printf("parley serves %s\n", server->url().c_str());
  std::fflush(stdout);
  while (WaitSignal(signals, 3'600'000) == 0) {
  }
  DrainAndWait(*server, signals, config.server.drain_s);
  return {};
}

}  // namespace parley::app
