// Base64 as RFC 4648 §4 has it, with padding.
// Thread:   pure functions.
// Memory:   the result.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parley::wire {

void AppendBase64(std::string& out, std::string_view bytes);

// Nothing: a character that is none of base64, or a length that cannot be. Padding may be missing;
// the URL-safe alphabet is understood as well, because browsers have helpers for both.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace parley::wire
