// Reads the JSON goldens: {"about": {versions…}, "values": …}.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/paths.h"

namespace parley::test {

inline nlohmann::json GoldenValues(const std::string& name, const std::string& script) {
  std::ifstream file(GoldenDir() + "/" + name);
  const nlohmann::json golden = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!golden.is_object() || !golden.contains("values")) {
    ADD_FAILURE() << name << " is missing or broken; make it again: python3 " << script;
    return {};
  }
  return golden["values"];
}

}  // namespace parley::test
