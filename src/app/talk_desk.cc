// SPDX-License-Identifier: Apache-2.0
#include "app/talk_desk.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <utility>
#include <variant>
#include <vector>

namespace parley::app {
namespace {

using Clock = std::chrono::steady_clock;
using audio::CaptureLine;
using audio::Direction;
using audio::PlaybackLine;

constexpr auto kLostAfter = std::chrono::seconds(1);  // without a callback
constexpr auto kXrunWatch = std::chrono::seconds(10);
constexpr int kWaitMs = 100;
constexpr int kRetryMs = 1000;

}  // namespace

Desk::Desk(DeskOptions options, Notice notice)
    : options_(std::move(options)), notice_(std::move(notice)) {}

Desk::~Desk() { Stop(); }

Result<std::unique_ptr<Desk>> Desk::Open(DeskOptions options, Notice notice) {
  std::unique_ptr<Desk> desk(new Desk(std::move(options), std::move(notice)));
  PARLEY_TRY_STATUS(desk->OpenDevices(false));
  return desk;
}

Status Desk::OpenDevices(bool again) {
  PARLEY_TRY(system_, audio::SoundSystem::Start());
  PARLEY_TRY(const auto in,
             audio::ChooseDevice(system_->devices(), options_.microphone, Direction::kIn));
  PARLEY_TRY(const auto out,
             audio::ChooseDevice(system_->devices(), options_.loudspeaker, Direction::kOut));
  const audio::SoundSystem::Opening opening{.frame = frame_, .tries = again};
  PARLEY_TRY(microphone_, system_->Open(in, Direction::kIn, opening));
  PARLEY_TRY(loudspeaker_, system_->Open(out, Direction::kOut, opening));
  capture_ = std::make_shared<CaptureLine>(microphone_->rate_hz(), audio::SteadyNanoseconds);
  {
    const std::lock_guard lock(mutex_);
    playback_ = std::make_shared<PlaybackLine>(loudspeaker_->rate_hz(), loudspeaker_->latency_ms(),
                                               audio::SteadyNanoseconds);
  }
  path_ = std::make_unique<audio::SoundPath>(*capture_, *playback_, !options_.headphones,
                                             options_.record);
  return {};
}

Status Desk::StartDevices() {
  PARLEY_TRY_STATUS(loudspeaker_->Start(playback_));
  PARLEY_TRY_STATUS(microphone_->Start(capture_));
  xruns_seen_ = 0;
  loss_ = {};
  watched_since_ = Clock::now();
  return {};
}

void Desk::CloseDevices() {
  const int64_t lost = audio::SoundSystem::lost_streams();
  microphone_.reset();
  loudspeaker_.reset();
  path_.reset();
  capture_.reset();
  {
    const std::lock_guard lock(mutex_);
    playback_.reset();
    answering_ = false;
    figures_.microphone_level = figures_.loudspeaker_level = 0;
    figures_.lost_streams = audio::SoundSystem::lost_streams();
  }
  system_.reset();
  if (figures_.lost_streams > lost) {
    notice_(
        "the sound system does not let go of a device; going on without it. What is plugged in "
        "from now on is seen when parley is started again");
  }
}

// A device that is not there is looked for in silence; a sound system that hangs is told.
Status Desk::TryAgain(std::string& told) {
  Status opened = OpenDevices(true);
  if (opened.has_value()) opened = StartDevices();
  if (opened.has_value()) return opened;
  const Error& error = opened.error();
  if (error.code != Code::kTimeout && error.code != Code::kExhausted) return opened;
  if (told != error.message) notice_(error.message);
  told = error.message;
  return opened;
}

Status Desk::Start(realtime::Session& session) {
  session_ = &session;
  PARLEY_TRY_STATUS(StartDevices());
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  return {};
}

void Desk::Stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  CloseDevices();
}

// ---- the desk's thread ---------------------------------------------------------------------------

void Desk::Run(const std::stop_token& stop) {
  while (!Work(stop)) {
    CloseDevices();
    // What was being said is cut where the loudspeaker fell silent.
    session_->Interrupt();
    const auto lost = Clock::now();
    int64_t silence_ms = 0;
    std::string told;
    Status opened = TryAgain(told);
    std::mutex idle;
    std::condition_variable_any wake;
    for (auto retry = lost; !opened.has_value() && !stop.stop_requested();) {
      // The talk's clock is that of its sound: it must go on.
      std::unique_lock lock(idle);
      wake.wait_for(lock, stop, std::chrono::milliseconds(kWaitMs), [] { return false; });
      const auto away =
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - lost).count();
      GiveSilence(away - silence_ms);
      silence_ms = away;
      if (Clock::now() - retry < std::chrono::milliseconds(kRetryMs)) continue;
      retry = Clock::now();
      CloseDevices();
      opened = TryAgain(told);
    }
    if (stop.stop_requested()) return;
    notice_("back: " + microphone_->name() + ", " + loudspeaker_->name());
  }
}

