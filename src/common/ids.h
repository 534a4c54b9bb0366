// Strong integers: an Epoch is not a Position. Compare, print with .value, increment with Next().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace parley {

template <class Tag>
struct Id {
  int64_t value = 0;
  friend auto operator<=>(Id, Id) = default;
  [[nodiscard]] Id Next() const { return Id{value + 1}; }
};

// Counts turns and interruptions of one conversation; everything that is produced carries one and
// every consumer drops what is older than its own. Cancelling is incrementing one number.
using Epoch = Id<struct EpochTag>;
using ClauseId = Id<struct ClauseTag>;
using ConversationId = Id<struct ConversationTag>;
using TokenId = int32_t;  // an index into a vocabulary

}  // namespace parley
