// What messages are made of besides strings, numbers and structs: values that may be null, JSON that
// is passed through as it is, and bytes that travel as base64. A field of type
//   T                          is always written; absent or null while reading, it keeps its default
//   std::optional<T>           is left out when it is empty, and empty when it was absent or null
//   Nullable<T>                is always written, as null when it is empty
//   std::optional<Nullable<T>> tells all three apart: absent, null, a value
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace parley::wire {

template <class T>
struct Nullable : std::optional<T> {
  using std::optional<T>::optional;
  Nullable() = default;
  Nullable(std::optional<T> value)  // NOLINT(google-explicit-constructor)
      : std::optional<T>(std::move(value)) {}
};

struct RawJson {  // valid JSON, on one line
  std::string text = "null";
  bool operator==(const RawJson&) const = default;
};

struct Bytes {  // base64 on the wire
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};

// A value that older clients and servers write as something simpler. `Simple()` takes that form.
struct MaxTokens {  // a number, or "inf"
  std::optional<int64_t> limit;
};

struct VoiceName {  // "name", or {"id": "name"}
  std::string name;
};

// Handed to a visitor beside a field: without it the message is refused.
struct RequiredField {};
inline constexpr RequiredField kRequired{};

}  // namespace parley::wire