bool Desk::Work(const std::stop_token& stop) {
  auto heard_at = Clock::now(), played_at = heard_at;
  int64_t given = 0;
  while (!stop.stop_requested()) {
    const bool heard = capture_->Wait(kWaitMs);
    const auto now = Clock::now();
    if (playback_->given() != given) {
      given = playback_->given();
      played_at = now;
    }
    if (heard) {
      heard_at = now;
      path_->Step([this](PcmView sound) { Give(sound); });
      ReportPlayed();
      PutFigures();
    }
    const bool no_sound = now - heard_at > kLostAfter, no_call = now - played_at > kLostAfter;
    if (no_sound || no_call) {
      notice_((no_sound ? microphone_->name() : loudspeaker_->name()) +
              " has stopped; is it unplugged? Looking for it every second");
      return false;
    }
    if (now - watched_since_ > kXrunWatch && !WatchXruns()) return false;
  }
  return true;
}

// False: the frames are too small for this machine, the devices are to be opened again.
bool Desk::WatchXruns() {
  watched_since_ = Clock::now();
  const audio::DeviceStats in = microphone_->stats(), out = loudspeaker_->stats();
  const int64_t all = in.overflows + in.underflows + out.overflows + out.underflows;
  const int64_t fresh = all - std::exchange(xruns_seen_, all);
  const size_t choices = audio::FrameChoices(microphone_->rate_hz()).size();
  if (!loss_.TooMany(fresh) || frame_ + 1 >= choices) return true;
  ++frame_;
  notice_("sound was lost " + std::to_string(all) + " times; taking larger frames");
  return false;
}

void Desk::Give(PcmView sound) {
  if (hears_) return session_->PushSound(sound);
  GiveSilence(static_cast<int64_t>(sound.size()) * 1000 / kSampleRateHz);
}

void Desk::GiveSilence(int64_t ms) {
  static constexpr std::array<float, kSampleRateHz / 100> kSilence{};
  for (; ms >= 10; ms -= 10) session_->PushSound(kSilence);
}

void Desk::ReportPlayed() {
  int64_t played = -1;
  {
    const std::lock_guard lock(mutex_);
    if (!answering_) return;
    // All of it is all of it, whatever the resampler rounds.
    const bool all = sent_ && playback_->drained();
    played =
        all ? answer_samples_
            : std::min(answer_samples_, playback_->heard() * voice_rate_hz_ / playback_->rate_hz());
    if (all) answering_ = false;
    if (played == std::exchange(reported_, played)) return;
  }
  session_->Played(played);
}

void Desk::PutFigures() {
  const audio::DeviceStats in = microphone_->stats(), out = loudspeaker_->stats();
  const std::lock_guard lock(mutex_);
  figures_.microphone_level = hears_ ? path_->level() : 0;
  figures_.loudspeaker_level = playback_->level();
  figures_.erle_db = path_->canceller().erle_db();
  figures_.echo_delay_ms = path_->canceller().delay_ms();
  figures_.drift_ppm = path_->loudspeaker_ppm();
  figures_.lost_samples = capture_->lost();
  figures_.xruns = in.overflows + in.underflows + out.overflows + out.underflows;
  figures_.gaps = playback_->gaps();
  figures_.late = path_->late();
  figures_.frame_ms = 1000 * microphone_->frame_samples() / microphone_->rate_hz();
  figures_.microphone_latency_ms = microphone_->latency_ms();
  figures_.loudspeaker_latency_ms = loudspeaker_->latency_ms();
}

DeskFigures Desk::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

// ---- the session's executor ----------------------------------------------------------------------

void Desk::OnEvent(const realtime::Event& event) {
  const std::lock_guard lock(mutex_);
  if (playback_ == nullptr) return;  // looking for a device
  if (const auto* sound = std::get_if<realtime::AudioOut>(&event.what)) {
    PlaySound(*sound);
  } else if (std::holds_alternative<realtime::AnswerSent>(event.what)) {
    EndAnswer();
  } else if (const auto* lowered = std::get_if<realtime::Lowered>(&event.what)) {
    playback_->SetGain(lowered->gain);
  } else if (std::holds_alternative<realtime::Unlowered>(event.what)) {
    playback_->SetGain(1);
  } else if (std::holds_alternative<realtime::BargedIn>(event.what)) {
    playback_->Cut();
    answering_ = false;
  }
}

void Desk::PlaySound(const realtime::AudioOut& sound) {
  if (sound.first_sample == 0) {
    playback_->AnswerBegins();
    voice_rate_hz_ = sound.sample_rate_hz;
    resampler_.emplace(voice_rate_hz_, playback_->rate_hz());
    answering_ = true;
    sent_ = false;
    answer_samples_ = 0;
    reported_ = -1;
  }
  if (!answering_) return;  // the rest of one that a lost device has cut
  answer_samples_ += static_cast<int64_t>(sound.samples.size());
  playback_->Play(resampler_->Push(sound.samples));
}

void Desk::EndAnswer() {
  if (!answering_) return;
  playback_->Play(resampler_->Flush());
  playback_->AnswerSent();
  sent_ = true;
}

}  // namespace parley::app
