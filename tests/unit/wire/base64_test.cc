// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace parley::wire {
namespace {

std::string Encoded(std::string_view bytes) {
  std::string out;
  AppendBase64(out, bytes);
  return out;
}

TEST(Base64, GivesTheVectorsOfTheRfc) {
  EXPECT_EQ(Encoded(""), "");
  EXPECT_EQ(Encoded("f"), "Zg==");
  EXPECT_EQ(Encoded("fo"), "Zm8=");
  EXPECT_EQ(Encoded("foo"), "Zm9v");
  EXPECT_EQ(Encoded("foobar"), "Zm9vYmFy");
}

TEST(Base64, ReadsWhatItWrites) {
  std::mt19937 random(1);
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(random());
    EXPECT_EQ(DecodeBase64(Encoded(bytes)), bytes) << size;
  }
}

TEST(Base64, RefusesWhatIsNone) {
  EXPECT_FALSE(DecodeBase64("A"));
  EXPECT_FALSE(DecodeBase64("AA A"));
  EXPECT_FALSE(DecodeBase64("A==="));
  EXPECT_FALSE(DecodeBase64("AA=A"));
  EXPECT_FALSE(DecodeBase64("\xC3\xA9"));
}

TEST(Base64, ReadsTheUrlSafeAlphabetAndMissingPadding) {
  EXPECT_EQ(DecodeBase64("-_8"), "\xFB\xFF");
  EXPECT_EQ(DecodeBase64("+/8="), "\xFB\xFF");
}

}  // namespace
}  // namespace parley::wire
