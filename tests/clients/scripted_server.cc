// The real server over a scripted engine, for clients that test what a small model cannot do (calls of
// tools) or what a big one would blur (how long the wire takes). Only tests build it.
//   parley_scripted_server [SESSIONS [PORT [debug]]]
// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "common/log.h"
#include "realtime/asio_executor.h"
#include "server/server.h"
#include "support/scripted_talks.h"
#include "support/spoken_words.h"

namespace parley::test {
namespace {

class ThreadedTalks final : public ScriptedTalks {
 public:
  ThreadedTalks()
      : threads_(1),  // the scripted engine knows one thread only
        engine_strand_(threads_.NewStrand()),
        turn_end_(turn_end_network_),
        voice_(synthesizer_) {
    turn_end_network_.probability = 0.95F;
    OpenEngine(*engine_strand_);
  }
  std::shared_ptr<realtime::Executor> NewStrand() override { return threads_.NewStrand(); }
  realtime::VoiceWorker& voice() override { return voice_; }

 protected:
  realtime::TurnEndWorker& turn_end() override { return turn_end_; }

 private:
  realtime::TalkThreads threads_;
  std::shared_ptr<realtime::Executor> engine_strand_;
  FakeTurnEnd turn_end_network_;
  ToneSynthesizer synthesizer_;
  realtime::ThreadTurnEndWorker turn_end_;
  realtime::ThreadVoiceWorker voice_;
};

int Main(int argc, char** argv) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  const auto log = LogSession::Open({.level = argc > 3 ? LogLevel::kDebug : LogLevel::kWarn});
  if (!log) return 1;
  server::ServerConfig config;
  config.upgrades_per_second = 1000;
  config.max_sessions = argc > 1 ? std::atoi(argv[1]) : 4;
  config.drain_s = 5;
  ThreadedTalks talks;
  server::ServerOptions options;
  options.version = "scripted";
  options.port = argc > 2 ? std::atoi(argv[2]) : 0;
  auto server = server::Server::Start(config, options, talks);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("scripted server serves %s\n", (*server)->url().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ending, &signal);
  return 0;
}

}  // namespace
}  // namespace parley::test

int main(int argc, char** argv) { return parley::test::Main(argc, argv); }
