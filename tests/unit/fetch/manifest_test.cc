// SPDX-License-Identifier: Apache-2.0
#include "fetch/manifest.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/paths.h"

namespace parley::fetch {
namespace {

using Json = nlohmann::json;

const char* const kHash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Json Good() {
  return Json{
      {"format", 1},
      {"default", {"m"}},
      {"models",
       {{{"name", "m"},
         {"version", "1"},
         {"purpose", "p"},
         {"licence", "MIT"},
         {"homepage", "h"},
         {"sources",
          {{"w",
            {{"pypi", "pkg"}, {"version", "1"}, {"file", "w.whl"}, {"size", 9}, {"sha256", kHash}}},
           {"hub", {{"huggingface", "org/repo"}, {"revision", "abc"}}}}},
         {"files",
          {{{"path", "a.bin"},
            {"size", 3},
            {"sha256", kHash},
            {"from", {{{"source", "w"}, {"member", "d/a"}}, {{"source", "w"}, {"member", "b"}}}}},
           {{"path", "sub/b.bin"},
            {"size", 4},
            {"sha256", kHash},
            {"from", {{{"source", "hub"}, {"member", "b"}}}}}}}}}}};
}

std::string ErrorOf(const Json& json) {
  auto parsed = Manifest::Parse(json.dump(), "test.json");
  return parsed ? "no error" : parsed.error().message;
}

TEST(Manifest, ReadsSourcesFilesAndParts) {
  auto manifest = Manifest::Parse(Good().dump(), "test.json");
  ASSERT_TRUE(manifest) << manifest.error().message;
  const Model& model = **manifest->Find("m");
  EXPECT_EQ(model.size(), 7);
  ASSERT_EQ(model.files[0].parts.size(), 2U);
  EXPECT_EQ(model.sources[model.files[0].parts[1].source].package, "pkg");
  EXPECT_EQ(model.sources[model.files[1].parts[0].source].kind, Source::Kind::kHuggingFace);
  EXPECT_EQ(manifest->Select({})->size(), 1U);
  EXPECT_EQ(manifest->Select({"m", "m"})->size(), 1U);
}

TEST(Manifest, TheBuiltInOneIsTheFileOfTheTreeAndNamesNoHost) {
  const Manifest& built_in = Manifest::BuiltIn();
  auto file = Manifest::Load(test::SourceDir() + "/models/manifest.json");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(built_in.models().size(), file->models().size());
  EXPECT_EQ(built_in.Select({})->size(), 5U);
  for (const Model& model : built_in.models()) {
    EXPECT_FALSE(model.licence.empty() || model.purpose.empty()) << model.name;
    for (const Source& source : model.sources) {
      EXPECT_EQ(source.package.find("://"), std::string::npos);
      EXPECT_EQ(source.file.find("://"), std::string::npos);
    }
  }
}

TEST(Manifest, AnUnknownModelNamesTheKnownOnes) {
  auto found = Manifest::BuiltIn().Select({"whisper-huge"});
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("whisper-huge"), std::string::npos);
  EXPECT_NE(found.error().message.find("whisper-base"), std::string::npos);
}

TEST(Manifest, RefusesPathsThatLeaveTheirFolder) {
  for (const char* bad : {"../a", "/etc/passwd", "a/../../b", "", "a//b", ".", "a/", "a\\b"}) {
    Json json = Good();
    json["models"][0]["files"][0]["path"] = bad;
    EXPECT_NE(ErrorOf(json).find("relative path"), std::string::npos) << bad;
  }
  for (const char* bad : {"..", "a/b", ".hidden"}) {
    Json json = Good();
    json["models"][0]["name"] = bad;
    EXPECT_NE(ErrorOf(json), "no error") << bad;
  }
  Json json = Good();
  json["models"][0]["sources"]["w"]["file"] = "../w.whl";
  EXPECT_NE(ErrorOf(json), "no error");
}

TEST(Manifest, EveryMissingOrWrongFieldIsNamed) {
  const auto expect_error = [](const Json& json, const std::string& what) {
    EXPECT_NE(ErrorOf(json).find(what), std::string::npos) << what << " in: " << ErrorOf(json);
    EXPECT_EQ(ErrorOf(json).find("test.json"), 0U);
  };
  for (const char* field : {"version", "purpose", "licence", "homepage", "sources", "files"}) {
    Json json = Good();
    json["models"][0].erase(field);
    expect_error(json, field);
    json["models"][0][field] = 7;
    expect_error(json, field);
  }
  for (const char* field : {"path", "size", "sha256", "from"}) {
    Json json = Good();
    json["models"][0]["files"][0].erase(field);
    expect_error(json, field == std::string("from") ? "from" : field);
  }
  for (const Json& bad : {Json(-1), Json("3"), Json(1e300), Json(nullptr)}) {
    Json json = Good();
    json["models"][0]["files"][0]["size"] = bad;
    expect_error(json, "size");
  }
  Json json = Good();
  json["models"][0]["files"][0]["sha256"] = "123";
  expect_error(json, "64 hexadecimal digits");
  json = Good();
  json["models"][0]["files"][0]["from"][0]["source"] = "nowhere";
  expect_error(json, "nowhere");
  json = Good();
  json["models"].push_back(json["models"][0]);
  expect_error(json, "twice");
  json = Good();
  json["default"] = {"none"};
  expect_error(json, "none");
  json = Good();
  json["format"] = 2;
  expect_error(json, "format is 2");
  json = Good();
  json["models"][0]["files"][1]["from"].push_back({{"source", "hub"}, {"member", "c"}});
  expect_error(json, "one part");
}

TEST(Manifest, RefusesWhatIsNoManifest) {
  for (const char* bad : {"", "[]", "{", "null", "3", "{\"format\":1}", "\xFF\xFE"}) {
    EXPECT_FALSE(Manifest::Parse(bad, "x")) << bad;
  }
  EXPECT_EQ(Manifest::Load("/no/such").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace parley::fetch
