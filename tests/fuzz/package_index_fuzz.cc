// Any bytes as a page of a package index, in JSON and in HTML, and as a pip.conf.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "fetch/package_index.h"
#include "fetch/pip_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)parley::fetch::FindLink({text, "https://h/simple/a/", "application/json"}, "a-1.whl");
  (void)parley::fetch::FindLink({text, "https://h/simple/a/", "text/html"}, "a-1.whl");
  (void)parley::fetch::PrintableUrl(text);
  parley::fetch::PipConfig config;
  parley::fetch::ApplyPipConf(text, config);
  return 0;
}
