// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/style.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace parley::realtime {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLongestBlock = 64;
constexpr int64_t kMostTokens = 4096;

Error Wrong(const std::string& what) { return Fail(Code::kInvalidArgument, "style.json: " + what); }

Status CheckKeys(const Json& object, const std::string& where, const std::set<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    if (known.count(key) == 0) return Wrong(where + key + ": no such key");
  }
  return {};
}

template <class Number>
Status ReadNumber(const Json& object, const char* key, int64_t least, int64_t most, Number& to) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (!found->is_number_integer() || found->get<int64_t>() < least ||
      found->get<int64_t>() > most) {
    return Wrong(std::string(key) + ": a number from " + std::to_string(least) + " to " +
                 std::to_string(most) + " was expected, found " + found->dump());
  }
  to = static_cast<Number>(found->get<int64_t>());
  return {};
}

Status ReadMarks(const Json& object, const model::Tokenizer& tokenizer, StyleMarks& marks) {
  if (!object.is_object()) return Wrong("marks: an object of names and ids was expected");
  const std::pair<const char*, TokenId*> fields[] = {{"listen", &marks.listen},
                                                     {"after", &marks.after},
                                                     {"none", &marks.none},
                                                     {"note", &marks.note},
                                                     {"note_end", &marks.note_end},
                                                     {"speech_end", &marks.speech_end},
                                                     {"answer", &marks.answer},
                                                     {"tool_call", &marks.tool_call},
                                                     {"tool_call_end", &marks.tool_call_end},
                                                     {"tool_result", &marks.tool_result},
                                                     {"tool_result_end", &marks.tool_result_end}};
  std::set<std::string> known;
  std::set<TokenId> ids;
  for (const auto& [name, id] : fields) {
    known.insert(name);
    PARLEY_TRY_STATUS(ReadNumber(object, name, 0, tokenizer.vocabulary() - 1, *id));
    if (!tokenizer.IsSpecial(*id)) {
      return Wrong(
          "marks." + std::string(name) + ": id " + std::to_string(*id) +
          " is no special token of this model; a mark must be one, or text could forge it");
    }
    if (!ids.insert(*id).second) {
      return Wrong("marks." + std::string(name) + ": id " + std::to_string(*id) +
                   " is another mark already");
    }
  }
  return CheckKeys(object, "marks.", known);
}

Status ReadStrings(const Json& object, std::vector<std::string>& to) {
  const auto found = object.find("acoustic_marks");
  if (found == object.end()) return {};
  if (!found->is_array()) return Wrong("acoustic_marks: a list of names was expected");
  to.clear();
  for (const Json& name : *found) {
    if (!name.is_string()) return Wrong("acoustic_marks: " + name.dump() + " is no name");
    to.push_back(name.get<std::string>());
  }
  return {};
}

Result<ThinkingStyle> ReadName(const Json& object) {
  const std::string name = object.value("style", Json("")).is_string()
                               ? object.value("style", std::string())
                               : std::string();
  if (name == "interleaved") return ThinkingStyle::kInterleaved;
  if (name == "drafted") return ThinkingStyle::kDrafted;
  if (name == "none") return ThinkingStyle::kNone;
  return Wrong("style: one of interleaved, drafted, none was expected, found \"" + name + "\"");
}

}  // namespace

std::vector<TokenId> StyleMarks::All() const {
  return {listen, after,     none,          note,        note_end,       speech_end,
          answer, tool_call, tool_call_end, tool_result, tool_result_end};
}

Result<Style> ParseStyle(std::string_view json, const model::Tokenizer& tokenizer) {
  const Json object = Json::parse(json.begin(), json.end(), nullptr, false);
  if (object.is_discarded() || !object.is_object()) return Wrong("a JSON object was expected");
  int64_t format = 0;
  PARLEY_TRY_STATUS(ReadNumber(object, "format", 0, 1 << 20, format));
  if (format != 1) {
    return Wrong("format " + std::to_string(format) + " is not known; this program reads 1");
  }
  PARLEY_TRY_STATUS(CheckKeys(object, "",
                              {"format", "style", "marks", "block_words", "note_tokens",
                               "final_tokens", "answer_tokens", "acoustic_marks", "system"}));
  Style style;
  PARLEY_TRY(style.style, ReadName(object));
  if (style.style == ThinkingStyle::kInterleaved) {
    PARLEY_TRY_STATUS(ReadMarks(object.value("marks", Json::object()), tokenizer, style.marks));
  }
  PARLEY_TRY_STATUS(ReadNumber(object, "block_words", 1, kLongestBlock, style.block_words));
  PARLEY_TRY_STATUS(ReadNumber(object, "note_tokens", 1, kMostTokens, style.note_tokens));
  PARLEY_TRY_STATUS(ReadNumber(object, "final_tokens", 1, kMostTokens, style.final_tokens));
  PARLEY_TRY_STATUS(ReadNumber(object, "answer_tokens", 1, kMostTokens, style.answer_tokens));
  PARLEY_TRY_STATUS(ReadStrings(object, style.acoustic_marks));
  if (const auto system = object.find("system"); system != object.end()) {
    if (!system->is_string()) return Wrong("system: a text was expected");
    style.system = system->get<std::string>();
  }
  return style;
}

Result<Style> ReadStyle(const std::string& path, const model::Tokenizer& tokenizer) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::is_directory(path) ? fs::path(path) : fs::path(path).parent_path();
  const fs::path file = folder / "style.json";
  if (!fs::exists(file)) return Style();
  std::ifstream in(file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) return Fail(Code::kIo, "cannot read " + file.string());
  Result<Style> style = ParseStyle(text, tokenizer);
  if (!style) return Context(folder.string(), style.error());
  return style;
}

}  // namespace parley::realtime
