// Sound devices that go away and sound servers that hang, on a real one without hardware: whatever
// happens, an open stream can be closed, and a call ends with an error instead of never.
//   sound_server.sh parley_device_drill
// The tests follow one another: the last one ends the server.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <future>

#include "audio_io/device.h"

namespace parley::audio {
namespace {

constexpr std::chrono::minutes kPatience{2};  // for whatever comes; a slow machine is no failure

class Sound final : public FrameTaker, public FrameGiver {
 public:
  void OnFrames(std::span<const float>) noexcept override { Come(); }
  void FillFrames(std::span<float> frames) noexcept override {
    std::fill(frames.begin(), frames.end(), 0.0F);
    Come();
  }
  bool Comes() { return came_.get_future().wait_for(kPatience) == std::future_status::ready; }

 private:
  void Come() {
    if (!told_.exchange(true)) came_.set_value();
  }
  std::atomic<bool> told_{false};
  std::promise<void> came_;
};

struct Devices {
  std::unique_ptr<SoundSystem> system;
  std::unique_ptr<DeviceStream> microphone, loudspeaker;

  void Close() {  // streams before their system
    microphone.reset();
    loudspeaker.reset();
    system.reset();
  }
};

Result<Devices> Open(bool tries) {
  Devices devices;
  PARLEY_TRY(devices.system, SoundSystem::Start());
  PARLEY_TRY(const auto in, ChooseDevice(devices.system->devices(), "", Direction::kIn));
  PARLEY_TRY(const auto out, ChooseDevice(devices.system->devices(), "", Direction::kOut));
  PARLEY_TRY(devices.microphone, devices.system->Open(in, Direction::kIn, {.tries = tries}));
  PARLEY_TRY(devices.loudspeaker, devices.system->Open(out, Direction::kOut, {.tries = tries}));
  return devices;
}

void ExpectSound(Devices& devices) {
  const auto heard = std::make_shared<Sound>(), played = std::make_shared<Sound>();
  const Status in = devices.microphone->Start(std::shared_ptr<FrameTaker>(heard));
  ASSERT_TRUE(in.has_value()) << in.error().message;
  const Status out = devices.loudspeaker->Start(std::shared_ptr<FrameGiver>(played));
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_TRUE(heard->Comes() && played->Comes());
}

pid_t Server() {
  const char* pid = std::getenv("PARLEY_SOUND_DAEMON");
  return pid == nullptr ? 0 : std::atoi(pid);
}

class DeviceDrill : public testing::Test {
 protected:
  void SetUp() override { ASSERT_GT(Server(), 0) << "run it with tests/talk/sound_server.sh"; }
};

TEST_F(DeviceDrill, OpensAndClosesAgainAndAgain) {
  for (int i = 0; i < 10; ++i) {
    auto devices = Open(i % 4 < 2);
    ASSERT_TRUE(devices.has_value()) << devices.error().message;
    if (i % 2 == 0) ExpectSound(*devices);
  }
  EXPECT_EQ(SoundSystem::lost_streams(), 0);
}

TEST_F(DeviceDrill, AServerThatHangsHangsNobodyAndIsUsedAgainWhenItGoesOn) {
  auto devices = Open(false);
  ASSERT_TRUE(devices.has_value()) << devices.error().message;
  ExpectSound(*devices);
  ASSERT_EQ(kill(Server(), SIGSTOP), 0);
  devices->Close();
  EXPECT_LE(SoundSystem::lost_streams(), 2);
  EXPECT_FALSE(Open(true).has_value());
  EXPECT_FALSE(Open(true).has_value()) << "beside a call that has not returned";
  ASSERT_EQ(kill(Server(), SIGCONT), 0);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  auto again = Open(true);
  while (!again.has_value() && std::chrono::steady_clock::now() < end) again = Open(true);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  ExpectSound(*again);
}

TEST_F(DeviceDrill, ADeviceThatGoesBeforeItStartsIsAnError) {
  auto devices = Open(false);
  ASSERT_TRUE(devices.has_value()) << devices.error().message;
  const auto server = static_cast<int>(syscall(SYS_pidfd_open, Server(), 0));
  ASSERT_GE(server, 0);
  ASSERT_EQ(kill(Server(), SIGTERM), 0);
  pollfd gone{server, POLLIN, 0};
  ASSERT_EQ(poll(&gone, 1, -1), 1);
  close(server);
  const int64_t lost = SoundSystem::lost_streams();
  // PortAudio 19.6 waits for ever here, so the stream is lost.
  EXPECT_FALSE(devices->loudspeaker->Start(std::shared_ptr<FrameGiver>(std::make_shared<Sound>()))
                   .has_value());
  const int64_t lost_now = SoundSystem::lost_streams();
  EXPECT_LE(lost_now, lost + 1);
  devices->Close();
  // What is opened now fails at once, and nothing more is lost.
  const auto none = Open(true);
  ASSERT_FALSE(none.has_value());
  EXPECT_NE(none.error().code, Code::kTimeout) << none.error().message;
  EXPECT_EQ(SoundSystem::lost_streams(), lost_now);
}

}  // namespace
}  // namespace parley::audio
