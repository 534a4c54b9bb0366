// Older shapes of the protocol, as a rename layer around the messages of today: the beta of 2024-25,
// and StepFun's, which is the beta with thoughts (`response.thinking.*`).
// Thread:   pure functions.
// Memory:   one message.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::wire {

enum class Dialect : uint8_t { kGa, kBeta, kStep };

// A message of ours in the dialect: usually one, none where the dialect has no such event.
std::vector<std::string> ToDialect(Dialect dialect, std::string message);
// A client's message in today's shape; what cannot be read is returned as it is.
std::string FromDialect(Dialect dialect, std::string message);

}  // namespace parley::wire
