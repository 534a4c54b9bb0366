// The WebSocket and HTTP server: one libwebsockets context, one thread. Text frames in and out, one
// message each; HTTP answers at once or in pieces. permessage-deflate is declined: base64 of sound
// hardly shrinks, and it would cost more than the sound.
// Thread:   Handler is called on the server's thread and must not block. Sockets and replies may be
//           used from any thread.
// Memory:   a bounded outbox for each connection, a message being received, a request's body.
// Overload: a reader that is too slow is closed with 1013 and counted; a message that is too long is
//           closed with 1009, a body answered with 413; connections beyond the limit wait in the
//           kernel's queue.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "wire/http.h"

namespace parley::wire {

class Socket {
 public:
  virtual ~Socket() = default;
  // False: it is closed, or its reader is too slow and it is being closed. Messages of a `group`
  // other than 0 can be taken back while they wait.
  virtual bool Send(std::string text, int64_t group = 0) = 0;
  virtual size_t TakeBack(int64_t group) = 0;
  virtual void Close(uint16_t code, std::string reason) = 0;  // after what waits
  virtual size_t queued_bytes() const = 0;
};

class SocketListener {
 public:
  virtual ~SocketListener() = default;
  virtual void OnText(std::string text) = 0;
  virtual void OnClosed() = 0;  // once, last
};

class Reply {
 public:
  virtual ~Reply() = default;
  virtual void Send(Answer answer) = 0;            // whole; or
  virtual void Begin(Answer head) = 0;             // a head (its body is the first piece), then
  virtual bool Write(std::string_view piece) = 0;  // false: the peer has gone, or reads too slowly
  virtual void End() = 0;
  virtual bool gone() const = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Before the upgrade: an answer refuses it. Then OnOpen follows, or the peer has gone.
  virtual std::optional<Answer> OnUpgrade(const Request& request) = 0;
  virtual std::shared_ptr<SocketListener> OnOpen(const Request& request,
                                                 std::shared_ptr<Socket> socket) = 0;
  virtual void OnRequest(Request request, std::shared_ptr<Reply> reply) = 0;
};

struct WsOptions {
  std::string host = "127.0.0.1";   // an address of this machine; "0.0.0.0" or "::" for all
  int port = 0;                     // 0: any that is free
  std::string cert_file, key_file;  // both: TLS
  int connections = 1024;
  size_t longest_message = size_t{24} << 20;
  size_t longest_body = size_t{32} << 20;
  size_t outbox_bytes = size_t{8} << 20;
};

struct WsStats {
  int64_t connections = 0;  // open WebSockets
  int64_t messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0;
  int64_t slow_readers = 0, too_long = 0;
  int64_t queued_bytes = 0;  // in all outboxes
};

class WsServer {
 public:
  // Listens and serves from here on; kIo says why it cannot. `handler` outlives it.
  static Result<std::unique_ptr<WsServer>> Start(const WsOptions& options, Handler& handler);
  virtual ~WsServer() = default;  // ends every connection, joins the thread
  virtual int port() const = 0;
  virtual WsStats stats() const = 0;
};

}  // namespace parley::wire
