// An HTTP request and its answer, as plain values.
// Thread:   plain values.
// Memory:   a request owns its body, which the server bounds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::wire {

struct Request {  // also the one that asks for a WebSocket
  std::string method = "GET";
  std::string path;                                         // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;   // decoded
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::vector<std::string> protocols;                       // subprotocols that a client offers
  std::string body;
  std::string peer;  // address without port
  bool tls = false;

  std::string_view Header(std::string_view name) const;  // "" when there is none
  std::string_view Query(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};  // more of them
  std::string body{};
};

// {"error":{"message":…,"type":…,"param":null,"code":…}}, as OpenAI's clients read it.
Answer ErrorAnswer(int status, std::string_view type, std::string_view code,
                   std::string_view message);
// The same of a server that is busy, and when to come again.
Answer TryLaterAnswer(int status, std::string_view code, std::string_view message, int seconds);
// What stands behind the status on an answer's first line.
std::string_view ReasonPhrase(int status);

}  // namespace parley::wire
