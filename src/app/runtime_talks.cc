// SPDX-License-Identifier: Apache-2.0
#include "app/runtime_talks.h"

#include <algorithm>

#include "app/replica.h"

namespace parley::app {
namespace {

constexpr int32_t kDefaultSessions = 4;
constexpr int32_t kPageTokens = 16;
// Thoughts and speculations borrow beyond what a talk has reserved.
constexpr int32_t kBorrowedPages = 32;

}  // namespace

AppConfig WithRoomForTalks(AppConfig config) {
  if (config.server.max_sessions == 0) config.server.max_sessions = kDefaultSessions;
  // Each replica gets its share; a pool that cannot be read is refused where it is loaded.
  const auto pool = ParsePool(config.pool.replicas);
  const int32_t replicas = pool ? static_cast<int32_t>(pool->size()) : 1;
  const int32_t sessions = (config.server.max_sessions + replicas - 1) / replicas;
  const engine::EngineConfig ordinary;
  if (config.engine.kv_pages == 0 && config.engine.kv_mb == ordinary.kv_mb) {
    const int32_t pages = config.talk.conversation.max_tokens / kPageTokens + 1;
    config.engine.kv_pages =
        sessions * pages + kBorrowedPages * 4 + sessions * (kBorrowedPages / 4);
  }
  config.engine.branches = std::max(config.engine.branches, 2 * sessions);
  config.engine.waiting_jobs = std::max(config.engine.waiting_jobs, 4 * sessions);
  // Clients play a second ahead; what lowers an answer under a voice is that nothing is sent.
  config.talk.speak.lowered_by = realtime::LoweredBy::kPlayer;
  return config;
}

}  // namespace parley::app
