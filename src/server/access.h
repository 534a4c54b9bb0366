// Who may come in: API keys, ephemeral secrets signed with HMAC, the origins of web pages, and how
// many at a time. What is compared is compared in constant time, and never logged.
// Thread:   Admit, Left, Mint: the network's. The rest is const after construction.
// Memory:   digests of the keys, one number a key that is in use.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/server_config.h"
#include "wire/http.h"

namespace parley::server {

class Access {
 public:
  // kIo, kInvalidArgument: the file of keys cannot be read, or holds none.
  static Result<Access> Open(const ServerConfig& config);

  bool open_to_all() const { return keys_.empty(); }

  struct Guest {
    std::string key;           // names whose limit counts; "" without keys
    std::string session_json;  // what an ephemeral key brings
  };
  // The refusal, or who it is. `page`: the request may come from a web page and must name its origin.
  std::optional<wire::Answer> Refuse(const wire::Request& request, Guest& guest) const;
  std::optional<wire::Answer> RefuseOrigin(const wire::Request& request) const;
  bool OriginAllowed(const wire::Request& request) const;

  // "ek_…", good until `expires_at` [s since 1970] for sessions that begin like `session_json`.
  std::string Mint(std::string_view session_json, int64_t expires_at) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  Access() = default;
  std::optional<std::string> Known(std::string_view key) const;  // its name
  std::optional<std::string> SessionOf(std::string_view secret) const;

  std::vector<Digest> keys_;
  std::vector<std::string> origins_;
  bool any_origin_ = false;
  std::string signing_key_;
};

// The key that a request shows: Bearer, api-key, or a browser's subprotocol; "" when there is none.
std::string_view KeyOf(const wire::Request& request);

bool IsLoopback(std::string_view host);

// Is `address` inside "10.0.0.0/8" or "fd00::/8"?
Result<bool> InNetwork(const std::string& address, const std::string& network);

// Who asks: the peer; or, when that is a proxy inside `proxy_network`, the last address before the
// proxies in x-forwarded-for. Nobody else is believed.
std::string ClientAddress(const wire::Request& request, const std::string& proxy_network);

}  // namespace parley::server
