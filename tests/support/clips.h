// The spoken questions that the project carries, and more from $PARLEY_DATA (a folder with conversation/ and read/).
// $PARLEY_CLIPS (names, with commas) keeps only these: under a sanitizer a clip takes minutes, and runs beside the others.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "audio_io/sound_file.h"
#include "support/paths.h"

namespace parley::test {

struct Clip {
  std::string name;
  std::string path;
  std::string words;  // what is said
};

inline void AddClips(const std::string& folder, std::map<std::string, Clip>& clips) {
  std::ifstream file(folder + "/manifest.json");
  if (!file) return;
  const auto manifest = nlohmann::json::parse(file);
  for (const auto& entry : manifest.is_array() ? manifest : manifest.at("clips")) {
    Clip clip;
    clip.path = folder + "/" + entry.at("file").get<std::string>();
    clip.name = std::filesystem::path(clip.path).stem().string();
    clip.words = entry.at("text").get<std::string>();
    if (!clip.name.ends_with("_24k")) clips.emplace(clip.name, clip);
  }
}

inline bool OnlySomeClips() { return std::getenv("PARLEY_CLIPS") != nullptr; }

// Is this name in the comma-separated list? Without a list every name is.
inline bool Listed(const char* list, const std::string& name) {
  return list == nullptr ||
         ("," + std::string(list) + ",").find("," + name + ",") != std::string::npos;
}

inline std::vector<Clip> Clips(const std::string& set) {
  std::map<std::string, Clip> clips;  // the tree's own come first, $PARLEY_DATA adds
  AddClips(DataDir() + "/speech/" + set, clips);
  if (const char* more = std::getenv("PARLEY_DATA"))
    AddClips(std::string(more) + "/speech/" + set, clips);
  std::vector<Clip> list;
  for (auto& [name, clip] : clips) {
    if (Listed(std::getenv("PARLEY_CLIPS"), name)) list.push_back(clip);
  }
  return list;
}

inline std::vector<float> Samples(const std::string& path) {
  auto samples = audio::ReadSound(path);
  if (!samples.has_value()) {
    ADD_FAILURE() << samples.error().message;
    return {};
  }
  return *std::move(samples);
}

}  // namespace parley::test
