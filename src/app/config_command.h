// `parley config`: the config in force, every key with its meaning and its range, as YAML that reads back the same.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

Status PrintConfig(const AppConfig& config);

}  // namespace parley::app
