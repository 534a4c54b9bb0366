// SPDX-License-Identifier: Apache-2.0
#include "bench/hear_files.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "audio_io/sound_file.h"
#include "common/json.h"

namespace parley::bench {

Result<std::vector<HearItem>> ReadHearList(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(Code::kNotFound, path + " cannot be read");
  std::vector<HearItem> items;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const auto wav = json.is_object() ? json.find("wav") : json.end();
    if (!json.is_object() || wav == json.end() || !wav->is_string()) {
      return Fail(Code::kInvalidArgument,
                  path + ":" + std::to_string(number) +
                      R"( is not a line like {"id": "q1", "wav": "q1.wav"})");
    }
    const auto id = json.find("id");
    const std::string name = wav->get<std::string>();
    items.push_back({id == json.end()  ? name
                     : id->is_string() ? id->get<std::string>()
                                       : id->dump(),
                     name});
  }
  if (items.empty()) return Fail(Code::kInvalidArgument, path + " names no sound");
  return items;
}

std::string HearFile(Hearer& hearer, const HearItem& item) {
  auto sound = audio::ReadSound(item.wav);
  if (sound) {
    auto heard = hearer.Hear(*sound);
    if (heard) return JsonOf(item.id, *heard);
    sound = std::move(heard).error();
  }
  return JsonLine().Add("id", item.id).Add("error", sound.error().message).Take();
}

}  // namespace parley::bench
