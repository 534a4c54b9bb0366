// What the doctor says of GPUs, without one.
// SPDX-License-Identifier: Apache-2.0
#include "app/gpu_report.h"

#include <gtest/gtest.h>

#include <string>

namespace parley::app {
namespace {

constexpr int64_t kGib = int64_t{1} << 30;

std::string LineWith(const std::string& text, const std::string& words) {
  const size_t at = text.find(words);
  if (at == std::string::npos) return "";
  const size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

TEST(GpuReport, SaysWhatFitsAndWhatCannotBeCut) {
  const std::string table = WhatFits(139 * kGib, 2048);
  const std::string r1 = LineWith(table, "step-audio-r1      bf16     1");
  EXPECT_NE(r1.find("61.2 GiB"), std::string::npos) << table;
  const std::string mini = LineWith(table, "step-audio-2-mini  bf16     8");
  EXPECT_NE(mini.find("28 query heads cannot be cut over 8 ranks"), std::string::npos) << table;
  EXPECT_NE(table.find("encoder and adaptor take 1.2 GiB more"), std::string::npos) << table;
  const std::string small = WhatFits(40 * kGib, 2048);
  EXPECT_NE(LineWith(small, "step-audio-r1      bf16     1").find("does not fit"),
            std::string::npos)
      << small;
  EXPECT_EQ(LineWith(small, "step-audio-r1      fp8      1").find("does not fit"),
            std::string::npos)
      << small;
}

TEST(GpuReport, NamesGpusAndWhatTheyReach) {
  std::vector<kernels::CudaDevice> devices = {{0, "NVIDIA H200", 9, 0, 140 * kGib, 130 * kGib, {1}},
                                              {1, "NVIDIA A100", 8, 0, 80 * kGib, 79 * kGib, {}}};
  const auto rows = GpuHealth(devices);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].what, "cuda:0");
  EXPECT_EQ(rows[0].found, "NVIDIA H200, 140.0 GiB, 130.0 GiB free, reaches the memory of 1");
  EXPECT_EQ(rows[0].health, Health::kOk);
  EXPECT_EQ(rows[1].health, Health::kWarn);
  EXPECT_NE(rows[1].found.find("reaches no other GPU's memory"), std::string::npos);
  EXPECT_NE(rows[1].mend.find("8.0"), std::string::npos);
  EXPECT_EQ(GpuHealth(std::vector<kernels::CudaDevice>())[0].found, "none here");
}

}  // namespace
}  // namespace parley::app
