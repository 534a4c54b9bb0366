// The browser page, inside the program: wherever it is installed, it finds its page.
// Thread:   const.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace parley::server {

struct WebFile {
  std::string_view name;  // "index.html"
  std::string_view text;
};

std::span<const WebFile> WebFiles();  // of web/, made by CMake

}  // namespace parley::server
