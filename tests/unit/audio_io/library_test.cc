// SPDX-License-Identifier: Apache-2.0
#include "audio_io/library.h"

#include <gtest/gtest.h>

#include <future>

namespace parley::audio {
namespace {

constexpr std::chrono::milliseconds kSoon{20};
constexpr std::chrono::hours kLong{1};
const auto kNoMatter = [](const auto&) {};

// Calls that hang until the test lets them go.
struct Hanging {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
};

TEST(CallWithin, GivesWhatTheCallReturns) {
  EXPECT_EQ(CallWithin(
                kLong, [] { return 7; }, kNoMatter),
            7);
}

TEST(CallWithin, LeavesACallThatHangsAndHandsItsResultOnWhenItComes) {
  Hanging call;
  std::promise<int> late;
  const auto left = CallWithin(
      kSoon,
      [gone = call.gone] {
        gone.wait();
        return 7;
      },
      [&late](int result) { late.set_value(result); });
  EXPECT_FALSE(left.has_value());
  call.go.set_value();
  EXPECT_EQ(late.get_future().get(), 7);
}

TEST(Library, PassesResultsAndErrorsThrough) {
  Library library(kLong);
  const Result<int> seven = library.Alone(
      "counting", [] { return Result<int>(7); }, kNoMatter);
  ASSERT_TRUE(seven.has_value());
  EXPECT_EQ(*seven, 7);
  const auto fails = []() -> Status { return Fail(Code::kDevice, "no such device"); };
  EXPECT_EQ(library.Alone("opening", fails, kNoMatter).error().message, "no such device");
  EXPECT_EQ(library.ForStream("closing", kLong, nullptr, fails).error().message, "no such device");
  EXPECT_FALSE(library.busy());
  EXPECT_EQ(library.lost(), 0U);
}

TEST(Library, NobodyEntersWhileACallHangs) {
  Library library(kSoon);
  Hanging call;
  std::promise<void> tidied;
  const auto opens = [gone = call.gone]() -> Status { return gone.wait(), Status(); };
  const Status left = library.Alone("opening hw:1", opens, [&](const Status&) {
    EXPECT_TRUE(library.busy()) << "tidying is still alone";
    tidied.set_value();
  });
  ASSERT_FALSE(left.has_value());
  EXPECT_EQ(left.error().code, Code::kTimeout);
  EXPECT_TRUE(library.busy());
  const Status refused = library.Alone(
      "looking", [] { return Status(); }, kNoMatter);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("opening hw:1"), std::string::npos);
  call.go.set_value();
  tidied.get_future().wait();
  while (library.busy()) std::this_thread::yield();
  EXPECT_TRUE(library
                  .Alone(
                      "looking", [] { return Status(); }, kNoMatter)
                  .has_value());
}

TEST(Library, KeepsWhatALostStreamMayTouchAndOthersGoOn) {
  Library library(kLong);
  Hanging call;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = held;
  const auto closes = [gone = call.gone]() -> Status { return gone.wait(), Status(); };
  const Status lost = library.ForStream("closing", kSoon, std::move(held), closes);
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, Code::kTimeout);
  EXPECT_EQ(library.lost(), 1U);
  EXPECT_FALSE(alive.expired());
  EXPECT_TRUE(library
                  .Alone(
                      "opening", [] { return Status(); }, kNoMatter)
                  .has_value());
  call.go.set_value();
}

TEST(Library, OpensNothingMoreWhenTooManyAreLost) {
  Library library(kLong);
  for (size_t i = 0; i < Library::kMostLost; ++i) library.Lose(nullptr);
  const Status refused = library.Alone(
      "opening", [] { return Status(); }, kNoMatter);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  EXPECT_TRUE(library.ForStream("closing", kLong, nullptr, [] { return Status(); }).has_value());
}

}  // namespace
}  // namespace parley::audio
