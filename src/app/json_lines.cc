// SPDX-License-Identifier: Apache-2.0
#include "app/json_lines.h"

#include <cerrno>
#include <cstring>

namespace parley::app {

Result<JsonFile> OpenJsonFile(const std::string& path) {
  if (path == "-") return JsonFile(stdout, [](std::FILE*) {});
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return Fail(Code::kIo, "cannot write " + path + ": " + std::strerror(errno));
  return JsonFile(file, [](std::FILE* f) { std::fclose(f); });
}

}  // namespace parley::app
