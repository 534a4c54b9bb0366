// SPDX-License-Identifier: Apache-2.0
#include "app/talk.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "app/runtime.h"
#include "app/talk_desk.h"
#include "app/talk_recorder.h"
#include "app/talk_view.h"
#include "app/terminal.h"
#include "app/timeline.h"
#include "audio_io/device.h"
#include "common/mailbox.h"
#include "remote/remote_session.h"

namespace parley::app {
namespace {

constexpr int kRedrawMs = 50;
constexpr size_t kWaitingEvents = 4096;

// What a handler can reach. Blocking the signals instead would leave threads out that run already.
std::atomic<int> g_ended_fd{-1};

void OnEnding(int signal) {
  static std::atomic<bool> asked{false};
  if (asked.exchange(true)) {
    Terminal::RestoreNow();
    _exit(128 + signal);
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(g_ended_fd, &one, sizeof(one));
}

class EndingSignals {  // SIGINT, SIGTERM and SIGHUP as something to read; a second one ends at once
 public:
  EndingSignals() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    g_ended_fd = fd_;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction action {};
      action.sa_handler = OnEnding;
      sigaction(signal, &action, nullptr);
    }
  }
  ~EndingSignals() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
    close(fd_);
  }
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  int fd() const { return fd_; }
  bool Came() const {
    uint64_t count = 0;
    return read(fd_, &count, sizeof(count)) == sizeof(count);
  }

 private:
  const int fd_;
};

Status ListDevices() {
  PARLEY_TRY(const auto system, audio::SoundSystem::Start());
  std::fputs(audio::DeviceTable(system->devices()).c_str(), stdout);
  return {};
}

std::string KeyOfServer() {
  for (const char* name : {"PARLEY_API_KEY", "OPENAI_API_KEY"}) {
    const char* key = std::getenv(name);
    if (key != nullptr && *key != '\0') return key;
  }
  return "";
}

class TalkProgram {
 public:
  TalkProgram(const TalkOptions& options, const AppConfig& config)
      : options_(options),
        config_(config),
        events_(kWaitingEvents, WhenFull::kDropOldest),
        notices_(64, WhenFull::kDropOldest) {}

  Status Run() {
    if (!audio::SoundSystem::built_in()) return std::move(audio::SoundSystem::Start()).error();
    if (!options_.record.empty()) {
      PARLEY_TRY(recorder_, TalkRecorder::Create(options_.record));
    }
    DeskOptions desk{.microphone = options_.input_device,
                     .loudspeaker = options_.output_device,
                     .headphones = options_.headphones};
    if (recorder_) {
      desk.record = [this](audio::EchoBlock you, audio::EchoBlock parley) {
        recorder_->Sound(you, parley);
      };
    }
    // The devices first: what is wrong with them is said before the models are loaded.
    PARLEY_TRY(desk_, Desk::Open(std::move(desk),
                                 [this](std::string notice) { notices_.Push(std::move(notice)); }));
    PARLEY_TRY_STATUS(OpenSession());
    if (options_.push_to_talk) SetPushToTalk(true);
    PARLEY_TRY_STATUS(desk_->Start(*session_));
    Status ended = Loop();
    // From the devices to the models: nobody is called who is gone.
    desk_->Stop();
    session_.reset();
    terminal_.reset();
    if (recorder_) {
      Status closed = recorder_->Close();
      if (ended.has_value()) ended = std::move(closed);
    }
    ShowFigures();
    return ended;
  }

 private:
  Status OpenSession() {
    const auto sink = [this](const realtime::Event& event) {
      desk_->OnEvent(event);
      if (std::holds_alternative<realtime::AudioOut>(event.what) ||
          std::holds_alternative<realtime::WordsTimed>(event.what)) {
        if (!recorder_ || std::holds_alternative<realtime::WordsTimed>(event.what)) return;
      }
      events_.Push(event);
    };
    if (!options_.server.empty()) {
      PARLEY_TRY(session_, remote::OpenRemoteSession({.url = options_.server,
                                                      .key = KeyOfServer(),
                                                      .any_certificate = options_.any_certificate,
                                                      .push_to_talk = options_.push_to_talk},
                                                     sink));
      return {};
    }
    PARLEY_TRY(runtime_, Runtime::Load(config_, options_.model, Pace::kRealtime));
    PARLEY_TRY(session_, runtime_->NewSession(sink));
    return {};
  }

  Status Loop() {
    if (Terminal::Usable()) {
      PARLEY_TRY(terminal_, Terminal::Open());
    } else {
      std::printf("parley listens\n");
      std::fflush(stdout);
    }
    for (;;) {
      std::array<pollfd, 2> ready = {pollfd{signals_.fd(), POLLIN, 0},
                                     pollfd{STDIN_FILENO, POLLIN, 0}};
      poll(ready.data(), terminal_ ? 2 : 1, kRedrawMs);
      if (signals_.Came()) return {};
      std::vector<std::string> lines;
      while (auto event = events_.TryPop()) Show(*event, lines);
      while (auto notice = notices_.TryPop()) ShowNotice(*notice, lines);
      if (terminal_) {
        if ((ready[1].revents & (POLLHUP | POLLERR)) != 0) return {};  // the window is gone
        while (const auto key = terminal_->Key()) {
          if (!Press(*key)) return {};
        }
        Draw(lines);
      }
      if (!failure_.has_value()) return std::move(failure_);
    }
  }

