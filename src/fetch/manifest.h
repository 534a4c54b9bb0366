// What parley fetches and from where: models/manifest.json, which pins every file by package name
// (or repository and revision), exact file name, size and hash, and names no host. The manifest of
// the build is part of the program.
// Thread:   const after construction.
// Memory:   owns its text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace parley::fetch {

// One thing to download: a wheel from a Python package index, or a repository of the Hugging Face
// hub, whose members are downloaded one by one.
struct Source {
  enum class Kind { kPypi, kHuggingFace };
  std::string id;  // how the files of the same model refer to it
  Kind kind = Kind::kPypi;
  std::string package;  // "silero-vad", or "owner/repository"
  std::string version;  // "6.2.3", or a revision (a commit)
  std::string file;     // a wheel's exact name
  int64_t size = 0;     // of the wheel
  std::string sha256;   // of the wheel
};

struct Part {
  size_t source = 0;   // index into Model::sources
  std::string member;  // the path inside the wheel or the repository
};

// A file of the model directory: its parts, one after the other.
struct ModelFile {
  std::string path;  // relative to the model's folder
  int64_t size = 0;
  std::string sha256;
  std::vector<Part> parts;
};

struct Model {
  std::string name;  // also its folder
  std::string version;
  std::string purpose;
  std::string licence;
  std::string homepage;
  std::vector<Source> sources;
  std::vector<ModelFile> files;
  int64_t size() const;  // of all files
};

class Manifest {
 public:
  static Result<Manifest> Load(const std::string& path);
  static Result<Manifest> Parse(std::string_view json, std::string_view origin);
  static const Manifest& BuiltIn();

  const std::vector<Model>& models() const { return models_; }
  const std::vector<std::string>& defaults() const { return defaults_; }
  // Models whose files come with the program: nothing to fetch, but as easily damaged.
  const std::vector<Model>& shipped() const { return shipped_; }
  // An unknown name fails with the names that exist.
  Result<const Model*> Find(std::string_view name) const;
  // The models of these names, each once; no names: the default set.
  Result<std::vector<const Model*>> Select(const std::vector<std::string>& names) const;

 private:
  std::vector<Model> models_, shipped_;
  std::vector<std::string> defaults_;
};

// Where models live: $PARLEY_MODELS, else ~/.cache/parley/models.
std::string DefaultModelDir();

}  // namespace parley::fetch
