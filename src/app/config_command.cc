// SPDX-License-Identifier: Apache-2.0
#include "app/config_command.h"

#include <cstdio>

#include "common/config_yaml.h"

namespace parley::app {

Status PrintConfig(const AppConfig& config) {
  AppConfig shown = config;
  std::fputs(DumpYaml(ListFields(shown), kConfigHeading).c_str(), stdout);
  return {};
}

}  // namespace parley::app
