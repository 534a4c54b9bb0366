// A WebSocket to a server: text frames, one message each. ws:// and wss://.
// Thread:   Connect returns when the server has answered. Listener calls come on a thread of the
//           client's own, one at a time; the socket may be used from any thread.
// Memory:   a bounded outbox, a message being received.
// Overload: a server that does not read what it is sent is closed with 1013; a message beyond
//           longest_message closes with 1009.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "wire/ws.h"

namespace parley::wire {

struct Url {
  bool tls = false;
  std::string host;
  int port = 0;
  std::string path;  // with its query
};
// ws, wss, http and https; without a path: "/".
Result<Url> ParseUrl(std::string_view url);

struct WsClientOptions {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  bool any_certificate = false;  // of a server with one of its own making
  int connect_ms = 10000;
  size_t longest_message = size_t{24} << 20;
  size_t outbox_bytes = size_t{4} << 20;
};

class WsClient {
 public:
  // The listener is told of everything that follows; OnClosed comes once, unless we end it first.
  static Result<std::unique_ptr<WsClient>> Connect(const WsClientOptions& options,
                                                   std::shared_ptr<SocketListener> listener);
  virtual ~WsClient() = default;  // closes, joins the thread; then the listener is not called
  virtual Socket& socket() = 0;
};

}  // namespace parley::wire
