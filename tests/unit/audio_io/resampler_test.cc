// SPDX-License-Identifier: Apache-2.0
#include "audio_io/resampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "features/loudness.h"
#include "support/signals.h"
#include "support/stage.h"

namespace parley::audio {
namespace {

struct Rates {
  int in;
  int out;
};
void PrintTo(const Rates& r, std::ostream* os) { *os << r.in << "To" << r.out; }

class ResamplerOf : public ::testing::TestWithParam<Rates> {
 protected:
  std::vector<float> Convert(const std::vector<float>& sound) {
    Resampler resampler(GetParam().in, GetParam().out);
    return test::RunStage(resampler, std::span<const float>(sound), sound.size());
  }
};

TEST_P(ResamplerOf, ChunkingDoesNotMatter) {
  Resampler resampler(GetParam().in, GetParam().out);
  test::ExpectChunkingDoesNotMatter(resampler, std::span<const float>(test::Noise(5000)));
}

TEST_P(ResamplerOf, LengthIsRightForEveryLength) {
  const auto [in, out] = GetParam();
  Resampler resampler(in, out);
  for (const size_t n : {size_t{1}, size_t{2}, size_t{159}, size_t{1000}, size_t{44103}}) {
    const std::vector<float> sound = test::Noise(n);
    const size_t expected =
        (n * static_cast<size_t>(out) + static_cast<size_t>(in) - 1) / static_cast<size_t>(in);
    EXPECT_EQ(test::RunStage(resampler, std::span<const float>(sound), 512).size(), expected) << n;
  }
  EXPECT_TRUE(resampler.Flush().empty()) << "a flush of nothing is nothing";
}

// A tone that both rates can carry comes out as the same tone: same place, same size.
TEST_P(ResamplerOf, KeepsATone) {
  const auto [in, out] = GetParam();
  const double hz = 0.1 * std::min(in, out);
  const std::vector<float> found = Convert(test::Tone(hz, static_cast<size_t>(in) / 4, 0.5, in));
  const std::vector<float> expected = test::Tone(hz, found.size(), 0.5, out);
  const size_t edge = found.size() / 10;  // the sound begins and ends abruptly
  float worst = 0;
  for (size_t i = edge; i + edge < found.size(); ++i) {
    worst = std::max(worst, std::abs(found[i] - expected[i]));
  }
  EXPECT_LT(worst, 2e-3f) << "0.4 % of the tone";
}

TEST_P(ResamplerOf, StatesItsDelay) {
  const auto [in, out] = GetParam();
  Resampler resampler(in, out);
  if (in == out) {
    EXPECT_EQ(resampler.delay_ms(), 0.0);
    return;
  }
  EXPECT_GT(resampler.delay_ms(), 0.5);
  EXPECT_LE(resampler.delay_ms(), 5.1);
  // After a second of input, what is missing at the output is the delay, to a sample or two.
  const std::vector<float> second(static_cast<size_t>(in));
  const auto given = static_cast<double>(resampler.Push(second).size());
  EXPECT_NEAR(1000.0 * (1.0 - given / out), resampler.delay_ms(), 2000.0 / std::min(in, out));
}

INSTANTIATE_TEST_SUITE_P(Rates, ResamplerOf,
                         ::testing::Values(Rates{48000, 16000}, Rates{44100, 16000},
                                           Rates{24000, 16000}, Rates{22050, 16000},
                                           Rates{16000, 16000}, Rates{8000, 16000},
                                           Rates{16000, 8000}, Rates{16000, 24000},
                                           Rates{22050, 48000}, Rates{11025, 16000},
                                           Rates{32001, 16000}),
                         ::testing::PrintToStringParamName());

class DownwardResamplerOf : public ::testing::TestWithParam<Rates> {};

// What only the higher rate can carry must not come back as something else.
TEST_P(DownwardResamplerOf, RemovesWhatTheLowerRateCannotCarry) {
  const auto [in, out] = GetParam();
  const double hz = std::min(0.625 * out, 0.49 * in);
  ASSERT_GE(hz, 0.6 * out) << "no room for a stop band between these rates";
  const std::vector<float> sound = test::Tone(hz, static_cast<size_t>(in) / 2, 0.5, in);
  Resampler resampler(in, out);
  const auto found = test::RunStage(resampler, std::span<const float>(sound), sound.size());
  const size_t edge = found.size() / 10;
  EXPECT_LT(features::RmsDbfs(std::span(found).subspan(edge, found.size() - 2 * edge)), -60.0f);
}

INSTANTIATE_TEST_SUITE_P(Rates, DownwardResamplerOf,
                         ::testing::Values(Rates{48000, 16000}, Rates{44100, 16000},
                                           Rates{24000, 16000}, Rates{22050, 16000},
                                           Rates{16000, 8000}, Rates{32001, 16000}),
                         ::testing::PrintToStringParamName());

TEST(Resampler, SurvivesExtremeRates) {
  for (const Rates rates : {Rates{1000, 768000}, Rates{768000, 1000}, Rates{191999, 16000}}) {
    Resampler resampler(rates.in, rates.out);
    const std::vector<float> sound = test::Noise(3000);
    const auto out = test::RunStage(resampler, std::span<const float>(sound), 1000);
    EXPECT_EQ(out.size(), static_cast<size_t>(std::ceil(3000.0 * rates.out / rates.in)));
    for (const float x : out) ASSERT_TRUE(std::isfinite(x));
  }
}

}  // namespace
}  // namespace parley::audio
