// Messages of the Realtime protocol as text and back. Reading is strict about what an event needs
// (its type, ids, base64) and forgiving about the rest: fields nobody knows are skipped, numbers may
// have fractions, and in `session.update` a value of the wrong kind changes nothing, because most
// clients treat an error as the end of the session.
// Thread:   pure functions.
// Memory:   a message is read into a tree first: about five times its text.
// Overload: kMaxDepth bounds the nesting; whoever receives the text bounds its length.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "wire/client_events.h"
#include "wire/server_events.h"

namespace parley::wire {

inline constexpr int kMaxDepth = 64;

// Is this JSON nested more than kMaxDepth levels deep? Whatever writes JSON again recurses.
bool TooDeep(std::string_view json);

struct ClientMessage {
  std::string event_id;  // the client's own; may be empty
  ClientEvent event;
};

struct ServerMessage {
  std::string event_id;
  ServerEvent event;
};

// An ErrorBody says what is wrong, and is what a server answers with.
std::variant<ClientMessage, ErrorBody> DecodeClient(std::string_view text);
std::variant<ServerMessage, ErrorBody> DecodeServer(std::string_view text);

std::string Encode(const ServerEvent& event, std::string_view event_id);
std::string Encode(const ClientEvent& event, std::string_view event_id);

std::string_view TypeOf(const ServerEvent& event);
std::string_view TypeOf(const ClientEvent& event);

// Parts that travel outside of events too, in HTTP bodies and tokens.
std::string EncodeSession(const Session& session);
std::variant<Session, ErrorBody> DecodeSession(std::string_view text);

}  // namespace parley::wire
