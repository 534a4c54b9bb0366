// A TokenSink that remembers what it was told. Calls on it come from the engine's thread; a test that has one reads it
// after that thread has come to rest.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/engine.h"

namespace parley::test {

class TokenLog final : public engine::TokenSink {
 public:
  void OnToken(engine::Stream, TokenId id, engine::Position position) override {
    tokens.push_back(id);
    positions.push_back(position);
    if (on_token) on_token(id, position);
  }
  void OnEnded(engine::Stream, const engine::Ended& how) override {
    ended = how;
    if (on_ended) on_ended(how);
  }

  std::vector<TokenId> tokens;
  std::vector<engine::Position> positions;
  std::optional<engine::Ended> ended;
  std::function<void(TokenId, engine::Position)> on_token;
  std::function<void(const engine::Ended&)> on_ended;
};

}  // namespace parley::test
