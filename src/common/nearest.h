// The known names that a misspelt one may mean, for messages.
// Thread:   pure functions.
// Memory:   one row of numbers as long as a name; callers cut a name from outside first.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// Letters to insert, delete or replace that turn `a` into `b`.
size_t EditDistance(std::string_view a, std::string_view b);

// At most `most` of `known`, the nearest first, equally near ones in their order.
std::vector<std::string_view> NearestNames(std::string_view wanted,
                                           std::span<const std::string_view> known, size_t most);

}  // namespace parley
