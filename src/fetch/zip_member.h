// One file out of a ZIP archive (a wheel is one).
// Thread:   plain function.
// Memory:   a fixed buffer, whatever the member's size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace parley::fetch {

// Gives `member` of `archive` to `write`, piece by piece; an error of `write` ends it.
Status ReadZipMember(const std::string& archive, const std::string& member,
                     const std::function<Status(std::string_view bytes)>& write);

}  // namespace parley::fetch
