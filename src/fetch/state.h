// What of a model is on the disk, and whether it is what the manifest says.
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "fetch/manifest.h"

namespace parley::fetch {

enum class State { kIntact, kMissing, kDamaged };
enum class Depth { kSizes, kHashes };  // how close to look

struct FileState {
  const ModelFile* file = nullptr;
  State state = State::kMissing;
  std::string detail;  // what was found instead; empty when intact
};

struct ModelState {
  const Model* model = nullptr;
  State state = State::kMissing;  // the worst of its files
  std::vector<FileState> files;
};

std::string PathOf(const std::string& dir, const Model& model, const ModelFile& file);
FileState LookAt(const std::string& dir, const Model& model, const ModelFile& file, Depth depth);
ModelState LookAt(const std::string& dir, const Model& model, Depth depth);

}  // namespace parley::fetch
