// SPDX-License-Identifier: Apache-2.0
#include "common/health.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

MachineFacts Good() {
  return {"model name\t: Fast CPU\nflags\t\t: fpu avx2 avx512f avx512bw avx512_vnni\n",
          "MemTotal:       24000000 kB\nMemAvailable:   20000000 kB\n", "always [madvise] never",
          2};
}

TEST(Health, AGoodMachineNeedsNoMending) {
  const auto rows = MachineHealth(Good());
  ASSERT_EQ(rows.size(), 4U);
  for (const HealthRow& row : rows) {
    EXPECT_EQ(row.health, Health::kOk) << row.what;
    EXPECT_TRUE(row.mend.empty()) << row.what;
  }
  EXPECT_EQ(rows[0].found, "Fast CPU; AVX-512 with VNNI");
  EXPECT_EQ(rows[1].found, "2 usable");
  EXPECT_EQ(rows[2].found, "24.6 GB, 20.5 GB available");
  EXPECT_EQ(rows[3].found, "madvise");
}

TEST(Health, EachShortcomingIsNamedAndMended) {
  MachineFacts facts{"flags : avx2x sse2\n", "MemAvailable: 1000000 kB\n", "always madvise [never]",
                     1};
  const auto rows = MachineHealth(facts);
  EXPECT_EQ(rows[0].health, Health::kWarn);
  EXPECT_EQ(rows[1].health, Health::kWarn);
  EXPECT_EQ(rows[2].health, Health::kFail);
  EXPECT_EQ(rows[3].health, Health::kWarn);
  for (const HealthRow& row : rows) EXPECT_FALSE(row.mend.empty()) << row.what;
}

TEST(Health, NothingKnownIsNotACrash) {
  EXPECT_EQ(MachineHealth(MachineFacts{}).size(), 4U);
  EXPECT_EQ(MachineHealth().size(), 4U);  // this machine
}

TEST(Health, RenderedAsOneLineEachWithTheMendBelow) {
  EXPECT_EQ(
      RenderHealth({{Health::kOk, "cores", "2", ""}, {Health::kFail, "x", "none", "get one"}}),
      "ok    cores  2\n"
      "FAIL  x      none\n"
      "             -> get one\n");
}

}  // namespace
}  // namespace parley
