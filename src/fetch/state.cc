// SPDX-License-Identifier: Apache-2.0
#include "fetch/state.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "fetch/sha256.h"

namespace parley::fetch {

std::string PathOf(const std::string& dir, const Model& model, const ModelFile& file) {
  return dir + "/" + model.name + "/" + file.path;
}

FileState LookAt(const std::string& dir, const Model& model, const ModelFile& file, Depth depth) {
  const std::string path = PathOf(dir, model, file);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return {&file, State::kMissing, path + " is missing"};
  }
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error || size != file.size) {
    return {
        &file, State::kDamaged,
        path + " has " + std::to_string(size) + " bytes, expected " + std::to_string(file.size)};
  }
  if (depth == Depth::kSizes) return {&file, State::kIntact, ""};
  const Result<std::string> hash = Sha256OfFile(path);
  if (!hash) return {&file, State::kDamaged, hash.error().message};
  if (*hash != file.sha256) {
    return {&file, State::kDamaged, path + " has SHA-256 " + *hash + ", expected " + file.sha256};
  }
  return {&file, State::kIntact, ""};
}

ModelState LookAt(const std::string& dir, const Model& model, Depth depth) {
  ModelState state{&model, State::kIntact, {}};
  for (const ModelFile& file : model.files) {
    state.files.push_back(LookAt(dir, model, file, depth));
    state.state = std::max(state.state, state.files.back().state);
  }
  return state;
}

}  // namespace parley::fetch
