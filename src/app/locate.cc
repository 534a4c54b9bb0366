// SPDX-License-Identifier: Apache-2.0
#include "app/locate.h"

#include <filesystem>

namespace parley::app {

namespace fs = std::filesystem;

Result<std::string> LocateModel(const std::string& root, const std::string& name) {
  const std::string installed = root + "/" + name;
  if (name.find('/') == std::string::npos && fs::exists(installed)) return installed;
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

Result<std::string> LocateWeights(const std::string& root, const std::string& name) {
  PARLEY_TRY(const std::string path, LocateModel(root, name));
  if (fs::exists(fs::path(path) / "config.json")) return path;
  return FileIn(path, ".gguf");
}

}  // namespace parley::app
