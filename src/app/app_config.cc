// SPDX-License-Identifier: Apache-2.0
#include "app/app_config.h"

#include "fetch/manifest.h"

namespace parley::app {

std::string ModelsConfig::Dir() const { return dir.empty() ? fetch::DefaultModelDir() : dir; }

}  // namespace parley::app
