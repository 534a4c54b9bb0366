// Options that every subcommand takes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace parley::app {

struct CommonOptions {
  std::vector<std::string> config_files;
  std::vector<std::string> overrides;
  std::string log_level = "warn";
};

}  // namespace parley::app