  void Show(const realtime::Event& event, std::vector<std::string>& lines) {
    if (recorder_) recorder_->Event(event);
    if (const auto* failed = std::get_if<realtime::Failed>(&event.what)) {
      // A turn that failed is told; without a server there is no talk.
      if (runtime_ == nullptr && failed->error.code == Code::kPeer) failure_ = failed->error;
    }
    if (const auto* done = std::get_if<realtime::TurnDone>(&event.what)) {
      ++turns_;
      if (!terminal_) ShowLatency(done->trace);
    }
    if (!terminal_) return plain_.Show(event);
    for (std::string& line : Apply(state_, event, true)) lines.push_back(std::move(line));
  }

  void ShowNotice(const std::string& notice, std::vector<std::string>& lines) {
    if (terminal_) {
      state_.notice = notice;
      lines.push_back("  " + notice);
    } else {
      std::printf("            sound   %s\n", notice.c_str());
      std::fflush(stdout);
    }
  }

  static void ShowLatency(const realtime::TurnTrace& trace) {
    const std::string latency = LatencyLine(trace);
    if (latency.empty()) return;
    std::printf("            %s\n", latency.c_str());
    std::fflush(stdout);
  }

  void Draw(const std::vector<std::string>& lines) {
    const DeskFigures figures = desk_->figures();
    state_.headphones = options_.headphones;
    state_.erle_db = figures.erle_db;
    // Falls slowly, so that the eye can follow.
    const auto follow = [](float& meter, float now) { meter = std::max(now, 0.8F * meter); };
    follow(state_.meters.microphone, figures.microphone_level);
    follow(state_.meters.loudspeaker, figures.loudspeaker_level);
    terminal_->Draw(lines, Panel(state_, {.width = terminal_->width(), .colour = true}));
  }

  void SetPushToTalk(bool on) {
    state_.push_to_talk = on;
    state_.talking = false;
    realtime::TalkSettings settings;
    settings.turn_end =
        on ? realtime::TalkSettings::TurnEnd::kCommit : realtime::TalkSettings::TurnEnd::kDetector;
    settings.speaks = true;
    session_->Configure(settings);
    Hear();
  }

  void Hear() { desk_->SetHears(!state_.muted && (!state_.push_to_talk || state_.talking)); }

  // False: the user wants to go.
  bool Press(char key) {
    switch (key) {
      case 'q':
      case 4:  // Ctrl-D
        return false;
      case 'm':
        state_.muted = !state_.muted;
        break;
      case 's':
        session_->Interrupt();
        break;
      case 'o':
        if (state_.push_to_talk) SetPushToTalk(false);
        break;
      case ' ':
        if (!state_.push_to_talk) SetPushToTalk(true);
        state_.talking = !state_.talking;
        if (state_.talking) {
          session_->Interrupt();
        } else {
          session_->CommitTurn();
        }
        break;
      default:
        return true;
    }
    Hear();
    return true;
  }

  void ShowFigures() {
    const DeskFigures f = desk_->figures();
    std::printf("%" PRId64 " turns; sound in frames of %d ms, %" PRId64 " xruns, %" PRId64
                " gaps, %" PRId64 " samples lost; drift %.0f ppm",
                turns_, f.frame_ms, f.xruns, f.gaps, f.lost_samples, f.drift_ppm);
    if (!options_.headphones && f.erle_db > 0) {
      std::printf("; echo taken down by %.0f dB, %.0f ms behind", f.erle_db, f.echo_delay_ms);
    }
    std::printf("\n");
    if (f.lost_streams > 0) {
      std::printf("%" PRId64 " streams were not closed: the sound system did not answer\n",
                  f.lost_streams);
    }
    if (events_.dropped() > 0) {
      std::printf("%" PRId64 " events were not shown\n", events_.dropped());
    }
  }

  const TalkOptions& options_;
  const AppConfig& config_;
  EndingSignals signals_;
  Mailbox<realtime::Event> events_;
  Mailbox<std::string> notices_;
  std::unique_ptr<TalkRecorder> recorder_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Desk> desk_;
  std::unique_ptr<realtime::Session> session_;
  std::unique_ptr<Terminal> terminal_;
  Timeline plain_{stdout, false};
  TalkState state_;
  Status failure_;
  int64_t turns_ = 0;
};

}  // namespace

Status RunTalk(const TalkOptions& options, AppConfig config) {
  if (options.list_devices) return ListDevices();
  // The desk is the loudspeaker: it lowers what it plays.
  config.talk.speak.lowered_by = realtime::LoweredBy::kPlayer;
  return TalkProgram(options, config).Run();
}

}  // namespace parley::app
