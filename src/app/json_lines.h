// Files of JSON lines: traces and bench results. (A template, because nlohmann's header stays in the .cc files.)
// Thread:   one writer a file.
// Memory:   a line at a time; each is flushed, so that a reader sees it while the program runs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "common/result.h"

namespace parley::app {

// Closed with its last owner; "-" is standard output, which stays open.
using JsonFile = std::shared_ptr<std::FILE>;
Result<JsonFile> OpenJsonFile(const std::string& path);

template <class Json>
void WriteJsonLine(std::FILE* file, const Json& line, const char* end = "\n") {
  // Text from a model may hold broken UTF-8 at a cut: it is replaced, never a reason to fail.
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + end;
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

}  // namespace parley::app
