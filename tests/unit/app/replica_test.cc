// How the config names the pool's replicas.
// SPDX-License-Identifier: Apache-2.0
#include "app/replica.h"

#include <gtest/gtest.h>

#include <string>

#include "weights/checkpoint_table.h"

namespace parley::app {
namespace {

TEST(Pool, IsReadFromTheConfig) {
  const auto none = ParsePool("  ");
  ASSERT_TRUE(none);
  ASSERT_EQ(none->size(), 1U);
  EXPECT_TRUE(none->front().gpus.empty());
  const auto mixed = ParsePool("cpu, cuda:0 ,cuda:2+3,cpu");
  ASSERT_TRUE(mixed) << mixed.error().message;
  ASSERT_EQ(mixed->size(), 4U);
  EXPECT_TRUE((*mixed)[0].gpus.empty());
  EXPECT_EQ((*mixed)[1].gpus, std::vector<int>{0});
  EXPECT_EQ((*mixed)[2].gpus, (std::vector<int>{2, 3}));
  EXPECT_EQ((*mixed)[2].name, "cuda:2+3");
}

TEST(Pool, SaysWhatItCannotRead) {
  for (const char* wrong :
       {"gpu0", "cuda", "cuda:", "cuda:-1", "cuda:a", "cuda:0+", "cpu:2", ","}) {
    const auto parsed = ParsePool(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find("a replica is cpu, cuda:N, or cuda:N+M"),
              std::string::npos)
        << parsed.error().message;
  }
  EXPECT_NE(ParsePool("cuda:1, cuda:0+1").error().message.find("names GPU 1 twice"),
            std::string::npos);
  EXPECT_NE(ParsePool("cuda:0+1+2+3+4+5+6+7+8").error().message.find("9 GPUs"), std::string::npos);
}

// In a build without CUDA: what to do. In one with it, on a machine without such a GPU: which there are.
TEST(Pool, RefusesAGpuThatIsNotThereBeforeItReadsWeights) {
  weights::CheckpointTable empty("safetensors");
  AppConfig config;
  const auto replica = Replica::Load({"cuda:63", {63}}, config, empty, {});
  ASSERT_FALSE(replica);
  const std::string& why = replica.error().message;
  EXPECT_TRUE(why.starts_with("replica cuda:63: ")) << why;
  EXPECT_TRUE(why.find("built without CUDA") != std::string::npos ||
              why.find("there is no GPU 63") != std::string::npos)
      << why;
}

}  // namespace
}  // namespace parley::app
