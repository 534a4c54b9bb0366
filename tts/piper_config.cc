// SPDX-License-Identifier: Apache-2.0
#include "tts/piper_config.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/check.h"

namespace parley::tts {
namespace {

using nlohmann::json;

constexpr std::string_view kPad = "_";
constexpr std::string_view kBegin = "^";
constexpr std::string_view kEnd = "$";

size_t CharLength(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

Error Bad(const std::string& path, const std::string& what) {
  return Fail(Code::kCorruptData, path + ": " + what +
                                      "; this is not the configuration of a Piper voice, check it "
                                      "with `parley models verify`");
}

Result<PiperConfig> Read(const std::string& path, const json& root) {
  PiperConfig config;
  config.sample_rate_hz = root.at("audio").at("sample_rate").get<int>();
  const json& inference = root.at("inference");
  config.noise_scale = inference.at("noise_scale").get<float>();
  config.length_scale = inference.at("length_scale").get<float>();
  config.noise_w = inference.at("noise_w").get<float>();
  for (const auto& [symbol, numbers] : root.at("phoneme_id_map").items()) {
    config.ids[symbol] = numbers.get<std::vector<int64_t>>();
  }
  if (config.sample_rate_hz < 8000 || config.sample_rate_hz > 48000) {
    return Bad(path, "sample_rate " + std::to_string(config.sample_rate_hz));
  }
  for (const std::string_view needed : {kPad, kBegin, kEnd, std::string_view(" ")}) {
    if (!config.ids.contains(std::string(needed))) {
      return Bad(path, "phoneme_id_map lacks \"" + std::string(needed) + "\"");
    }
  }
  if (root.value("num_speakers", 1) != 1) {
    return Fail(Code::kUnsupported, path + ": a voice of " +
                                        std::to_string(root.value("num_speakers", 1)) +
                                        " speakers, only voices of one speaker can be used");
  }
  return config;
}

}  // namespace

Result<PiperConfig> LoadPiperConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return Fail(Code::kNotFound,
                path + ": no such file; fetch the voice with `parley models fetch`");
  }
  try {
    return Read(path, json::parse(file));
  } catch (const json::exception& e) {
    return Bad(path, e.what());
  }
}

PiperInput MakePiperInput(const PiperConfig& config, std::span<const SpokenWord> words,
                          std::span<const std::string> sounds) {
  PARLEY_CHECK(words.size() == sounds.size(), "one string of sounds for each word");
  PiperInput input;
  const std::vector<int64_t>& pad = config.ids.at(std::string(kPad));
  const auto put = [&](std::string_view symbol) {
    const auto found = config.ids.find(std::string(symbol));
    if (found == config.ids.end()) {
      ++input.unknown;
      return;
    }
    input.ids.insert(input.ids.end(), found->second.begin(), found->second.end());
    input.ids.insert(input.ids.end(), pad.begin(), pad.end());
  };
  put(kBegin);
  bool blank = false;
  for (size_t w = 0; w < words.size(); ++w) {
    if (blank && !sounds[w].empty()) put(" ");
    blank = blank || !sounds[w].empty();
    input.word_begin.push_back(input.ids.size());
    for (size_t at = 0; at < sounds[w].size();) {
      const size_t length = CharLength(sounds[w], at);
      put(std::string_view(sounds[w]).substr(at, length));
      at += length;
    }
    if (words[w].pause != 0) put(std::string_view(&words[w].pause, 1));
  }
  const std::vector<int64_t>& end = config.ids.at(std::string(kEnd));
  input.ids.insert(input.ids.end(), end.begin(), end.end());
  return input;
}

}  // namespace parley::tts
