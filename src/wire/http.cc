// SPDX-License-Identifier: Apache-2.0
#include "wire/http.h"

#include "common/json.h"

namespace parley::wire {

std::string_view Request::Header(std::string_view name) const {
  const auto entry = headers.find(name);
  return entry == headers.end() ? std::string_view() : std::string_view(entry->second);
}

std::string_view Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

Answer ErrorAnswer(int status, std::string_view type, std::string_view code,
                   std::string_view message) {
  JsonLine error;
  error.Add("message", message).Add("type", type).AddNull("param").Add("code", code);
  return {.status = status,
          .body = JsonLine().AddRaw("error", std::move(error).Take()).Take() + "\n"};
}

Answer TryLaterAnswer(int status, std::string_view code, std::string_view message, int seconds) {
  Answer answer = ErrorAnswer(status, "server_error", code, message);
  answer.headers.emplace_back("retry-after", std::to_string(seconds));
  return answer;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return status < 400 ? "OK" : status < 500 ? "Bad Request" : "Internal Server Error";
  }
}

}  // namespace parley::wire
