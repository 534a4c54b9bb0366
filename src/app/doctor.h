// `parley doctor`: devices, models, memory: what works, and how to mend what does not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

// Prints its rows; fails when one of them does.
Status RunDoctor(const AppConfig& config);

}  // namespace parley::app
