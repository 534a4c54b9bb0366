// The goals of the echo canceller on four measured rooms, with real answers of our voice and a real
// near voice. tests/bench/echo.cc prints the figures beside those of others.
// SPDX-License-Identifier: Apache-2.0
#include "audio_io/echo_canceller.h"

#include <gtest/gtest.h>

#include "audio_io/sound_file.h"
#include "support/echo_scene.h"
#include "support/paths.h"

namespace parley::audio {
namespace {

using test::EchoScene;

Result<std::vector<float>> Data(const std::string& name) {
  return ReadSound(test::DataDir() + "/speech/" + name);
}

struct Room {
  std::string name;
  double echo_db;
};

class EchoCancellerRoom : public testing::TestWithParam<Room> {};

std::vector<float> Cancel(EchoCanceller& canceller, const EchoScene& scene) {
  std::vector<float> out(scene.mic.size());
  for (size_t i = 0; i + kEchoBlock <= out.size(); i += kEchoBlock) {
    canceller.Process(EchoBlock(&scene.mic[i], kEchoBlock), EchoBlock(&scene.far[i], kEchoBlock),
                      std::span<float, kEchoBlock>(&out[i], kEchoBlock));
  }
  return out;
}

EchoScene Scene(const Room& room, test::EchoSceneOptions options) {
  std::vector<float> near;
  for (const char* clip : {"turn_000", "turn_002", "turn_004", "turn_006"}) {
    const auto sound = Data("conversation/" + std::string(clip) + ".flac");
    EXPECT_TRUE(sound.has_value());
    near.insert(near.end(), sound->begin(), sound->end());
  }
  const auto far = Data("synthetic/answers.ogg");
  const auto response = Data("rooms/" + room.name + ".flac");
  EXPECT_TRUE(far.has_value() && response.has_value());
  options.echo_db = room.echo_db;
  return test::MakeEchoScene(*far, near, *response, options);
}

TEST_P(EchoCancellerRoom, TakesTheEchoAndLeavesTheNearVoice) {
  const EchoScene scene = Scene(GetParam(), {});
  EchoCanceller canceller;
  const std::vector<float> out = Cancel(canceller, scene);
  const test::EchoFigures figures = test::MeasureEcho(scene, out);
  RecordProperty("erle_db", std::to_string(figures.erle_db));
  RecordProperty("near_loss_db", std::to_string(figures.near_loss_db));
  EXPECT_GE(figures.erle_db, 25);
  EXPECT_LE(figures.near_loss_db, 3);
}

// What a small loudspeaker adds to the sound no linear filter can take.
TEST_P(EchoCancellerRoom, ADistortingLoudspeakerIsHeldDownToo) {
  const EchoScene scene = Scene(GetParam(), {.overdriven = true});
  EchoCanceller canceller;
  const test::EchoFigures figures = test::MeasureEcho(scene, Cancel(canceller, scene));
  EXPECT_GE(figures.erle_db, 25);
  EXPECT_LE(figures.near_loss_db, 3);
}

INSTANTIATE_TEST_SUITE_P(Rooms, EchoCancellerRoom,
                         testing::Values(Room{"rir1", -6}, Room{"rir1", -20}, Room{"rir2", -6},
                                         Room{"rir2", -20}, Room{"rir3", -6}, Room{"rir3", -20},
                                         Room{"rir4", -6}, Room{"rir4", -20}),
                         [](const auto& room) {
                           return room.param.name + "At" +
                                  std::to_string(static_cast<int>(-room.param.echo_db));
                         });

// Two and a half seconds into the first answer the filter still learns. A loudspeaker that is hardly
// heard is no reason to hold back more of a voice that is as quiet: before the filter weighed what it
// may doubt, it took 3 dB beside an echo of -6 dB, 7.5 at -20 and 13 at -26.
TEST(EchoCanceller, EarlyInAnAnswerAVoiceAsQuietAsItsEchoIsNotTakenForIt) {
  for (const char* room : {"rir1", "rir2", "rir3", "rir4"}) {
    for (const double echo_db : {-6.0, -20.0, -26.0}) {
      const EchoScene scene = Scene({room, echo_db}, {.length_s = 5});
      EchoCanceller canceller;
      const test::EchoFigures figures = test::MeasureEcho(scene, Cancel(canceller, scene));
      EXPECT_LE(figures.near_loss_db, 4) << room << " at " << echo_db << " dB";
    }
  }
}

TEST(EchoCanceller, FindsTheDelayOfSlowDevices) {
  const EchoScene scene = Scene({"rir4", -6}, {.delay_ms = 300});
  EchoCanceller canceller;
  const test::EchoFigures figures = test::MeasureEcho(scene, Cancel(canceller, scene));
  EXPECT_GE(canceller.delay_ms(), 260);
  EXPECT_LE(canceller.delay_ms(), 300);
  EXPECT_GE(figures.erle_db, 25);
}

TEST(EchoCanceller, LearnsNothingFromAMicrophoneThatIsMuted) {
  EchoScene scene = Scene({"rir1", -20}, {});
  constexpr size_t kSecond = 16000;
  std::fill_n(scene.mic.begin(), 5 * kSecond, 0.0F);
  EchoCanceller canceller;
  const std::vector<float> out = Cancel(canceller, scene);
  EXPECT_EQ(test::Power(std::span(out).first(5 * kSecond)), 0);
  const auto learnt = [](const std::vector<float>& sound) {
    return test::Db(test::Power(std::span(sound).subspan(8 * kSecond, 7 * kSecond)));
  };
  EXPECT_GE(learnt(scene.mic) - learnt(out), 25);
}

TEST(EchoCanceller, WithoutAnEchoGivesTheNearVoiceBack) {
  EchoScene scene = Scene({"rir4", -6}, {});
  std::fill(scene.far.begin(), scene.far.end(), 0.0F);
  scene.mic = scene.near;
  EchoCanceller canceller;
  const test::EchoFigures figures = test::MeasureEcho(scene, Cancel(canceller, scene));
  EXPECT_LE(figures.near_loss_db, 1);
  EXPECT_FALSE(canceller.active());
}

TEST(EchoCanceller, IsColdUntilItHasHeardAnAnswer) {
  EchoCanceller canceller;
  EXPECT_FALSE(canceller.warm());
  const EchoScene scene = Scene({"rir1", -6}, {});
  Cancel(canceller, scene);
  EXPECT_TRUE(canceller.warm());
  EXPECT_GE(canceller.erle_db(), 0);
  canceller.Reset();
  EXPECT_FALSE(canceller.warm());
}

// A warm-up guard: also in the first half second hardly any of the echo passes.
TEST(EchoCanceller, HoldsTheFirstEchoBack) {
  for (const char* room : {"rir1", "rir2", "rir3", "rir4"}) {
    const EchoScene scene = Scene({room, -6}, {});
    EchoCanceller canceller;
    const std::vector<float> out = Cancel(canceller, scene);
    const size_t second = 16000;
    EXPECT_GE(test::Db(test::Power(std::span(scene.mic).first(second))) -
                  test::Db(test::Power(std::span(out).first(second))),
              20)
        << room;
  }
}

}  // namespace
}  // namespace parley::audio
