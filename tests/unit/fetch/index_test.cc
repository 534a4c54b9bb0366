// How places are found: pip's configuration, package indexes, the Hugging Face hub.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "fetch/hugging_face.h"
#include "fetch/package_index.h"
#include "fetch/pip_config.h"
#include "support/paths.h"
#include "unit/fetch/local_server.h"

namespace parley::fetch {
namespace {

using Urls = std::vector<std::string>;

Environment Given(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

TEST(PipConfig, ReadsConfFilesAsPipDoes) {
  PipConfig config;
  ApplyPipConf(
      "# comment\n"
      "index-url = https://outside.any.section/simple\n"
      "[global]\n"
      "Index_URL = https://mirror/simple\n"
      "extra-index-url = https://a/simple\n"
      "    https://b/simple\n"
      "cert: /etc/cert.pem\n"
      "; another comment\n"
      "[install]\n"
      "index-url = https://install/simple\n"
      "[freeze]\n"
      "index-url = https://not-for-us/simple\n",
      config);
  EXPECT_EQ(config.index_urls,
            (Urls{"https://install/simple", "https://a/simple", "https://b/simple"}));
  EXPECT_EQ(config.cert, "/etc/cert.pem");
}

TEST(PipConfig, LaterPlacesWin) {
  test::TempDir home;
  Write(home.File(".config/pip/pip.conf"), "[global]\nindex-url = https://user/simple\n");
  Write(home.File("venv/pip.conf"), "[global]\nindex-url = https://venv/simple\n");
  Write(home.File("named.conf"), "[global]\nproxy = http://proxy\n");
  std::map<std::string, std::string> env{{"HOME", home.path()}, {"XDG_CONFIG_HOME", ""}};
  EXPECT_EQ(ReadPipConfig(Given(env)).index_urls[0], "https://user/simple");
  env["VIRTUAL_ENV"] = home.File("venv");
  EXPECT_EQ(ReadPipConfig(Given(env)).index_urls[0], "https://venv/simple");
  env["PIP_CONFIG_FILE"] = home.File("named.conf");
  EXPECT_EQ(ReadPipConfig(Given(env)).proxy, "http://proxy");
  env["PIP_INDEX_URL"] = "https://env/simple";
  env["PIP_EXTRA_INDEX_URL"] = "https://x https://y";
  EXPECT_EQ(ReadPipConfig(Given(env)).index_urls,
            (Urls{"https://env/simple", "https://x", "https://y"}));
  env["PIP_CONFIG_FILE"] = "/dev/null";
  EXPECT_EQ(ReadPipConfig(Given(env)).proxy, "");
}

TEST(PipConfig, WithoutSettingsItIsPyPi) {
  EXPECT_EQ(ReadPipConfig(Given({{"PIP_CONFIG_FILE", "/dev/null"}})).index_urls,
            Urls{"https://pypi.org/simple"});
}

TEST(PackageIndex, NamesAreNormalised) {
  EXPECT_EQ(NormalisedName("Silero_VAD"), "silero-vad");
  EXPECT_EQ(NormalisedName("a.-_b"), "a-b");
}

TEST(PackageIndex, FindsLinksInJsonAndHtml) {
  const std::string json =
      R"({"files":[{"filename":"a-1.whl","url":"/f/a-1.whl"},{"filename":"b","url":3}]})";
  const HttpAnswer page{json, "https://h/simple/a/", "application/vnd.pypi.simple.v1+json"};
  EXPECT_EQ(*FindLink(page, "a-1.whl"), "https://h/f/a-1.whl");
  EXPECT_FALSE(FindLink(page, "b"));
  EXPECT_FALSE(FindLink(page, "a-1"));
  const HttpAnswer html{"<a href=\"../../f/a%2D1.whl#sha256=12\">a</a> <a href='x/c.whl'>c</a>",
                        "https://h/simple/a/", "text/html; charset=utf-8"};
  EXPECT_EQ(*FindLink(html, "a-1.whl"), "https://h/f/a%2D1.whl");
  EXPECT_EQ(*FindLink(html, "c.whl"), "https://h/simple/a/x/c.whl");
  auto none = FindLink(html, "d.whl");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "https://h/simple/a/ does not offer d.whl");
}

TEST(PackageIndex, DamagedPagesAreNoLinks) {
  for (const char* body : {"", "{", "[]", "null", R"({"files":{}})", R"({"files":[3]})"}) {
    EXPECT_FALSE(FindLink({body, "https://h/", "application/json"}, "a")) << body;
  }
  for (const char* body : {"href=", "href=\"", "href='x", "href=\"\""}) {
    EXPECT_FALSE(FindLink({body, "https://h/", "text/html"}, "a")) << body;
  }
}

TEST(PackageIndex, AsksTheExtraIndexWhenTheFirstHasNothing) {
  test::LocalServer server;
  server.Serve("/second/my-pkg/", {.body = R"({"files":[{"filename":"p.whl","url":"p.whl"}]})",
                                   .content_type = "application/vnd.pypi.simple.v1+json"});
  HttpClient http({.attempts = 1});
  PipConfig pip;
  pip.index_urls = {server.Url("/first"), server.Url("/second/")};
  auto url = FindPackageFile(http, pip, "My.Pkg", "p.whl");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(*url, server.Url("/second/my-pkg/p.whl"));
  EXPECT_NE(server.requests().at(0).headers.at("accept").find("simple.v1+json"), std::string::npos);
  auto none = FindPackageFile(http, pip, "my-pkg", "q.whl");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("PIP_INDEX_URL"), std::string::npos);
}

TEST(HuggingFace, TakesTheTokenFromTheEnvironmentElseFromTheFile) {
  test::TempDir home;
  Write(home.File(".cache/huggingface/token"), "from-file\n");
  std::map<std::string, std::string> env{{"HOME", home.path()}};
  EXPECT_EQ(ReadHubConfig(Given(env)).token, "from-file");
  EXPECT_EQ(ReadHubConfig(Given(env)).endpoint, "https://huggingface.co");
  Write(home.File("hf/token"), "from-hf-home");
  env["HF_HOME"] = home.File("hf");
  EXPECT_EQ(ReadHubConfig(Given(env)).token, "from-hf-home");
  env["HF_TOKEN"] = "from-env";
  env["HF_ENDPOINT"] = "https://mirror/";
  EXPECT_EQ(ReadHubConfig(Given(env)).token, "from-env");
  EXPECT_EQ(ReadHubConfig(Given(env)).endpoint, "https://mirror");
}

TEST(HuggingFace, BuildsTheUrlOfAFile) {
  Source source;
  source.kind = Source::Kind::kHuggingFace;
  source.package = "org/repo";
  source.version = "refs/pr 1";
  const Download download = HubDownload({"https://hub", "t"}, source, "sub/a b.bin");
  EXPECT_EQ(download.url, "https://hub/org/repo/resolve/refs/pr%201/sub/a%20b.bin");
  EXPECT_EQ(download.headers, Urls{"Authorization: Bearer t"});
  EXPECT_TRUE(HubDownload({"https://hub", ""}, source, "a").headers.empty());
}

}  // namespace
}  // namespace parley::fetch
