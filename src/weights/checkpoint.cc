// What stands at a path is told by its first bytes, not by its name.
// SPDX-License-Identifier: Apache-2.0
#include "weights/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>

#include "common/nearest.h"
#include "weights/mapped_file.h"
#include "weights/readers.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

namespace fs = std::filesystem;

Result<std::unique_ptr<Checkpoint>> OpenFile(const std::string& path) {
  PARLEY_TRY(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const std::span<const std::byte> bytes = file->bytes();
  const std::string config = (fs::path(path).parent_path() / "config.json").string();
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0) return ReadGguf(file);
  if (bytes.size() >= 9 && static_cast<char>(bytes[8]) == '{')
    return ReadSafetensors({file}, config);
  // CTranslate2 has no magic number: a small version number, then the length of a name.
  if (bytes.size() >= 6 && static_cast<uint8_t>(bytes[0]) <= 16 && bytes[1] == std::byte{0} &&
      bytes[2] == std::byte{0} && bytes[3] == std::byte{0}) {
    return ReadCtranslate2(file, config);
  }
  return Fail(Code::kUnsupported,
              path + ": found neither GGUF, safetensors nor a CTranslate2 model.bin" +
                  "; convert the model to one of them");
}

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<std::string> FilesWithExtension(const fs::path& dir, const std::string& extension) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (fs::directory_iterator it(dir, ignored), end; it != end; it.increment(ignored)) {
    if (it->path().extension() == extension) found.push_back(it->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::unique_ptr<Checkpoint>> OpenDirectory(const fs::path& dir) {
  const std::string config = (dir / "config.json").string();
  const fs::path index = dir / "model.safetensors.index.json";
  if (Exists(index)) return ReadSafetensorsIndex(index.string(), config);
  if (const std::vector<std::string> paths = FilesWithExtension(dir, ".safetensors");
      !paths.empty()) {
    std::vector<std::shared_ptr<const MappedFile>> shards;
    for (const std::string& path : paths) {
      PARLEY_TRY(std::shared_ptr<const MappedFile> shard, MappedFile::Open(path));
      shards.push_back(std::move(shard));
    }
    return ReadSafetensors(shards, config);
  }
  if (Exists(dir / "model.bin")) return OpenFile((dir / "model.bin").string());
  const std::vector<std::string> ggufs = FilesWithExtension(dir, ".gguf");
  if (ggufs.size() == 1) return OpenFile(ggufs.front());
  return Fail(Code::kNotFound,
              dir.string() + ": expected *.safetensors, model.bin or one *.gguf, found " +
                  (ggufs.empty() ? std::string("none of them")
                                 : std::to_string(ggufs.size()) + " GGUF files; name one of them"));
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Fail(Code::kNotFound, path + ": no such file or folder");
  return fs::is_directory(status) ? OpenDirectory(path) : OpenFile(path);
}

Result<const TensorInfo*> Checkpoint::Require(std::string_view name,
                                              const std::vector<int64_t>& shape) const {
  const TensorInfo* found = Find(name);
  if (!found) {
    std::vector<std::string_view> known;
    for (const TensorInfo& tensor : tensors()) known.emplace_back(tensor.name);
    std::string hint = ", which holds no tensors";
    for (const std::string_view nearest : NearestNames(name, known, 1)) {
      hint = "; the nearest name is \"" + std::string(nearest) + "\" " +
             ShapeText(Find(nearest)->shape);
    }
    return Fail(Code::kNotFound, "tensor \"" + std::string(name) + "\" " + ShapeText(shape) +
                                     " is not in the " + std::string(format()) + " checkpoint" +
                                     hint);
  }
  bool matches = found->shape.size() == shape.size();
  for (size_t i = 0; matches && i < shape.size(); ++i) {
    matches = shape[i] == -1 || shape[i] == found->shape[i];
  }
  if (!matches) {
    return Fail(Code::kCorruptData, "tensor \"" + std::string(name) + "\" is " +
                                        ShapeText(found->shape) + ", expected " + ShapeText(shape) +
                                        "; was its config for a model of another size?");
  }
  return found;
}

}  // namespace parley::weights
