// Where a file of a Python package is: the simple repository API (PEP 503 and 691), as PyPI and its
// mirrors speak it.
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "fetch/http.h"
#include "fetch/pip_config.h"

namespace parley::fetch {

// "Silero_VAD" -> "silero-vad"
std::string NormalisedName(std::string_view package);

// The link to `file` on the project page `page` of an index; kNotFound if there is none.
Result<std::string> FindLink(const HttpAnswer& page, std::string_view file);

// Asks the index of `pip` and its extra ones, in order.
Result<std::string> FindPackageFile(HttpClient& http, const PipConfig& pip,
                                    std::string_view package, std::string_view file);

}  // namespace parley::fetch
