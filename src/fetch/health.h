// What `parley doctor` says about models: which are there and intact, and whether the rest fits.
// Thread:   plain function; reads every model file once (to hash it).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/health.h"
#include "fetch/manifest.h"

namespace parley::fetch {

std::vector<HealthRow> ModelHealth(const Manifest& manifest, const std::string& dir);

}  // namespace parley::fetch
