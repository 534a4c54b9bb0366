// A talk of the pool as its user sees it: a LocalSession whose engine is the replica that it was placed on. When that
// replica's device is given up its user is told, whatever the talk was doing: a Failed event, kDevice, and nothing after it.
// Thread:   as realtime::Session.
// Memory:   the talk's own engine handle.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/result.h"
#include "engine/pool_engine.h"
#include "realtime/local_session.h"

namespace parley::app {

// `parts.engine` is set here; the pool outlives the session.
Result<std::unique_ptr<realtime::Session>> OpenPlacedSession(
    engine::PoolEngine& pool, const realtime::ConversationConfig& config,
    realtime::ConversationParts parts, realtime::EventSink sink);

}  // namespace parley::app
