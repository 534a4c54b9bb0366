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

}  // namespace parley::wire
