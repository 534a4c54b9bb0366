// Result<T> and Status: how what the world does wrong travels through parley.
// A Result holds a value or an Error; member names are those of std::expected, so that a newer
// compiler turns this file into a `using`. Our own bugs are not Errors: they are PARLEY_CHECK
// (check.h).
// Thread:   plain values.
// Memory:   an Error owns its message.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace parley {

enum class Code {
  kInvalidArgument,
  kNotFound,
  kIo,
  kCorruptData,
  kUnsupported,
  kExhausted,
  kDevice,
  kTimeout,
  kCancelled,
  kPeer,
};

// "invalid_argument", "not_found", …: the names that traces and the wire use.
std::string_view CodeName(Code code);

struct Error {
  Code code = Code::kInvalidArgument;
  std::string message;
  const char* file = __builtin_FILE();
  int line = __builtin_LINE();
};

// `Fail(Code::kIo, "cannot open " + path)`: an Error that remembers where it was made.
inline Error Fail(Code code, std::string message, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  return Error{code, std::move(message), file, line};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)  // NOLINT(google-explicit-constructor): `return value;`
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error)  // NOLINT(google-explicit-constructor): `return Fail(…);`
      : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

// The same error with where it came up put in front: `return Context("loading " + path,
// std::move(r).error());`
Error Context(std::string_view where, Error error);

}  // namespace parley

#define PARLEY_CONCAT_INNER(a, b) a##b
#define PARLEY_CONCAT(a, b) PARLEY_CONCAT_INNER(a, b)

// PARLEY_TRY(auto weights, LoadWeights(path)); returns the error from this function, or goes on
// with the value.
#define PARLEY_TRY(declaration, ...) \
  PARLEY_TRY_IMPL(PARLEY_CONCAT(parley_try_, __LINE__), declaration, __VA_ARGS__)
#define PARLEY_TRY_IMPL(tmp, declaration, ...) \
  auto tmp = (__VA_ARGS__);                    \
  if (!tmp.has_value()) {                      \
    return std::move(tmp).error();             \
  }                                            \
  declaration = *std::move(tmp)

// The same for a Status. __COUNTER__, not __LINE__: a lambda among the arguments may try as well.
#define PARLEY_TRY_STATUS(...) \
  PARLEY_TRY_STATUS_IMPL(PARLEY_CONCAT(parley_status_, __COUNTER__), __VA_ARGS__)
#define PARLEY_TRY_STATUS_IMPL(tmp, ...)                                           \
  do {                                                                             \
    if (::parley::Status tmp = (__VA_ARGS__); !tmp) return std::move(tmp).error(); \
  } while (false)
