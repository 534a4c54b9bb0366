// SPDX-License-Identifier: Apache-2.0
#include "bench/hear_files.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "audio_io/sound_file.h"
#include "common/json.h"
#include "realtime/listen/block_words.h"
#include "realtime/listen/sound_marks.h"

namespace parley::bench {

Result<std::vector<HearItem>> ReadHearList(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(Code::kNotFound, path + " cannot be read");
  std::vector<HearItem> items;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const auto sound_of = [](const nlohmann::json& from) {
      const auto text_of = [&from](const char* key) {
        const auto found = from.is_object() ? from.find(key) : from.end();
        return from.is_object() && found != from.end() && found->is_string()
                   ? found->get<std::string>()
                   : std::string();
      };
      return HearSound{text_of("wav"), text_of("text")};
    };
    HearItem item{.id = {}, .sound = sound_of(json), .before = {}};
    if (item.sound.wav.empty()) {
      return Fail(Code::kInvalidArgument,
                  path + ":" + std::to_string(number) +
                      R"( is not a line like {"id": "q1", "wav": "q1.wav"})");
    }
    const auto id = json.find("id");
    item.id = id == json.end()  ? item.sound.wav
              : id->is_string() ? id->get<std::string>()
                                : id->dump();
    for (const auto& earlier : json.value("before", nlohmann::json::array())) {
      item.before.push_back(sound_of(earlier));
      if (item.before.back().wav.empty()) {
        return Fail(Code::kInvalidArgument,
                    path + ":" + std::to_string(number) +
                        R"(: "before" has what is not like {"wav": "q0.wav", "text": "…"})");
      }
    }
    items.push_back(std::move(item));
  }
  if (items.empty()) return Fail(Code::kInvalidArgument, path + " names no sound");
  return items;
}

std::string HearFile(Hearer& hearer, const HearItem& item, bool evidence) {
  const auto hear = [&]() -> Result<HeardUtterance> {
    bool same_talk = false;
    for (const HearSound& earlier : item.before) {
      PARLEY_TRY(const std::vector<float> sound, audio::ReadSound(earlier.wav));
      PARLEY_TRY([[maybe_unused]] const HeardUtterance heard,
                 hearer.Hear(sound, std::exchange(same_talk, true)));
    }
    PARLEY_TRY(const std::vector<float> sound, audio::ReadSound(item.sound.wav));
    return hearer.Hear(sound, same_talk);
  };
  const auto heard = hear();
  if (heard) return JsonOf(item.id, *heard, evidence);
  return JsonLine().Add("id", item.id).Add("error", heard.error().message).Take();
}

std::string MarkFile(const HearItem& item) {
  realtime::SoundMarks marks;
  int64_t begin = 0;
  const auto hear = [&](const HearSound& what) -> Status {
    PARLEY_TRY(const std::vector<float> sound, audio::ReadSound(what.wav));
    const std::vector<std::string> words = realtime::NormalisedWords(what.text);
    const auto end = begin + static_cast<int64_t>(sound.size());
    marks.BeginTurn();
    marks.Push(sound);
    marks.Close({begin, end, words, true});
    begin = end;
    return {};
  };
  for (const HearSound& earlier : item.before) {
    if (const Status heard = hear(earlier); !heard) {
      return JsonLine().Add("id", item.id).Add("error", heard.error().message).Take();
    }
  }
  const Status heard = hear(item.sound);
  JsonLine line;
  line.Add("id", item.id);
  if (!heard) return line.Add("error", heard.error().message).Take();
  std::string joined;
  for (const std::string& mark : marks.marks()) joined += (joined.empty() ? "" : " ") + mark;
  return line.Add("marks", joined).AddRaw("sound", EvidenceJson(marks.measured())).Take();
}

}  // namespace parley::bench
