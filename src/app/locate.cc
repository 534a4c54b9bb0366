// SPDX-License-Identifier: Apache-2.0
#include "app/locate.h"

#include <filesystem>
#include <utility>

#include "weights/checkpoint.h"

namespace parley::app {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUpdate = "update.safetensors";
constexpr const char* kAdaptor = "adaptor.safetensors";

Result<std::string> Remembered(const std::string& file, const std::string& key,
                               const std::string& meaning) {
  PARLEY_TRY(const auto checkpoint, weights::Checkpoint::Open(file));
  const std::string* text = checkpoint->Text("__metadata__." + key);
  if (text != nullptr) return *text;
  return Fail(Code::kCorruptData, file + " does not say " + meaning + ": metadata \"" + key + "\"");
}

// The file that an update was made for, by the name that the update remembers.
Result<std::string> LocateBase(const std::string& root, const std::string& update) {
  PARLEY_TRY(const std::string base, Remembered(update, "base", "what it updates"));
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    if (fs::exists(it->path() / base, error)) return (it->path() / base).string();
  }
  return Fail(Code::kNotFound, update + " updates " + base + ", which is not in " + root +
                                   "; run `parley models fetch`");
}

}  // namespace

// Folders above the program: a build folder and its tests, or an installation.
std::string ShippedModel(const std::string& name) {
  std::error_code error;
  fs::path at = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int up = 0; !error && up < 5 && at.has_relative_path(); ++up, at = at.parent_path()) {
    for (const fs::path& folder : {at / "models" / name, at / "share/parley/models" / name}) {
      if (fs::exists(folder, error)) return folder.string();
    }
  }
  return {};
}

Result<std::string> LocateModel(const std::string& root, const std::string& name) {
  const std::string installed = root + "/" + name;
  if (name.find('/') == std::string::npos && fs::exists(installed)) return installed;
  if (name.find('/') == std::string::npos) {
    if (std::string shipped = ShippedModel(name); !shipped.empty()) return shipped;
  }
  if (fs::exists(name)) return name;
  return Fail(Code::kNotFound,
              "model \"" + name + "\" is neither in " + root +
                  " nor a path; run `parley models fetch`, or see `parley models list`");
}

Result<std::string> FileIn(const std::string& path, const std::string& extension) {
  if (!fs::is_directory(path)) return path;
  std::string found;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() != extension) continue;
    if (!found.empty()) {
      return Fail(Code::kInvalidArgument,
                  path + " holds more than one *" + extension + "; name the file itself");
    }
    found = entry.path().string();
  }
  if (found.empty()) {
    return Fail(Code::kNotFound, path + " holds no *" + extension + "; run `parley models fetch`");
  }
  return found;
}

Result<LanguageModelFiles> LocateLanguageModel(const std::string& root, const std::string& name) {
  PARLEY_TRY(const std::string path, LocateModel(root, name));
  const fs::path update = fs::path(path) / kUpdate;
  const fs::path adaptor = fs::path(path) / kAdaptor;
  if (fs::exists(adaptor)) {
    const std::string file = adaptor.string();
    PARLEY_TRY(const std::string decoder, Remembered(file, "decoder", "for which model it is"));
    PARLEY_TRY(const std::string encoder, Remembered(file, "encoder", "what it listens to"));
    PARLEY_TRY(LanguageModelFiles files, LocateLanguageModel(root, decoder));
    PARLEY_TRY(files.encoder, LocateModel(root, encoder));
    files.adaptor = file;
    if (fs::exists(update)) files.updates.push_back(update.string());
    return files;
  }
  if (fs::exists(update)) {
    PARLEY_TRY(std::string base, LocateBase(root, update.string()));
    return LanguageModelFiles{std::move(base), {update.string()}, path, "", ""};
  }
  if (fs::exists(fs::path(path) / "config.json")) return LanguageModelFiles{path, {}, path, "", ""};
  PARLEY_TRY(std::string file, FileIn(path, ".gguf"));
  return LanguageModelFiles{file, {}, file, "", ""};
}

}  // namespace parley::app
