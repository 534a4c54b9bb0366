// The bench runs on random weights wherever there is no model, and says what it measured.
// SPDX-License-Identifier: Apache-2.0
#include "bench/engine_bench.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "bench/random_weights.h"
#include "model/decoder.h"

namespace parley::bench {
namespace {

TEST(EngineBench, MeasuresEveryCaseOnRandomWeights) {
  EngineBenchOptions options;
  options.geometry = "tiny";
  options.threads = {2};
  options.rounds = 1;
  std::map<std::string, BenchFigure> figures;
  const Status done =
      RunEngineBench(options, [&](const BenchFigure& figure) { figures[figure.name] = figure; });
  ASSERT_TRUE(done.has_value()) << done.error().message;
  for (const char* name :
       {"decode", "prefill_128", "prefill_512", "branches_4", "fork_p50", "fork_p99",
        "rollback_p50", "rollback_p99", "page_copy", "mixed_step_p50", "stolen_core"}) {
    ASSERT_TRUE(figures.count(name)) << name;
    EXPECT_GT(figures[name].value, 0) << name;
    EXPECT_EQ(figures[name].threads, 2);
  }
  // A fork shares its pages: a thousandth of a second would be a copy. In the median, since others run here too.
  EXPECT_LE(figures["fork_p50"].value, 1000);
  EXPECT_LE(figures["rollback_p50"].value, 1000);
  EXPECT_EQ(JsonRow({.name = "decode", .threads = 2, .value = 1.5, .unit = "tokens/s"}),
            R"({"bench":"engine","case":"decode","threads":2,"value":1.5,"unit":"tokens/s"})");
}

TEST(EngineBench, NamesTheGeometriesThereAre) {
  const auto made = MakeRandomDecoder("huge");
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message.find("tiny, smollm2-135m"), std::string::npos);
}

}  // namespace
}  // namespace parley::bench
