// A device that fails: whose step it was is told, everybody else goes on; one that keeps failing is given up.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support/engine_bed.h"
#include "support/faulty_backend.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::Sequence;
using engine::Urgency;

class FailureTest : public testing::Test {
 protected:
  FaultyBackend backend_{kernels::MakeReferenceBackend()};
  EngineBed bed_{{}, backend_};
};

TEST_F(FailureTest, TheStreamsOfTheStepFailAndTheSequenceGoesOnFromWhereItWas) {
  const Sequence talk = bed_.Open();
  ASSERT_TRUE(bed_.Append(talk, Ids(5)).has_value());
  const Sequence copy = bed_.engine().Fork(talk, 5);
  const std::vector<TokenId> expected = bed_.Say(copy, 10);
  const auto log = bed_.Generate(talk, {.max_tokens = 10});
  log->on_token = [&](TokenId, engine::Position position) {
    if (position == 8) backend_.polls_to_fail = 1;
  };
  bed_.Run();
  ASSERT_EQ(log->ended->reason, EndReason::kFailed);
  EXPECT_EQ(log->ended->error.code, Code::kDevice);
  std::vector<TokenId> said = log->tokens;
  for (const TokenId id : bed_.Say(talk, static_cast<int32_t>(10 - said.size())))
    said.push_back(id);
  EXPECT_EQ(said, expected);
}

TEST_F(FailureTest, AnAppendOfTheStepFailsAndLeavesNoPositions) {
  const Sequence talk = bed_.Open();
  ASSERT_TRUE(bed_.Append(talk, Ids(5)).has_value());
  backend_.polls_to_fail = 1;
  EXPECT_EQ(bed_.Append(talk, Ids(20)).error().code, Code::kDevice);
  EXPECT_EQ(bed_.Append(talk, {1}).error().code,
            Code::kDevice);  // it would not follow what it should
  bed_.engine().Rollback(talk, 5);
  EXPECT_EQ(bed_.Append(talk, Ids(20)).value(), 25);
  const Sequence fresh = bed_.Open();
  std::vector<TokenId> ids = Ids(5);
  for (const TokenId id : Ids(20)) ids.push_back(id);
  ASSERT_TRUE(bed_.Append(fresh, ids).has_value());
  EXPECT_EQ(bed_.Say(talk, 5), bed_.Say(fresh, 5));
}

// The caller sends all of it before the failure of the first Append can have reached it.
TEST_F(FailureTest, CallsThatCountOnAFailedAppendFailWithIt) {
  const Sequence talk = bed_.Open();
  ASSERT_TRUE(bed_.Append(talk, Ids(5)).has_value());
  std::vector<Code> told;
  const auto done = [&told](const Result<engine::Position>& r) {
    told.push_back(r ? Code::kIo : r.error().code);
  };
  bed_.engine().Append(talk, {.tokens = {-7}}, Urgency::kFirstWords, done);  // refused at once
  bed_.engine().Rollback(talk, 6);  // to a position that never came about
  bed_.engine().Append(talk, {.tokens = Ids(4)}, Urgency::kFirstWords, done);
  const Sequence branch = bed_.engine().Fork(talk, 10);
  bed_.engine().Append(branch, {.tokens = Ids(1)}, Urgency::kFirstWords, done);
  bed_.Run();
  EXPECT_EQ(told, std::vector<Code>(3, Code::kInvalidArgument));
  bed_.engine().Rollback(talk, 5);  // now it knows
  EXPECT_EQ(bed_.Append(talk, Ids(4)).value(), 9);
  bed_.engine().Rollback(branch, 1);  // it never held a position
  EXPECT_FALSE(bed_.Append(branch, Ids(4)).has_value());
  bed_.engine().Rollback(branch, 0);
  ASSERT_EQ(bed_.Append(branch, Ids(5)).value(), 5);
  ASSERT_EQ(bed_.Append(branch, Ids(4)).value(), 9);
  EXPECT_EQ(bed_.Say(branch, 5), bed_.Say(talk, 5));
}

TEST_F(FailureTest, ADeviceThatKeepsFailingIsGivenUpWithWhatToDo) {
  const Sequence talk = bed_.Open();
  const Sequence other = bed_.Open();
  backend_.polls_to_fail = 3;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bed_.Append(talk, Ids(20)).error().code, Code::kDevice);
    bed_.engine().Rollback(talk, 0);
  }
  const auto refused = bed_.Append(other, Ids(2));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kDevice);
  EXPECT_NE(refused.error().message.find("restart parley"), std::string::npos);
  Code code = Code::kIo;
  bed_.engine().Transcribe(
      {1}, std::vector<float>(100), {}, Urgency::kFirstWords,
      [&code](Result<model::Transcript> r) { code = r ? Code::kIo : r.error().code; });
  bed_.Run();
  EXPECT_EQ(code, Code::kDevice);
}

TEST(Mailbox, CallsBeyondItsCapacityFailAndAreCounted) {
  EngineBed bed({.config = {.mailbox = 16}});
  const Sequence talk = bed.Open();
  int failed = 0, done = 0;
  for (int i = 0; i < 40; ++i) {
    bed.engine().Append(talk, {.tokens = {1}}, Urgency::kFirstWords,
                        [&](Result<engine::Position> r) { ++(r ? done : failed); });
  }
  const Sequence branch = bed.engine().Fork(talk, 0);  // never refused
  bed.Run();
  EXPECT_EQ(done, 15);
  EXPECT_EQ(failed, 25);
  EXPECT_EQ(bed.stats().refused, 25);
  EXPECT_TRUE(bed.Append(branch, {1}).has_value());
}

}  // namespace
}  // namespace parley::test
