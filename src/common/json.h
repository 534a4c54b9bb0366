// One JSON object on one line, written without a library: for trace and log lines.
// Reading JSON is nlohmann's, in the .cc files that need it.
// Thread:   plain values.
// Memory:   one string that grows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

// `text` between quotes, escaped; bytes that are not UTF-8 become U+FFFD, so that every reader
// accepts the line.
void AppendJsonString(std::string& out, std::string_view text);

// The shortest decimal that reads back as the same number; null for NaN and infinities, which JSON
// does not have.
void AppendJsonNumber(std::string& out, double value);

// JsonLine().Add("event", "heard").Add("t_ms", 12.5).Take() == {"event":"heard","t_ms":12.5}
class JsonLine {
 public:
  JsonLine& Add(std::string_view key, std::string_view value);
  JsonLine& Add(std::string_view key, const char* value);
  JsonLine& Add(std::string_view key, double value);
  template <std::same_as<bool> B>  // not for pointers that would decay to bool
  JsonLine& Add(std::string_view key, B value) {
    return AddRaw(key, value ? "true" : "false");
  }
  template <std::integral I>
  requires(!std::same_as<I, bool>) JsonLine& Add(std::string_view key, I value) {
    return AddRaw(key, std::to_string(value));
  }
  JsonLine& AddNull(std::string_view key) { return AddRaw(key, "null"); }
  // `json` is already JSON: a nested JsonLine's Take(), an array.
  JsonLine& AddRaw(std::string_view key, std::string_view json);
  std::string Take() &&;
  std::string Take() &;  // the line so far; more can be added

 private:
  std::string out_ = "{";
};

}  // namespace parley
