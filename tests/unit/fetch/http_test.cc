// SPDX-License-Identifier: Apache-2.0
#include "fetch/http.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "support/paths.h"
#include "unit/fetch/local_server.h"

namespace parley::fetch {
namespace {

std::string Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Http : public testing::Test {
 protected:
  HttpOptions Quick() const {
    HttpOptions options;
    options.attempts = 3;
    options.first_pause = std::chrono::milliseconds(1);
    return options;
  }
  Download For(const std::string& path, size_t size) {
    return {server.Url(path), {}, file, static_cast<int64_t>(size)};
  }
  test::LocalServer server;
  test::TempDir dir;
  std::string file = dir.File("x.part");
  HttpClient http{Quick()};
};

TEST_F(Http, DownloadsAFileAndReportsProgress) {
  const std::string bytes = Bytes(300'000);
  server.Serve("/x", {.body = bytes});
  int64_t last = 0;
  Status got = http.Fetch(For("/x", bytes.size()), [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 300'000);
    last = done;
    return true;
  });
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(Read(file), bytes);
  EXPECT_EQ(last, 300'000);
}

TEST_F(Http, AsksOnlyForWhatIsMissingAfterACut) {
  const std::string bytes = Bytes(300'000);
  server.Serve("/x", {.body = bytes, .cut_after = {100'000, 50'000}});
  Status got = http.Fetch(For("/x", bytes.size()), {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(Read(file), bytes);
  const auto requests = server.requests("/x");
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_FALSE(requests[0].headers.contains("range"));
  EXPECT_EQ(requests[1].headers.at("range"), "bytes=100000-");
  EXPECT_EQ(requests[2].headers.at("range"), "bytes=150000-");
}

TEST_F(Http, GoesOnFromTheFileOfAnEarlierRun) {
  const std::string bytes = Bytes(5000);
  std::ofstream(file, std::ios::binary) << bytes.substr(0, 4000);
  server.Serve("/x", {.body = bytes});
  ASSERT_TRUE(http.Fetch(For("/x", bytes.size()), {}));
  EXPECT_EQ(Read(file), bytes);
  EXPECT_EQ(server.requests().at(0).headers.at("range"), "bytes=4000-");
  ASSERT_TRUE(http.Fetch(For("/x", bytes.size()), {}));  // complete: nothing is asked
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Http, StartsOverWhenTheServerKnowsNoRanges) {
  const std::string bytes = Bytes(9000);
  std::ofstream(file, std::ios::binary) << std::string(4000, 'z');
  server.Serve("/x", {.body = bytes, .ranges = false});
  ASSERT_TRUE(http.Fetch(For("/x", bytes.size()), {}));
  EXPECT_EQ(Read(file), bytes);
}

TEST_F(Http, StartsOverWhenWhatIsHereIsLongerThanTheServersFile) {
  std::ofstream(file, std::ios::binary) << std::string(6000, 'z');
  server.Serve("/x", {.body = Bytes(5000)});
  Status got = http.Fetch(For("/x", 8000), {});  // 416 first, then 5000 bytes of 8000
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("ends after 5000 of 8000 bytes"), std::string::npos)
      << got.error().message;
  EXPECT_EQ(Read(file), Bytes(5000));
}

TEST_F(Http, TriesAgainWhenTheServerIsBusyButNotForever) {
  server.Serve("/x", {.body = "abc", .failures = 2});
  ASSERT_TRUE(http.Fetch(For("/x", 3), {}));
  server.Serve("/y", {.body = "abc", .failures = 9});
  std::filesystem::remove(file);
  Status got = http.Fetch(For("/y", 3), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(server.requests("/y").size(), 3U);
  EXPECT_NE(got.error().message.find("answers 503: busy"), std::string::npos);
}

TEST_F(Http, DoesNotTryAgainWhenItIsNotThere) {
  Status got = http.Fetch(For("/none", 3), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kNotFound);
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(file));  // no error page in the place of the file
}

TEST_F(Http, RefusesMoreThanWasPromised) {
  server.Serve("/x", {.body = Bytes(5000)});
  Status got = http.Fetch(For("/x", 4000), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kCorruptData);
}

TEST_F(Http, FollowsRedirectsAndKeepsTheTokenAtHome) {
  test::LocalServer elsewhere;  // another port is another host to a token
  elsewhere.Serve("/blob", {.body = "abc"});
  server.Serve("/x", {.location = elsewhere.Url("/blob")});
  Download download = For("/x", 3);
  download.headers = {"Authorization: Bearer secret"};
  Status got = http.Fetch(download, {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer secret");
  EXPECT_FALSE(elsewhere.requests().at(0).headers.contains("authorization"));
}

TEST_F(Http, ProgressCanCancelAndTheNextRunGoesOn) {
  const std::string bytes = Bytes(300'000);
  server.Serve("/x", {.body = bytes});
  Status got =
      http.Fetch(For("/x", bytes.size()), [](int64_t done, int64_t) { return done < 100'000; });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kCancelled);
  EXPECT_EQ(server.requests().size(), 1U);
  ASSERT_TRUE(http.Fetch(For("/x", bytes.size()), {}));
  EXPECT_EQ(Read(file), bytes);
  EXPECT_TRUE(server.requests().at(1).headers.contains("range"));
}

TEST_F(Http, SaysWhatToDoWhenNobodyAnswers) {
  Status got = http.Fetch({"http://127.0.0.1:1/x", {}, file, 3}, {});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("127.0.0.1"), std::string::npos);
  EXPECT_NE(got.error().message.find("PIP_INDEX_URL"), std::string::npos);
}

TEST_F(Http, SaysThatTheDiskIsFull) {
  server.Serve("/x", {.body = Bytes(300'000)});
  Download download = For("/x", 300'000);
  download.path = "/dev/full";
  Status got = http.Fetch(download, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kExhausted);
  EXPECT_NE(got.error().message.find("No space left"), std::string::npos);
}

TEST_F(Http, SmallAnswersHaveALimit) {
  server.Serve("/x", {.body = Bytes(5000), .content_type = "text/x"});
  auto answer = http.Get(server.Url("/x"), {}, 5000);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, Bytes(5000));
  EXPECT_EQ(answer->content_type, "text/x");
  EXPECT_FALSE(http.Get(server.Url("/x"), {}, 4999));
}

TEST(Url, MessagesDoNotShowPasswords) {
  EXPECT_EQ(PrintableUrl("https://user:secret@host/simple/x"), "https://host/simple/x");
  EXPECT_EQ(PrintableUrl("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(PrintableUrl("nonsense"), "nonsense");
}

TEST(Url, LinksAreRelativeToTheirPage) {
  EXPECT_EQ(*ResolveUrl("https://h/simple/x/", "../../files/a.whl"), "https://h/files/a.whl");
  EXPECT_EQ(*ResolveUrl("https://h/simple/x/", "https://k/a.whl"), "https://k/a.whl");
  EXPECT_EQ(*ResolveUrl("https://h/simple/x/", "/a.whl"), "https://h/a.whl");
}

}  // namespace
}  // namespace parley::fetch
