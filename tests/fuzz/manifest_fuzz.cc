// Any bytes as a manifest: an Error, or models whose paths stay in their folders.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "common/check.h"
#include "fetch/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = parley::fetch::Manifest::Parse(text, "fuzz");
  if (!manifest) return 0;
  for (const auto& model : manifest->models()) {
    for (const auto& file : model.files) {
      const auto path = (std::filesystem::path("/dir") / model.name / file.path).lexically_normal();
      PARLEY_CHECK(path.string().starts_with("/dir/" + model.name + "/"), path.string());
      PARLEY_CHECK(file.size >= 0 && !file.parts.empty(), "a file of nothing");
      for (const auto& part : file.parts) {
        PARLEY_CHECK(part.source < model.sources.size(), "a part of no source");
      }
    }
  }
  return 0;
}
